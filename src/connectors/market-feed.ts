import type { QuoteBoard } from '../market/quote-board.js';
import { ArbotError } from '../messages/errors.js';
import type { FeedState } from '../messages/feed.js';
import type {
  BestQuoteEvent,
  BookEvent,
  Connector,
  ControlEvent,
  FrameSink,
  InstrumentStateEvent,
  TradeEvent,
} from './base.js';
import { layOver } from './best-quote.js';
import type { SyncResult } from './book-sync.js';
import type { FeedEffects } from './feed-effects.js';
import { FrameError } from './frame-error.js';
import { FeedHealer, type HealPolicy } from './feed-healer.js';
import { RateMeter, RecentValues, StormMeter } from './feed-meters.js';
import { SymbolFeed, type AppliedListener, type FeedInstrument } from './feed-symbol.js';
import type { RateLimiter } from './rate-limiter.js';

export interface MarketFeedOptions {
  readonly connector: Connector;
  readonly instruments: readonly FeedInstrument[];
  readonly board: QuoteBoard;
  readonly effects: FeedEffects;
  /** REST budget, shared with orders of the same exchange. */
  readonly limiter: RateLimiter;
  /** Uniform in [0, 1), for jitter. */
  readonly random: () => number;
  /** Grows at each start of the feed. */
  readonly epoch: number;
  readonly heal?: Partial<HealPolicy>;
  readonly onApplied?: AppliedListener;
}

/** Bad frames within ten seconds that cost the connection, and such losses within five minutes that crash the feed. */
const INVALID_PER_CONNECTION = 20;
const STORMS_PER_CRASH = 5;

/**
 * All books of one exchange connection, without I/O: events go in (opened, frame, closed, tick, HTTP answer), effects come out.
 * The same object serves the feed actor, the conformance runner and simulations. Times are the caller's: `wallMs` Unix ms
 * for stamps, `nowMs` monotonic ms for ages.
 */
export class MarketFeed implements FrameSink {
  private readonly connector: Connector;
  private readonly board: QuoteBoard;
  private readonly effects: FeedEffects;
  private readonly limiter: RateLimiter;
  private readonly epoch: number;
  private readonly symbols = new Map<string, SymbolFeed>();
  private readonly list: SymbolFeed[] = [];
  private readonly healer: FeedHealer;
  private readonly dirty: SymbolFeed[] = [];
  private readonly frameRate = new RateMeter();
  private readonly latency = new RecentValues();
  private readonly invalidStorm = new StormMeter(INVALID_PER_CONNECTION, 10_000);
  private readonly crashStorm = new StormMeter(STORMS_PER_CRASH, 300_000);
  private state: FeedState = 'connecting';
  private wallMs = 0;
  private nowMs = 0;
  private frames = 0;
  private aliveMs = 0;
  private publishedAliveMs = 0;
  private connections = 0;
  private lastError = '';
  private readonly counts = {
    book: 0,
    bestQuote: 0,
    trade: 0,
    notice: 0,
    control: 0,
    foreign: 0,
    invalid: 0,
    unknownSymbol: 0,
    refused: 0,
    quoteMismatch: 0,
  };

  constructor(options: MarketFeedOptions) {
    this.connector = options.connector;
    this.board = options.board;
    this.effects = options.effects;
    this.limiter = options.limiter;
    this.epoch = options.epoch;
    for (const instrument of options.instruments) {
      const slot = options.board.slotOf(instrument.id);
      const symbol = new SymbolFeed(instrument, slot, options.connector.capabilities, options.onApplied);
      this.symbols.set(instrument.symbol, symbol);
      this.list.push(symbol);
    }
    this.healer = new FeedHealer(options, this.list);
  }

  /** The owner starts to connect. */
  connecting(): void {
    this.setState('connecting', 'connecting');
  }

  /** The socket is open: subscribe, and expect snapshots. */
  opened(wallMs: number, nowMs: number): void {
    this.stamp(wallMs, nowMs);
    this.connections++;
    this.aliveMs = nowMs;
    this.healer.opened(nowMs);
    for (const frame of this.healer.subscribeAll(nowMs)) this.effects.send(frame);
    this.setState('syncing', 'subscribed');
  }

