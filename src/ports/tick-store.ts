import type { AssetId, DecimalText, ExchangeId, InstrumentId, PairId } from '../messages/primitives.js';
import type { StoreDescription } from './stores.js';

/**
 * What the market showed, for the backtest and the page: telemetry, never money. Written in batches by the recorder alone. All
 * calls reject with ARB_STORE_UNAVAILABLE when the store does not answer: whether a batch arrived is unknown then, and the same
 * batch may be inserted again. Times are Unix ms, kept to the nearest microsecond, before the year 2100.
 */

/** The top of one trusted book at one moment. Prices and sizes are float64 above 0, best level first; at most 50 levels per side. */
export interface BookSnapshotRow {
  readonly exchange: ExchangeId;
  readonly instrument: InstrumentId;
  readonly exchangeTimeMs: number;
  readonly receiveTimeMs: number;
  /** Of the feed that heard it: grows at each start. */
  readonly epoch: number;
  readonly sequence: number;
  readonly bidPrices: readonly number[];
  readonly bidSizes: readonly number[];
  readonly askPrices: readonly number[];
  readonly askSizes: readonly number[];
}

/** One public trade; price and quantity exact, to the last zero. (exchange, instrument, tradeId) names it. */
export interface TickTradeRow {
  readonly exchange: ExchangeId;
  readonly instrument: InstrumentId;
  /** 1 to 64 characters. */
  readonly tradeId: string;
  readonly price: DecimalText;
  readonly quantity: DecimalText;
  /** The taker's side. */
  readonly side: 'buy' | 'sell';
  readonly exchangeTimeMs: number;
  readonly receiveTimeMs: number;
}

/** How far apart two exchanges were in one second: one row per pair, direction and second; the last state of that second. */
export interface SpreadRow {
  /** Unix ms, whole seconds. */
  readonly secondMs: number;
  /** `BTC-USDT`. */
  readonly pair: PairId;
  readonly base: AssetId;
  readonly quote: AssetId;
  readonly buyExchange: ExchangeId;
  readonly sellExchange: ExchangeId;
  /** Best ask where one would buy, best bid where one would sell. */
  readonly ask: number;
  readonly bid: number;
  /** (bid − ask) / ask before any cost, in basis points. */
  readonly grossBps: number;
  /** The highest grossBps seen within that second. */
  readonly maxGrossBps: number;
}

/** The seconds of one pair and direction within one bucket of time. */
export interface SpreadBucket {
  /** Start of the bucket, a multiple of its length since 1970. */
  readonly fromMs: number;
  readonly buyExchange: ExchangeId;
  readonly sellExchange: ExchangeId;
  /** Seconds that were recorded. */
  readonly seconds: number;
  readonly averageGrossBps: number;
  /** Highest within any second. */
  readonly maxGrossBps: number;
  /** Of the newest second. */
  readonly lastGrossBps: number;
}

/** What a market was worth at the end of a bucket of time. */
export interface MidBucket {
  /** Start of the bucket, a multiple of its length since 1970. */
  readonly fromMs: number;
  /** Of the newest recorded book in it that has both sides. */
  readonly mid: number;
}

export interface TickRows {
  readonly orderbook_snapshots: BookSnapshotRow;
  readonly tick_trades: TickTradeRow;
  readonly spread_history: SpreadRow;
}
export type TickTable = keyof TickRows;

/**
 * Rows of one table that are stored together. A batch that is refused leaves nothing. One whose fate is unknown is there as a
 * whole or not at all, unless it is larger than 16 MB or crosses the edge of a day, week or month by which its table is divided:
 * then pieces of it may be there, and inserted again it is completed.
 */
export type TickBatch = {
  [T in TickTable]: {
    readonly table: T;
    /** An entity id, unique for ever: a batch that comes again under its id, with the same rows in the same order, is stored once. */
    readonly batchId: string;
    readonly rows: readonly TickRows[T][];
  };
}[TickTable];

export interface TimeRange {
  /** Inclusive. */
  readonly fromMs: number;
  /** Exclusive. */
  readonly toMs: number;
}

export interface TickTableStatus {
  readonly table: TickTable;
  readonly rows: number;
  /** Compressed, on disk; 0 in memory. */
  readonly bytes: number;
  /** By receive time; null when empty. */
  readonly oldestMs: number | null;
  readonly newestMs: number | null;
  /** Older rows are removed by the store itself, in the background. */
  readonly ttlDays: number;
}

export interface TickStore {
  /**
   * At most 100,000 rows within 32 days. Resolves when a kill of the store would no longer lose them. Rejects ARB_STORE_CONFLICT
   * naming row and field when a row cannot be stored exactly; the same batch will be refused again. After any other failure the
   * batch is not at fault.
   */
  insert(batch: TickBatch): Promise<void>;
  /** Oldest first by receive time; at most `limit`, itself at most 100,000. Of more, ask again from the last time on. */
  books(instrument: InstrumentId, range: TimeRange, limit: number): Promise<readonly BookSnapshotRow[]>;
  trades(instrument: InstrumentId, range: TimeRange, limit: number): Promise<readonly TickTradeRow[]>;
  spreads(pair: PairId, range: TimeRange, limit: number): Promise<readonly SpreadRow[]>;
  /** For charts: whole seconds per bucket, at most 1,500 buckets; oldest first, then by direction. */
  spreadBuckets(pair: PairId, range: TimeRange, bucketMs: number): Promise<readonly SpreadBucket[]>;
  /** By receive time, for statistics: whole seconds per bucket, at most 10,000 buckets; oldest first, those without a book left out. */
  mids(instrument: InstrumentId, range: TimeRange, bucketMs: number): Promise<readonly MidBucket[]>;
  /**
   * Rows of a table, oldest first by receive time (spreads by second), in pieces, so that a year fits in no memory. Rows that are
   * inserted meanwhile into the past may be missed.
   */
  export<T extends TickTable>(table: T, range: TimeRange): AsyncIterable<readonly TickRows[T][]>;
  status(): Promise<readonly TickTableStatus[]>;
  describe(): Promise<StoreDescription>;
  /** Round trip in ms; rejects when unavailable. */
  ping(): Promise<number>;
  close(): Promise<void>;
}
