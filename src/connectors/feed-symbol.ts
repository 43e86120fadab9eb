import type { QuoteBoard } from '../market/quote-board.js';
import type { FeedState, InstrumentState } from '../messages/feed.js';
import type { InstrumentId } from '../messages/primitives.js';
import type { Capabilities } from './base.js';
import { BestQuote } from './best-quote.js';
import { BookSync } from './book-sync.js';
import { RateMeter, RecentValues } from './feed-meters.js';
import type { SyncCounters } from './sync-counters.js';

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
  /** Under which the book is published; null = another connection speaks for this symbol, and this one only keeps up. */
  epoch: number | null;
  readonly depth: BookSync;
  /** Where the fastest best quote is itself a kept book (Bybit level 1). */
  readonly levelOne: BookSync | null;
  readonly quote = new BestQuote();
  state: FeedState = 'connecting';
  /** As the exchange's notices say it; null before the first. */
  marketState: InstrumentState | null = null;
  dirty = false;
  /** `depth.changes` of what the board shows of this symbol, as far as this connection knows; -1 = nothing. */
  shownChanges = -1;
  /** Of what is published next. */
  exchangeTimeMs = 0;
  /** The exchange refused the subscription. */
  refused = false;
  receiveTimeMs = 0;
  /** Monotonic ms of the newest frame of any channel; of the connection's start before the first. */
  lastFrameMs = 0;
  /** The same of the depth channel. */
  lastDepthMs = 0;
  /** No comparison with the exchange's REST book before this; see `SilenceWatch`. */
  checkAfterMs = 0;
  /** How often in a row the comparison found nothing wrong. */
  agreements = 0;
  /** When the REST book last agreed, and when it first differed without a frame since; -Infinity = neither. */
  agreedMs = -Infinity;
  differedMs = -Infinity;
  checks = 0;
  differences = 0;
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
  readonly frameRate = new RateMeter();
  readonly latency = new RecentValues(128);

  constructor(
    instrument: FeedInstrument,
    slot: number,
    epoch: number | null,
    capabilities: Capabilities,
    onApplied: AppliedListener | undefined,
  ) {
    const { id, symbol } = instrument;
    const { syncRule: rule, snapshotSource, channels } = capabilities;
    this.id = id;
    this.symbol = symbol;
    this.slot = slot;
    this.epoch = epoch;
    this.depth = new BookSync({
      rule,
      snapshotSource,
      snapshotLevels: capabilities.depthLevels,
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
    this.lastDepthMs = nowMs;
    this.checkAfterMs = 0;
    this.agreements = 0;
    this.agreedMs = -Infinity;
    this.differedMs = -Infinity;
    this.dueMs = Infinity;
    this.requestId = 0;
  }

  /** A frame of the depth channel. */
  depthHeard(nowMs: number): void {
    this.lastFrameMs = nowMs;
    this.lastDepthMs = nowMs;
    this.differedMs = -Infinity;
    this.agreements = 0;
  }

  /** Nobody may use the book that this connection published. */
  distrust(board: QuoteBoard): void {
    if (this.epoch !== null) board.distrust(this.slot, this.epoch);
  }

  /** Where the published picture stands in the exchange's own order; NaN where it has none. */
  get publishedOrder(): number {
    return this.quote.isNewerThan(this.depth.order) ? this.quote.order : this.depth.order;
  }

  /** Goes on counting where the connection before stopped. */
  inherit(from: SymbolFeed): void {
    this.resyncs += from.resyncs;
    this.checks += from.checks;
    this.differences += from.differences;
    this.marketState ??= from.marketState;
    const { counters } = this.depth;
    for (const name of Object.keys(counters) as (keyof SyncCounters)[])
      counters[name] += from.depth.counters[name];
  }

  /** Small picture for inspection. */
  summary(nowMs: number): Readonly<Record<string, unknown>> {
    return {
      instrument: this.id,
      symbol: this.symbol,
      state: this.state,
      marketState: this.marketState,
      trust: this.depth.book.trust,
      sinceFrameMs: Math.round(nowMs - this.lastFrameMs),
      bestBid: this.depth.book.bestBid,
      bestAsk: this.depth.book.bestAsk,
      sequence: this.depth.book.sequence,
      framesPerSecond: Math.round(this.frameRate.perSecond(nowMs) * 10) / 10,
      latencyP50Ms: this.latency.percentile(0.5),
      latencyP99Ms: this.latency.percentile(0.99),
      resyncs: this.resyncs,
      restChecks: this.checks,
      restDifferences: this.differences,
      ...this.depth.counters,
    };
  }
}
