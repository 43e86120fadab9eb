import { ArbotError } from '../messages/errors.js';
import type { TimerHandle } from '../ports/time.js';
import type { ActorRecord } from './actor-record.js';
import type { EngineCell } from './engine.js';
import type { Mailbox } from './mailbox.js';
import { asError, type RuntimeServices } from './services.js';

/** What the loop needs of its incarnation. */
export interface TurnHost<M> {
  readonly isRunning: boolean;
  handle(message: M): void | Promise<void>;
  crash(error: Error): void;
  /** A handler has run longer than it may. */
  hung(error: Error): void;
}

/**
 * Hands the messages of one mailbox to one handler, one at a time, in turns of the engine: at most one wake-up is pending, a
 * turn takes a bounded batch and then yields, and a handler that hangs is reported.
 */
export class TurnLoop<M> {
  private readonly host: TurnHost<M>;
  private readonly mailbox: Mailbox<M>;
  private readonly record: ActorRecord;
  private readonly services: RuntimeServices;
  private readonly handlerTimeoutMs: number;
  private readonly cell: EngineCell;
  private wakePending = false;
  private turning = false;
  private startedMs = 0;
  private handled = 0;
  /** Monotonic time at which the previous message ended: the start of the next one's handling time. */
  private markMs = 0;
  private inFlightSinceMs: number | null = null;
  private watchdog: TimerHandle | null = null;
  private readonly idleWaiters: (() => void)[] = [];

  /** `stopped` is told when the engine stops the cell by itself. */
  constructor(
    host: TurnHost<M>,
    mailbox: Mailbox<M>,
    record: ActorRecord,
    services: RuntimeServices,
    options: { readonly handlerTimeoutMs: number; readonly stopped: () => void },
  ) {
    this.host = host;
    this.mailbox = mailbox;
    this.record = record;
    this.services = services;
    this.handlerTimeoutMs = options.handlerTimeoutMs;
    const name = `${record.path}.${record.incarnations}`;
    this.cell = services.engine.spawn(services.engineSystem, name, () => this.turn(), options.stopped);
  }

  /** True while an asynchronous handler has not come to its end. */
  get isHandlerInFlight(): boolean {
    return this.inFlightSinceMs !== null;
  }

  /** Asks the engine for a turn when there is work and none is on its way. */
  wake(): void {
    if (this.wakePending || this.turning || !this.host.isRunning || this.mailbox.depth === 0) return;
    this.wakePending = true;
    this.services.engine.dispatch(this.cell);
  }

  /** Resolves when no handler is in flight. */
  whenIdle(): Promise<void> {
    if (!this.turning) return Promise.resolve();
    return new Promise((resolve) => this.idleWaiters.push(resolve));
  }

  /** No further turn; a handler in flight is no longer watched. */
  end(): void {
    if (this.watchdog !== null) this.services.timers.clearTimer(this.watchdog);
    this.watchdog = null;
    this.services.engine.stop(this.cell);
  }

  /** Never throws: what a message causes is caught where it is delivered. */
  private turn(): void | Promise<void> {
    this.wakePending = false;
    if (!this.host.isRunning || this.turning) return;
    this.turning = true;
    this.handled = 0;
    this.startedMs = this.services.clock.monotonicMs();
    this.markMs = this.startedMs;
    return this.proceed();
  }

  private proceed(): void | Promise<void> {
    while (this.mayGoOn()) {
      const message = this.mailbox.take(this.markMs);
      if (message === undefined) break;
      const pending = this.deliver(message);
      if (pending !== undefined) return this.awaitHandler(pending).then(() => this.proceed());
      this.measure();
    }
    this.finishTurn();
  }

  private mayGoOn(): boolean {
    return (
      this.host.isRunning &&
      this.handled < this.services.batch &&
      this.markMs - this.startedMs < this.services.sliceMs
    );
  }

  private deliver(message: M): Promise<void> | undefined {
    this.handled += 1;
    this.record.counts.handled += 1;
    try {
      const result = this.host.handle(message);
      return isPromise(result) ? result : undefined;
    } catch (error) {
      this.host.crash(asError(error));
      return undefined;
    }
  }

  private async awaitHandler(pending: Promise<void>): Promise<void> {
    this.inFlightSinceMs = this.markMs;
    this.armWatchdog(this.handlerTimeoutMs);
    try {
      await pending;
    } catch (error) {
      this.host.crash(asError(error));
    }
    this.inFlightSinceMs = null;
    this.measure();
  }

  private measure(): void {
    const nowMs = this.services.clock.monotonicMs();
    this.record.times.record(nowMs - this.markMs);
    this.markMs = nowMs;
  }

  private finishTurn(): void {
    this.turning = false;
    this.record.times.roll(this.markMs);
    for (const resolve of this.idleWaiters.splice(0)) resolve();
    this.wake();
  }

  /** One timer serves many handlers: it looks again when the handler it was set for has been followed by another. */
  private armWatchdog(delayMs: number): void {
    if (this.watchdog !== null || !this.host.isRunning) return;
    this.watchdog = this.services.timers.setTimer(() => {
      this.watchdog = null;
      this.inspectHandler();
    }, delayMs);
  }

  private inspectHandler(): void {
    if (this.inFlightSinceMs === null) return;
    const limitMs = this.handlerTimeoutMs;
    const ranMs = this.services.clock.monotonicMs() - this.inFlightSinceMs;
    if (ranMs < limitMs) {
      this.armWatchdog(limitMs - ranMs);
      return;
    }
    const text = `a handler of ${this.record.path} ran for ${Math.round(ranMs)} ms, allowed are ${limitMs}`;
    this.host.hung(new ArbotError('ARB_HANDLER_HUNG', text));
  }
}

export function isPromise<T>(value: T | Promise<T> | undefined | void): value is Promise<T> {
  return typeof value === 'object' && value !== null && typeof (value as Promise<T>).then === 'function';
}
