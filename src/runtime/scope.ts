import { ArbotError } from '../messages/errors.js';
import { asError } from './services.js';

/**
 * The lifetime of one incarnation as seen by what it opened: timers, sockets, asks, watches and cleanups register here and are
 * released, newest first, when it ends. Callbacks given to the outside are wrapped, so that they do nothing afterwards and
 * so that what they throw is a crash of their actor instead of an uncaught exception of the process.
 */
export class Scope {
  private readonly controller = new AbortController();
  private readonly cleanups = new Set<() => void>();
  private readonly name: string;
  private readonly fail: (error: Error) => void;
  private readonly cleanupFailed: (error: Error) => void;
  private over = false;

  /** `name` is for error texts; `fail` ends the incarnation as a crash. */
  constructor(name: string, fail: (error: Error) => void, cleanupFailed: (error: Error) => void) {
    this.name = name;
    this.fail = fail;
    this.cleanupFailed = cleanupFailed;
  }

  get ended(): boolean {
    return this.over;
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** Throws ARB_STALE_INCARNATION once ended. */
  assertOpen(): void {
    if (this.over) throw this.staleError();
  }

  staleError(): ArbotError {
    return new ArbotError('ARB_STALE_INCARNATION', `${this.name} has ended`);
  }

  /** Registers what must be released at the end, at once when the end has been already. Returns how to unregister. */
  add(cleanup: () => void): () => void {
    if (this.over) {
      this.release(cleanup);
      return () => undefined;
    }
    this.cleanups.add(cleanup);
    return () => this.cleanups.delete(cleanup);
  }

  /** See ActorContext.guard. A promise that the callback returns is watched in the same way. */
  guard<A extends readonly unknown[]>(callback: (...args: A) => unknown): (...args: A) => void {
    return (...args) => {
      if (this.over) return;
      try {
        const result = callback(...args);
        if (result instanceof Promise) result.catch((error: unknown) => this.fail(asError(error)));
      } catch (error) {
        this.fail(asError(error));
      }
    };
  }

  /** Number of registered cleanups; for tests of leaks. */
  get size(): number {
    return this.cleanups.size;
  }

  end(): void {
    if (this.over) return;
    this.over = true;
    const newestFirst = [...this.cleanups].reverse();
    this.cleanups.clear();
    for (const cleanup of newestFirst) this.release(cleanup);
    this.controller.abort(this.staleError());
  }

  private release(cleanup: () => void): void {
    try {
      cleanup();
    } catch (error) {
      this.cleanupFailed(asError(error));
    }
  }
}
