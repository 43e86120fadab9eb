import type { InstrumentId } from '../../messages/primitives.js';
import type { BestQuote } from '../../ports/price-cache.js';
import type { Timers } from '../../ports/time.js';

/**
 * Hands quotes to one listener in a later turn of the event loop, the newest of each instrument only: a listener that is slow
 * finds what is true now, and nothing piles up in front of it.
 */
export class NewestQuotes {
  private readonly waiting = new Map<InstrumentId, BestQuote>();
  private readonly listener: (quote: BestQuote) => void;
  private readonly timers: Timers;
  private scheduled = false;
  private ended = false;

  constructor(timers: Timers, listener: (quote: BestQuote) => void) {
    this.timers = timers;
    this.listener = listener;
  }

  add(quote: BestQuote): void {
    if (this.ended) return;
    this.waiting.set(quote.instrument, quote);
    if (this.scheduled) return;
    this.scheduled = true;
    this.timers.setImmediate(() => this.tell());
  }

  end(): void {
    this.ended = true;
    this.waiting.clear();
  }

  private tell(): void {
    this.scheduled = false;
    const quotes = [...this.waiting.values()];
    this.waiting.clear();
    for (const quote of quotes) if (!this.ended) this.listener(quote);
  }
}