  /** The socket is gone: nothing of it may be used any more. */
  closed(reason: string, nowMs: number): void {
    this.nowMs = nowMs;
    this.healer.closed();
    for (const symbol of this.list) {
      this.board.distrust(symbol.slot, this.epoch);
      symbol.reset(nowMs);
      symbol.state = 'syncing';
    }
    this.setState('disconnected', reason);
  }

  /** The owner ends: nobody may use its books any more. No effect is asked for. */
  abandon(): void {
    this.healer.closed();
    for (const symbol of this.list) this.board.distrust(symbol.slot, this.epoch);
  }

  /** One frame as received. Bad frames are counted, never thrown; what else throws is a defect. */
  frame(data: Buffer, wallMs: number, nowMs: number): void {
    this.stamp(wallMs, nowMs);
    this.aliveMs = nowMs;
    this.frames++;
    this.frameRate.add(nowMs);
    try {
      const { category } = this.connector.decode(data, this);
      this.counts[category]++;
      if (category !== 'control') this.healer.marketData(nowMs);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.invalidFrame(error);
    }
  }

  /** The connection proved alive without a frame: a pong or a ping. */
  alive(nowMs: number): void {
    this.aliveMs = nowMs;
  }

  /** An answer to `FeedEffects.request`, whatever its status. */
  httpAnswer(
    id: number,
    status: number,
    headers: Readonly<Record<string, string>>,
    body: Buffer,
    wallMs: number,
    nowMs: number,
  ): void {
    this.stamp(wallMs, nowMs);
    this.limiter.observe(status, headers, nowMs);
    const symbol = this.healer.answered(id);
    if (symbol === undefined) return;
    if (status !== 200) return this.healer.snapshotFailed(symbol, `HTTP ${status}`, nowMs);
    try {
      this.connector.rest.parseDepth(body, symbol.symbol, this);
    } catch (error) {
      if (!(error instanceof ArbotError)) throw error;
      if (error.code === 'ARB_RATE_LIMITED') this.limiter.pause(60_000, nowMs);
      if (error instanceof FrameError) this.noteInvalid(error);
      this.healer.snapshotFailed(symbol, error.message, nowMs);
    }
  }

  /** The request never got an answer. */
  httpFailed(id: number, reason: string, nowMs: number): void {
    this.nowMs = nowMs;
    const symbol = this.healer.answered(id);
    if (symbol !== undefined) this.healer.snapshotFailed(symbol, reason, nowMs);
  }

  /** Regular work: planned resynchronisations, watchdogs, ages. Call it about four times a second. */
  tick(wallMs: number, nowMs: number): void {
    this.stamp(wallMs, nowMs);
    if (this.state !== 'disconnected' && this.state !== 'connecting') {
      this.healer.tick(nowMs);
      const silent = nowMs - this.aliveMs > this.connector.capabilities.heartbeat.probeAfterSilenceMs + 1000;
      if (silent) this.setState('stale', 'nothing received');
      else this.updateState();
    }
    this.flush();
  }

  /** Publishes every changed book once. Call it after each batch of frames. */
  flush(): void {
    for (const symbol of this.dirty) {
      symbol.dirty = false;
      if (symbol.depth.trusted) this.publish(symbol);
    }
    this.dirty.length = 0;
    if (this.publishedAliveMs === this.aliveMs) return;
    this.publishedAliveMs = this.aliveMs;
    for (const symbol of this.list) this.board.markAlive(symbol.slot, this.aliveMs, this.epoch);
  }

  // What the connector decoded (FrameSink).

  book(event: BookEvent): void {
    const symbol = this.find(event.symbol);
    if (symbol === undefined) return;
    const { channels } = this.connector.capabilities;
    if (event.channel === channels.depth) this.depthFrame(symbol, event);
    else if (symbol.levelOne !== null && event.channel === channels.bestQuote)
      this.levelOneFrame(symbol, event);
  }

  bestQuote(event: BestQuoteEvent): void {
    const symbol = this.find(event.symbol);
    if (symbol === undefined || event.channel !== this.connector.capabilities.channels.bestQuote) return;
    if (symbol.quote.take(event)) this.quoteChanged(symbol);
  }

  trade(event: TradeEvent): void {
    const symbol = this.find(event.symbol);
    if (symbol === undefined || event.channel !== this.connector.capabilities.channels.trades) return;
    this.effects.trade({
      instrument: symbol.id,
      tradeId: event.tradeId,
      price: event.price,
      quantity: event.quantity,
      side: event.side,
      exchangeTimeMs: event.exchangeTimeMs,
      receiveTimeMs: this.wallMs,
    });
  }

