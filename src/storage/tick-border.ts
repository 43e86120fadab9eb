import { z } from 'zod';
import { ArbotError } from '../messages/errors.js';
import * as p from '../messages/primitives.js';
import type {
  BookSnapshotRow,
  SpreadRow,
  TickBatch,
  TickRows,
  TickStore,
  TickTable,
  TickTradeRow,
  TimeRange,
} from '../ports/tick-store.js';
import { accept } from './border.js';

/**
 * The border of every tick store. Rows are checked by hand: at tens of thousands a second a schema library would cost more than
 * the store. Texts that come again and again are judged once.
 */

export const MAX_BATCH_ROWS = 100_000;
const MAX_LEVELS = 50;
const MAX_TRADE_ID = 64;
/** 2100-01-01: what a column of seconds and its time to live can hold, with room to spare. */
const END_OF_TIME_MS = 4_102_444_800_000;
/** A batch that is spread over more would make as many pieces on the disk. */
const MAX_SPAN_MS = 32 * 86_400_000;
const MAX_BUCKETS = 1_500;
const MAX_MIDS = 10_000;
const DAY_MS = 86_400_000;
const KNOWN_TEXTS = 10_000;

/** Ms to the whole microsecond, the unit that stores keep. */
export function microsOf(timeMs: number): number {
  return Math.round(timeMs * 1_000);
}

/** What is wrong with a value, null when nothing is. */
type Fault = string | null;

const LONE_SURROGATE = /[\ud800-\udfff]/u;

/** Remembers which texts a pattern accepted; bounded, since instruments are few and only hostile input has more. */
function judge(schema: z.ZodType<string>): (value: unknown) => Fault {
  const known = new Set<unknown>();
  return (value) => {
    if (known.has(value)) return null;
    const parsed = schema.safeParse(value);
    if (!parsed.success) return parsed.error.issues[0]?.message ?? 'refused';
    if (known.size >= KNOWN_TEXTS) known.clear();
    known.add(value);
    return null;
  };
}

const exchange = judge(p.exchangeId);
const instrument = judge(p.instrumentId);
const pair = judge(p.pairId);
const asset = judge(p.assetId);

/** As `positiveDecimalText`, with one pass of one expression. */
const POSITIVE_DECIMAL = /^(?=.*[1-9])(?:0|[1-9]\d{0,23})(?:\.\d{1,20})?$/;

function positiveDecimal(value: unknown): Fault {
  if (typeof value !== 'string') return 'not a text';
  return value.length <= 48 && POSITIVE_DECIMAL.test(value) ? null : 'not a plain decimal above 0';
}

function tradeId(value: unknown): Fault {
  if (typeof value !== 'string' || value.length < 1 || value.length > MAX_TRADE_ID)
    return `not a text of 1 to ${MAX_TRADE_ID} characters`;
  if (value.includes('\u0000')) return 'contains a NUL character';
  return LONE_SURROGATE.test(value) ? 'is not valid Unicode' : null;
}

function time(value: unknown): Fault {
  if (typeof value !== 'number' || !(value >= 0 && value < END_OF_TIME_MS))
    return 'not a time between 1970 and 2100';
  return Object.is(value, -0) ? 'negative zero' : null;
}

function count(value: unknown): Fault {
  return Number.isSafeInteger(value) && (value as number) >= 0 && !Object.is(value, -0)
    ? null
    : 'not a whole number from 0 to 2^53 - 1';
}

function positive(value: unknown): Fault {
  return typeof value === 'number' && value > 0 && value < Infinity ? null : 'not a finite number above 0';
}

function finite(value: unknown): Fault {
  return Number.isFinite(value) ? null : 'not a finite number';
}

function levels(prices: unknown, sizes: unknown, side: 'bid' | 'ask'): Fault {
  if (!Array.isArray(prices) || prices.length > MAX_LEVELS)
    return `${side}Prices: not a list of at most ${MAX_LEVELS} levels`;
  if (!Array.isArray(sizes) || sizes.length !== prices.length)
    return `${side}Sizes: not a list as long as ${side}Prices`;
  for (let at = 0; at < prices.length; at++) {
    const fault = positive(prices[at]);
    if (fault !== null) return `${side}Prices[${at}]: ${fault}`;
    const sizeFault = positive(sizes[at]);
    if (sizeFault !== null) return `${side}Sizes[${at}]: ${sizeFault}`;
  }
  return null;
}

function market(row: { readonly exchange: string; readonly instrument: string }): Fault {
  return (
    named('exchange', exchange(row.exchange)) ??
    named('instrument', instrument(row.instrument)) ??
    (row.instrument.startsWith(`${row.exchange}:`) ? null : 'instrument: a market of another exchange')
  );
}

const named = (field: string, fault: Fault): Fault => (fault === null ? null : `${field}: ${fault}`);

function bookFault(row: BookSnapshotRow): Fault {
  return (
    market(row) ??
    named('exchangeTimeMs', time(row.exchangeTimeMs)) ??
    named('receiveTimeMs', time(row.receiveTimeMs)) ??
    named('epoch', count(row.epoch)) ??
    named('sequence', count(row.sequence)) ??
    levels(row.bidPrices, row.bidSizes, 'bid') ??
    levels(row.askPrices, row.askSizes, 'ask')
  );
}

function tradeFault(row: TickTradeRow): Fault {
  return (
    market(row) ??
    named('tradeId', tradeId(row.tradeId)) ??
    named('price', positiveDecimal(row.price)) ??
    named('quantity', positiveDecimal(row.quantity)) ??
    (row.side === 'buy' || row.side === 'sell' ? null : 'side: neither buy nor sell') ??
    named('exchangeTimeMs', time(row.exchangeTimeMs)) ??
    named('receiveTimeMs', time(row.receiveTimeMs))
  );
}

