import type { Connector, Endpoints, RestRequest } from '../connectors/base.js';
import type { ConnectionPolicy } from '../connectors/connection-policy.js';
import { ExchangeFeed, type ExchangeFeedEffects } from '../connectors/exchange-feed.js';
import type { HealPolicy } from '../connectors/feed-healer.js';
import type { RolloverPolicy } from '../connectors/feed-shard.js';
import type { FeedInstrument } from '../connectors/feed-symbol.js';
import { restLimiterOf } from '../connectors/limit-answers.js';
import type { RateLimiter } from '../connectors/rate-limiter.js';
import { fetchAddress } from '../connectors/rest-client.js';
import { connectLimiterOf } from '../connectors/websocket-manager.js';
import type { LiveInstruments } from '../market/live-instruments.js';
import type { QuoteBoard } from '../market/quote-board.js';
import { subjectOf } from '../messages/catalogue.js';
import { errorText } from '../messages/errors.js';
import type { FeedState, InstrumentStateChanged, TradePrint } from '../messages/feed.js';
import type { InstrumentId } from '../messages/primitives.js';
import type { Bus } from '../ports/bus.js';
import type { HttpClient, HttpResponse, Sockets } from '../ports/network.js';
import type { Timers } from '../ports/time.js';
import type { ActorBehaviour, ActorContext, ActorDefinition } from '../runtime/actor.js';

/** What a feed actor is told. */
export type FeedMessage =
  | { readonly kind: 'tick' }
  | {
      readonly kind: 'httpAnswer';
      readonly id: number;
      readonly url: string;
      readonly response: HttpResponse;
    }
  | { readonly kind: 'httpFailed'; readonly id: number; readonly reason: string }
  /** The address of the next connection, where the exchange hands out tickets. */
  | { readonly kind: 'ticket'; readonly line: number; readonly attempt: number; readonly url: string }
  | { readonly kind: 'noTicket'; readonly line: number; readonly attempt: number; readonly reason: string }
  /** Open every connection anew and synchronise anew. */
  | { readonly kind: 'recycle'; readonly reason: string };

/** Gets the raw traffic, exactly as it came and went. Must not throw for a slow disk. */
export interface FeedRecorder {
  /** The bytes are valid until the call returns. `receiveTimeMs`: Unix ms. */
  frame(receiveTimeMs: number, data: Buffer, isBinary: boolean): void;
  sent(kind: 'connect' | 'send', url: string, data: string | null): void;
  rest(url: string, body: string): void;
}

export interface FeedOptions {
  /** Milliseconds between two rounds of regular work. */
  readonly tickMs: number;
  /** Public trades are published on the bus. */
  readonly publishTrades: boolean;
  readonly connection: Partial<ConnectionPolicy>;
  readonly heal: Partial<HealPolicy>;
  readonly rollover: Partial<RolloverPolicy>;
  /** Fewer symbols on a connection than the exchange allows; null = as many as it allows. */
  readonly symbolsPerConnection: number | null;
}

export const DEFAULT_FEED: FeedOptions = {
  tickMs: 250,
  publishTrades: true,
  connection: {},
  heal: {},
  rollover: {},
  symbolsPerConnection: null,
};

/** How long a ticket may wait for its part of the REST budget. */
const TICKET_WAIT_MS = 10_000;

export interface FeedActorParts {
  readonly connector: Connector;
  readonly instruments: readonly FeedInstrument[];
  readonly board: QuoteBoard;
  readonly sockets: Sockets;
  readonly http: HttpClient;
  readonly bus: Bus;
  readonly timers: Timers;
  /** Where the exchange is reached; the connector's own by default. */
  readonly endpoints?: Partial<Endpoints>;
  /** REST budget; shared with the order gateway of the same exchange where there is one. */
  readonly limiter?: RateLimiter;
  /** Where notices on the socket are written before they are told; absent = they are only told. */
  readonly live?: LiveInstruments;
  /** Budget of connection attempts, shared by everything that connects to this exchange. */
  readonly connects?: RateLimiter;
  readonly options?: Partial<FeedOptions>;
  readonly recorder?: FeedRecorder;
  /** Larger than every epoch that these books were shown under elsewhere; absent = the board knows them all. */
  readonly fromEpoch?: number;
  /** Gets every public trade at once, in the turn of its frame: it must be quick and never throw. */
  readonly trades?: (print: TradePrint) => void;
}

