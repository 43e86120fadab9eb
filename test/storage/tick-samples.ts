import type {
  BookSnapshotRow,
  SpreadRow,
  TickBatch,
  TickTable,
  TickTradeRow,
} from '../../src/ports/tick-store.js';

/** Rows of ticks for tests. Times are of this hour, so that no store removes them for their age. */

export const HOUR_MS = Math.floor(Date.now() / 3_600_000) * 3_600_000 - 3_600_000;

export function sampleBook(key: string, of: Partial<BookSnapshotRow> = {}): BookSnapshotRow {
  return {
    exchange: 'binance',
    instrument: `binance:${key}-USDT`,
    exchangeTimeMs: HOUR_MS - 3,
    receiveTimeMs: HOUR_MS,
    epoch: 1,
    sequence: 100,
    bidPrices: [60_000.1, 60_000, 59_999.95],
    bidSizes: [0.5, 1.25, 0.00001],
    askPrices: [60_000.2],
    askSizes: [3],
    ...of,
  };
}

export function sampleTrade(key: string, of: Partial<TickTradeRow> = {}): TickTradeRow {
  return {
    exchange: 'okx',
    instrument: `okx:${key}-USDT`,
    tradeId: '1',
    price: '60000.10',
    quantity: '0.001',
    side: 'buy',
    exchangeTimeMs: HOUR_MS - 2.5,
    receiveTimeMs: HOUR_MS,
    ...of,
  };
}

export function sampleSpread(key: string, of: Partial<SpreadRow> = {}): SpreadRow {
  return {
    secondMs: HOUR_MS,
    pair: `${key}-USDT`,
    base: key,
    quote: 'USDT',
    buyExchange: 'binance',
    sellExchange: 'okx',
    ask: 60_000.2,
    bid: 60_030.7,
    grossBps: 5.083,
    maxGrossBps: 7.5,
    ...of,
  };
}

let batches = 0;

/** A batch under an id that no other test uses, on a store that may be older than this process. */
export function batchOf<T extends TickTable>(
  table: T,
  rows: Extract<TickBatch, { table: T }>['rows'],
  batchId = `batch-${process.pid}-${Date.now()}-${++batches}`,
): TickBatch {
  return { table, batchId, rows } as TickBatch;
}
