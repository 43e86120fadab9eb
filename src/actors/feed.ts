import type { Connector, Endpoints } from '../connectors/base.js';
import type { HealPolicy } from '../connectors/feed-healer.js';
import type { FeedInstrument } from '../connectors/feed-symbol.js';
import type { FeedEffects, FeedRequest } from '../connectors/feed-effects.js';
import { MarketFeed } from '../connectors/market-feed.js';
import { RateLimiter } from '../connectors/rate-limiter.js';
import { WebSocketManager, type ConnectionPolicy } from '../connectors/websocket-manager.js';
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
  /** Open a new connection and synchronise anew. */
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
}

export const DEFAULT_FEED: FeedOptions = { tickMs: 250, publishTrades: true, connection: {}, heal: {} };

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
  readonly options?: Partial<FeedOptions>;
  readonly recorder?: FeedRecorder;
}

/**
 * The actor of one exchange connection: a `MarketFeed` on a `WebSocketManager`. Frames are processed inside the socket's
 * callback, without a mailbox hop, and published once per batch of frames. A lost connection is a state of the feed; a storm
 * of bad frames or a book that does not heal is a crash.
 */
export function feedActor(parts: FeedActorParts): ActorDefinition<FeedMessage> {
  return {
    kind: 'feed',
    mailbox: {
      capacity: 1024,
      policyOf: (message) =>
        message.kind === 'tick' ? { kind: 'conflate', key: 'tick' } : { kind: 'reject' },
    },
    handlerTimeoutMs: 5000,
    create: (context) => new FeedActor(parts, context),
  };
}

/**
 * Grows over restarts of the actor and of the process; also when the wall clock was set back in between, since the board
 * refuses the books of an older epoch.
 */
function epochAfter({ board, instruments }: FeedActorParts, nowMs: number): number {
  const newest = instruments.map(({ id }) => board.epoch[board.slotOf(id)]!);
  return Math.max(Math.floor(nowMs), ...newest.map((epoch) => epoch + 1));
}

class FeedActor implements ActorBehaviour<FeedMessage> {
  private readonly parts: FeedActorParts;
  private readonly context: ActorContext<FeedMessage>;
  private readonly options: FeedOptions;
  private readonly endpoints: Endpoints;
  private readonly feed: MarketFeed;
  private readonly connection: WebSocketManager;
  private readonly epoch: number;
  private flushPlanned = false;
  private readonly flush: () => void;

  constructor(parts: FeedActorParts, context: ActorContext<FeedMessage>) {
    this.parts = parts;
    this.context = context;
    this.options = { ...DEFAULT_FEED, ...parts.options };
    this.endpoints = { ...parts.connector.endpoints, ...parts.endpoints };
    this.epoch = epochAfter(parts, context.clock.nowMs());
    this.feed = this.newFeed();
    this.connection = this.newConnection();
    this.flush = context.guard(() => {
      this.flushPlanned = false;
      this.feed.flush();
    });
    context.onEnd(() => this.feed.abandon());
    context.every('tick', this.options.tickMs, { kind: 'tick' });
    this.connection.start();
  }

  handle(message: FeedMessage): void {
    const { clock } = this.context;
    switch (message.kind) {
      case 'tick':
        this.connection.tick();
        return this.feed.tick(clock.nowMs(), clock.monotonicMs());
      case 'httpAnswer': {
        const { status, headers, body } = message.response;
        this.parts.recorder?.rest(message.url, body.toString('utf8'));
        this.feed.httpAnswer(message.id, status, headers, body, clock.nowMs(), clock.monotonicMs());
        return this.feed.flush();
      }
      case 'httpFailed':
        return this.feed.httpFailed(message.id, message.reason, clock.monotonicMs());
      case 'recycle':
        return this.connection.reconnect(message.reason);
    }
  }

  stopping(): void {
    this.connection.stop();
    this.feed.closed('stopped', this.context.clock.monotonicMs());
    this.publishStatus(null, 'stopped', 'stopped in order');
  }

  summary(): Readonly<Record<string, unknown>> {
    return {
      ...this.feed.summary(this.context.clock.monotonicMs()),
      connection: this.connection.state,
      url: this.endpoints.websocketUrl,
    };
  }

  private newFeed(): MarketFeed {
    const { connector, instruments, board, limiter } = this.parts;
    return new MarketFeed({
      connector,
      instruments,
      board,
      effects: this.effects(),
      limiter: limiter ?? new RateLimiter(connector.capabilities.restLimits),
      random: () => this.context.random.next(),
      epoch: this.epoch,
      heal: this.options.heal,
    });
  }

  private newConnection(): WebSocketManager {
    const { connector, sockets, recorder } = this.parts;
    const { clock, random } = this.context;
    const url = this.endpoints.websocketUrl;
    return new WebSocketManager({
      url,
      heartbeat: connector.capabilities.heartbeat,
      limits: connector.capabilities.limits,
      connect: (to, options, handlers) => this.context.connect(sockets, to, options, handlers),
      clock,
      random: () => random.next(),
      policy: this.options.connection,
      events: {
        connecting: () => this.feed.connecting(),
        opened: () => {
          recorder?.sent('connect', url, null);
          this.feed.opened(clock.nowMs(), clock.monotonicMs());
        },
        frame: (data, isBinary) => this.frame(data, isBinary),
        alive: () => this.feed.alive(clock.monotonicMs()),
        closed: (reason) => this.feed.closed(reason.slice(0, 300), clock.monotonicMs()),
      },
    });
  }

  private frame(data: Buffer, isBinary: boolean): void {
    const wallMs = this.context.clock.nowMs();
    this.parts.recorder?.frame(wallMs, data, isBinary);
    this.feed.frame(data, wallMs, this.context.clock.monotonicMs());
    if (this.flushPlanned) return;
    this.flushPlanned = true;
    this.parts.timers.setImmediate(this.flush);
  }

  private effects(): FeedEffects {
    return {
      send: (frame) => {
        this.parts.recorder?.sent('send', this.endpoints.websocketUrl, frame);
        this.connection.send(frame);
      },
      request: (request) => this.request(request),
      reconnect: (reason) => this.connection.reconnect(reason),
      status: (instrument, state, reason) => this.publishStatus(instrument, state, reason),
      instrumentState: (instrument, state, reason) => this.publishState({ instrument, state, reason }),
      trade: (print) => this.publishTrade(print),
      fail: (error) => this.context.crash(error),
    };
  }

  private request({ id, request }: FeedRequest): void {
    const { method = 'GET', path, timeoutMs, maxBodyBytes } = request;
    const url = this.endpoints.restUrl + path;
    this.context.pipe(
      this.parts.http.request({ method, url, timeoutMs, maxBodyBytes }, this.context.signal),
      (response) => ({ kind: 'httpAnswer', id, url, response }),
      (error) => ({ kind: 'httpFailed', id, reason: errorText(error) }),
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
    const { exchange } = this.parts.connector;
    this.context.log.warn({ exchange, ...change }, 'instrument state');
    const atMs = this.context.clock.nowMs();
    const traceId = this.context.ids.next('state');
    const subject = subjectOf('instrumentStateChanged', exchange);
    this.parts.bus.publish(subject, 'instrumentStateChanged', { ...change, atMs }, { traceId });
  }

  private publishTrade(print: TradePrint): void {
    if (!this.options.publishTrades) return;
    const [exchange, pair] = print.instrument.split(':');
    this.parts.bus.publish(subjectOf('tradePrint', exchange!, pair!), 'tradePrint', print, {
      traceId: this.context.ids.next('trade'),
    });
  }
}
