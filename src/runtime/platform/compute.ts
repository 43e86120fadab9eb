import type { Worker } from 'node:worker_threads';
import { ArbotError, ERROR_CODES, errorText, invariant, type ErrorCode } from '../../messages/errors.js';
import type { Compute } from '../../ports/compute.js';
import { bootWorker } from './boot-worker.js';
import { runTask, type ComputeAnswer, type ComputeOrder, type ComputeTasks } from './compute-tasks.js';

/** Heavy computation: on worker threads, or inline where one seed must repeat a run. */

/** Same results as worker threads, on the caller's turn; copies input and output, so that nothing is shared. */
export class InlineCompute implements Compute {
  private readonly tasks: ComputeTasks;

  constructor(tasks: ComputeTasks) {
    this.tasks = tasks;
  }

  async run<Input, Output>(task: string, input: Input): Promise<Output> {
    try {
      return structuredClone(await runTask(this.tasks, { task, input: structuredClone(input) })) as Output;
    } catch (error) {
      throw failure(task, error instanceof ArbotError ? error.code : null, errorText(error));
    }
  }

  async close(): Promise<void> {
    return Promise.resolve();
  }
}

export interface WorkerComputeOptions {
  /** URL of a module that exports `tasks`. */
  readonly tasksUrl: string;
  readonly workers: number;
  /** Orders that may wait; one more rejects with ARB_COMPUTE_BUSY. */
  readonly queueLimit: number;
  /** A task that takes longer is ended with its thread, real time. */
  readonly taskTimeoutMs?: number;
  readonly maxHeapMb?: number;
}

interface Job {
  readonly order: ComputeOrder;
  resolve(output: unknown): void;
  reject(error: ArbotError): void;
}

/**
 * A few threads, one task at a time each. A thread that crashes rejects its task with ARB_COMPUTE_FAILED and is replaced when
 * the next task needs it, so that a module which cannot load never makes threads in a loop.
 */
export class WorkerCompute implements Compute {
  private readonly options: WorkerComputeOptions;
  private readonly idle: ComputeThread[] = [];
  private readonly busy = new Set<ComputeThread>();
  private readonly waiting: Job[] = [];
  private closed = false;

  constructor(options: WorkerComputeOptions) {
    invariant(options.workers >= 1 && options.queueLimit >= 0, 'compute needs at least one worker');
    this.options = options;
  }

  /** Rejects with ARB_COMPUTE_BUSY, ARB_COMPUTE_FAILED, or the task's own error code. */
  run<Input, Output>(task: string, input: Input): Promise<Output> {
    if (this.closed) return Promise.reject(failure(task, null, 'closed'));
    if (this.busy.size >= this.options.workers && this.waiting.length >= this.options.queueLimit) {
      const text = `${task}: ${this.waiting.length} tasks are waiting`;
      return Promise.reject(new ArbotError('ARB_COMPUTE_BUSY', text, { retryable: true }));
    }
    return new Promise<Output>((resolve, reject) => {
      this.waiting.push({ order: { task, input }, resolve: (output) => resolve(output as Output), reject });
      this.dispatch();
    });
  }

  /** Rejects what waits and what runs, and ends the threads. */
  async close(): Promise<void> {
    this.closed = true;
    for (const job of this.waiting.splice(0)) job.reject(failure(job.order.task, null, 'closed'));
    await Promise.all([...this.idle.splice(0), ...this.busy].map((thread) => thread.end('closed')));
  }

  private dispatch(): void {
    while (this.waiting.length > 0 && this.busy.size < this.options.workers) {
      const thread = this.idle.pop() ?? new ComputeThread(this.options, (ended) => this.forget(ended));
      const job = this.waiting.shift()!;
      this.busy.add(thread);
      thread.start(job, () => this.release(thread));
    }
  }

  private release(thread: ComputeThread): void {
    this.busy.delete(thread);
    if (!this.closed) this.idle.push(thread);
    this.dispatch();
  }

  private forget(thread: ComputeThread): void {
    this.busy.delete(thread);
    const at = this.idle.indexOf(thread);
    if (at !== -1) this.idle.splice(at, 1);
    this.dispatch();
  }
}

/** One worker thread and the task it works on. */
class ComputeThread {
  private readonly worker: Worker;
  private readonly timeoutMs: number;
  private job: Job | null = null;
  private finished: () => void = () => undefined;
  private timer: NodeJS.Timeout | undefined;
  private lastError: string | null = null;

  constructor(options: WorkerComputeOptions, ended: (thread: ComputeThread) => void) {
    this.timeoutMs = options.taskTimeoutMs ?? 60_000;
    this.worker = bootWorker('compute-worker', { tasksUrl: options.tasksUrl }, options.maxHeapMb ?? 512);
    this.worker.on('message', (answer: ComputeAnswer) => this.answered(answer));
    this.worker.on('messageerror', (error) => void this.end(errorText(error)));
    this.worker.on('error', (error) => (this.lastError ??= errorText(error)));
    this.worker.on('exit', (code) => {
      this.fail(this.lastError ?? `the thread ended with code ${code}`);
      ended(this);
    });
  }

  start(job: Job, finished: () => void): void {
    this.job = job;
    this.finished = finished;
    this.worker.ref();
    this.timer = setTimeout(() => void this.end(`took longer than ${this.timeoutMs} ms`), this.timeoutMs);
    try {
      this.worker.postMessage(job.order);
    } catch (error) {
      // Input that cannot be cloned is the caller's fault; the thread is well.
      this.answered({ done: false, code: null, message: errorText(error) });
    }
  }

  async end(reason: string): Promise<void> {
    this.lastError ??= reason;
    await this.worker.terminate();
  }

  private answered(answer: ComputeAnswer): void {
    const job = this.take();
    // An idle thread does not keep the process alive.
    this.worker.unref();
    this.finished();
    if (answer.done) job?.resolve(answer.output);
    else job?.reject(failure(job.order.task, answer.code, answer.message));
  }

  private fail(reason: string): void {
    const job = this.take();
    job?.reject(failure(job.order.task, null, reason));
  }

  private take(): Job | null {
    clearTimeout(this.timer);
    const job = this.job;
    this.job = null;
    return job;
  }
}

function failure(task: string, code: string | null, why: string): ArbotError {
  const known = code !== null && Object.hasOwn(ERROR_CODES, code);
  return new ArbotError(known ? (code as ErrorCode) : 'ARB_COMPUTE_FAILED', `${task}: ${why}`);
}