/**
 * The actor of one exchange: an `ExchangeFeed` on real ports. Frames are processed inside the socket's callback, without a
 * mailbox hop, and published once per batch of frames. A lost connection is a state of the feed; a storm of bad frames or a
 * book that does not heal is a crash.
 */
export function feedActor(parts: FeedActorParts): ActorDefinition<FeedMessage> {
  // The budgets outlive an incarnation: the exchange counts on.
  const limiter = parts.limiter ?? restLimiterOf(parts.connector);
  const connects = parts.connects ?? connectLimiterOf(parts.connector.capabilities.limits);
  return {
    kind: 'feed',
    mailbox: {
      capacity: 1024,
      policyOf: (message) =>
        message.kind === 'tick' ? { kind: 'conflate', key: 'tick' } : { kind: 'reject' },
    },
    handlerTimeoutMs: 5000,
    create: (context) => new FeedActor({ ...parts, limiter, connects }, context),
  };
}

/**
 * Grows over restarts of the actor and of the process; also when the wall clock was set back in between, since the board
 * refuses the books of an older epoch.
 */
function epochAfter({ board, instruments, fromEpoch }: FeedActorParts, nowMs: number): number {
  const newest = instruments.map(({ id }) => board.epoch[board.slotOf(id)]!);
  return Math.max(Math.floor(nowMs), fromEpoch ?? 0, ...newest.map((epoch) => epoch + 1));
}

type Parts = FeedActorParts & { readonly limiter: RateLimiter; readonly connects: RateLimiter };

class FeedActor implements ActorBehaviour<FeedMessage> {
  private readonly parts: Parts;
  private readonly context: ActorContext<FeedMessage>;
  private readonly options: FeedOptions;
  private readonly endpoints: Endpoints;
  private readonly feed: ExchangeFeed;
  private readonly epoch: number;
  private flushPlanned = false;
  private readonly flush: () => void;

  constructor(parts: Parts, context: ActorContext<FeedMessage>) {
    this.parts = parts;
    this.context = context;
    this.options = { ...DEFAULT_FEED, ...parts.options };
    this.endpoints = { ...parts.connector.endpoints, ...parts.endpoints };
    this.epoch = epochAfter(parts, context.clock.nowMs());
    this.flush = context.guard(() => {
      this.flushPlanned = false;
      this.feed.flush();
    });
    this.feed = this.newFeed();
    context.onEnd(() => this.feed.abandon());
    context.every('tick', this.options.tickMs, { kind: 'tick' });
    this.feed.start();
  }

  handle(message: FeedMessage): void {
    switch (message.kind) {
      case 'tick':
        return this.feed.tick();
      case 'httpAnswer': {
        const { status, headers, body } = message.response;
        this.parts.recorder?.rest(message.url, body.toString('utf8'));
        this.feed.httpAnswer(message.id, status, headers, body);
        return this.feed.flush();
      }
      case 'httpFailed':
        return this.feed.httpFailed(message.id, message.reason);
      case 'ticket':
        return this.feed.enter(message.line, message.attempt, message.url);
      case 'noTicket':
        return this.feed.refuse(message.line, message.attempt, message.reason);
      case 'recycle':
        return this.feed.recycle(message.reason);
    }
  }

  stopping(): void {
    this.feed.stop('stopped');
    this.publishStatus(null, 'stopped', 'stopped in order');
  }

  summary(): Readonly<Record<string, unknown>> {
    return { ...this.feed.summary(), url: this.endpoints.websocketUrl };
  }