function spreadFault(row: SpreadRow): Fault {
  return (
    named('secondMs', time(row.secondMs) ?? (row.secondMs % 1_000 === 0 ? null : 'not a whole second')) ??
    named('pair', pair(row.pair)) ??
    named('base', asset(row.base)) ??
    named('quote', asset(row.quote)) ??
    named('buyExchange', exchange(row.buyExchange)) ??
    named('sellExchange', exchange(row.sellExchange)) ??
    named('ask', positive(row.ask)) ??
    named('bid', positive(row.bid)) ??
    named('grossBps', finite(row.grossBps)) ??
    named('maxGrossBps', finite(row.maxGrossBps))
  );
}

const FAULT_OF = {
  orderbook_snapshots: (row: object) => bookFault(row as BookSnapshotRow),
  tick_trades: (row: object) => tradeFault(row as TickTradeRow),
  spread_history: (row: object) => spreadFault(row as SpreadRow),
} as const;

const tickTable = z.enum(['orderbook_snapshots', 'tick_trades', 'spread_history']);
export const TICK_TABLES: readonly TickTable[] = tickTable.options;

/** The time a row is filed under: received, or the second of a spread. */
export function filedAtMs(row: BookSnapshotRow | TickTradeRow | SpreadRow): number {
  return 'secondMs' in row ? row.secondMs : row.receiveTimeMs;
}

function refuse(path: string, fault: string): never {
  throw new ArbotError('ARB_STORE_CONFLICT', `${path}: ${fault}`);
}

function requireSpan(rows: readonly (BookSnapshotRow | TickTradeRow | SpreadRow)[]): void {
  let first = Infinity;
  let last = 0;
  for (const row of rows) {
    const atMs = filedAtMs(row);
    first = Math.min(first, atMs);
    last = Math.max(last, atMs);
  }
  if (last - first > MAX_SPAN_MS) refuse('rows', `span more than ${MAX_SPAN_MS / DAY_MS} days`);
}

const batchId = judge(p.entityId);

/** Throws ARB_STORE_CONFLICT naming row and field of the first value that cannot be stored exactly. */
export function requireBatch(batch: TickBatch): void {
  const fault = batchId(batch.batchId);
  if (fault !== null) refuse('batchId', fault);
  const faultOf = Object.hasOwn(FAULT_OF, batch.table) ? FAULT_OF[batch.table] : undefined;
  if (faultOf === undefined) refuse('table', 'unknown');
  if (!Array.isArray(batch.rows) || batch.rows.length > MAX_BATCH_ROWS)
    refuse('rows', `not a list of at most ${MAX_BATCH_ROWS}`);
  batch.rows.forEach((row: unknown, at: number) => {
    if (typeof row !== 'object' || row === null) refuse(`${batch.table}[${at}]`, 'not a row');
    const rowFault = faultOf(row);
    if (rowFault !== null) refuse(`${batch.table}[${at}].${rowFault.split(':')[0]}`, afterColon(rowFault));
  });
  requireSpan(batch.rows);
}

function afterColon(fault: string): string {
  return fault.slice(fault.indexOf(':') + 2);
}

const limit = z.number().int().min(1).max(100_000);
const range = z
  .strictObject({ fromMs: p.timeMs, toMs: p.timeMs })
  .refine(({ fromMs, toMs }) => fromMs <= toMs, 'ends before it begins');
const bucket = z.number().int().min(1_000).max(DAY_MS).multipleOf(1_000);

function acceptRange(value: TimeRange): TimeRange {
  return accept(range, value, 'range');
}

function acceptBuckets({ fromMs, toMs }: TimeRange, bucketMs: number, most = MAX_BUCKETS): number {
  const accepted = accept(bucket, bucketMs, 'bucketMs');
  if ((toMs - fromMs) / accepted > most)
    throw new ArbotError('ARB_MESSAGE_INVALID', `range: more than ${most} buckets`);
  return accepted;
}

/** What is refused is refused where it is read, as by every other call. */
async function* borderedExport<T extends TickTable>(
  inner: TickStore,
  table: T,
  within: TimeRange,
): AsyncGenerator<readonly TickRows[T][]> {
  accept(tickTable, table, 'table');
  yield* inner.export(table, acceptRange(within));
}

/** Puts the same border in front of every implementation, so that all refuse the same inputs with the same words. */
export function borderedTicks(inner: TickStore): TickStore {
  return {
    insert: async (batch) => {
      requireBatch(batch);
      if (batch.rows.length > 0) await inner.insert(batch);
    },
    books: async (of, within, most) =>
      inner.books(
        accept(p.instrumentId, of, 'instrument'),
        acceptRange(within),
        accept(limit, most, 'limit'),
      ),
    trades: async (of, within, most) =>
      inner.trades(
        accept(p.instrumentId, of, 'instrument'),
        acceptRange(within),
        accept(limit, most, 'limit'),
      ),
    spreads: async (of, within, most) =>
      inner.spreads(accept(p.pairId, of, 'pair'), acceptRange(within), accept(limit, most, 'limit')),
    spreadBuckets: async (of, within, bucketMs) => {
      const accepted = acceptRange(within);
      return inner.spreadBuckets(accept(p.pairId, of, 'pair'), accepted, acceptBuckets(accepted, bucketMs));
    },
    mids: async (of, within, bucketMs) => {
      const accepted = acceptRange(within);
      const length = acceptBuckets(accepted, bucketMs, MAX_MIDS);
      return inner.mids(accept(p.instrumentId, of, 'instrument'), accepted, length);
    },
    export: (table, within) => borderedExport(inner, table, within),
    status: () => inner.status(),
    describe: () => inner.describe(),
    ping: () => inner.ping(),
    close: () => inner.close(),
  };
}
