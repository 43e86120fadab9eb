import { ArbotError } from '../../messages/errors.js';
import type {
  BookSnapshotRow,
  MidBucket,
  SpreadBucket,
  SpreadRow,
  TickBatch,
  TickRows,
  TickStore,
  TickTable,
  TickTableStatus,
  TickTradeRow,
  TimeRange,
} from '../../ports/tick-store.js';
import { borderedTicks, filedAtMs, microsOf, TICK_TABLES } from '../tick-border.js';
import { COMPARE, compareBuckets } from '../tick-order.js';
import { TTL_DAYS } from '../tick-retention.js';
import type { MemoryEngine } from './memory-database.js';

/** More would not be a test any more. */
const MAX_ROWS = 2_000_000;
const EXPORT_PIECE = 1_000;

/** The content of an in-memory tick store, apart from it, so that a simulated crash can open it again. */
export interface MemoryTicks {
  readonly batchIds: Set<string>;
  readonly rows: { readonly [T in TickTable]: TickRows[T][] };
}

export function createMemoryTicks(): MemoryTicks {
  return { batchIds: new Set(), rows: { orderbook_snapshots: [], tick_trades: [], spread_history: [] } };
}

const toMicro = (timeMs: number): number => microsOf(timeMs) / 1_000;

/** A copy with its times as a database keeps them; nothing is shared with the caller. */
function kept<R extends TickRows[TickTable]>(row: R): R {
  const copy = structuredClone(row);
  if ('secondMs' in copy) return copy;
  return {
    ...copy,
    exchangeTimeMs: toMicro(copy.exchangeTimeMs),
    receiveTimeMs: toMicro(copy.receiveTimeMs),
  };
}

function add<T extends TickTable>(ticks: MemoryTicks, table: T, rows: readonly TickRows[T][]): void {
  const held: TickRows[T][] = ticks.rows[table];
  if (held.length + rows.length > MAX_ROWS)
    throw new ArbotError('ARB_STORE_UNAVAILABLE', `the in-memory store holds ${MAX_ROWS} rows already`);
  for (const row of rows) held.push(kept(row));
}

function insert(ticks: MemoryTicks, batch: TickBatch): void {
  const key = `${batch.table} ${batch.batchId}`;
  if (ticks.batchIds.has(key)) return;
  add(ticks, batch.table, batch.rows);
  ticks.batchIds.add(key);
}

function within(range: TimeRange): (row: BookSnapshotRow | TickTradeRow | SpreadRow) => boolean {
  const [from, to] = [microsOf(range.fromMs), microsOf(range.toMs)];
  return (row) => {
    const at = microsOf(filedAtMs(row));
    return at >= from && at < to;
  };
}

function select<T extends TickTable>(
  ticks: MemoryTicks,
  table: T,
  chosen: (row: TickRows[T]) => boolean,
): TickRows[T][] {
  const held: readonly TickRows[T][] = ticks.rows[table];
  const compare = COMPARE[table] as (a: TickRows[T], b: TickRows[T]) => number;
  return held
    .filter(chosen)
    .sort(compare)
    .map((row) => structuredClone(row));
}

/** Rows in ascending order of time become buckets. */
function bucketsOf(rows: readonly SpreadRow[], bucketMs: number): SpreadBucket[] {
  const buckets = new Map<string, SpreadBucket & { sum: number }>();
  for (const row of rows) {
    const fromMs = Math.floor(row.secondMs / bucketMs) * bucketMs;
    const key = `${fromMs} ${row.buyExchange} ${row.sellExchange}`;
    const before = buckets.get(key);
    const seconds = (before?.seconds ?? 0) + 1;
    const sum = (before?.sum ?? 0) + row.grossBps;
    buckets.set(key, {
      fromMs,
      buyExchange: row.buyExchange,
      sellExchange: row.sellExchange,
      seconds,
      sum,
      averageGrossBps: sum / seconds,
      maxGrossBps: Math.max(before?.maxGrossBps ?? -Infinity, row.maxGrossBps),
      lastGrossBps: row.grossBps,
    });
  }
  return [...buckets.values()].map(({ sum: _, ...bucket }) => bucket).sort(compareBuckets);
}

