import { errorText } from '../messages/errors.js';
import type { Socket, SocketHandlers, SocketOptions } from '../ports/network.js';
import type { Clock } from '../ports/time.js';
import type { ConnectionLimits, Heartbeat } from './base.js';
import { RateLimiter } from './rate-limiter.js';

/** What the owner of a connection is told. `closed` is told exactly once per `opened` or failed attempt. */
export interface ConnectionEvents {
  connecting(): void;
  opened(): void;
  /** The bytes are valid until the callback returns. */
  frame(data: Buffer, isBinary: boolean): void;
  /** The other side answered without a frame of its own. */
  alive(): void;
  closed(reason: string): void;
}

export interface ConnectionPolicy {
  readonly connectTimeoutMs: number;
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
  /** A connection that held this long starts the next backoff at zero. */
  readonly stableMs: number;
  readonly maxQueuedMessages: number;
  readonly maxBufferedBytes: number;
}

export const DEFAULT_CONNECTION: ConnectionPolicy = {
  connectTimeoutMs: 8000,
  backoffMinMs: 250,
  backoffMaxMs: 30_000,
  stableMs: 10_000,
  maxQueuedMessages: 1000,
  maxBufferedBytes: 4 << 20,
};

export interface WebSocketManagerOptions {
  readonly url: string;
  readonly heartbeat: Heartbeat;
  readonly limits: ConnectionLimits;
  /** Opens a socket: `Sockets.connect`, or an actor's guarded form of it. */
  readonly connect: (url: string, options: SocketOptions, handlers: SocketHandlers) => Socket;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly events: ConnectionEvents;
  readonly policy?: Partial<ConnectionPolicy>;
}

/**
 * Keeps one connection to an exchange open: connects within the exchange's limits, proves the line alive, drops it when it
 * is half-open, and connects again with jittered backoff. It has no timer of its own: its owner calls `tick` about four
 * times a second, so that it also runs on simulated time. Nothing of a dropped socket is heard again.
 */
export class WebSocketManager {
  private readonly options: WebSocketManagerOptions;
  private readonly policy: ConnectionPolicy;
  private readonly connects: RateLimiter;
  private messages: RateLimiter;
  private readonly queue: string[] = [];
  private socket: Socket | null = null;
  private phase: 'stopped' | 'waiting' | 'connecting' | 'open' = 'stopped';
  /** Of the current socket; events of others are ignored. */
  private generation = 0;
  private attempts = 0;
  private dueMs = 0;
  private sinceMs = 0;
  private receivedMs = 0;
  private probedMs = -Infinity;
  private opens = 0;
  private lifetimeMs = Infinity;

  constructor(options: WebSocketManagerOptions) {
    this.options = options;
    this.policy = { ...DEFAULT_CONNECTION, ...options.policy };
    this.connects = new RateLimiter([options.limits.connects], { reserve: 0, defaultPauseMs: 60_000 });
    this.messages = this.newMessageBudget();
  }

  get state(): 'stopped' | 'waiting' | 'connecting' | 'open' {
    return this.phase;
  }

  /** How often a connection was established. */
  get timesOpened(): number {
    return this.opens;
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
    if (this.phase === 'connecting' || this.phase === 'open') this.lost(reason, true);
  }

  /** Sends in order, as fast as the exchange allows. */
  send(text: string): void {
    if (this.phase !== 'open') return;
    if (this.queue.length >= this.policy.maxQueuedMessages)
      return this.lost('too many messages wait to be sent', true);
    this.queue.push(text);
    this.drain();
  }

  tick(): void {
    const now = this.nowMs();
    if (this.phase === 'waiting' && now >= this.dueMs) this.open(now);
    else if (this.phase === 'connecting' && now - this.sinceMs > this.policy.connectTimeoutMs + 1000) {
      this.lost('no connection in time', true);
    } else if (this.phase === 'open') this.watch(now);
  }

  private watch(now: number): void {
    const { everyMs, probeAfterSilenceMs, deadAfterSilenceMs } = this.options.heartbeat;
    const silentMs = now - this.receivedMs;
    if (silentMs >= deadAfterSilenceMs)
      return this.lost(`half-open: silent for ${Math.round(silentMs)} ms`, true);
    if (now - this.sinceMs >= this.lifetimeMs)
      return this.lost('the exchange ends connections of this age', true);
    if (this.socket!.bufferedBytes() > this.policy.maxBufferedBytes)
      return this.lost('the line does not drain', true);
    const quiet = silentMs >= probeAfterSilenceMs && this.probedMs < this.receivedMs;
    const due = everyMs !== null && now - Math.max(this.probedMs, this.sinceMs) >= everyMs;
    if (quiet || due) this.probe(now);
    this.drain();
    if (now - this.sinceMs >= this.policy.stableMs) this.attempts = 0;
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

  private open(now: number): void {
    const wait = this.connects.tryAcquire({ [this.options.limits.connects.name]: 1 }, now);
    if (wait > 0) {
      this.dueMs = now + wait;
      return;
    }
    this.phase = 'connecting';
    this.sinceMs = now;
    this.attempts++;
    const generation = ++this.generation;
    this.options.events.connecting();
    const { url, limits } = this.options;
    const options = { maxFrameBytes: limits.maxFrameBytes, connectTimeoutMs: this.policy.connectTimeoutMs };
    try {
      const socket = this.options.connect(url, options, this.handlersOf(generation));
      if (generation === this.generation) this.socket = socket;
      else socket.terminate();
    } catch (error) {
      this.lost(`connecting failed: ${errorText(error)}`, false);
    }
  }

  private handlersOf(generation: number): SocketHandlers {
    const current = () => generation === this.generation && this.phase !== 'stopped';
    return {
      onOpen: () => {
        if (current()) this.opened();
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
    // Up to a tenth earlier, so that not all connections of a node are renewed at once.
    this.lifetimeMs = lifetimeMs === null ? Infinity : lifetimeMs * (0.99 - 0.09 * this.options.random());
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
    this.generation++;
    this.phase = 'waiting';
    this.dueMs = now + this.backoffMs();
    this.queue.length = 0;
    const socket = this.socket;
    this.socket = null;
    if (terminate) socket?.terminate();
    this.options.events.closed(reason);
  }

  /** Doubling, with half of it left to chance; the first attempt after a stable connection is quick. */
  private backoffMs(): number {
    const full = Math.min(
      this.policy.backoffMaxMs,
      this.policy.backoffMinMs * 2 ** Math.min(this.attempts, 16),
    );
    return full * (0.5 + this.options.random() / 2);
  }

  private newMessageBudget(): RateLimiter {
    return new RateLimiter([this.options.limits.clientMessages], { reserve: 0, defaultPauseMs: 1000 });
  }

  private nowMs(): number {
    return this.options.clock.monotonicMs();
  }
}
