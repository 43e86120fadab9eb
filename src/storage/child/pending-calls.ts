import { ArbotError } from '../../messages/errors.js';

interface Call<Result> {
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
  readonly deadlineMs: number;
}

/** Calls on their way to the child, by number. Bounded: a caller beyond the bound is told to slow down. */
export class PendingCalls<Result> {
  readonly #calls = new Map<number, Call<Result>>();
  readonly #capacity: number;
  #lastId = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#calls.size;
  }

  /** Registers a call; `send` gets its number and must hand the request on. */
  open(deadlineMs: number, send: (id: number) => void): Promise<Result> {
    if (this.#calls.size >= this.#capacity)
      return Promise.reject(
        new ArbotError('ARB_STORE_UNAVAILABLE', `more than ${this.#capacity} database calls are waiting`, {
          retryable: true,
        }),
      );
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve, reject, deadlineMs });
      send(id);
    });
  }

  /** Takes a call out; undefined when it was settled before. */
  take(id: number): Call<Result> | undefined {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    return call;
  }

  /** True when the oldest call should have been answered by now; answers come in order. */
  isOverdue(nowMs: number): boolean {
    const oldest = this.#calls.values().next().value;
    return oldest !== undefined && nowMs >= oldest.deadlineMs;
  }

  rejectAll(error: Error): void {
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const call of calls) call.reject(error);
  }
}
