import type { ArbotError } from '../messages/errors.js';
import type { FeedState, InstrumentState, TradePrint } from '../messages/feed.js';
import type { InstrumentId } from '../messages/primitives.js';
import { inChunks, type Capabilities, type RestRequest } from './base.js';
import { summaryOf, type FeedSummary } from './feed-summary.js';
import type { LineParts } from './feed-line.js';
import { DEFAULT_ROLLOVER, FeedShard, type RolloverPolicy, type ShardEffects } from './feed-shard.js';
import type { FeedInstrument } from './feed-symbol.js';

/** What the feed of an exchange asks of its owner. Called synchronously; none may throw for a slow outside. */
export interface ExchangeFeedEffects {
  /** A REST request; the answer comes back by `httpAnswer` or `httpFailed` with its id. */
  request(id: number, request: RestRequest): void;
  /** The address of the next connection; answered by `enter` or `refuse` with the same two numbers. */
  ticket(lineId: number, attempt: number): void;
  /** `instrument` null = the whole exchange. */
  status(instrument: InstrumentId | null, state: FeedState, reason: string): void;
  instrumentState(instrument: InstrumentId, state: InstrumentState, reason: string): void;
  trade(print: TradePrint): void;
  /** Beyond what the feed can heal: the owner ends as a crash. */
  fail(error: ArbotError): void;
  /** A frame was taken: call `flush` after the batch it came in. */
  dirty(): void;
  /** The raw traffic, for a recording. */
  connected?(): void;
  sent?(frame: string): void;
  received?(wallMs: number, data: Buffer, isBinary: boolean): void;
}

export interface ExchangeFeedOptions extends LineParts {
  readonly instruments: readonly FeedInstrument[];
  readonly effects: ExchangeFeedEffects;
  /** Larger than every epoch that these books were published under before. */
  readonly epoch: number;
  /** Fewer symbols on a connection than the exchange allows. */
  readonly symbolsPerConnection?: number;
  readonly rollover?: Partial<RolloverPolicy>;
}

/** Which states of single connections matter most for the whole. */
const WORST_FIRST: readonly FeedState[] = ['disconnected', 'connecting', 'stale', 'syncing', 'live'];

/** Symbols that one connection can carry: a topic each for depth, best quote and trades. */
export function symbolsPerConnection({ channels, limits }: Capabilities): number {
  const topics = channels.bestQuote === null ? 2 : 3;
  return Math.max(1, Math.floor(limits.topicsPerConnection / topics));
}

/**
 * All books of one exchange on as many connections as it takes, without I/O of its own: ports and effects are handed in. Each
 * connection lives by itself: what one loses, the others keep.
 */
export class ExchangeFeed {
  private readonly options: ExchangeFeedOptions;
  private readonly shards: readonly FeedShard[];
  private readonly states: { state: FeedState; reason: string }[];
  /** Requests on their way: which connection asked, and its own number of it. */
  private readonly asked = new Map<number, { readonly lineId: number; readonly id: number }>();
  private state: FeedState = 'connecting';
  private lastRequestId = 0;
  private lastLineId = 0;
  private lastEpoch: number;

  constructor(options: ExchangeFeedOptions) {
    this.options = options;
    this.lastEpoch = options.epoch - 1;
    const { instruments, connector } = options;
    const most = symbolsPerConnection(connector.capabilities);
    const size = Math.max(1, Math.min(most, options.symbolsPerConnection ?? most));
    const policy = { ...DEFAULT_ROLLOVER, ...options.rollover };
    const parts = instruments.length === 0 ? [[]] : inChunks(instruments, size);
    this.states = parts.map(() => ({ state: 'connecting', reason: '' }));
    this.shards = parts.map((part, at) => new FeedShard(part, options, this.shardEffects(at), policy));
  }

  start(): void {
    for (const shard of this.shards) shard.start();
  }

  /** Ends in order: closes every connection and distrusts every book. */
  stop(reason: string): void {
    for (const shard of this.shards) shard.stop(reason);
  }

  /** Nobody may use its books any more. No effect is asked for. */
  abandon(): void {
    for (const shard of this.shards) shard.abandon();
  }

