import { ArbotError, errorText } from '../messages/errors.js';
import type { TimerHandle } from '../ports/time.js';
import { IncarnationContext } from './actor-context.js';
import type { ActorRecord, LiveIncarnation, Refusable, Watcher } from './actor-record.js';
import {
  DEFAULT_START_TIMEOUT_MS,
  type ActorBehaviour,
  type ActorDefinition,
  type Address,
  type StopReason,
  type TellResult,
} from './actor.js';
import { Mailbox } from './mailbox.js';
import { Scope } from './scope.js';
import { asError, type RuntimeServices } from './services.js';
import { isPromise, TurnLoop, type TurnHost } from './turn-loop.js';

export type StartOutcome = { readonly ok: true } | { readonly ok: false; readonly error: Error };
/** `abandoned`: the handler in flight did not finish within the timeout and was left behind. */
export type StopOutcome = 'stopped' | 'abandoned';

/** An end that nobody asked for from outside: a crash, a hung handler, or the actor's own `exit`. */
export interface UnrequestedEnd {
  readonly path: string;
  readonly incarnation: number;
  readonly reason: StopReason;
  readonly error: Error | null;
  /** Settles when the handler that was in flight has come to its end; null when none was. */
  readonly inFlight: Promise<void> | null;
}

const LAST_ERROR_TEXT_MAX = 500;
const LAST_ERROR_STACK_MAX = 4_000;

/**
 * One life of an actor: start, one message at a time, end. Once it has ended nothing of it acts any more, even when a
 * handler of it is still waiting for a promise that nobody can cancel.
 */
export class Incarnation<M> implements LiveIncarnation, TurnHost<M> {
  readonly number: number;
  readonly watchers = new Set<Watcher>();
  readonly owed = new Set<Refusable>();
  readonly self: Address<M>;
  readonly incarnation: number;
  readonly scope: Scope;
  readonly services: RuntimeServices;
  phase: LiveIncarnation['phase'] = 'starting';
  private readonly record: ActorRecord;
  private readonly definition: ActorDefinition<M>;
  private readonly onEnded: (end: UnrequestedEnd) => void;
  private readonly mailbox: Mailbox<M>;
  private readonly context: IncarnationContext<M>;
  private readonly loop: TurnLoop<M>;
  private behaviour: ActorBehaviour<M> | null = null;
  private resolveStart: ((outcome: StartOutcome) => void) | null = null;
  private startTimer: TimerHandle | null = null;
  private stopOutcome: Promise<StopOutcome> | null = null;
  private stoppingRun: Promise<void> | null = null;

  constructor(
    record: ActorRecord,
    self: Address<M>,
    definition: ActorDefinition<M>,
    services: RuntimeServices,
    onEnded: (end: UnrequestedEnd) => void,
  ) {
    record.incarnations += 1;
    this.number = record.incarnations;
    this.incarnation = this.number;
    this.record = record;
    this.self = self;
    this.definition = definition;
    this.services = services;
    this.onEnded = onEnded;
    this.mailbox = new Mailbox(definition.mailbox, record.counts, (message, reason) =>
      record.show(message, reason),
    );
    this.scope = new Scope(
      `${record.path} #${this.number}`,
      (error) => this.crash(error),
      (error) => this.report('cleanup_failed', error),
    );
    this.context = new IncarnationContext(this);
    this.loop = new TurnLoop<M>(this, this.mailbox, record, services, {
      handlerTimeoutMs: definition.handlerTimeoutMs,
      stopped: () => this.engineStopped(),
    });
    record.current = this;
  }

  get depth(): number {
    return this.mailbox.depth;
  }

  get isRunning(): boolean {
    return this.phase === 'running';
  }

  handle(message: M): void | Promise<void> {
    return this.behaviour?.handle(message);
  }

  hung(error: Error): void {
    this.fail(error, 'hung');
  }

  /** Creates the behaviour. Resolves with the outcome, never rejects; a failed start has ended the incarnation. */
  start(): Promise<StartOutcome> {
    return new Promise((resolve) => {
      this.resolveStart = resolve;
      try {
        const created = this.definition.create(this.context);
        if (!isPromise(created)) this.began(created);
        else this.awaitCreated(created);
      } catch (error) {
        this.crash(asError(error));
      }
    });
  }

  accept(message: M): TellResult {
    if (this.phase === 'stopping') {
      this.record.bury(message, 'stopping');
      return 'dead';
    }
    const result = this.offer(message);
    if (result === 'full') this.record.bury(message, 'full');
    else if (result === 'queued') this.loop.wake();
    return result;
  }

  /** A small picture of the state. A summary that throws is shown as such; it must not take the actor down. */
  summary(): Readonly<Record<string, unknown>> {
    try {
      return this.behaviour?.summary?.() ?? {};
    } catch (error) {
      return { summaryFailed: errorText(error) };
    }
  }

  /**
   * Ordered stop: no further message starts, the handler in flight may finish, then `stopping` runs, all within `timeoutMs`.
   * What waits in the mailbox goes to the dead letters. A start in progress is broken off.
   */
  stop(reason: StopReason, timeoutMs: number): Promise<StopOutcome> {
    this.stopOutcome ??= this.beginStop(reason, timeoutMs);
    return this.stopOutcome;
  }

  crash(error: Error): void {
    this.fail(error, 'crash');
  }

  /** The actor's own wish to end, in order. What takes longer than a handler may is hung. */
  exit(): void {
    if (this.phase !== 'running') return;
    this.phase = 'stopping';
    this.context.cancelAllTimers();
    const limit = this.services.timers.setTimer(() => {
      this.fail(new ArbotError('ARB_HANDLER_HUNG', `${this.record.path} did not finish its exit`), 'hung');
    }, this.definition.handlerTimeoutMs);
    this.scope.add(() => this.services.timers.clearTimer(limit));
    void this.runStopping('exit').then(() => this.end('exit', null, this.stopOutcome === null));
  }

