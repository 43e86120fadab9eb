import type { FeedState, InstrumentState } from '../messages/feed.js';
import type { InstrumentId } from '../messages/primitives.js';
import type { Capabilities } from './base.js';
import { BestQuote } from './best-quote.js';
import { BookSync } from './book-sync.js';

/** One market that a feed follows: the id used everywhere and the exchange's own name. */
export interface FeedInstrument {
  readonly id: InstrumentId;
  readonly symbol: string;
}

/** Told after each applied book frame; `tag` is the number of the frame on the connection. */
export type AppliedListener = (symbol: string, channel: string, tag: number) => void;

/** Everything a feed knows about one symbol. */
export class SymbolFeed {
  readonly id: InstrumentId;
  readonly symbol: string;
  readonly slot: number;
  readonly depth: BookSync;
  /** Where the fastest best quote is itself a kept book (Bybit level 1). */
  readonly levelOne: BookSync | null;
  readonly quote = new BestQuote();
  state: FeedState = 'connecting';
  /** As the exchange's notices say it; null before the first. */
  marketState: InstrumentState | null = null;
  dirty = false;
  /** The exchange refused the subscription. */
  refused = false;
  receiveTimeMs = 0;
  /** Monotonic ms of the newest frame of any channel; of the connection's start before the first. */
  lastFrameMs = 0;
  liveSinceMs = 0;
  /** When the next attempt to heal is due; Infinity = none planned. */
  dueMs = Infinity;
  /** Attempts since the book was last stable. */
  attempts = 0;
  /** Faults (not silences) since it last held for a moment. */
  faults = 0;
  silences = 0;
  silentAtMs = -Infinity;
  resyncs = 0;
  /** Id of the REST request in flight; 0 = none. */
  requestId = 0;

  constructor(
    instrument: FeedInstrument,
    slot: number,
    capabilities: Capabilities,
    onApplied: AppliedListener | undefined,
  ) {
    const { id, symbol } = instrument;
    const { syncRule: rule, snapshotSource, channels } = capabilities;
    this.id = id;
    this.symbol = symbol;
    this.slot = slot;
    this.depth = new BookSync({
      rule,
      snapshotSource,
      ...(onApplied && { onApplied: (tag: number) => onApplied(symbol, channels.depth, tag) }),
    });
    const isBook = rule === 'counted' && channels.bestQuote !== null;
    this.levelOne = isBook ? new BookSync({ rule, snapshotSource: 'socket', maxLevels: 8 }) : null;
  }

  /** A new or a lost connection. */
  reset(nowMs: number): void {
    this.depth.reset();
    this.levelOne?.reset();
    this.quote.clear();
    this.refused = false;
    this.lastFrameMs = nowMs;
    this.dueMs = Infinity;
    this.requestId = 0;
  }

  /** Small picture for inspection. */
  summary(nowMs: number): Readonly<Record<string, unknown>> {
    return {
      symbol: this.symbol,
      state: this.state,
      marketState: this.marketState,
      trust: this.depth.book.trust,
      sinceFrameMs: Math.round(nowMs - this.lastFrameMs),
      bestBid: this.depth.book.bestBid,
      bestAsk: this.depth.book.bestAsk,
      sequence: this.depth.book.sequence,
      resyncs: this.resyncs,
      ...this.depth.counters,
    };
  }
}