/** Rows in ascending order of time: the last of a bucket is the one that counts. */
function midsOf(rows: readonly BookSnapshotRow[], bucketMs: number): MidBucket[] {
  const mids = new Map<number, number>();
  for (const { receiveTimeMs, bidPrices, askPrices } of rows) {
    const [bid, ask] = [bidPrices[0], askPrices[0]];
    if (bid === undefined || ask === undefined) continue;
    mids.set(Math.floor(receiveTimeMs / bucketMs) * bucketMs, (bid + ask) / 2);
  }
  return [...mids].map(([fromMs, mid]) => ({ fromMs, mid })).sort((a, b) => a.fromMs - b.fromMs);
}

function statusOf(ticks: MemoryTicks, table: TickTable): TickTableStatus {
  const times = ticks.rows[table].map(filedAtMs);
  const extreme = (pick: (a: number, b: number) => number): number | null =>
    times.length === 0 ? null : times.reduce((a, b) => pick(a, b));
  return {
    table,
    rows: times.length,
    bytes: 0,
    oldestMs: extreme(Math.min),
    newestMs: extreme(Math.max),
    ttlDays: TTL_DAYS[table],
  };
}

/** Ticks in memory, for tests and the simulation: the contract of the real ones, with faults that can be switched. */
export function memoryTicks(engine: MemoryEngine<MemoryTicks>): TickStore {
  return borderedTicks({
    insert: (batch) => engine.write((ticks) => insert(ticks, batch)),
    books: (instrument, range, limit) =>
      engine.read((ticks) => {
        const inRange = within(range);
        const chosen = (row: BookSnapshotRow): boolean => row.instrument === instrument && inRange(row);
        return select(ticks, 'orderbook_snapshots', chosen).slice(0, limit);
      }),
    trades: (instrument, range, limit) =>
      engine.read((ticks) => {
        const inRange = within(range);
        const chosen = (row: TickTradeRow): boolean => row.instrument === instrument && inRange(row);
        return select(ticks, 'tick_trades', chosen).slice(0, limit);
      }),
    spreads: (pair, range, limit) =>
      engine.read((ticks) => {
        const inRange = within(range);
        return select(ticks, 'spread_history', (row) => row.pair === pair && inRange(row)).slice(0, limit);
      }),
    spreadBuckets: (pair, range, bucketMs) =>
      engine.read((ticks) => {
        const inRange = within(range);
        return bucketsOf(
          select(ticks, 'spread_history', (row) => row.pair === pair && inRange(row)),
          bucketMs,
        );
      }),
    mids: (instrument, range, bucketMs) =>
      engine.read((ticks) => {
        const inRange = within(range);
        const chosen = (row: BookSnapshotRow): boolean => row.instrument === instrument && inRange(row);
        return midsOf(select(ticks, 'orderbook_snapshots', chosen), bucketMs);
      }),
    export: (table, range) => exportOf(engine, table, range),
    status: () => engine.read((ticks) => TICK_TABLES.map((table) => statusOf(ticks, table))),
    describe: () =>
      engine.read(() => ({
        name: 'ticks',
        engine: 'memory',
        location: 'this process',
        unsafeForLive: ['ticks are in memory only'],
      })),
    ping: () => engine.ping(),
    close: () => {
      engine.close();
      return Promise.resolve();
    },
  });
}

async function* exportOf<T extends TickTable>(
  engine: MemoryEngine<MemoryTicks>,
  table: T,
  range: TimeRange,
): AsyncGenerator<readonly TickRows[T][]> {
  const rows = await engine.read((ticks) => select(ticks, table, within(range)));
  for (let at = 0; at < rows.length; at += EXPORT_PIECE) yield rows.slice(at, at + EXPORT_PIECE);
}
