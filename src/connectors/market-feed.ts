import type { QuoteBoard } from '../market/quote-board.js';
import { ArbotError } from '../messages/errors.js';
import type { FeedState } from '../messages/feed.js';
import type {
  BestQuoteEvent,
  BookEvent,
  Connector,
  ControlEvent,
  FrameCategory,
  FrameSink,
  InstrumentStateEvent,
  TradeEvent,
} from './base.js';
import { BoardWriter } from './board-writer.js';
import type { SyncResult } from './book-sync.js';
import { DepthRequests, type DepthRequest } from './depth-requests.js';
import type { FeedEffects } from './feed-effects.js';
import { FrameError } from './frame-error.js';
import { DEFAULT_HEAL, FeedHealer, type HealPolicy } from './feed-healer.js';
import { RateMeter, RecentValues, StormMeter } from './feed-meters.js';
import { readRestBook } from './rest-book.js';
import { SilenceWatch } from './silence-watch.js';
import { SymbolFeed, type AppliedListener, type FeedInstrument } from './feed-symbol.js';
import { summaryOf, type FeedFigures, type FeedPicture, type FeedSummary } from './feed-summary.js';
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
  /** Grows at each start of the feed; null = it speaks for no symbol until `grant`. */
  readonly epoch: number | null;
  readonly heal?: Partial<HealPolicy>;
  readonly onApplied?: AppliedListener;
}

