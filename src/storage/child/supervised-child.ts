import { ArbotError, errorText } from '../../messages/errors.js';
import type { Logger } from '../../ports/log.js';
import type { Clock, TimerHandle, Timers } from '../../ports/time.js';
import { forkEntry, type Forked } from './fork-entry.js';
import { PendingCalls } from './pending-calls.js';
import { EXIT, isChildMessage, type ChildFailure, type ChildMessage } from './protocol.js';

export interface ChildPorts {
  readonly log: Logger;
  readonly timers: Timers;
  readonly clock: Clock;
}

/** What a child runs and how it is treated. */
export interface ChildSpec {
  /** `database`: what the child holds, in messages for people. */
  readonly what: string;
  /** File of the module that the child runs. */
  readonly entry: string;
  readonly args: readonly string[];
  readonly serialization: 'json' | 'advanced';
  readonly maxInFlight: number;
  /** No engine can interrupt a statement; a child whose oldest call waits this long is replaced. */
  readonly answerLimitMs: number;
  /** How long an orderly end may take before the child is killed. */
  readonly closeLimitMs: number;
  readonly errorOf: (failure: ChildFailure) => ArbotError;
}

const START_LIMIT_MS = 60_000;
const WATCH_EVERY_MS = 1_000;
const BACKOFF_MIN_MS = 100;
/** Short: while the database is away no risk may be added, so waiting longer only costs. */
const BACKOFF_MAX_MS = 2_000;
/** A child that ran this long starts the back-off anew. */
const STABLE_MS = 30_000;
/** How often the first start is tried again while the child of a killed predecessor still ends. */
const FIRST_STARTS = 16;

function backoffMs(failures: number): number {
  return Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** Math.min(failures, 10));
}

type State = 'starting' | 'ready' | 'backing_off' | 'closed';

/** Keeps one database child running: starts it, bounds and times its calls, restarts it with back-off when it dies. */
export class SupervisedChild<Request extends object, Result> {
  readonly #spec: ChildSpec;
  readonly #ports: ChildPorts;
  readonly #calls: PendingCalls<Result>;
  #state: State = 'starting';
  #reason = 'it is starting';
  #forked: Forked | null = null;
  #startedMs = 0;
  #failures = 0;
  #timer: TimerHandle | null = null;
  #watch: TimerHandle | null = null;
  #settled: ((error: Error | null) => void) | null = null;
  #restarts = 0;
  #folderBusy = false;
  #closing: Promise<void> | null = null;

  constructor(spec: ChildSpec, ports: ChildPorts) {
    this.#spec = spec;
    this.#ports = ports;
    this.#calls = new PendingCalls(spec.maxInFlight);
  }

  /** The pid of the running child, for inspection and tests. */
  get pid(): number | undefined {
    return this.#forked?.process.pid;
  }

  get restarts(): number {
    return this.#restarts;
  }

