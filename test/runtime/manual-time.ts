import type { Clock, TimerHandle, Timers } from '../../src/ports/time.js';

interface Pending {
  readonly id: number;
  readonly dueMs: number;
  readonly callback: () => void;
}

/**
 * A clock that stands still until `advance` is awaited: timers fire in order of (due time, creation), and after each the
 * promises and macrotasks it caused are run to their end. Works with engines on this class's own `setImmediate` and with
 * nact, which uses Node's.
 */
export class ManualTime implements Clock, Timers {
  private wallOffsetMs: number;
  private elapsedMs = 0;
  private nextId = 1;
  private readonly timers = new Map<number, Pending>();
  private immediates: (() => void)[] = [];

  constructor(wallStartMs = 1_700_000_000_000) {
    this.wallOffsetMs = wallStartMs;
  }

  nowMs(): number {
    return this.wallOffsetMs + this.elapsedMs;
  }

  monotonicMs(): number {
    return this.elapsedMs;
  }

  /** Moves the wall clock alone, as an operator or NTP would. */
  jumpWallBy(ms: number): void {
    this.wallOffsetMs += ms;
  }

  setTimer(callback: () => void, delayMs: number): TimerHandle {
    const id = this.nextId++;
    this.timers.set(id, { id, dueMs: this.elapsedMs + Math.max(0, delayMs), callback });
    return { id };
  }

  clearTimer(handle: TimerHandle): void {
    this.timers.delete(handle.id);
  }

  setImmediate(callback: () => void): void {
    this.immediates.push(callback);
  }

  /** Timers not yet fired or cleared: the figure that must return to its baseline after a stop. */
  pendingTimers(): number {
    return this.timers.size;
  }

  /** Milliseconds until the next timer, null when there is none. */
  nextDueInMs(): number | null {
    const next = this.earliest(Number.POSITIVE_INFINITY);
    return next === null ? null : next.dueMs - this.elapsedMs;
  }

  /** Lets time pass without running anything: a stalled event loop. */
  stall(ms: number): void {
    this.elapsedMs += ms;
  }

  /** Lets time pass and runs everything that falls due, in order. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.elapsedMs + ms;
    await this.settle();
    for (let next = this.earliest(untilMs); next !== null; next = this.earliest(untilMs)) {
      this.elapsedMs = Math.max(this.elapsedMs, next.dueMs);
      this.timers.delete(next.id);
      next.callback();
      await this.settle();
    }
    this.elapsedMs = untilMs;
  }

  /** Runs macrotasks and promises until nothing is left to do at this instant. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < 3;) {
      const due = this.immediates;
      this.immediates = [];
      for (const callback of due) callback();
      quiet = due.length === 0 ? quiet + 1 : 0;
      await realMacrotask();
    }
  }

  private earliest(untilMs: number): Pending | null {
    let best: Pending | null = null;
    for (const timer of this.timers.values()) {
      if (timer.dueMs > untilMs) continue;
      if (best === null || timer.dueMs < best.dueMs || (timer.dueMs === best.dueMs && timer.id < best.id))
        best = timer;
    }
    return best;
  }
}

function realMacrotask(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
