import type {
  BookSnapshotRow,
  SpreadBucket,
  SpreadRow,
  TickTable,
  TickTradeRow,
} from '../ports/tick-store.js';

/** The one order in which every tick store gives its rows; the SQL says the same (clickhouse/tick-tables.ts). */

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function compareBooks(a: BookSnapshotRow, b: BookSnapshotRow): number {
  return (
    a.receiveTimeMs - b.receiveTimeMs ||
    compareTexts(a.instrument, b.instrument) ||
    a.epoch - b.epoch ||
    a.sequence - b.sequence
  );
}

/** Ids of most exchanges are numbers: the shorter is the earlier. Bytes, as a database compares. */
function compareTradeIds(a: string, b: string): number {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length - right.length || Buffer.compare(left, right);
}

function compareTrades(a: TickTradeRow, b: TickTradeRow): number {
  return (
    a.receiveTimeMs - b.receiveTimeMs ||
    compareTexts(a.instrument, b.instrument) ||
    a.exchangeTimeMs - b.exchangeTimeMs ||
    compareTradeIds(a.tradeId, b.tradeId)
  );
}

function compareSpreads(a: SpreadRow, b: SpreadRow): number {
  return (
    a.secondMs - b.secondMs ||
    compareTexts(a.pair, b.pair) ||
    compareTexts(a.buyExchange, b.buyExchange) ||
    compareTexts(a.sellExchange, b.sellExchange)
  );
}

export const COMPARE = {
  orderbook_snapshots: compareBooks,
  tick_trades: compareTrades,
  spread_history: compareSpreads,
} as const satisfies Record<TickTable, unknown>;

export function compareBuckets(a: SpreadBucket, b: SpreadBucket): number {
  return (
    a.fromMs - b.fromMs ||
    compareTexts(a.buyExchange, b.buyExchange) ||
    compareTexts(a.sellExchange, b.sellExchange)
  );
}
