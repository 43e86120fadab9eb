import type { Clock, TimerHandle, Timers } from '../../src/ports/time.js';
import type { Owner, Scheduler, Task } from './scheduler.js';

/** Unix ms at which every simulated world begins. */
export const WORLD_START_MS = 1_790_000_000_000;

/** Planned slightly late, so that rounding never fires a timer before its own clock says so. */
const ROUNDING_MS = 1e-6;

export interface ClockTraits {
  /** Wall clock minus true time, ms. */
  readonly offsetMs: number;
  /** How much faster than true time its clocks run, parts per million. */
  readonly driftPpm: number;
}

/** The clock and timers of one process: its own offset, drift and jumps over the one virtual time. */
export class VirtualTime implements Clock, Timers {
  private readonly scheduler: Scheduler;
  private readonly owner: Owner;
  private readonly rate: number;
  private readonly bornMs: number;
  private offsetMs: number;
  private readonly timers = new Map<number, Task>();
  private lastId = 0;

  constructor(scheduler: Scheduler, owner: Owner, traits: ClockTraits) {
    this.scheduler = scheduler;
    this.owner = owner;
    this.rate = 1 + traits.driftPpm / 1e6;
    this.offsetMs = traits.offsetMs;
    this.bornMs = scheduler.nowMs;
  }

  nowMs(): number {
    return WORLD_START_MS + this.bornMs + this.offsetMs + this.monotonicMs();
  }

  monotonicMs(): number {
    return (this.scheduler.nowMs - this.bornMs) * this.rate;
  }

  /** Moves the wall clock alone, as an operator or NTP would. */
  jumpWallBy(ms: number): void {
    this.offsetMs += ms;
  }

  setTimer(callback: () => void, delayMs: number): TimerHandle {
    const id = ++this.lastId;
    const dueInMs = Math.max(0, delayMs) / this.rate + ROUNDING_MS;
    const task = this.scheduler.plan(this.owner, dueInMs, () => {
      this.timers.delete(id);
      callback();
    });
    this.timers.set(id, task);
    return { id };
  }

  clearTimer(handle: TimerHandle): void {
    const task = this.timers.get(handle.id);
    if (task === undefined) return;
    this.timers.delete(handle.id);
    this.scheduler.cancel(task);
  }

  setImmediate(callback: () => void): void {
    this.scheduler.plan(this.owner, 0, callback);
  }

  /** Timers that have neither fired nor been cleared. */
  get pendingTimers(): number {
    return this.timers.size;
  }
}

/** The bus's view of a process's time: a later turn of the event loop takes as long as a message takes. */
export class DelayedTurns implements Timers {
  private readonly time: VirtualTime;
  private readonly delayMs: () => number;

  constructor(time: VirtualTime, delayMs: () => number) {
    this.time = time;
    this.delayMs = delayMs;
  }

  setTimer(callback: () => void, delayMs: number): TimerHandle {
    return this.time.setTimer(callback, delayMs);
  }

  clearTimer(handle: TimerHandle): void {
    this.time.clearTimer(handle);
  }

  setImmediate(callback: () => void): void {
    const delayMs = this.delayMs();
    if (delayMs > 0) this.time.setTimer(callback, delayMs);
    else this.time.setImmediate(callback);
  }
}