/** Bad frames within ten seconds that cost the connection, and such losses within five minutes that crash the feed. */
const INVALID_PER_CONNECTION = 20;
const STORMS_PER_CRASH = 5;
/** So much of a frame that cannot be read is searched for a market's name; KuCoin writes it behind the levels. */
const SEARCHED_BYTES = 32_768;

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
  private readonly symbols = new Map<string, SymbolFeed>();
  private readonly list: SymbolFeed[] = [];
  private readonly requests: DepthRequests;
  private readonly healer: FeedHealer;
  private readonly watch: SilenceWatch;
  private readonly writer: BoardWriter;
  private readonly frameRate = new RateMeter();
  private readonly latency = new RecentValues();
  private readonly invalidStorm = new StormMeter(INVALID_PER_CONNECTION, 10_000);
  private readonly crashStorm = new StormMeter(STORMS_PER_CRASH, 300_000);
  private state: FeedState = 'connecting';
  private stateReason = 'starting';
  private wallMs = 0;
  private nowMs = 0;
  private frames = 0;
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
    for (const instrument of options.instruments) {
      const slot = options.board.slotOf(instrument.id);
      const { epoch, connector, onApplied } = options;
      const symbol = new SymbolFeed(instrument, slot, epoch, connector.capabilities, onApplied);
      this.symbols.set(instrument.symbol, symbol);
      this.list.push(symbol);
    }
    const { connector, effects, board, random, limiter } = options;
    this.writer = new BoardWriter(board, this.list);
    const policy = { ...DEFAULT_HEAL, ...options.heal };
    const requests = new DepthRequests(connector, effects, limiter);
    const healer = new FeedHealer({ connector, effects, requests, random, policy }, this.list);
    this.requests = requests;
    this.healer = healer;
    this.watch = new SilenceWatch({ connector, effects, board, requests, healer, policy }, this.list);
  }

  /** The owner starts to connect. */
  connecting(): void {
    this.setState('connecting', 'connecting');
  }

  /** The socket is open: subscribe, and expect snapshots. */
  opened(wallMs: number, nowMs: number): void {
    this.stamp(wallMs, nowMs);
    this.connections++;
    this.writer.aliveMs = nowMs;
    this.requests.forgetAll();
    this.healer.opened(wallMs, nowMs);
    this.watch.opened(nowMs);
    for (const frame of this.healer.subscribeAll(nowMs)) this.effects.send(frame);
    this.setState('syncing', 'subscribed');
  }

  /** The socket is gone: nothing of it may be used any more. */
  closed(reason: string, nowMs: number): void {
    this.nowMs = nowMs;
    this.healer.closed();
    this.requests.forgetAll();
    for (const symbol of this.list) {
      symbol.distrust(this.board);
      symbol.reset(nowMs);
      symbol.state = 'syncing';
    }
    this.setState('disconnected', reason);
  }

  /** The owner ends: nobody may use its books any more. No effect is asked for. */
  abandon(): void {
    this.healer.closed();
    for (const symbol of this.list) symbol.distrust(this.board);
  }

  /** From now on this connection speaks for a symbol: what it has of the book is published at once. `told`: its state so far. */
  grant(symbol: SymbolFeed, epoch: number, told: FeedState): void {
    symbol.epoch = epoch;
    if (symbol.depth.trusted) this.writer.publish(symbol);
    else symbol.distrust(this.board);
    if (symbol.state !== told) this.effects.status(symbol.id, symbol.state, 'another connection took over');
  }

  /** Its state and why. */
  get standing(): { readonly state: FeedState; readonly reason: string } {
    return { state: this.state, reason: this.stateReason };
  }

  /** Goes on counting where the connection before stopped. */
  inherit(from: MarketFeed): void {
    this.frames += from.frames;
    this.connections += Math.max(0, from.connections - 1);
    for (const name of Object.keys(this.counts) as (keyof typeof this.counts)[])
      this.counts[name] += from.counts[name];
    for (const symbol of from.list) this.symbols.get(symbol.symbol)?.inherit(symbol);
  }

  /** One frame as received. Bad frames are counted, never thrown; what else throws is a defect. */
  frame(data: Buffer, wallMs: number, nowMs: number): void {
    // Short, so that it becomes part of its caller: numbers of this kind that cross a call cost an object each.
    this.wallMs = wallMs;
    this.nowMs = nowMs;
    this.take(data);
  }

  private take(data: Buffer): void {
    this.writer.aliveMs = this.nowMs;
    this.frames++;
    this.frameRate.add(this.nowMs);
    try {
      const { category } = this.connector.decode(data, this);
      this.count(category);
      if (category !== 'control') this.watch.marketData(this.nowMs);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.invalidFrame(error, data);
    }
  }

  /** Spelled out, for a member by a name that varies is searched every time. */
  private count(category: FrameCategory): void {
    const { counts } = this;
    if (category === 'book') counts.book++;
    else if (category === 'bestQuote') counts.bestQuote++;
    else if (category === 'trade') counts.trade++;
    else counts[category]++;
  }

  /** The connection proved alive without a frame: a pong or a ping. */
  alive(nowMs: number): void {
    this.writer.aliveMs = nowMs;
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
    const request = this.requests.answered(id, nowMs);
    this.limiter.observe(status, headers, nowMs, request?.permit.costs);
    if (request === undefined) return;
    if (status !== 200) return this.noDepth(request, `HTTP ${status}`, nowMs);
    const { symbol, purpose } = request;
    try {
      if (purpose === 'check')
        return this.watch.compared(request, readRestBook(this.connector, body, symbol.symbol), nowMs);
      this.healer.snapshotArrived(symbol);
      this.connector.rest.parseDepth(body, symbol.symbol, this);
    } catch (error) {
      if (!(error instanceof ArbotError)) throw error;
      if (error.code === 'ARB_RATE_LIMITED') this.limiter.pause(60_000, nowMs);
      if (error instanceof FrameError) this.noteInvalid(error);
      this.noDepth(request, error.message, nowMs);
    }
  }

  /** The request never got an answer. */
  httpFailed(id: number, reason: string, nowMs: number): void {
    this.nowMs = nowMs;
    const request = this.requests.answered(id, nowMs);
    if (request !== undefined) this.noDepth(request, reason, nowMs);
  }

  private noDepth(request: DepthRequest, reason: string, nowMs: number): void {
    if (request.purpose === 'check') return this.watch.compared(request, null, nowMs);
    this.healer.snapshotArrived(request.symbol);
    this.healer.snapshotFailed(request.symbol, reason, nowMs);
  }

  /** Regular work: planned resynchronisations, watchdogs, ages. Call it about four times a second. */
  tick(wallMs: number, nowMs: number): void {
    this.stamp(wallMs, nowMs);
    if (this.state !== 'disconnected' && this.state !== 'connecting') {
      this.watch.tick(nowMs);
      if (this.healer.isOpen) this.healer.tick(nowMs);
      const silent =
        nowMs - this.writer.aliveMs > this.connector.capabilities.heartbeat.probeAfterSilenceMs + 1000;
      if (silent) this.setState('stale', 'nothing received');
      else this.updateState();
    }
    this.writer.flush(true);
  }

  /** Publishes every changed book once. Call it after each batch of frames. */
  flush(): void {
    this.writer.flush(false);
  }

  // What the connector decoded (FrameSink).

  book(event: BookEvent): void {
    const symbol = this.find(event.symbol);
    if (symbol === undefined || !this.healer.isOpen) return;
    const { channels } = this.connector.capabilities;
    if (event.channel === channels.depth) this.depthFrame(symbol, event);
    else if (symbol.levelOne !== null && event.channel === channels.bestQuote)
      this.levelOneFrame(symbol, event);
  }

  bestQuote(event: BestQuoteEvent): void {
    const symbol = this.find(event.symbol);
    if (symbol === undefined || event.channel !== this.connector.capabilities.channels.bestQuote) return;
    if (!this.healer.isOpen) return;
    symbol.frameRate.add(this.nowMs);
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
    if (event.kind === 'welcome') this.effects.welcomed?.();
    if (event.kind === 'reconnect-notice') {
      const reason = `announced by the exchange: ${event.message}`;
      if (this.effects.renew === undefined) this.effects.reconnect(reason);
      else this.effects.renew(reason);
    }
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
  summary(nowMs: number): FeedSummary {
    return summaryOf({
      exchange: this.connector.exchange,
      state: this.state,
      feeds: [this],
      restBlocked: this.limiter.timesBlocked,
      fallbacks: this.connector.fallbacks?.() ?? {},
      nowMs,
    });
  }

  /** The same as numbers that add up over connections. */
  figures(nowMs: number): FeedFigures {
    return {
      ...this.counts,
      reconnects: Math.max(0, this.connections - 1),
      connections: this.connections,
      frames: this.frames,
      framesPerSecond: this.frameRate.perSecond(nowMs),
      gaps: this.list.reduce((sum, symbol) => sum + symbol.depth.counters.gaps, 0),
      resyncs: this.list.reduce((sum, symbol) => sum + symbol.resyncs, 0),
    };
  }

  /** What it shows beside its figures. */
  get picture(): FeedPicture {
    return {
      aliveMs: this.writer.aliveMs,
      latency: this.latency,
      lastError: this.lastError,
      symbols: this.list,
    };
  }

  /** The book of a symbol, as the depth channel gives it; undefined when it is not followed. */
  follow(symbol: string): SymbolFeed | undefined {
    return this.symbols.get(symbol);
  }

  private depthFrame(symbol: SymbolFeed, event: BookEvent): void {
    const orderBefore = symbol.depth.order;
    const result = symbol.depth.apply(event, this.frames - 1);
    this.noteTimes(symbol, event);
    // The answer to a request for a snapshot comes here too, and says nothing of the channel.
    if (!event.snapshot || this.connector.capabilities.snapshotSource === 'socket')
      symbol.depthHeard(this.nowMs);
    // The exchange began to count anew: an older quote would look newer than every book.
    if (symbol.depth.order < orderBefore) symbol.quote.clear();
    this.settle(symbol, result);
  }

  private noteTimes(symbol: SymbolFeed, event: BookEvent): void {
    symbol.frameRate.add(this.nowMs);
    if (!(event.exchangeTimeMs > 0)) return;
    const lagMs = this.wallMs - event.exchangeTimeMs;
    this.latency.add(lagMs);
    symbol.latency.add(lagMs);
  }

  private levelOneFrame(symbol: SymbolFeed, event: BookEvent): void {
    const levelOne = symbol.levelOne!;
    symbol.frameRate.add(this.nowMs);
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
    // A quote that cannot be laid over the book (one-sided, crossed) ends what the one before it laid there.
    else if (!symbol.quote.valid || symbol.quote.isNewerThan(symbol.depth.order)) this.markDirty(symbol);
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
      this.healer.healthy(symbol);
    } else if (!symbol.depth.trusted) {
      symbol.distrust(this.board);
      if (symbol.state === 'live') this.setSymbolState(symbol, 'syncing', result);
      this.healer.untrusted(symbol, result, this.nowMs);
    }
  }

  private becameLive(symbol: SymbolFeed): void {
    symbol.liveSinceMs = this.nowMs;
    this.setSymbolState(symbol, 'live', 'synchronised');
    this.updateState();
  }

  private invalidFrame(error: FrameError, data: Buffer): void {
    this.noteInvalid(error);
    const { category, channel, symbol: name } = this.connector.header;
    const symbol = this.symbols.get(name);
    const isDepth = category === 'book' && channel === this.connector.capabilities.channels.depth;
    if (symbol === undefined) {
      if (name === '' && (isDepth || category === 'foreign')) this.loseNamed(data);
    } else if (isDepth) {
      symbol.depth.lose();
      this.settle(symbol, 'gap');
    } else if (category !== 'trade') {
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

  /** Bytes that are no frame at all: the market whose name stands in them may have lost one. Its next frame tells. */
  private loseNamed(data: Buffer): void {
    const text = data.toString('latin1', 0, SEARCHED_BYTES).toUpperCase();
    for (const symbol of this.list) {
      if (!symbol.depth.trusted || !text.includes(symbol.symbol.toUpperCase())) continue;
      symbol.depth.lose();
      this.settle(symbol, 'waiting');
      this.healer.doubted(symbol, this.nowMs);
    }
  }

  private noteInvalid(error: FrameError): void {
    this.counts.invalid++;
    this.lastError = error.message.slice(0, 300);
  }

  private markDirty(symbol: SymbolFeed): void {
    symbol.receiveTimeMs = this.wallMs;
    this.writer.note(symbol);
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
    this.stateReason = reason;
    this.effects.status(null, state, reason);
  }

  private setSymbolState(symbol: SymbolFeed, state: FeedState, reason: string): void {
    if (symbol.state === state) return;
    symbol.state = state;
    if (symbol.epoch !== null) this.effects.status(symbol.id, state, reason);
  }

  private stamp(wallMs: number, nowMs: number): void {
    this.wallMs = wallMs;
    this.nowMs = nowMs;
  }
}
