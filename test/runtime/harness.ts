import type { Logger } from '../../src/ports/log.js';
import type { Ids, Random } from '../../src/ports/random.js';
import type { Clock, Timers } from '../../src/ports/time.js';
import type {
  ActorBehaviour,
  ActorContext,
  ActorDefinition,
  DeliveryPolicy,
} from '../../src/runtime/actor.js';
import { NactEngine } from '../../src/runtime/engine-nact.js';
import { PlainEngine } from '../../src/runtime/engine-plain.js';
import type { RuntimeReport } from '../../src/runtime/services.js';
import { ActorSystem } from '../../src/runtime/system.js';

export type EngineName = 'nact' | 'plain';

/** A logger that keeps what it was told. */
export class KeptLog implements Logger {
  readonly lines: { level: string; fields: Readonly<Record<string, unknown>>; message: string }[] = [];

  debug(fields: Readonly<Record<string, unknown>>, message: string): void {
    this.lines.push({ level: 'debug', fields, message });
  }
  info(fields: Readonly<Record<string, unknown>>, message: string): void {
    this.lines.push({ level: 'info', fields, message });
  }
  warn(fields: Readonly<Record<string, unknown>>, message: string): void {
    this.lines.push({ level: 'warn', fields, message });
  }
  error(fields: Readonly<Record<string, unknown>>, message: string): void {
    this.lines.push({ level: 'error', fields, message });
  }
  child(): Logger {
    return this;
  }
}

/** mulberry32: the same seed gives the same run. */
export class SeededRandom implements Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => Math.floor(this.next() * 256));
  }
}

export class CountingIds implements Ids {
  private count = 0;

  next(prefix: string): string {
    this.count += 1;
    return `${prefix}-${this.count}`;
  }
}

export interface Bench {
  readonly system: ActorSystem;
  readonly reports: RuntimeReport[];
  readonly engineFaults: unknown[];
  readonly log: KeptLog;
}

/** An actor system on the given engine and time. */
export function makeSystem(
  engine: EngineName,
  time: Clock & Timers,
  options: { batch?: number; sliceMs?: number; deadLetterCapacity?: number; maxActors?: number } = {},
): Bench {
  const reports: RuntimeReport[] = [];
  const engineFaults: unknown[] = [];
  const log = new KeptLog();
  const fault = (_cell: string, error: unknown): void => void engineFaults.push(error);
  const system = new ActorSystem({
    node: 'test',
    engine: engine === 'nact' ? new NactEngine(fault) : new PlainEngine(time, fault),
    clock: time,
    timers: time,
    random: new SeededRandom(1),
    ids: new CountingIds(),
    log,
    onEvent: (report) => void reports.push(report),
    ...options,
  });
  return { system, reports, engineFaults, log };
}

/** A definition with small defaults. */
export function actor<M>(
  create: (context: ActorContext<M>) => ActorBehaviour<M> | Promise<ActorBehaviour<M>>,
  options: {
    capacity?: number;
    policyOf?: (message: M) => DeliveryPolicy;
    maxAgeMsOf?: (message: M) => number | undefined;
    handlerTimeoutMs?: number;
    startTimeoutMs?: number;
  } = {},
): ActorDefinition<M> {
  const { capacity = 100, policyOf = (): DeliveryPolicy => ({ kind: 'reject' }), maxAgeMsOf } = options;
  return {
    kind: 'probe',
    mailbox: { capacity, policyOf, ...(maxAgeMsOf === undefined ? {} : { maxAgeMsOf }) },
    handlerTimeoutMs: options.handlerTimeoutMs ?? 5_000,
    ...(options.startTimeoutMs === undefined ? {} : { startTimeoutMs: options.startTimeoutMs }),
    create,
  };
}

/** A promise that the test settles. */
export function gate<T = void>(): {
  promise: Promise<T>;
  open: (value: T) => void;
  fail: (error: Error) => void;
} {
  let open!: (value: T) => void;
  let fail!: (error: Error) => void;
  const promise = new Promise<T>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  return { promise, open, fail };
}
