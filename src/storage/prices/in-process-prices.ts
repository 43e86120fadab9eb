import { ArbotError } from '../../messages/errors.js';
import type { BookTop } from '../../messages/feed.js';
import type { InstrumentId } from '../../messages/primitives.js';
import type { BestQuote, PriceCache } from '../../ports/price-cache.js';
import type { Clock, Timers } from '../../ports/time.js';
import { NewestQuotes } from './newest-quotes.js';
import { acceptBooks, acceptInstruments, quoteOf } from './price-border.js';

/** More instruments than a QuoteBoard has slots are never known at once. */
const MAX_INSTRUMENTS = 4_096;
const MAX_SUBSCRIBERS = 64;

export interface InProcessPricesOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly ttlMs: number;
}

interface Kept {
  readonly book: BookTop;
  readonly expiresMonotonicMs: number;
}

/** The price cache of a single process: the same promises as Redis gives, with this process's own memory and clock. */
export class InProcessPrices implements PriceCache {
  private readonly options: InProcessPricesOptions;
  /** Oldest put first. */
  private readonly kept = new Map<InstrumentId, Kept>();
  private readonly subscribers = new Set<{
    readonly wants: ReadonlySet<InstrumentId>;
    readonly quotes: NewestQuotes;
  }>();

  constructor(options: InProcessPricesOptions) {
    this.options = options;
  }

  async put(books: readonly BookTop[]): Promise<number> {
    const nowMs = this.options.clock.monotonicMs();
    let taken = 0;
    for (const book of acceptBooks(books)) {
      const before = this.known(book.instrument, nowMs);
      if (before !== null && before.receiveTimeMs > book.receiveTimeMs) continue;
      this.kept.delete(book.instrument);
      this.kept.set(book.instrument, { book, expiresMonotonicMs: nowMs + this.options.ttlMs });
      this.tell(book);
      taken++;
    }
    this.forget(nowMs);
    return taken;
  }

  private tell(book: BookTop): void {
    for (const { wants, quotes } of this.subscribers)
      if (wants.size === 0 || wants.has(book.instrument)) quotes.add(quoteOf(book));
  }

  /** In the order of their puts the expired come first, and beyond the bound the oldest go. */
  private forget(nowMs: number): void {
    for (const [instrument, { expiresMonotonicMs }] of this.kept) {
      if (expiresMonotonicMs > nowMs && this.kept.size <= MAX_INSTRUMENTS) return;
      this.kept.delete(instrument);
    }
  }

  private known(instrument: InstrumentId, nowMs: number): BookTop | null {
    const kept = this.kept.get(instrument);
    return kept === undefined || kept.expiresMonotonicMs <= nowMs ? null : kept.book;
  }

  async book(instrument: InstrumentId): Promise<BookTop | null> {
    acceptInstruments([instrument]);
    return structuredClone(this.known(instrument, this.options.clock.monotonicMs()));
  }

  async quotes(instruments: readonly InstrumentId[]): Promise<readonly BestQuote[]> {
    const nowMs = this.options.clock.monotonicMs();
    return acceptInstruments(instruments).flatMap((instrument) => {
      const book = this.known(instrument, nowMs);
      return book === null ? [] : [quoteOf(book)];
    });
  }

  async subscribe(
    instruments: readonly InstrumentId[],
    listener: (quote: BestQuote) => void,
  ): Promise<() => void> {
    const wants = new Set(acceptInstruments(instruments));
    if (this.subscribers.size >= MAX_SUBSCRIBERS)
      throw new ArbotError(
        'ARB_STORE_UNAVAILABLE',
        `prices: ${MAX_SUBSCRIBERS} subscribers, which is the most`,
      );
    const quotes = new NewestQuotes(this.options.timers, listener);
    const subscriber = { wants, quotes };
    this.subscribers.add(subscriber);
    return () => {
      this.subscribers.delete(subscriber);
      quotes.end();
    };
  }

  close(): void {
    for (const { quotes } of this.subscribers) quotes.end();
    this.subscribers.clear();
    this.kept.clear();
  }
}
