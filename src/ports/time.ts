/**
 * Time as ports. Nothing outside `runtime/platform` reads a real clock or starts a real timer, so that the whole
 * system also runs on scaled, replayed and simulated time.
 */

/** Two clocks: wall time for stamps that leave the process, monotonic time for every age and deadline. */
export interface Clock {
  /** Wall clock, Unix milliseconds. May jump. */
  nowMs(): number;
  /** Monotonic milliseconds from an arbitrary origin. Never goes back. */
  monotonicMs(): number;
}

/** Handle of a pending timer; opaque to callers. */
export interface TimerHandle {
  readonly id: number;
}

/** One-shot timers and macrotasks. Callbacks must not throw: owners wrap them (see runtime/actor-context). */
export interface Timers {
  setTimer(callback: () => void, delayMs: number): TimerHandle;
  clearTimer(handle: TimerHandle): void;
  /** Runs the callback in a later turn of the event loop. */
  setImmediate(callback: () => void): void;
}