  instrumentState({ symbol: name, state, reason }: InstrumentStateEvent): void {
    // Notices of an exchange may concern all its markets; those that nobody follows are no news.
    const symbol = this.symbols.get(name);
    if (symbol === undefined || symbol.marketState === state) return;
    symbol.marketState = state;
    this.effects.instrumentState(symbol.id, state, reason.slice(0, 300));
  }

  control(event: ControlEvent): void {
    if (event.kind === 'reconnect-notice')
      this.effects.reconnect(`announced by the exchange: ${event.message}`);
    if (event.kind !== 'refused') return;
    this.counts.refused++;
    this.lastError = `refused ${event.symbol} ${event.code} ${event.message}`.slice(0, 300);
    const symbol = this.symbols.get(event.symbol);
    // A refused quote or trade channel costs that channel, not the book.
    if (symbol === undefined || !this.mayBeDepth(event.channel)) return;
    symbol.refused = true;
    this.setSymbolState(symbol, 'stale', this.lastError);
  }

  /** Everything inspection shows; JSON-safe, bounded by the number of instruments. */
  summary(nowMs: number): Readonly<Record<string, unknown>> {
    return {
      exchange: this.connector.exchange,
      state: this.state,
      epoch: this.epoch,
      connections: this.connections,
      reconnects: Math.max(0, this.connections - 1),
      sinceAliveMs: Math.round(nowMs - this.aliveMs),
      frames: this.frames,
      framesPerSecond: Math.round(this.frameRate.perSecond(nowMs) * 10) / 10,
      latencyP50Ms: this.latency.percentile(0.5),
      latencyP99Ms: this.latency.percentile(0.99),
      ...this.counts,
      fallbacks: this.connector.fallbacks?.() ?? {},
      gaps: this.list.reduce((sum, symbol) => sum + symbol.depth.counters.gaps, 0),
      resyncs: this.list.reduce((sum, symbol) => sum + symbol.resyncs, 0),
      restBlocked: this.limiter.timesBlocked,
      lastError: this.lastError,
      symbols: this.list.map((symbol) => symbol.summary(nowMs)),
    };
  }

  /** The book of a symbol, as the depth channel gives it; undefined when it is not followed. */
  follow(symbol: string): SymbolFeed | undefined {
    return this.symbols.get(symbol);
  }

  private depthFrame(symbol: SymbolFeed, event: BookEvent): void {
    const orderBefore = symbol.depth.order;
    const result = symbol.depth.apply(event, this.frames - 1);
    if (event.exchangeTimeMs > 0) this.latency.add(this.wallMs - event.exchangeTimeMs);
    symbol.lastFrameMs = this.nowMs;
    // The exchange began to count anew: an older quote would look newer than every book.
    if (symbol.depth.order < orderBefore) symbol.quote.clear();
    this.settle(symbol, result);
  }

  private levelOneFrame(symbol: SymbolFeed, event: BookEvent): void {
    const levelOne = symbol.levelOne!;
    symbol.lastFrameMs = this.nowMs;
    // Level 1 repeats snapshots, so that a fault in it heals by itself; until then only depth is used.
    if (levelOne.apply(event) === 'applied') {
      symbol.quote.takeTop(levelOne.book, levelOne.order, levelOne.exchangeTimeMs);
      this.quoteChanged(symbol);
    } else if (!levelOne.trusted) {
      symbol.quote.clear();
    }
  }

  private quoteChanged(symbol: SymbolFeed): void {
    symbol.lastFrameMs = this.nowMs;
    if (!symbol.depth.trusted) return;
    if (this.disagrees(symbol)) this.settle(symbol, 'crossed');
    else if (symbol.quote.isNewerThan(symbol.depth.order)) this.markDirty(symbol);
  }

  /** Where quote and book of one number must agree, a difference proves the book wrong (PROTOCOLS §3 [P]). */
  private disagrees(symbol: SymbolFeed): boolean {
    const { quote, depth } = symbol;
    if (!this.connector.capabilities.quoteOrderIsExact || !quote.valid) return false;
    if (quote.order !== depth.order || quote.agreesWith(depth.book)) return false;
    this.counts.quoteMismatch++;
    depth.reject();
    return true;
  }

