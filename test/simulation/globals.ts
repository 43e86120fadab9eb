import type { Scheduler, Task } from './scheduler.js';
import { WORLD_START_MS } from './virtual-time.js';
import { Prng } from '../../src/simulator/prng.js';

/**
 * nact takes its turns from the global `setImmediate` and `setTimeout` at the moment of the call. In a process that does
 * nothing but simulate, the globals of time and chance are replaced by the scheduler's, so that nact runs unmodified
 * and in the order of the seed. Whatever else should read them gets virtual values too.
 */

class GlobalTimer {
  private readonly scheduler: Scheduler;
  private readonly delayMs: number;
  private readonly run: () => void;
  private task: Task;

  constructor(scheduler: Scheduler, delayMs: number, run: () => void) {
    this.scheduler = scheduler;
    this.delayMs = delayMs;
    this.run = run;
    this.task = scheduler.plan(scheduler.owner, delayMs, run);
  }

  cancel(): void {
    this.scheduler.cancel(this.task);
  }

  refresh(): this {
    this.cancel();
    this.task = this.scheduler.plan(this.task.owner, this.delayMs, this.run);
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  hasRef(): boolean {
    return true;
  }
}

type Arguments = readonly unknown[];

/** Replaces the globals until the returned function is called. */
export function replaceGlobals(scheduler: Scheduler, seed: number): () => void {
  const RealDate = Date;
  const chance = Prng.of(seed, 'globals');
  const wallMs = (): number => WORLD_START_MS + scheduler.nowMs;
  const after = (delayMs: number) => (callback: (...given: Arguments) => void, given: Arguments) =>
    new GlobalTimer(scheduler, delayMs, () => callback(...given));
  const cancel = (timer: unknown): void => {
    if (timer instanceof GlobalTimer) timer.cancel();
  };
  class VirtualDate extends RealDate {
    constructor(...given: [] | [number | string | Date]) {
      super(given.length === 0 ? wallMs() : given[0]);
    }
    static override now(): number {
      return wallMs();
    }
  }
  const replaced = {
    setImmediate: (callback: (...given: Arguments) => void, ...given: Arguments) => after(0)(callback, given),
    // Node's timers never fire in less than a millisecond.
    setTimeout: (callback: (...given: Arguments) => void, delayMs = 1, ...given: Arguments) =>
      after(Math.max(1, delayMs))(callback, given),
    clearImmediate: cancel,
    clearTimeout: cancel,
    Date: VirtualDate,
  };
  const originals = Object.fromEntries(
    Object.keys(replaced).map((name) => [name, Reflect.get(globalThis, name) as unknown]),
  );
  const realRandom = Math.random;
  const realPerformanceNow = performance.now.bind(performance);
  Object.assign(globalThis, replaced);
  Math.random = () => chance.next();
  performance.now = () => scheduler.nowMs;
  return () => {
    Object.assign(globalThis, originals);
    Math.random = realRandom;
    performance.now = realPerformanceNow;
  };
}
