import type { AssetId, DecimalText, ExchangeId, InstrumentId } from '../messages/primitives.js';
import type { StoreDescription } from './stores.js';

/**
 * What the market showed, for the backtest and the page: telemetry, never money. Written in batches by the recorder alone. All
 * calls reject with ARB_STORE_UNAVAILABLE when the store does not answer: whether a batch arrived is unknown then, and the same
 * batch may be inserted again.
 */

/** The top of one trusted book at one moment. Prices and sizes are float64, best level first; at most 50 levels per side. */
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

/** One public trade; price and quantity exact. (exchange, instrument, tradeId) names it. */
export interface TickTradeRow {
  readonly exchange: ExchangeId;
  readonly instrument: InstrumentId;
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
  /** `BTC/USDT`. */
  readonly pair: string;
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

export interface TickRows {
  readonly orderbook_snapshots: BookSnapshotRow;
  readonly tick_trades: TickTradeRow;
  readonly spread_history: SpreadRow;
}
export type TickTable = keyof TickRows;

/** Rows of one table that are stored all or not at all. */
export type TickBatch = {
  [T in TickTable]: {
    readonly table: T;
    /** Unique for ever: a batch that comes again under its id is stored once. */
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
  /** Of compressed data on disk. */
  readonly bytes: number;
  readonly oldestMs: number | null;
  readonly newestMs: number | null;
  readonly ttlDays: number;
}

export interface TickStore {
  /** Rejects ARB_STORE_CONFLICT naming row and field when a row cannot be stored exactly, with nothing stored. At most 100,000 rows. */
  insert(batch: TickBatch): Promise<void>;
  /** Oldest first by receive time; at most `limit`, itself at most 100,000. */
  books(instrument: InstrumentId, range: TimeRange, limit: number): Promise<readonly BookSnapshotRow[]>;
  trades(instrument: InstrumentId, range: TimeRange, limit: number): Promise<readonly TickTradeRow[]>;
  spreads(pair: string, range: TimeRange, limit: number): Promise<readonly SpreadRow[]>;
  /** Rows of a table in export order, streamed in pieces, so that a year fits in no memory. */
  export<T extends TickTable>(table: T, range: TimeRange): AsyncIterable<readonly TickRows[T][]>;
  status(): Promise<readonly TickTableStatus[]>;
  describe(): Promise<StoreDescription>;
  /** Round trip in ms; rejects when unavailable. */
  ping(): Promise<number>;
  close(): Promise<void>;
}
