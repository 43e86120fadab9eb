import type { Clock, TimerHandle, Timers } from '../../src/ports/time.js';

/** Real time for tests that show behaviour of the real event loop; counts what is pending. */
export class RealTime implements Clock, Timers {
  private nextId = 1;
  private readonly handles = new Map<number, NodeJS.Timeout>();

  nowMs(): number {
    return Date.now();
  }

  monotonicMs(): number {
    return performance.now();
  }

  setTimer(callback: () => void, delayMs: number): TimerHandle {
    const id = this.nextId++;
    this.handles.set(
      id,
      setTimeout(() => {
        this.handles.delete(id);
        callback();
      }, delayMs),
    );
    return { id };
  }

  clearTimer(handle: TimerHandle): void {
    clearTimeout(this.handles.get(handle.id));
    this.handles.delete(handle.id);
  }

  setImmediate(callback: () => void): void {
    setImmediate(callback);
  }

  pendingTimers(): number {
    return this.handles.size;
  }
}