  /** Opens every connection anew. */
  recycle(reason: string): void {
    for (const shard of this.shards) shard.recycle(reason);
  }

  /** Regular work, about four times a second. */
  tick(): void {
    for (const shard of this.shards) shard.tick();
  }

  /** Publishes every changed book once. */
  flush(): void {
    for (const shard of this.shards) shard.flush();
  }

  httpAnswer(id: number, status: number, headers: Readonly<Record<string, string>>, body: Buffer): void {
    const { limiter, clock } = this.options;
    const asked = this.take(id);
    const line = asked === undefined ? undefined : this.lineOf(asked.lineId);
    // Of a connection that is gone: what it says of the budget holds all the same.
    if (asked === undefined || line === undefined)
      return void limiter.observe(status, headers, clock.monotonicMs());
    line.feed.httpAnswer(asked.id, status, headers, body, clock.nowMs(), clock.monotonicMs());
  }

  httpFailed(id: number, reason: string): void {
    const asked = this.take(id);
    if (asked !== undefined)
      this.lineOf(asked.lineId)?.feed.httpFailed(asked.id, reason, this.options.clock.monotonicMs());
  }

  enter(lineId: number, attempt: number, url: string): void {
    this.lineOf(lineId)?.manager.enter(attempt, url);
  }

  refuse(lineId: number, attempt: number, reason: string): void {
    this.lineOf(lineId)?.manager.refuse(attempt, reason);
  }

  summary(): FeedSummary {
    const { connector, clock, limiter } = this.options;
    const whole = summaryOf({
      exchange: connector.exchange,
      state: this.state,
      feeds: this.shards.map(({ line }) => line.feed),
      restBlocked: limiter.timesBlocked,
      fallbacks: connector.fallbacks?.() ?? {},
      nowMs: clock.monotonicMs(),
    });
    return { ...whole, lines: this.shards.map((shard) => shard.summary()) };
  }

  private shardEffects(at: number): ShardEffects {
    const { effects } = this.options;
    return {
      newLineId: () => ++this.lastLineId,
      newEpoch: () => ++this.lastEpoch,
      ticket: (lineId, attempt) => effects.ticket(lineId, attempt),
      request: (lineId, id, request) => this.request(lineId, id, request),
      status: (instrument, state, reason) => {
        if (instrument === null) this.shardIs(at, state, reason);
        else effects.status(instrument, state, reason);
      },
      instrumentState: (instrument, state, reason) => effects.instrumentState(instrument, state, reason),
      trade: (print) => effects.trade(print),
      fail: (error) => effects.fail(error),
      connected: () => effects.connected?.(),
      sent: (frame) => effects.sent?.(frame),
      received: (wallMs, data, isBinary) => effects.received?.(wallMs, data, isBinary),
      taken: () => effects.dirty(),
    };
  }

  private request(lineId: number, id: number, request: RestRequest): void {
    const own = ++this.lastRequestId;
    this.asked.set(own, { lineId, id });
    this.options.effects.request(own, request);
  }

  private take(id: number) {
    const asked = this.asked.get(id);
    this.asked.delete(id);
    return asked;
  }

  private lineOf(id: number) {
    for (const shard of this.shards) {
      const line = shard.lineOf(id);
      if (line !== undefined) return line;
    }
    return undefined;
  }

  /** The exchange is as its worst connection; while one of several still serves, it is not gone but incomplete. */
  private shardIs(at: number, state: FeedState, reason: string): void {
    this.states[at] = { state, reason };
    const serving = this.states.filter((one) => one.state !== 'disconnected' && one.state !== 'connecting');
    const worst = WORST_FIRST.find((one) => this.states.some((shard) => shard.state === one)) ?? state;
    const isPartial = serving.length > 0 && serving.length < this.states.length;
    const whole = isPartial ? 'syncing' : worst;
    if (whole === this.state) return;
    this.state = whole;
    const told =
      this.states.length === 1 ? reason : `${serving.length} of ${this.states.length} connections: ${reason}`;
    this.options.effects.status(null, whole, told.slice(0, 300));
  }
}
