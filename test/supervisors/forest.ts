import type { SupervisionEvent } from '../../src/messages/supervision.js';
import type { ActorBehaviour, ActorContext } from '../../src/runtime/actor.js';
import type { ActorSystem } from '../../src/runtime/system.js';
import type { ChildSpec, SupervisorSpec, WorkerSpec } from '../../src/supervisors/spec.js';
import { SupervisionTree } from '../../src/supervisors/supervisor.js';
import {
  actor,
  CountingIds,
  makeSystem,
  SeededRandom,
  type EngineName,
  type KeptLog,
} from '../runtime/harness.js';
import { ManualTime } from '../runtime/manual-time.js';

/** What every test worker understands. */
export type Order = 'crash' | 'hang' | 'exit' | 'ping' | 'slow';

export interface Forest {
  readonly time: ManualTime;
  readonly system: ActorSystem;
  readonly tree: SupervisionTree;
  readonly events: SupervisionEvent[];
  readonly log: KeptLog;
  readonly rootFailures: Error[];
  tell(path: string, order: Order): void;
  /** `kind path` of the events since the last call. */
  taken(): string[];
}

/** Every start and stop of the workers of one test, in order. */
export class Diary {
  readonly lines: string[] = [];
  readonly pings = new Map<string, number>();
  /** Paths whose next starts fail, and how often. */
  readonly failingStarts = new Map<string, number>();

  create(context: ActorContext<Order>): ActorBehaviour<Order> {
    const failures = this.failingStarts.get(context.path) ?? 0;
    if (failures > 0) {
      this.failingStarts.set(context.path, failures - 1);
      throw new Error('no start');
    }
    this.lines.push(`+${nameOf(context.path)}`);
    context.onEnd(() => void this.lines.push(`-${nameOf(context.path)}`));
    return {
      handle: (order) => this.handle(order, context),
    };
  }

  taken(): string {
    return this.lines.splice(0).join(' ');
  }

  private handle(order: Order, context: ActorContext<Order>): void | Promise<void> {
    if (order === 'crash') throw new Error('planned crash');
    if (order === 'hang') return new Promise<void>(() => undefined);
    if (order === 'exit') context.exit();
    if (order === 'ping') this.pings.set(context.path, (this.pings.get(context.path) ?? 0) + 1);
  }
}

export function worker(id: string, diary: Diary, overrides: Partial<WorkerSpec> = {}): ChildSpec {
  return {
    worker: {
      id,
      restart: 'permanent',
      shutdownMs: 100,
      backoff: { minMs: 10, maxMs: 1_000, jitter: 0 },
      giveUp: { kind: 'escalate' },
      actor: actor<Order>((context) => diary.create(context), { handlerTimeoutMs: 200 }),
      ...overrides,
    },
  };
}

export function supervisor(
  id: string,
  children: readonly ChildSpec[],
  overrides: Partial<SupervisorSpec> = {},
): SupervisorSpec {
  return {
    id,
    restart: 'permanent',
    strategy: 'one_for_one',
    intensity: { restarts: 3, stableMs: 1_000 },
    backoff: { minMs: 10, maxMs: 1_000, jitter: 0 },
    children,
    ...overrides,
  };
}

export function plant(spec: SupervisorSpec, engine: EngineName = 'plain'): Forest {
  const time = new ManualTime();
  const { system, log } = makeSystem(engine, time);
  const events: SupervisionEvent[] = [];
  const rootFailures: Error[] = [];
  const tree = new SupervisionTree({
    system,
    spec,
    clock: time,
    timers: time,
    random: new SeededRandom(3),
    ids: new CountingIds(),
    log,
    onEvent: (event) => void events.push(event),
    onRootFailure: (error) => void rootFailures.push(error),
  });
  let read = 0;
  return {
    time,
    system,
    tree,
    events,
    log,
    rootFailures,
    tell: (path, order) => void system.address<Order>(path).tell(order),
    taken() {
      const fresh = events.slice(read).map(({ kind, path }) => `${kind} ${nameOf(path)}`);
      read = events.length;
      return fresh;
    },
  };
}

/** Advances time while a promise of the tree settles; rejects as it does. */
export async function during(time: ManualTime, work: Promise<void>, ms: number): Promise<void> {
  work.catch(() => undefined);
  await time.advance(ms);
  await work;
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
