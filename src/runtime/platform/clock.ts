import { invariant } from '../../messages/errors.js';
import type { Clock, TimerHandle, Timers } from '../../ports/time.js';

/** The real clocks and timers, and the same made faster or moved to a recording's time. */

/** Longer delays overflow Node's timer, which would then fire at once. */
const LONGEST_NODE_DELAY_MS = 2 ** 31 - 1;

export class SystemClock implements Clock {
  nowMs(): number {
    return Date.now();
  }

  monotonicMs(): number {
    return performance.now();
  }
}

export class SystemTimers implements Timers {
  private readonly pending = new Map<number, NodeJS.Timeout>();
  private lastId = 0;

  /** Any finite delay; longer than Node's 24.8 days is waited for in stages. Negative = as soon as possible. */
  setTimer(callback: () => void, delayMs: number): TimerHandle {
    invariant(Number.isFinite(delayMs), `timer delay ${delayMs} ms is not finite`);
    const handle = { id: ++this.lastId };
    this.arm(handle.id, callback, Math.max(0, Math.ceil(delayMs)));
    return handle;
  }

  clearTimer(handle: TimerHandle): void {
    clearTimeout(this.pending.get(handle.id));
    this.pending.delete(handle.id);
  }

  setImmediate(callback: () => void): void {
    setImmediate(callback);
  }

  /** Timers that have neither fired nor been cleared. */
  get pendingCount(): number {
    return this.pending.size;
  }

  private arm(id: number, callback: () => void, delayMs: number): void {
    const stageMs = Math.min(delayMs, LONGEST_NODE_DELAY_MS);
    const fire = () => {
      if (delayMs > stageMs) {
        this.arm(id, callback, delayMs - stageMs);
        return;
      }
      this.pending.delete(id);
      callback();
    };
    this.pending.set(id, setTimeout(fire, stageMs));
  }
}

export interface ScaledTimeOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  /** How much faster than real time, above 0: 10 = ten times. */
  readonly factor: number;
  /** Wall time at construction, Unix ms; default: the underlying clock's. */
  readonly startAtMs?: number;
}

interface ScaledTimer {
  readonly callback: () => void;
  readonly dueMs: number;
  handle: TimerHandle;
}

/**
 * Time that runs `factor` times as fast: both clocks advance faster and timers fire sooner, so that the whole system may
 * run accelerated without knowing it. Wall time is driven by the monotonic clock: it never jumps.
 */
export class ScaledTime implements Clock, Timers {
  private readonly clock: Clock;
  private readonly timers: Timers;
  private readonly startAtMs: number;
  private readonly pending = new Map<number, ScaledTimer>();
  private currentFactor: number;
  /** Real and scaled monotonic time at the last change of the factor. */
  private originMs: number;
  private baseMs = 0;
  private nextId = 1;

  constructor(options: ScaledTimeOptions) {
    this.currentFactor = checkedFactor(options.factor);
    this.clock = options.clock;
    this.timers = options.timers;
    this.originMs = this.clock.monotonicMs();
    this.startAtMs = options.startAtMs ?? this.clock.nowMs();
  }

  get factor(): number {
    return this.currentFactor;
  }

  /** From now on time runs this fast; pending timers keep their scaled due time. */
  setFactor(factor: number): void {
    const nowMs = this.monotonicMs();
    this.originMs = this.clock.monotonicMs();
    this.baseMs = nowMs;
    this.currentFactor = checkedFactor(factor);
    for (const [id, timer] of this.pending) {
      this.timers.clearTimer(timer.handle);
      timer.handle = this.arm(id, timer.callback, timer.dueMs - nowMs);
    }
  }

  nowMs(): number {
    return this.startAtMs + this.monotonicMs();
  }

  /** 0 at construction. */
  monotonicMs(): number {
    return this.baseMs + (this.clock.monotonicMs() - this.originMs) * this.currentFactor;
  }

  setTimer(callback: () => void, delayMs: number): TimerHandle {
    const id = this.nextId++;
    const handle = this.arm(id, callback, delayMs);
    this.pending.set(id, { callback, dueMs: this.monotonicMs() + delayMs, handle });
    return { id };
  }

  private arm(id: number, callback: () => void, delayMs: number): TimerHandle {
    return this.timers.setTimer(
      () => {
        this.pending.delete(id);
        callback();
      },
      Math.max(0, delayMs) / this.currentFactor,
    );
  }

  clearTimer(handle: TimerHandle): void {
    const timer = this.pending.get(handle.id);
    if (timer === undefined) return;
    this.pending.delete(handle.id);
    this.timers.clearTimer(timer.handle);
  }

  setImmediate(callback: () => void): void {
    this.timers.setImmediate(callback);
  }
}

function checkedFactor(factor: number): number {
  invariant(Number.isFinite(factor) && factor > 0, `time factor ${factor} is not above 0`);
  return factor;
}

/** Time of a recording: the wall clock starts at its first timestamp when this object is made, and runs at `speed`. */
export class ReplayTime extends ScaledTime {
  constructor(options: { clock: Clock; timers: Timers; firstTimestampMs: number; speed: number }) {
    const { clock, timers, firstTimestampMs, speed } = options;
    invariant(Number.isFinite(firstTimestampMs), `first timestamp ${firstTimestampMs} is not a time`);
    super({ clock, timers, factor: speed, startAtMs: firstTimestampMs });
  }
}
