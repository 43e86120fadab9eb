import { ArbotError, invariant } from '../messages/errors.js';
import type { Logger } from '../ports/log.js';
import type { Socket, SocketHandlers, SocketOptions, Sockets } from '../ports/network.js';
import type { Ids, Random } from '../ports/random.js';
import type { Clock, TimerHandle } from '../ports/time.js';
import { LocalAddress } from './actor-record.js';
import type { ActorContext, Address, Reply, Terminated, WatchableAddress } from './actor.js';
import { ask } from './asking.js';
import type { Scope } from './scope.js';
import type { RuntimeServices } from './services.js';
import { watchRecord } from './watching.js';

/** The longest delay a timer of Node keeps; beyond it Node fires at once. */
const MAX_DELAY_MS = 2_147_483_647;

export interface ContextOwner<M> {
  readonly self: Address<M>;
  readonly incarnation: number;
  readonly scope: Scope;
  readonly services: RuntimeServices;
  crash(error: Error): void;
  exit(): void;
}

/** What an incarnation may do to the world. Everything it opens here ends with it. */
export class IncarnationContext<M> implements ActorContext<M> {
  readonly self: Address<M>;
  readonly path: string;
  readonly incarnation: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly ids: Ids;
  readonly log: Logger;
  private readonly owner: ContextOwner<M>;
  private readonly scope: Scope;
  private readonly named = new Map<string, TimerHandle>();

  constructor(owner: ContextOwner<M>) {
    this.owner = owner;
    this.self = owner.self;
    this.path = owner.self.path;
    this.incarnation = owner.incarnation;
    this.scope = owner.scope;
    this.clock = owner.services.clock;
    this.random = owner.services.random;
    this.ids = owner.services.ids;
    this.log = owner.services.log.child({ actor: this.path, incarnation: this.incarnation });
    this.scope.add(() => this.cancelAllTimers());
  }

  get signal(): AbortSignal {
    return this.scope.signal;
  }

  isCurrent(): boolean {
    return !this.scope.ended;
  }

  assertCurrent(): void {
    this.scope.assertOpen();
  }

  timer(name: string, delayMs: number, message: M): void {
    checkDelay('timer', name, delayMs);
    this.set(name, delayMs, () => {
      this.named.delete(name);
      this.tellSelf(message);
    });
  }

  every(name: string, intervalMs: number, message: M): void {
    checkDelay('every', name, intervalMs);
    invariant(intervalMs > 0, `every(${name}): the interval must be above 0`);
    let dueMs = this.clock.monotonicMs() + intervalMs;
    const tick = (): void => {
      const nowMs = this.clock.monotonicMs();
      // Beats missed in a stall are skipped: one message, then the old rhythm again.
      dueMs += intervalMs * Math.max(1, Math.floor((nowMs - dueMs) / intervalMs) + 1);
      this.set(name, Math.max(0, dueMs - nowMs), tick);
      // A full mailbox misses a beat; it is counted there and the next one comes.
      this.self.tell(message);
    };
    this.set(name, intervalMs, tick);
  }

  cancelTimer(name: string): void {
    const handle = this.named.get(name);
    if (handle === undefined) return;
    this.named.delete(name);
    this.owner.services.timers.clearTimer(handle);
  }

  cancelAllTimers(): void {
    for (const name of [...this.named.keys()]) this.cancelTimer(name);
  }

  guard<A extends readonly unknown[]>(callback: (...args: A) => void): (...args: A) => void {
    return this.scope.guard(callback);
  }

  pipe<T>(promise: Promise<T>, succeeded: (value: T) => M, failed: (error: unknown) => M): void {
    promise.then(
      this.guard((value: T) => this.tellSelf(succeeded(value))),
      this.guard((error: unknown) => this.tellSelf(failed(error))),
    );
  }

  connect(sockets: Sockets, url: string, options: SocketOptions, handlers: SocketHandlers): Socket {
    this.assertCurrent();
    let forget = (): void => undefined;
    const guarded: SocketHandlers = {
      onOpen: this.guard(() => handlers.onOpen()),
      onFrame: this.guard((data: Buffer, isBinary: boolean) => handlers.onFrame(data, isBinary)),
      onPing: this.guard((data: Buffer) => handlers.onPing?.(data)),
      onPong: this.guard((data: Buffer) => handlers.onPong?.(data)),
      onClose: this.guard((code: number, reason: string) => {
        forget();
        handlers.onClose(code, reason);
      }),
    };
    const socket = sockets.connect(url, options, guarded);
    forget = this.scope.add(() => socket.terminate());
    return socket;
  }

  ask<Q, R>(target: Address<Q>, build: (reply: Reply<R>) => Q, timeoutMs: number): Promise<R> {
    checkDelay('ask', target.path, timeoutMs);
    return ask({ target, build, timeoutMs, timers: this.owner.services.timers, asker: this.scope });
  }

  watch(target: Address<never>, toMessage: (ended: Terminated) => M): void {
    if (!this.isCurrent()) return;
    const notify = this.guard((ended: Terminated) => this.tellSelf(toMessage(ended)));
    if (target instanceof LocalAddress) watchRecord(target.record, this.path, { notify, scope: this.scope });
    else {
      invariant(isWatchable(target), `${target.path} cannot be watched`);
      const forget = this.scope.add(
        target.onTerminated((ended) => {
          forget();
          notify(ended);
        }),
      );
    }
  }

  onEnd(cleanup: () => void): void {
    this.scope.add(cleanup);
  }

  crash(error: Error): void {
    this.owner.crash(error);
  }

  exit(): void {
    this.owner.exit();
  }

  private set(name: string, delayMs: number, callback: () => void): void {
    if (!this.isCurrent()) return;
    this.cancelTimer(name);
    this.named.set(name, this.owner.services.timers.setTimer(this.guard(callback), delayMs));
  }

  /** An actor that cannot take its own result or one-shot timer would wait for it for ever; so that is a crash. */
  private tellSelf(message: M): void {
    if (this.self.tell(message) !== 'full') return;
    throw new ArbotError('ARB_MAILBOX_FULL', `${this.path} could not take its own message: mailbox full`);
  }
}

function isWatchable(target: object): target is WatchableAddress {
  return 'onTerminated' in target && typeof target.onTerminated === 'function';
}

function checkDelay(what: string, name: string, delayMs: number): void {
  invariant(
    delayMs >= 0 && delayMs <= MAX_DELAY_MS,
    `${what}(${name}): ${delayMs} ms is not a delay between 0 and ${MAX_DELAY_MS}`,
  );
}
