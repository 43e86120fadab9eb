import { errorText } from '../messages/errors.js';
import type { Socket, SocketHandlers, SocketOptions } from '../ports/network.js';
import type { Clock } from '../ports/time.js';
import type { ConnectionLimits, Heartbeat } from './base.js';
import {
  connectBackoffMs,
  connectionAges,
  DEFAULT_CONNECTION,
  type ConnectionAges,
  type ConnectionPolicy,
} from './connection-policy.js';
import { RateLimiter } from './rate-limiter.js';

export type { ConnectionPolicy } from './connection-policy.js';

/** What the owner of a connection is told. `closed` is told exactly once per `opened` or failed attempt. */
export interface ConnectionEvents {
  connecting(): void;
  /** Messages may be sent from now on. */
  opened(): void;
  /** The bytes are valid until the callback returns. */
  frame(data: Buffer, isBinary: boolean): void;
  /** The other side answered without a frame of its own. */
  alive(): void;
  /** The connection comes to the end of its life; told once. Absent: it is dropped and opened anew. */
  aging?(): void;
  closed(reason: string): void;
}

/** Where the exchange wants a ticket before each connection. The owner answers by `enter` or `refuse` of the same attempt. */
export interface TicketDesk {
  ask(attempt: number): void;
}

export interface WebSocketManagerOptions {
  readonly url: string;
  readonly ticket?: TicketDesk;
  /** The exchange greets first; the owner says `welcomed`, and nothing is sent before. */
  readonly awaitsWelcome?: boolean;
  readonly heartbeat: Heartbeat;
  readonly limits: ConnectionLimits;
  /** Connection attempts, shared by all connections to one exchange. Absent = its own. */
  readonly connects?: RateLimiter;
  /** Opens a socket: `Sockets.connect`, or an actor's guarded form of it. */
  readonly connect: (url: string, options: SocketOptions, handlers: SocketHandlers) => Socket;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly events: ConnectionEvents;
  readonly policy?: Partial<ConnectionPolicy>;
}

export type ConnectionPhase =
  | 'stopped'
  /** For the next attempt, or for the exchange's budget of attempts. */
  | 'waiting'
  | 'fetching-ticket'
  | 'connecting'
  /** The socket is open, and the exchange has not greeted yet. */
  | 'greeting'
  | 'open';

/** The budget of connection attempts of an exchange. */
export function connectLimiterOf(limits: ConnectionLimits): RateLimiter {
  return new RateLimiter([limits.connects], { reserve: 0, defaultPauseMs: 60_000 });
}

/**
 * Keeps one connection to an exchange open: fetches the ticket where one is wanted, connects within the exchange's limits,
 * proves the line alive, drops it when it is half-open, and connects again with jittered backoff. It has no timer of its own:
 * its owner calls `tick` about four times a second, so that it also runs on simulated time. Nothing of a dropped socket is
 * heard again.
 */
export class WebSocketManager {
  private readonly options: WebSocketManagerOptions;
  private readonly policy: ConnectionPolicy;
  private readonly connects: RateLimiter;
  private messages: RateLimiter;
  private readonly queue: string[] = [];
  private socket: Socket | null = null;
  private phase: ConnectionPhase = 'stopped';
  /** Of the current attempt; events of others are ignored. */
  private generation = 0;
  private attempts = 0;
  private dueMs = 0;
  private sinceMs = 0;
  private receivedMs = 0;
  private probedMs = -Infinity;
  private opens = 0;
  private failures = 0;
  private ticketFailures = 0;
  private ages: ConnectionAges = connectionAges(null, 0);
  private agingTold = false;

  constructor(options: WebSocketManagerOptions) {
    this.options = options;
    this.policy = { ...DEFAULT_CONNECTION, ...options.policy };
    this.connects = options.connects ?? connectLimiterOf(options.limits);
    this.messages = this.newMessageBudget();
  }

  get state(): ConnectionPhase {
    return this.phase;
  }

  /** How often a connection was established. */
  get timesOpened(): number {
    return this.opens;
  }

