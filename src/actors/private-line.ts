import type { ConnectionLimits } from '../connectors/base.js';
import type { Endpoints } from '../connectors/connection-terms.js';
import { FrameError } from '../connectors/frame-error.js';
import type {
  BalanceReport,
  Credentials,
  ExchangeAnswer,
  OrderReport,
  PrivateCall,
  PrivateSink,
  PrivateStream,
  SigningMoment,
  TradeReport,
} from '../connectors/order-entry.js';
import { WebSocketManager } from '../connectors/websocket-manager.js';
import { ArbotError } from '../messages/errors.js';
import type { Socket, SocketHandlers, SocketOptions } from '../ports/network.js';
import type { Clock } from '../ports/time.js';

/** From the open socket to everything being served. */
const LOGIN_MS = 10_000;

export interface PrivateLineOptions {
  readonly stream: PrivateStream;
  readonly endpoints: Endpoints;
  readonly credentials: Credentials;
  /** Of the exchange's sockets; frame size and lifetime are the stream's own. */
  readonly limits: ConnectionLimits;
  readonly connect: (url: string, options: SocketOptions, handlers: SocketHandlers) => Socket;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly moment: () => SigningMoment;
  readonly symbols: () => readonly string[];
  /** Asks for the address of the next connection, where the stream wants that; what comes of it goes to `ticket`. */
  readonly askTicket: (call: PrivateCall, attempt: number) => void;
  readonly events: PrivateLineEvents;
}

export interface PrivateLineEvents {
  /** Everything is served from now on; what happened before was not told. */
  up(): void;
  down(reason: string): void;
  /** A frame could not be read: whatever it said has to be asked for. */
  unreadable(error: FrameError): void;
  order(report: OrderReport): void;
  trade(report: TradeReport): void;
  balance(report: BalanceReport): void;
  transferred(ticker: string): void;
}

/**
 * The private stream of one account: opens, logs in, subscribes, proves the line alive, comes back with backoff, and is opened
 * anew before the exchange ends it. Its owner calls `tick` a few times a second.
 */
export class PrivateLine implements PrivateSink {
  private readonly options: PrivateLineOptions;
  private readonly manager: WebSocketManager;
  private isUp = false;
  private openedMs = 0;
  private lastReason = '';
  private acknowledged = 0;
  private readonly counts = { frames: 0, unreadable: 0, refused: 0 };

  constructor(options: PrivateLineOptions) {
    this.options = options;
    const { stream, endpoints, limits, clock, random, connect } = options;
    this.manager = new WebSocketManager({
      url: stream.url(endpoints),
      ...(stream.ticket !== undefined && {
        ticket: { ask: (attempt: number) => options.askTicket(stream.ticket!.call, attempt) },
      }),
      heartbeat: stream.heartbeat,
      limits: { ...limits, maxFrameBytes: stream.maxFrameBytes, lifetimeMs: stream.lifetimeMs },
      connect: (url, socketOptions, handlers) => {
        const headers = stream.handshakeHeaders(options.credentials, options.moment());
        return connect(url, { ...socketOptions, headers }, handlers);
      },
      clock,
      random,
      events: {
        connecting: () => undefined,
        opened: () => this.opened(),
        frame: (data) => this.frame(data),
        alive: () => undefined,
        closed: (reason) => this.closed(reason),
      },
    });
  }

  start(): void {
    this.manager.start();
  }

  stop(): void {
    this.manager.stop();
  }

  tick(): void {
    this.manager.tick();
    const isLate = this.options.clock.monotonicMs() - this.openedMs > LOGIN_MS;
    if (this.manager.state === 'open' && !this.isUp && isLate)
      this.manager.reconnect(`not served ${LOGIN_MS} ms after it opened`);
  }

  /** The answer to `askTicket`, or why there is none. */
  ticket(attempt: number, answer: ExchangeAnswer | string): void {
    const { stream, endpoints, moment } = this.options;
    if (typeof answer === 'string') return this.manager.refuse(attempt, answer);
    try {
      this.manager.enter(attempt, stream.ticket!.addressOf(answer, moment().nonce, endpoints));
    } catch (error) {
      if (!(error instanceof ArbotError)) throw error;
      this.manager.refuse(attempt, error.message);
    }
  }

  private opened(): void {
    const { stream, credentials, moment, clock } = this.options;
    this.openedMs = clock.monotonicMs();
    this.acknowledged = 0;
    for (const text of stream.login(credentials, moment())) this.manager.send(text);
    if (stream.isOpenAuthorised) this.authorised();
  }

  private frame(data: Buffer): void {
    this.counts.frames++;
    try {
      this.options.stream.decode(data, this);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.counts.unreadable++;
      this.options.events.unreadable(error);
    }
  }

  private closed(reason: string): void {
    const wasUp = this.isUp;
    this.isUp = false;
    this.lastReason = reason;
    if (wasUp) this.options.events.down(reason);
  }

  authorised(): void {
    const { stream, symbols } = this.options;
    for (const text of stream.subscribe(symbols())) this.manager.send(text);
    // No answer comes there: what was asked for is served, or the line closes.
    if (stream.acknowledgements === 0) this.served();
  }

  subscribed(): void {
    this.acknowledged++;
    if (this.acknowledged >= this.options.stream.acknowledgements) this.served();
  }

  private served(): void {
    if (this.isUp || this.manager.state !== 'open') return;
    this.isUp = true;
    this.lastReason = '';
    this.options.events.up();
  }

  refused(code: string, message: string): void {
    this.counts.refused++;
    this.manager.reconnect(`refused: ${code} ${message}`.slice(0, 200));
  }

  order(report: OrderReport): void {
    this.options.events.order(report);
  }

  trade(report: TradeReport): void {
    this.options.events.trade(report);
  }

  balance(report: BalanceReport): void {
    this.options.events.balance(report);
  }

  transferred(ticker: string): void {
    this.options.events.transferred(ticker);
  }

  pong(): void {
    // The frame itself is the proof.
  }

  closing(reason: string): void {
    this.manager.reconnect(`the exchange is about to close: ${reason}`.slice(0, 200));
  }

  summary(): Readonly<Record<string, unknown>> {
    return { ...this.manager.summary(), isUp: this.isUp, lastReason: this.lastReason, ...this.counts };
  }
}