  /** Resolves when the child is ready; rejects ARB_STORE_UNAVAILABLE when it cannot be started. */
  async start(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const error = await new Promise<Error | null>((settled) => {
        this.#settled = settled;
        this.#spawn();
      });
      if (error === null) break;
      if (!this.#folderBusy || attempt >= FIRST_STARTS || this.#state === 'closed') throw error;
      await new Promise<void>((resume) => this.#ports.timers.setTimer(resume, backoffMs(attempt)));
    }
    this.#scheduleWatch();
  }

  /** Sends a request; rejects ARB_STORE_UNAVAILABLE at once while no child is ready. */
  call(request: Request): Promise<Result> {
    if (this.#state !== 'ready') return Promise.reject(this.#unavailable(this.#reason));
    const deadlineMs = this.#ports.clock.monotonicMs() + this.#spec.answerLimitMs;
    return this.#calls.open(deadlineMs, (id) => this.#send({ ...request, id }));
  }

  /** Lets the child finish what it has, close the database and end; kills it when that takes too long. */
  close(reason = 'the store is closed'): Promise<void> {
    this.#closing ??= this.#close(reason);
    return this.#closing;
  }

  async #close(reason: string): Promise<void> {
    const wasReady = this.#state === 'ready';
    this.#state = 'closed';
    this.#reason = reason;
    if (this.#timer !== null) this.#ports.timers.clearTimer(this.#timer);
    if (this.#watch !== null) this.#ports.timers.clearTimer(this.#watch);
    const child = this.#forked?.process;
    if (child === undefined) return;
    const ended = new Promise<void>((done) => child.once('exit', () => done()));
    const limit = this.#ports.timers.setTimer(() => child.kill('SIGKILL'), this.#spec.closeLimitMs);
    if (wasReady) this.#send({ kind: 'close' });
    else child.kill('SIGKILL');
    await ended;
    this.#ports.timers.clearTimer(limit);
  }

  /** Ends the child at once, for a folder that is no longer ours. */
  kill(): void {
    this.#forked?.process.kill('SIGKILL');
  }

  #unavailable(reason: string): ArbotError {
    return new ArbotError('ARB_STORE_UNAVAILABLE', `the ${this.#spec.what} does not answer: ${reason}`, {
      retryable: this.#state !== 'closed',
    });
  }

  #send(message: object): void {
    // A failed send means that the child is gone; its exit settles every call.
    this.#forked?.process.send(message, (error) => {
      if (error !== null)
        this.#ports.log.debug(
          { reason: error.message },
          `a message to the process of the ${this.#spec.what} was lost`,
        );
    });
  }

  #spawn(): void {
    this.#state = 'starting';
    this.#reason = 'it is starting';
    this.#startedMs = this.#ports.clock.monotonicMs();
    const { entry, args, serialization } = this.#spec;
    const forked = forkEntry(entry, args, serialization);
    this.#forked = forked;
    this.#timer = this.#ports.timers.setTimer(() => forked.process.kill('SIGKILL'), START_LIMIT_MS);
    forked.process.on('message', (message) => this.#receive(message));
    forked.process.once('error', (error) => this.#ended(forked, errorText(error)));
    // `close` comes after `exit` and after the last byte of stderr.
    forked.process.once('close', (code, signal) => this.#ended(forked, this.#obituary(forked, code, signal)));
  }

  #obituary(forked: Forked, code: number | null, signal: NodeJS.Signals | null): string {
    this.#folderBusy = code === EXIT.folderBusy;
    if (this.#folderBusy) return 'the child of an earlier process still has the folder open';
    return `its process ended (${signal ?? `exit ${String(code)}`}) ${forked.complaint()}`.trim();
  }

  #receive(message: unknown): void {
    if (!isChildMessage(message)) {
      this.#ports.log.error(
        {},
        `the process of the ${this.#spec.what} sent something unknown; it is replaced`,
      );
      this.kill();
      return;
    }
    if (message.kind === 'ready') this.#becomeReady();
    else this.#answer(message as Exclude<ChildMessage<Result>, { kind: 'ready' }>);
  }

  #becomeReady(): void {
    if (this.#timer !== null) this.#ports.timers.clearTimer(this.#timer);
    if (this.#state !== 'starting') return;
    this.#state = 'ready';
    this.#settle(null);
  }

  #answer(message: Exclude<ChildMessage<Result>, { kind: 'ready' }>): void {
    const call = this.#calls.take(message.id);
    if (call === undefined) return;
    if (message.kind === 'done') call.resolve(message.results);
    else call.reject(this.#spec.errorOf(message));
  }

  #settle(error: Error | null): void {
    const settled = this.#settled;
    this.#settled = null;
    settled?.(error);
  }

  #ended(forked: Forked, reason: string): void {
    if (this.#forked !== forked) return;
    this.#forked = null;
    if (this.#timer !== null) this.#ports.timers.clearTimer(this.#timer);
    if (this.#state !== 'closed') this.#reason = reason;
    this.#calls.rejectAll(this.#unavailable(`${this.#reason}; the outcome is unknown until it is read back`));
    const first = this.#settled !== null;
    this.#settle(this.#unavailable(this.#reason));
    if (this.#state !== 'closed' && !first) this.#restartLater(reason);
  }

  #restartLater(reason: string): void {
    const ranMs = this.#ports.clock.monotonicMs() - this.#startedMs;
    this.#failures = ranMs >= STABLE_MS ? 0 : this.#failures + 1;
    const delayMs = backoffMs(this.#failures);
    this.#state = 'backing_off';
    this.#restarts++;
    this.#ports.log.error(
      { reason, delayMs, restarts: this.#restarts },
      `the ${this.#spec.what} ended and is restarted`,
    );
    this.#timer = this.#ports.timers.setTimer(() => this.#spawn(), delayMs);
  }

  #scheduleWatch(): void {
    this.#watch = this.#ports.timers.setTimer(() => {
      if (this.#state === 'ready' && this.#calls.isOverdue(this.#ports.clock.monotonicMs())) {
        this.#ports.log.error(
          { waiting: this.#calls.size },
          `the ${this.#spec.what} is silent and is replaced`,
        );
        this.kill();
      }
      this.#scheduleWatch();
    }, WATCH_EVERY_MS);
  }
}