  /** What inspection shows. */
  summary(): Readonly<Record<string, unknown>> {
    const { phase, opens, failures, ticketFailures, queue } = this;
    const ageMs = phase === 'open' ? Math.round(this.nowMs() - this.sinceMs) : null;
    return { phase, ageMs, opens, failures, ticketFailures, queued: queue.length };
  }

  start(): void {
    if (this.phase !== 'stopped') return;
    this.phase = 'waiting';
    this.dueMs = this.nowMs();
    this.tick();
  }

  /** Closes for good; `closed` is not told. */
  stop(): void {
    this.phase = 'stopped';
    this.generation++;
    this.queue.length = 0;
    this.socket?.close(1000, 'stopping');
    this.socket = null;
  }

  /** Drops the connection at once and plans the next one. */
  reconnect(reason: string): void {
    if (this.phase !== 'stopped' && this.phase !== 'waiting') this.lost(reason, true);
  }

  /** Sends in order, as fast as the exchange allows. */
  send(text: string): void {
    if (this.phase !== 'open') return;
    if (this.queue.length >= this.policy.maxQueuedMessages)
      return this.lost('too many messages wait to be sent', true);
    this.queue.push(text);
    this.drain();
  }

  /** The ticket of this attempt is here: connect to its address. */
  enter(attempt: number, url: string): void {
    if (this.phase === 'fetching-ticket' && attempt === this.generation) this.connectTo(url);
  }

  /** There is no ticket for this attempt. */
  refuse(attempt: number, reason: string): void {
    if (this.phase !== 'fetching-ticket' || attempt !== this.generation) return;
    this.ticketFailures++;
    this.lost(`no ticket: ${reason}`, false);
  }

  /** The exchange has greeted. */
  welcomed(): void {
    if (this.phase === 'greeting') this.opened();
  }

  tick(): void {
    const now = this.nowMs();
    const { connectTimeoutMs, ticketTimeoutMs, welcomeTimeoutMs } = this.policy;
    const spentMs = now - this.sinceMs;
    if (this.phase === 'waiting' && now >= this.dueMs) this.begin(now);
    else if (this.phase === 'fetching-ticket' && spentMs > ticketTimeoutMs)
      this.refuse(this.generation, 'no answer in time');
    else if (this.phase === 'connecting' && spentMs > connectTimeoutMs + 1000)
      this.lost('no connection in time', true);
    else if (this.phase === 'greeting' && spentMs > welcomeTimeoutMs) this.lost('no welcome in time', true);
    else if (this.phase === 'open') this.watch(now);
  }

  private watch(now: number): void {
    const { everyMs, probeAfterSilenceMs, deadAfterSilenceMs } = this.options.heartbeat;
    const silentMs = now - this.receivedMs;
    if (silentMs >= deadAfterSilenceMs)
      return this.lost(`half-open: silent for ${Math.round(silentMs)} ms`, true);
    if (this.socket!.bufferedBytes() > this.policy.maxBufferedBytes)
      return this.lost('the line does not drain', true);
    if (this.isAged(now)) return this.lost('the exchange ends connections of this age', true);
    if (this.phase !== 'open') return;
    const quiet = silentMs >= probeAfterSilenceMs && this.probedMs < this.receivedMs;
    const due = everyMs !== null && now - Math.max(this.probedMs, this.sinceMs) >= everyMs;
    if (quiet || due) this.probe(now);
    this.drain();
    if (now - this.sinceMs >= this.policy.stableMs) this.attempts = 0;
  }

  /** True when nothing is left but to drop it; before, the owner is told to renew it. */
  private isAged(now: number): boolean {
    const ageMs = now - this.sinceMs;
    if (ageMs < this.ages.renewMs) return false;
    const { events } = this.options;
    if (events.aging === undefined || ageMs >= this.ages.endMs) return true;
    if (this.agingTold) return false;
    this.agingTold = true;
    events.aging();
    return false;
  }

  private probe(now: number): void {
    this.probedMs = now;
    const { probe } = this.options.heartbeat;
    this.messages.tryAcquire({ [this.options.limits.clientMessages.name]: 1 }, now, 'urgent');
    this.guarded(() => (probe.kind === 'ping' ? this.socket!.ping() : this.socket!.send(probe.text)));
  }

