import type { QuoteBoard } from '../market/quote-board.js';
import type { ArbotError } from '../messages/errors.js';
import type { FeedState, InstrumentState, TradePrint } from '../messages/feed.js';
import type { InstrumentId } from '../messages/primitives.js';
import type { Socket, SocketHandlers, SocketOptions } from '../ports/network.js';
import type { Clock } from '../ports/time.js';
import type { Connector, RestRequest } from './base.js';
import type { HealPolicy } from './feed-healer.js';
import type { FeedInstrument } from './feed-symbol.js';
import { MarketFeed } from './market-feed.js';
import type { RateLimiter } from './rate-limiter.js';
import { WebSocketManager, type ConnectionPolicy } from './websocket-manager.js';

/** What all connections to one exchange share. */
export interface LineParts {
  readonly connector: Connector;
  readonly websocketUrl: string;
  readonly board: QuoteBoard;
  /** REST budget; shared with orders of the same exchange. */
  readonly limiter: RateLimiter;
  /** Connection attempts. */
  readonly connects: RateLimiter;
  /** Opens a socket: `Sockets.connect`, or an actor's guarded form of it. */
  readonly connect: (url: string, options: SocketOptions, handlers: SocketHandlers) => Socket;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly connection?: Partial<ConnectionPolicy>;
  readonly heal?: Partial<HealPolicy>;
}

/** What a line tells and asks of its shard. */
export interface LineEvents {
  ticket(line: FeedLine, attempt: number): void;
  request(line: FeedLine, id: number, request: RestRequest): void;
  status(line: FeedLine, instrument: InstrumentId | null, state: FeedState, reason: string): void;
  instrumentState(instrument: InstrumentId, state: InstrumentState, reason: string): void;
  trade(print: TradePrint): void;
  opened(): void;
  /** Told before its books are given up. */
  closing(line: FeedLine): void;
  /** The exchange will end it soon. */
  renew(line: FeedLine, reason: string): void;
  fail(line: FeedLine, error: ArbotError): void;
  /** A frame as received, before it is read; `taken` follows. */
  received(wallMs: number, data: Buffer, isBinary: boolean): void;
  taken(): void;
  sent(frame: string): void;
}

/** One connection and the books that come over it. */
export class FeedLine {
  /** Unique among the lines of one exchange. */
  readonly id: number;
  readonly manager: WebSocketManager;
  readonly feed: MarketFeed;
  private readonly parts: LineParts;
  private readonly events: LineEvents;

  /** `epoch` null: it speaks for no symbol until it is granted one. */
  constructor(
    id: number,
    instruments: readonly FeedInstrument[],
    epoch: number | null,
    parts: LineParts,
    events: LineEvents,
  ) {
    this.id = id;
    this.parts = parts;
    this.events = events;
    this.feed = this.newFeed(instruments, epoch);
    this.manager = this.newManager();
  }

  get isOpen(): boolean {
    return this.manager.state === 'open';
  }

  tick(): void {
    this.manager.tick();
    this.feed.tick(this.parts.clock.nowMs(), this.parts.clock.monotonicMs());
  }

  private newFeed(instruments: readonly FeedInstrument[], epoch: number | null): MarketFeed {
    const { connector, board, limiter, random, heal } = this.parts;
    const { events } = this;
    return new MarketFeed({
      connector,
      instruments,
      board,
      limiter,
      random,
      epoch,
      ...(heal !== undefined && { heal }),
      effects: {
        send: (frame) => {
          events.sent(frame);
          this.manager.send(frame);
        },
        request: ({ id, request }) => events.request(this, id, request),
        reconnect: (reason) => this.manager.reconnect(reason),
        renew: (reason) => events.renew(this, reason),
        welcomed: () => this.manager.welcomed(),
        status: (instrument, state, reason) => events.status(this, instrument, state, reason),
        instrumentState: (instrument, state, reason) => events.instrumentState(instrument, state, reason),
        trade: (print) => events.trade(print),
        fail: (error) => events.fail(this, error),
      },
    });
  }

  private newManager(): WebSocketManager {
    const { connector, websocketUrl, connects, connect, clock, random, connection } = this.parts;
    const { capabilities } = connector;
    const { events, feed } = this;
    return new WebSocketManager({
      url: websocketUrl,
      ...(capabilities.entrance.kind === 'ticket' && {
        ticket: { ask: (attempt) => events.ticket(this, attempt) },
      }),
      awaitsWelcome: capabilities.awaitsWelcome,
      heartbeat: capabilities.heartbeat,
      limits: capabilities.limits,
      connects,
      connect,
      clock,
      random,
      ...(connection !== undefined && { policy: connection }),
      events: {
        connecting: () => feed.connecting(),
        opened: () => {
          events.opened();
          feed.opened(clock.nowMs(), clock.monotonicMs());
        },
        frame: (data, isBinary) => {
          const wallMs = clock.nowMs();
          events.received(wallMs, data, isBinary);
          feed.frame(data, wallMs, clock.monotonicMs());
          events.taken();
        },
        alive: () => feed.alive(clock.monotonicMs()),
        aging: () => events.renew(this, 'the exchange ends connections of this age'),
        closed: (reason) => {
          events.closing(this);
          feed.closed(reason.slice(0, 300), clock.monotonicMs());
        },
      },
    });
  }
}
