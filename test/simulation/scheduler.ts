import { Prng } from '../../src/simulator/prng.js';

/**
 * Virtual time and the order of everything. Work is a task; ready tasks wait in no order, and each step runs one of them
 * picked by the seed. When none is ready the clock advances to the next due task. A step is one macrotask of the real
 * event loop, so that every promise it settles has run its course before the next is picked.
 */

/** Whose work it is. When a process dies, what it had planned never happens. */
export class Owner {
  readonly name: string;
  alive = true;
  /** Its tasks do not run before this virtual time: a stopped process. */
  pausedUntilMs = 0;
  /** Tasks planned and neither run nor cancelled. */
  pending = 0;

  constructor(name: string) {
    this.name = name;
  }
}

export interface Task {
  readonly id: number;
  readonly owner: Owner;
  readonly run: () => void;
  dueMs: number;
  state: 'planned' | 'done' | 'cancelled';
}

/** Kept before anything may replace the globals. */
// eslint-disable-next-line no-restricted-syntax -- dst-ok: the one real macrotask under each step
const realImmediate = globalThis.setImmediate;

/** Far more than any moment of a world holds. */
const MOST_STEPS_AT_ONCE = 200_000;

export class Scheduler {
  /** Virtual ms since the beginning. */
  nowMs = 0;
  steps = 0;
  readonly world = new Owner('world');
  /** Whose task runs; tasks made through the globals belong to it. */
  owner: Owner = this.world;
  private readonly prng: Prng;
  private readonly ready: Task[] = [];
  private readonly heap: Task[] = [];
  private lastId = 0;
  /** Steps since the clock moved. */
  private stepsAtOnce = 0;
  private lastMs = 0;

  constructor(seed: number) {
    this.prng = Prng.of(seed, 'scheduler');
  }

  /** Plans work for after `delayMs` virtual ms; 0 = ready at once. */
  plan(owner: Owner, delayMs: number, run: () => void): Task {
    const task: Task = {
      id: ++this.lastId,
      owner,
      run,
      dueMs: this.nowMs + Math.max(0, delayMs),
      state: 'planned',
    };
    owner.pending++;
    if (delayMs > 0) this.push(task);
    else this.ready.push(task);
    return task;
  }

  cancel(task: Task): void {
    if (task.state !== 'planned') return;
    task.state = 'cancelled';
    task.owner.pending--;
  }

  /** Runs until the virtual time is reached or `isOver` says so. `between` runs after each step, when all promises have settled. */
  run(untilMs: number, between: () => void, isOver: () => boolean = () => false): Promise<void> {
    return new Promise((resolve, reject) => {
      const step = (): void => {
        try {
          between();
          if (isOver() || this.standsStill || !this.step(untilMs)) return resolve();
          realImmediate(step);
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      };
      realImmediate(step);
    });
  }

  /** Work makes work without end at one moment: no clock will ever move again. */
  get standsStill(): boolean {
    return this.stepsAtOnce > MOST_STEPS_AT_ONCE;
  }

  private countStep(): void {
    this.steps++;
    this.stepsAtOnce = this.nowMs === this.lastMs ? this.stepsAtOnce + 1 : 0;
    this.lastMs = this.nowMs;
  }

  /** False when nothing is left to do before `untilMs`; the clock then stands there. */
  private step(untilMs: number): boolean {
    for (;;) {
      const task = this.ready.length > 0 ? this.pickReady() : this.takeDue(untilMs);
      if (task === null) return false;
      if (task === 'again' || task.state !== 'planned') continue;
      if (!task.owner.alive) {
        this.cancel(task);
        continue;
      }
      if (task.owner.pausedUntilMs > this.nowMs) {
        task.dueMs = task.owner.pausedUntilMs;
        this.push(task);
        continue;
      }
      task.state = 'done';
      task.owner.pending--;
      this.countStep();
      this.owner = task.owner;
      task.run();
      return true;
    }
  }

  private pickReady(): Task {
    const at = this.ready.length === 1 ? 0 : this.prng.below(this.ready.length);
    const task = this.ready[at]!;
    const last = this.ready.pop()!;
    if (at < this.ready.length) this.ready[at] = last;
    return task;
  }

  /** Advances the clock to the next due task and makes everything ready that is due by then. */
  private takeDue(untilMs: number): 'again' | null {
    const next = this.heap[0];
    if (next === undefined || next.dueMs > untilMs) {
      this.nowMs = Math.max(this.nowMs, untilMs);
      return null;
    }
    this.nowMs = Math.max(this.nowMs, next.dueMs);
    while (this.heap.length > 0 && this.heap[0]!.dueMs <= this.nowMs) {
      const task = this.pop();
      if (task.state === 'planned') this.ready.push(task);
    }
    return 'again';
  }

  private push(task: Task): void {
    const { heap } = this;
    let at = heap.length;
    heap.push(task);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(task, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = task;
  }

  private pop(): Task {
    const { heap } = this;
    const top = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return top;
  }
}

const isBefore = (a: Task, b: Task): boolean => a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.id < b.id);
