import type { BookTop } from '../messages/feed.js';
import type { ExchangeId, InstrumentId } from '../messages/primitives.js';
import type { StreamName } from '../messages/streams.js';
import type { StoreDescription } from './stores.js';

/**
 * The newest prices and a bounded memory of events, for late readers and other programs. Nothing about money depends on either:
 * a call that fails is counted by its caller and forgotten. While the store is away every call rejects at once with
 * ARB_STORE_UNAVAILABLE; what was under way then may have been written or not. What is handed in wrong is refused by
 * ARB_MESSAGE_INVALID naming the field; what is found wrong in the store was written by somebody else, and is counted and left out.
 */

/** The top of a book as float64; null = that side is empty. */
export interface BestQuote {
  readonly exchange: ExchangeId;
  readonly instrument: InstrumentId;
  readonly trusted: boolean;
  readonly bid: number | null;
  readonly bidSize: number | null;
  readonly ask: number | null;
  readonly askSize: number | null;
  readonly exchangeTimeMs: number;
  readonly receiveTimeMs: number;
}

/** Books and best quotes by exchange and instrument, each forgotten within a very short time to live. */
export interface PriceCache {
  /** One round trip for all of them; at most 1,024. An older receive time never replaces a newer one; resolves how many were taken. */
  put(books: readonly BookTop[]): Promise<number>;
  /** Null when nothing younger than the time to live is known. */
  book(instrument: InstrumentId): Promise<BookTop | null>;
  /** Those that are known, in the order asked; at most 1,024. */
  quotes(instruments: readonly InstrumentId[]): Promise<readonly BestQuote[]>;
  /**
   * Called after a put of one of these instruments (of any when empty), in a later turn; of several that wait only the newest
   * per instrument is told. Outlives an absence of the store, and what is put meanwhile is missed. Resolves the end of it.
   */
  subscribe(instruments: readonly InstrumentId[], listener: (quote: BestQuote) => void): Promise<() => void>;
}

/** A message as text in its envelope (src/messages/codec.ts), for the stream that takes its kind. */
export interface StreamRecord {
  readonly stream: StreamName;
  readonly body: string;
}

export interface StreamEntry extends StreamRecord {
  /** Growing within its stream. */
  readonly id: string;
}

export interface GroupReader {
  readonly group: string;
  readonly member: string;
  /** Entries that stay unacknowledged longer, by any member, are given out again. */
  readonly claimAfterMs: number;
}

/** Bounded streams with consumer groups: each entry goes to one member of each group and stays pending until acknowledged. */
export interface EventStream {
  /** At most 256 entries, in this order. */
  append(records: readonly StreamRecord[]): Promise<void>;
  /** Entries after an id (`0` = from the oldest kept), oldest first; `limit` is 1 to 1,000 here and below. */
  read(stream: StreamName, afterId: string, limit: number): Promise<readonly StreamEntry[]>;
  /** What others left unacknowledged first, then new entries. A group begins with the oldest entry kept, at its first reading. */
  readGroup(stream: StreamName, reader: GroupReader, limit: number): Promise<readonly StreamEntry[]>;
  /** Resolves how many of them were pending. */
  acknowledge(stream: StreamName, group: string, ids: readonly string[]): Promise<number>;
  /** Entries kept now, never more than the bound by more than a tenth. */
  length(stream: StreamName): Promise<number>;
}

export interface PriceStoreState {
  readonly connected: boolean;
  /** How often the connection was made again after the first time. */
  readonly reconnects: number;
  /** Values found in the store that no ArBot can have written so; they were left out. */
  readonly invalid: number;
  /** The newest reason why the store is or was away; null = never. */
  readonly lastError: string | null;
}

/** Both together: one server, or this process. */
export interface PriceStore {
  readonly prices: PriceCache;
  readonly events: EventStream;
  /** Costs nothing; false = calls would be rejected at once. */
  isUp(): boolean;
  state(): PriceStoreState;
  /** Never rejects: a store that is away is described as such. */
  describe(): Promise<StoreDescription>;
  /** Round trip in ms; rejects when unavailable. */
  ping(): Promise<number>;
  close(): Promise<void>;
}
