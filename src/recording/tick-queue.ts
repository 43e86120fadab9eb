import type { RowCounts } from '../ports/tick-spool.js';
import type { TickBatch, TickRows, TickTable } from '../ports/tick-store.js';
import { RowRing } from './row-ring.js';

export const TICK_TABLES = [
  'tick_trades',
  'spread_history',
  'orderbook_snapshots',
] as const satisfies readonly TickTable[];

export interface BatchSizes {
  /** Rows that may wait per table; then the oldest make room. */
  readonly ringRows: number;
  /** Rows of a full batch; of books, which are long, a fifth. */
  readonly batchRows: number;
  /** A batch that is not full is sent when its oldest row has waited so long, ms. */
  readonly batchAgeMs: number;
}

type Rings = { readonly [T in TickTable]: RowRing<TickRows[T]> };

/**
 * The rows that are in no batch yet, one ring per table, so that many books never push out few trades. Times are monotonic ms of
 * the caller.
 */
export class TickQueue {
  private readonly rings: Rings;
  private readonly sizes: BatchSizes;
  private readonly nextId: () => string;
  private readonly counts: Record<TickTable, number> = noRows();
  /** Since when the oldest row of each table waits, as far as it was looked at; NaN = nothing waits. */
  private readonly sinceMs: Record<TickTable, number> = {
    tick_trades: NaN,
    spread_history: NaN,
    orderbook_snapshots: NaN,
  };
  private turn = 0;

  /** `nextId` makes batch ids that are unique for ever. */
  constructor(sizes: BatchSizes, nextId: () => string) {
    this.sizes = sizes;
    this.nextId = nextId;
    this.rings = {
      tick_trades: new RowRing(sizes.ringRows),
      spread_history: new RowRing(sizes.ringRows),
      orderbook_snapshots: new RowRing(sizes.ringRows),
    };
  }

  add<T extends TickTable>(table: T, row: TickRows[T]): void {
    this.counts[table]++;
    this.rings[table].push(row);
  }

  /** Rows that came in so far. */
  get received(): RowCounts {
    return { ...this.counts };
  }

  /** Some table has more than half of its ring taken. */
  get isHalfFull(): boolean {
    return TICK_TABLES.some((table) => this.rings[table].length > this.sizes.ringRows / 2);
  }

  waiting(table: TickTable): number {
    return this.rings[table].length;
  }

  overwritten(table: TickTable): number {
    return this.rings[table].overwritten;
  }

  /** The next batch that is full or old enough, the tables in turn; `all` = whatever there is. Null when none is due. */
  seal(nowMs: number, all = false): TickBatch | null {
    for (let step = 0; step < TICK_TABLES.length; step++) {
      const table = TICK_TABLES[(this.turn + step) % TICK_TABLES.length]!;
      if (!this.isDue(table, nowMs, all)) continue;
      this.turn = (this.turn + step + 1) % TICK_TABLES.length;
      return this.batchOf(table, nowMs);
    }
    return null;
  }

  private isDue(table: TickTable, nowMs: number, all: boolean): boolean {
    const { length } = this.rings[table];
    if (length === 0) return false;
    if (Number.isNaN(this.sinceMs[table])) this.sinceMs[table] = nowMs;
    if (all || length >= this.mostRows(table)) return true;
    return nowMs - this.sinceMs[table] >= this.sizes.batchAgeMs;
  }

  private batchOf(table: TickTable, nowMs: number): TickBatch {
    const ring: RowRing<TickRows[TickTable]> = this.rings[table];
    const rows = ring.take(this.mostRows(table));
    this.sinceMs[table] = ring.length === 0 ? NaN : nowMs;
    return { table, batchId: this.nextId(), rows } as TickBatch;
  }

  private mostRows(table: TickTable): number {
    const { batchRows } = this.sizes;
    return table === 'orderbook_snapshots' ? Math.ceil(batchRows / 5) : batchRows;
  }
}

export const noRows = (): Record<TickTable, number> => ({
  tick_trades: 0,
  spread_history: 0,
  orderbook_snapshots: 0,
});
