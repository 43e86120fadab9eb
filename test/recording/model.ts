import { ArbotError } from '../../src/messages/errors.js';
import type { SpooledBatch, SpoolStatus, TickSpool } from '../../src/ports/tick-spool.js';
import type { SpreadRow, TickBatch, TickTradeRow } from '../../src/ports/tick-store.js';
import { noRows } from '../../src/recording/tick-queue.js';

/** The smallest spool that keeps the promises of the port, in memory. */
export class ModelSpool implements TickSpool {
  readonly waiting: SpooledBatch[] = [];
  maxBatches = Infinity;
  isBroken = false;
  private readonly known = new Set<string>();

  append(batch: TickBatch): Promise<'kept' | 'full'> {
    if (this.known.has(batch.batchId)) return Promise.resolve('kept');
    if (this.isBroken) return Promise.reject(away('the disk refuses'));
    if (this.waiting.length >= this.maxBatches) return Promise.resolve('full');
    this.known.add(batch.batchId);
    this.waiting.push({ batch, isCarried: false });
    return Promise.resolve('kept');
  }

  oldest(): Promise<SpooledBatch | null> {
    return this.isBroken
      ? Promise.reject(away('the disk refuses'))
      : Promise.resolve(this.waiting[0] ?? null);
  }

  forget(batchId: string): Promise<void> {
    if (this.waiting[0]?.batch.batchId === batchId) this.waiting.shift();
    return Promise.resolve();
  }

  status(): SpoolStatus {
    const { length } = this.waiting;
    const none = { cuts: 0, cutBytes: 0, setAside: 0 };
    return { damaged: noRows(), ...none, bytes: length, maxBytes: this.maxBatches, segments: length };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

export const away = (reason: string): ArbotError =>
  new ArbotError('ARB_STORE_UNAVAILABLE', reason, { retryable: true });

export const tradeRow = (number: number): TickTradeRow => ({
  exchange: 'alpha',
  instrument: 'alpha:BTC-USDT',
  tradeId: String(number),
  price: `${100 + number}.5`,
  quantity: '0.1',
  side: number % 2 === 0 ? 'buy' : 'sell',
  exchangeTimeMs: 1_790_000_000_000 + number,
  receiveTimeMs: 1_790_000_000_003 + number,
});

export const spreadRow = (number: number): SpreadRow => ({
  secondMs: 1_790_000_000_000 + number * 1_000,
  pair: 'BTC-USDT',
  base: 'BTC',
  quote: 'USDT',
  buyExchange: 'alpha',
  sellExchange: 'beta',
  ask: 100.1,
  bid: 100.3,
  grossBps: 19.98,
  maxGrossBps: 21.5,
});

export const tradeBatch = (id: string, from: number, rows: number): TickBatch => ({
  table: 'tick_trades',
  batchId: id,
  rows: Array.from({ length: rows }, (_, i) => tradeRow(from + i)),
});
