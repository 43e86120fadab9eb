import type { Clock, TimerHandle, Timers } from '../ports/time.js';
import { SystemClock, SystemTimers } from '../runtime/platform/clock.js';

/** The machine's own clock and timers as one thing. */
export class MachineTime implements Clock, Timers {
  private readonly clock = new SystemClock();
  private readonly timers = new SystemTimers();

  nowMs(): number {
    return this.clock.nowMs();
  }

  monotonicMs(): number {
    return this.clock.monotonicMs();
  }

  setTimer(callback: () => void, delayMs: number): TimerHandle {
    return this.timers.setTimer(callback, delayMs);
  }

  clearTimer(handle: TimerHandle): void {
    this.timers.clearTimer(handle);
  }

  setImmediate(callback: () => void): void {
    this.timers.setImmediate(callback);
  }
}
