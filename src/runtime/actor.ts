import type { Clock } from '../ports/time.js';
import type { Ids, Random } from '../ports/random.js';
import type { Logger } from '../ports/log.js';
import type { Socket, SocketHandlers, SocketOptions, Sockets } from '../ports/network.js';

/**
 * What an actor is made of. An actor definition is data plus a factory; each start of it is one *incarnation* with its own
 * behaviour object. Nothing of an old incarnation (timer, socket, promise, effect) may act once it has ended.
 */

/** What became of a message at the mailbox door. `full` = refused, the sender must slow down; it is counted as a dead letter. */
export type TellResult = 'queued' | 'conflated' | 'full' | 'dead';

/**
 * Typed, stable handle of an actor: the same over restarts, it resolves to the current incarnation. Contravariant, so that an
 * address that takes more may stand where one that takes less is wanted, and not the other way round.
 */
export interface Address<in M> {
  readonly path: string;
  tell(message: M): TellResult;
}

/** The asking side of `ask`. Bound to both incarnations: a late answer is dropped, an ended responder rejects the ask. */
export interface Reply<in R> {
  resolve(value: R): void;
  reject(error: Error): void;
}

/** What the mailbox does when a message of this kind arrives. `conflate`: the latest per key replaces the queued one. */
export type DeliveryPolicy =
  | { readonly kind: 'reject' }
  | { readonly kind: 'dropOldest' }
  | { readonly kind: 'conflate'; readonly key: string };

export interface MailboxSpec<M> {
  readonly capacity: number;
  policyOf(message: M): DeliveryPolicy;
  /** Older messages are dropped and counted when their turn comes; absent = never. */
  maxAgeMsOf?(message: M): number | undefined;
}

export type StopReason = 'shutdown' | 'restart' | 'crash' | 'hung' | 'escalation' | 'exit';

/** Why a watched incarnation is gone: how it stopped, or what became of the node that it lived on. */
export type EndReason = StopReason | 'node_lost' | 'node_restarted';

/** Told once to each watcher when an incarnation ends. */
export interface Terminated {
  readonly path: string;
  readonly incarnation: number;
  readonly reason: EndReason;
  readonly error: string | null;
}

/** The address of an actor elsewhere, which says itself when its incarnation ends. */
export interface WatchableAddress {
  /** Told once, later than this call; returns what ends the watch. */
  onTerminated(listener: (ended: Terminated) => void): () => void;
}

export interface ActorContext<M> {
  readonly self: Address<M>;
  readonly path: string;
  readonly incarnation: number;
  /** Aborts when this incarnation ends. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly random: Random;
  readonly ids: Ids;
  readonly log: Logger;
  /** False once this incarnation has ended. */
  isCurrent(): boolean;
  /** Throws ARB_STALE_INCARNATION unless current: call it immediately before an effect that follows an await. */
  assertCurrent(): void;
  /** One-shot timer that tells self; a second one of the same name replaces the first; dies with the incarnation. */
  timer(name: string, delayMs: number, message: M): void;
  /** Repeating timer that tells self. */
  every(name: string, intervalMs: number, message: M): void;
  cancelTimer(name: string): void;
  /** Wraps a callback handed to the outside: ignored after the incarnation ended, and a throw in it crashes the actor. */
  guard<A extends readonly unknown[]>(callback: (...args: A) => void): (...args: A) => void;
  /** Turns a promise into a message to self; nothing arrives after the incarnation ended. */
  pipe<T>(promise: Promise<T>, succeeded: (value: T) => M, failed: (error: unknown) => M): void;
  /** Opens a socket whose callbacks are guarded and which is terminated with the incarnation. */
  connect(sockets: Sockets, url: string, options: SocketOptions, handlers: SocketHandlers): Socket;
  /** Asks another actor; rejects ARB_ASK_TIMEOUT, ARB_ACTOR_STOPPED (at once when the target ends) or ARB_MAILBOX_FULL. */
  ask<Q, R>(target: Address<Q>, build: (reply: Reply<R>) => Q, timeoutMs: number): Promise<R>;
  /** Death watch: told once, also when the target is already gone. */
  watch(target: Address<never>, toMessage: (ended: Terminated) => M): void;
  /** Runs when the incarnation ends, newest first; must not throw. */
  onEnd(cleanup: () => void): void;
  /** Ends this incarnation as a crash, e.g. from a protocol violation seen outside a handler. */
  crash(error: Error): void;
  /** Ends this incarnation in order: its work is done. The restart type decides what follows. */
  exit(): void;
}

export interface ActorBehaviour<M> {
  /** One message at a time per incarnation; the next waits for the promise. A throw or rejection is a crash. */
  handle(message: M): void | Promise<void>;
  /** Ordered stop: called after the handler in flight, before the incarnation ends. Not called on a crash. */
  stopping?(reason: StopReason): void | Promise<void>;
  /** Small, JSON-safe picture of the state for inspection; must be cheap. */
  summary?(): Readonly<Record<string, unknown>>;
}

export interface ActorDefinition<M> {
  /** For people and metrics: `feed`, `detector`, `gate` … */
  readonly kind: string;
  readonly mailbox: MailboxSpec<M>;
  /** A handler that runs longer is reported as hung and the child replaced. */
  readonly handlerTimeoutMs: number;
  /** How long `create` may take before the start counts as failed; absent = DEFAULT_START_TIMEOUT_MS. */
  readonly startTimeoutMs?: number;
  /** A start that throws or rejects counts as a failed start. */
  create(context: ActorContext<M>): ActorBehaviour<M> | Promise<ActorBehaviour<M>>;
}

export const DEFAULT_START_TIMEOUT_MS = 30_000;

/** Everything the inspection API shows of one actor. Times in ms. */
export interface ActorInspection {
  readonly path: string;
  readonly node: string;
  readonly kind: string;
  readonly state: 'starting' | 'running' | 'stopping' | 'backing_off' | 'quarantined' | 'stopped';
  readonly summary: Readonly<Record<string, unknown>>;
  readonly incarnation: number;
  readonly mailboxDepth: number;
  readonly mailboxCapacity: number;
  readonly sent: number;
  readonly handled: number;
  readonly dead: number;
  readonly dropped: number;
  readonly conflated: number;
  readonly handledPerSecond: number;
  readonly handlingP50Ms: number;
  readonly handlingP99Ms: number;
  readonly crashes: number;
  readonly restarts: number;
  readonly lastError: { readonly message: string; readonly stack: string; readonly atMs: number } | null;
  readonly startedAtMs: number | null;
  readonly watchers: readonly string[];
}