  private drain(): void {
    const costs = { [this.options.limits.clientMessages.name]: 1 };
    while (this.queue.length > 0 && this.phase === 'open') {
      if (this.messages.tryAcquire(costs, this.nowMs()) > 0) return;
      const text = this.queue.shift()!;
      this.guarded(() => this.socket!.send(text));
    }
  }

  /** A socket that throws on use is lost; the reason says why. */
  private guarded(use: () => void): void {
    try {
      use();
    } catch (error) {
      this.lost(`sending failed: ${errorText(error)}`, true);
    }
  }

  /** The next attempt, when the exchange's budget allows one. */
  private begin(now: number): void {
    const wait = this.connects.tryAcquire({ [this.options.limits.connects.name]: 1 }, now);
    if (wait > 0) {
      this.dueMs = now + wait;
      return;
    }
    this.sinceMs = now;
    this.attempts++;
    const attempt = ++this.generation;
    const { ticket, url, events } = this.options;
    this.phase = ticket === undefined ? 'connecting' : 'fetching-ticket';
    events.connecting();
    if (attempt !== this.generation) return;
    if (ticket === undefined) this.connectTo(url);
    else ticket.ask(attempt);
  }

  private connectTo(url: string): void {
    this.phase = 'connecting';
    this.sinceMs = this.nowMs();
    const attempt = this.generation;
    const { maxFrameBytes } = this.options.limits;
    const options = { maxFrameBytes, connectTimeoutMs: this.policy.connectTimeoutMs };
    try {
      const socket = this.options.connect(url, options, this.handlersOf(attempt));
      if (attempt === this.generation) this.socket = socket;
      else socket.terminate();
    } catch (error) {
      this.lost(`connecting failed: ${errorText(error)}`, false);
    }
  }

  private handlersOf(attempt: number): SocketHandlers {
    const current = () => attempt === this.generation && this.phase !== 'stopped';
    return {
      onOpen: () => {
        if (!current() || this.phase !== 'connecting') return;
        this.sinceMs = this.nowMs();
        this.phase = 'greeting';
        if (this.options.awaitsWelcome !== true) this.opened();
      },
      onFrame: (data, isBinary) => {
        if (!current()) return;
        this.receivedMs = this.nowMs();
        this.options.events.frame(data, isBinary);
      },
      onPing: () => {
        if (current()) this.heard();
      },
      onPong: () => {
        if (current()) this.heard();
      },
      onClose: (code, reason) => {
        if (current()) this.lost(`closed by the other side: ${code} ${reason}`.slice(0, 200), false);
      },
    };
  }

  private opened(): void {
    const now = this.nowMs();
    this.phase = 'open';
    this.opens++;
    this.sinceMs = now;
    this.receivedMs = now;
    this.probedMs = -Infinity;
    this.messages = this.newMessageBudget();
    const { lifetimeMs } = this.options.limits;
    this.ages = connectionAges(lifetimeMs, lifetimeMs === null ? 0 : this.options.random());
    this.agingTold = false;
    this.options.events.opened();
  }

  private heard(): void {
    this.receivedMs = this.nowMs();
    this.options.events.alive();
  }

  private lost(reason: string, terminate: boolean): void {
    const now = this.nowMs();
    const held = this.phase === 'open' && now - this.sinceMs >= this.policy.stableMs;
    if (held) this.attempts = 0;
    if (this.phase !== 'open') this.failures++;
    this.generation++;
    this.phase = 'waiting';
    this.dueMs = now + connectBackoffMs(this.policy, this.attempts, this.options.random());
    this.queue.length = 0;
    const socket = this.socket;
    this.socket = null;
    if (terminate) socket?.terminate();
    this.options.events.closed(reason);
  }

  private newMessageBudget(): RateLimiter {
    return new RateLimiter([this.options.limits.clientMessages], { reserve: 0, defaultPauseMs: 1000 });
  }

  private nowMs(): number {
    return this.options.clock.monotonicMs();
  }
}