  private newFeed(): ExchangeFeed {
    const { connector, instruments, board, limiter, connects, sockets, recorder } = this.parts;
    const { clock, random } = this.context;
    const { connection, heal, rollover, symbolsPerConnection } = this.options;
    return new ExchangeFeed({
      connector,
      websocketUrl: this.endpoints.websocketUrl,
      instruments,
      board,
      limiter,
      connects,
      connect: (to, options, handlers) => this.context.connect(sockets, to, options, handlers),
      clock,
      random: () => random.next(),
      connection,
      heal,
      // A recording is of one connection at a time: two that overlap would replay as one that repeats itself.
      rollover: { ...rollover, ...(recorder !== undefined && { overlap: false }) },
      ...(symbolsPerConnection !== null && { symbolsPerConnection }),
      effects: this.effects(),
      epoch: this.epoch,
    });
  }

  private effects(): ExchangeFeedEffects {
    const { recorder } = this.parts;
    const url = this.endpoints.websocketUrl;
    return {
      request: (id, request) => this.request(id, request),
      ticket: (line, attempt) => this.fetchTicket(line, attempt),
      status: (instrument, state, reason) => this.publishStatus(instrument, state, reason),
      instrumentState: (instrument, state, reason) => this.publishState({ instrument, state, reason }),
      trade: (print) => this.publishTrade(print),
      fail: (error) => this.context.crash(error),
      dirty: () => this.planFlush(),
      connected: () => recorder?.sent('connect', url, null),
      sent: (frame) => recorder?.sent('send', url, frame),
      received: (wallMs, data, isBinary) => recorder?.frame(wallMs, data, isBinary),
    };
  }

  private planFlush(): void {
    if (this.flushPlanned) return;
    this.flushPlanned = true;
    this.parts.timers.setImmediate(this.flush);
  }

  private request(id: number, { method = 'GET', path, timeoutMs, maxBodyBytes }: RestRequest): void {
    const url = this.endpoints.restUrl + path;
    this.context.pipe(
      this.parts.http.request({ method, url, timeoutMs, maxBodyBytes }, this.context.signal),
      (response) => ({ kind: 'httpAnswer', id, url, response }),
      (error) => ({ kind: 'httpFailed', id, reason: errorText(error) }),
    );
  }

  private fetchTicket(line: number, attempt: number): void {
    const { connector, http, limiter, timers } = this.parts;
    const { clock, signal, ids } = this.context;
    const rest = { connector, endpoints: this.endpoints, http, limiter, clock, timers, signal };
    this.context.pipe(
      fetchAddress({ ...rest, longestWaitMs: TICKET_WAIT_MS }, ids.next('socket')),
      (url) => ({ kind: 'ticket', line, attempt, url }),
      (error) => ({ kind: 'noTicket', line, attempt, reason: errorText(error) }),
    );
  }

  private publishStatus(instrument: InstrumentId | null, state: FeedState, reason: string): void {
    const { exchange } = this.parts.connector;
    this.context.log.info({ exchange, instrument, state, reason }, 'feed state');
    this.parts.bus.publish(
      subjectOf('feedStatus', exchange),
      'feedStatus',
      {
        exchange,
        ...(instrument !== null && { instrument }),
        state,
        reason: reason.slice(0, 300),
        epoch: this.epoch,
        atMs: this.context.clock.nowMs(),
      },
      { traceId: this.context.ids.next('feed') },
    );
  }

  private publishState(change: Omit<InstrumentStateChanged, 'atMs'>): void {
    const { connector, live } = this.parts;
    const { exchange } = connector;
    const { instrument, state, reason } = change;
    live?.notice(instrument, state, reason, this.context.clock.monotonicMs());
    const level = state === 'trading' ? 'info' : 'warn';
    this.context.log[level]({ exchange, ...change }, 'instrument state');
    const atMs = this.context.clock.nowMs();
    const traceId = this.context.ids.next('state');
    const subject = subjectOf('instrumentStateChanged', exchange);
    this.parts.bus.publish(subject, 'instrumentStateChanged', { ...change, atMs }, { traceId });
  }

  private publishTrade(print: TradePrint): void {
    this.parts.trades?.(print);
    if (!this.options.publishTrades) return;
    const [exchange, pair] = print.instrument.split(':');
    this.parts.bus.publish(subjectOf('tradePrint', exchange!, pair!), 'tradePrint', print, {
      traceId: this.context.ids.next('trade'),
    });
  }
}
