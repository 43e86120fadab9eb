import type { BookTop } from '../messages/feed.js';
import type { ExchangeId, InstrumentId } from '../messages/primitives.js';
import type { StoreDescription } from './stores.js';

/**
 * The newest prices and a bounded memory of events, for late readers and other programs. Nothing about money depends on either:
 * a call that fails is counted by its caller and forgotten.
 */

export interface BestQuote {
  readonly exchange: ExchangeId;
  readonly instrument: InstrumentId;
  readonly bid: number;
  readonly bidSize: number;
  readonly ask: number;
  readonly askSize: number;
  readonly exchangeTimeMs: number;
  readonly receiveTimeMs: number;
}

/** Books and best quotes by exchange and instrument, each forgotten within a very short time to live. */
export interface PriceCache {
  /** One round trip for all of them; an older receive time never replaces a newer one. */
  put(books: readonly BookTop[]): Promise<void>;
  /** Null when nothing newer than the time to live is known. */
  book(instrument: InstrumentId): Promise<BookTop | null>;
  quotes(instruments: readonly InstrumentId[]): Promise<readonly BestQuote[]>;
  /** Called for each put of one of these instruments (all when empty), newest wins when the reader is slow. Returns the end of it. */
  subscribe(instruments: readonly InstrumentId[], listener: (quote: BestQuote) => void): Promise<() => void>;
  describe(): Promise<StoreDescription>;
  ping(): Promise<number>;
  close(): Promise<void>;
}

export type StreamName = 'signals' | 'verdicts' | 'orders' | 'fills';

export interface StreamEntry {
  /** Of the stream, growing. */
  readonly id: string;
  readonly stream: StreamName;
  /** The encoded message (src/messages/codec.ts) as text. */
  readonly body: string;
}

/** Bounded streams with consumer groups: each entry goes to one member of each group and stays pending until acknowledged. */
export interface EventStream {
  append(entries: readonly { readonly stream: StreamName; readonly body: string }[]): Promise<void>;
  /** Entries after an id (`0` = from the oldest kept), oldest first. */
  read(stream: StreamName, afterId: string, limit: number): Promise<readonly StreamEntry[]>;
  /** New entries for this member; those that another left unacknowledged longer than `claimAfterMs` first. */
  readGroup(
    stream: StreamName,
    reader: { readonly group: string; readonly member: string; readonly claimAfterMs: number },
    limit: number,
  ): Promise<readonly StreamEntry[]>;
  acknowledge(stream: StreamName, group: string, ids: readonly string[]): Promise<number>;
  /** Entries kept now, never more than the bound by more than a tenth. */
  length(stream: StreamName): Promise<number>;
  close(): Promise<void>;
}