  private settle(symbol: SymbolFeed, result: SyncResult): void {
    if (result === 'applied') {
      // What is served was not refused, whatever was answered to a repeated subscription.
      symbol.refused = false;
      if (this.disagrees(symbol)) return this.settle(symbol, 'crossed');
      this.markDirty(symbol);
      if (symbol.state !== 'live') this.becameLive(symbol);
      this.healer.healthy(symbol, this.nowMs);
    } else if (!symbol.depth.trusted) {
      this.board.distrust(symbol.slot, this.epoch);
      if (symbol.state === 'live') this.setSymbolState(symbol, 'syncing', result);
      this.healer.untrusted(symbol, result, this.nowMs);
    }
  }

  private becameLive(symbol: SymbolFeed): void {
    symbol.liveSinceMs = this.nowMs;
    this.setSymbolState(symbol, 'live', 'synchronised');
    this.updateState();
  }

  private invalidFrame(error: FrameError): void {
    this.noteInvalid(error);
    const { category, channel, symbol: name } = this.connector.header;
    const symbol = this.symbols.get(name);
    if (
      symbol !== undefined &&
      category === 'book' &&
      channel === this.connector.capabilities.channels.depth
    ) {
      symbol.depth.lose();
      this.settle(symbol, 'gap');
    } else if (symbol !== undefined && category !== 'trade') {
      symbol.levelOne?.lose();
      symbol.quote.clear();
      this.markDirty(symbol);
    }
    if (!this.invalidStorm.add(this.nowMs)) return;
    if (this.crashStorm.add(this.nowMs)) {
      this.effects.fail(new ArbotError('ARB_FRAME_INVALID', `too many bad frames, last: ${error.message}`));
    } else {
      this.effects.reconnect(`${INVALID_PER_CONNECTION} bad frames, last: ${error.message}`);
    }
  }

  private noteInvalid(error: FrameError): void {
    this.counts.invalid++;
    this.lastError = error.message.slice(0, 300);
  }

  private publish(symbol: SymbolFeed): void {
    const { depth, quote } = symbol;
    const useQuote = quote.isNewerThan(depth.order);
    const timeMs = useQuote ? Math.max(depth.exchangeTimeMs, quote.exchangeTimeMs) : depth.exchangeTimeMs;
    const { receiveTimeMs, lastFrameMs, slot } = symbol;
    const isOurs = this.board.publish(slot, depth.book, this.epoch, timeMs, receiveTimeMs, lastFrameMs);
    if (isOurs && useQuote) layOver(this.board, symbol.slot, quote);
  }

  private markDirty(symbol: SymbolFeed): void {
    symbol.receiveTimeMs = this.wallMs;
    if (symbol.dirty) return;
    symbol.dirty = true;
    this.dirty.push(symbol);
  }

  /** A refusal that names no channel may mean the book's. */
  private mayBeDepth(channel: string): boolean {
    return channel === '' || channel === this.connector.capabilities.channels.depth;
  }

  private find(name: string): SymbolFeed | undefined {
    const symbol = this.symbols.get(name);
    if (symbol === undefined) this.counts.unknownSymbol++;
    return symbol;
  }

  private updateState(): void {
    const followed = this.list.filter((symbol) => !symbol.refused);
    const missing = followed.filter((symbol) => symbol.state !== 'live').length;
    // An exchange that serves nothing is not live; the watch over the connection tries again.
    if (followed.length === 0) return this.setState('stale', 'every subscription was refused');
    // A book that resynchronises does not take the connection down; only the first synchronisation counts.
    if (missing === 0) this.setState('live', 'all books synchronised');
    else if (this.state === 'stale') this.setState('syncing', `${missing} books missing`);
  }

  private setState(state: FeedState, reason: string): void {
    if (this.state === state) return;
    this.state = state;
    this.effects.status(null, state, reason);
  }

  private setSymbolState(symbol: SymbolFeed, state: FeedState, reason: string): void {
    if (symbol.state === state) return;
    symbol.state = state;
    this.effects.status(symbol.id, state, reason);
  }

  private stamp(wallMs: number, nowMs: number): void {
    this.wallMs = wallMs;
    this.nowMs = nowMs;
  }
}