  private awaitCreated(created: Promise<ActorBehaviour<M>>): void {
    const limitMs = this.definition.startTimeoutMs ?? DEFAULT_START_TIMEOUT_MS;
    this.startTimer = this.services.timers.setTimer(() => {
      const text = `${this.record.path} did not start within ${limitMs} ms`;
      this.fail(new ArbotError('ARB_HANDLER_HUNG', text), 'hung');
    }, limitMs);
    created.then(
      (behaviour) => this.began(behaviour),
      (error: unknown) => this.crash(asError(error)),
    );
  }

  private began(behaviour: ActorBehaviour<M>): void {
    if (this.phase !== 'starting') return;
    this.clearStartTimer();
    this.behaviour = behaviour;
    this.phase = 'running';
    this.record.startedAtMs = this.services.clock.nowMs();
    this.resolveStart?.({ ok: true });
    this.loop.wake();
  }

  private offer(message: M): TellResult {
    const nowMs = this.mailbox.isAged ? this.services.clock.monotonicMs() : 0;
    try {
      return this.mailbox.offer(message, nowMs);
    } catch (error) {
      // The sender did nothing wrong: the receiver's own policy is broken.
      this.record.bury(message, 'left_over');
      this.crash(asError(error));
      return 'dead';
    }
  }

  private beginStop(reason: StopReason, timeoutMs: number): Promise<StopOutcome> {
    if (this.phase === 'ended') return Promise.resolve('stopped');
    if (this.phase === 'starting') {
      this.end(reason, new ArbotError('ARB_ACTOR_STOPPED', `${this.record.path} was stopped while starting`));
      return Promise.resolve('stopped');
    }
    this.phase = 'stopping';
    this.context.cancelAllTimers();
    return new Promise((resolve) => {
      const deadline = this.services.timers.setTimer(() => {
        const error = new ArbotError(
          'ARB_HANDLER_HUNG',
          `${this.record.path} did not stop in ${timeoutMs} ms`,
        );
        this.report('abandoned', error);
        this.end(reason, error);
        resolve('abandoned');
      }, timeoutMs);
      void this.runStopping(reason).then(() => {
        this.services.timers.clearTimer(deadline);
        this.end(reason, null);
        resolve('stopped');
      });
    });
  }

  /** Runs once, whoever asked first; never rejects. */
  private runStopping(reason: StopReason): Promise<void> {
    this.stoppingRun ??= this.drainAndStop(reason);
    return this.stoppingRun;
  }

  private async drainAndStop(reason: StopReason): Promise<void> {
    await this.loop.whenIdle();
    if (this.scope.ended) return;
    try {
      await this.behaviour?.stopping?.(reason);
    } catch (error) {
      this.report('stopping_failed', asError(error));
    }
  }

  /** The second net: an engine stops a cell by itself only after a defect of the runtime. */
  private engineStopped(): void {
    if (this.phase === 'ended') return;
    this.crash(new ArbotError('ARB_INVARIANT', `the engine stopped ${this.record.path}`));
  }

  private fail(error: Error, reason: 'crash' | 'hung'): void {
    if (this.phase === 'ended') {
      this.report('failed_late', error);
      return;
    }
    this.record.crashes += 1;
    this.record.lastError = {
      message: errorText(error).slice(0, LAST_ERROR_TEXT_MAX),
      stack: (error.stack ?? '').slice(0, LAST_ERROR_STACK_MAX),
      atMs: this.services.clock.nowMs(),
    };
    this.report(reason === 'hung' ? 'hung' : 'crashed', error);
    this.end(reason, error, this.phase === 'running' || (this.phase === 'stopping' && !this.stopOutcome));
  }

  private end(reason: StopReason, error: Error | null, unrequested = false): void {
    if (this.phase === 'ended') return;
    const inFlight = this.loop.isHandlerInFlight ? this.loop.whenIdle() : null;
    this.phase = 'ended';
    this.leaveRecord(reason, error);
    this.mailbox.drain((message) => this.record.bury(message, 'left_over'));
    this.clearStartTimer();
    this.loop.end();
    this.scope.end();
    this.tellThoseWhoWait(reason, error);
    this.resolveStart?.({ ok: false, error: error ?? new Error(reason) });
    if (unrequested) {
      const { path } = this.record;
      this.onEnded({ path, incarnation: this.number, reason, error, inFlight });
    }
  }

  private leaveRecord(reason: StopReason, error: Error | null): void {
    if (this.record.current === this) this.record.current = null;
    this.record.startedAtMs = null;
    this.record.resting = 'stopped';
    this.record.lastEnd = {
      path: this.record.path,
      incarnation: this.number,
      reason,
      error: error === null ? null : errorText(error),
    };
  }

  private tellThoseWhoWait(reason: StopReason, error: Error | null): void {
    const text = `${this.record.path} ended (${reason}) before it answered`;
    for (const pending of [...this.owed])
      pending.reject(new ArbotError('ARB_ACTOR_STOPPED', text, { retryable: true, cause: error }));
    const watchers = [...this.watchers];
    this.watchers.clear();
    const { lastEnd } = this.record;
    if (lastEnd !== null) for (const watcher of watchers) watcher.notify(lastEnd);
  }

  private clearStartTimer(): void {
    if (this.startTimer !== null) this.services.timers.clearTimer(this.startTimer);
    this.startTimer = null;
  }

  private report(kind: Parameters<RuntimeServices['report']>[0], error: Error): void {
    this.services.report(kind, this.record.path, this.number, error);
  }
}
