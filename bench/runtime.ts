import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { dispatch, query, spawn, start, stop } from 'nact';
import type { Address, Reply } from '../src/runtime/actor.js';
import { SystemClock, SystemTimers } from '../src/runtime/platform/clock.js';
import type { ActorSystem } from '../src/runtime/system.js';
import { actor, makeSystem, type EngineName } from '../test/runtime/harness.js';
import type { Candidate, Series } from './harness.js';
import { timeText } from './report.js';

export interface RuntimeSize {
  /** Messages told before the first is handled. */
  readonly burst: number;
  /** Messages or questions, one after the other. */
  readonly serial: number;
  readonly idleActors: number;
  readonly idleMs: number;
}

const FULL_SIZE: RuntimeSize = { burst: 1_000, serial: 200, idleActors: 10_000, idleMs: 2_000 };

const TIME = Object.assign(new SystemTimers(), {
  nowMs: () => new SystemClock().nowMs(),
  monotonicMs: () => new SystemClock().monotonicMs(),
});

export function runtimeSeries(size: RuntimeSize = FULL_SIZE): Series[] {
  return [tellSeries(size, 'burst'), tellSeries(size, 'serial'), askSeries(size), idleSeries(size)];
}

/** Something that takes numbers and says when the n-th has been handled. */
interface Sink {
  readonly name: string;
  tell(value: number): void;
  /** Resolves when `count` further messages have been handled. */
  handled(count: number): Promise<void>;
  readonly received: Receipt;
  close(): Promise<void>;
}

class Receipt {
  count = 0;
  sum = 0;
  /** Order is part of the contract: 0 until a message arrives that is not the successor of the one before. */
  disorder = 0;
  private last = -1;
  private wanted = Infinity;
  private resolve: () => void = () => undefined;

  take(value: number): void {
    this.count++;
    this.sum += value;
    if (value !== 0 && value !== this.last + 1) this.disorder++;
    this.last = value;
    if (this.count === this.wanted) this.resolve();
  }

  until(more: number): Promise<void> {
    this.wanted = this.count + more;
    return new Promise((resolve) => (this.resolve = resolve));
  }
}

function rawNact(): Sink {
  const received = new Receipt();
  const system = start();
  const ref = spawn(system, (_state: undefined, value: number) => received.take(value), 'sink');
  return {
    name: 'nact dispatch, bare',
    received,
    tell: (value) => dispatch(ref, value),
    handled: (count) => received.until(count),
    close: async () => stop(system),
  };
}

function emitter(): Sink {
  const received = new Receipt();
  const events = new EventEmitter().on('message', (value: number) => received.take(value));
  return {
    name: 'EventEmitter (synchronous call)',
    received,
    tell: (value) => void events.emit('message', value),
    handled: (count) => received.until(count),
    close: async () => void events.removeAllListeners(),
  };
}

async function runtime(engine: EngineName, capacity: number): Promise<Sink> {
  const received = new Receipt();
  const { system } = makeSystem(engine, TIME);
  const definition = actor<number>(() => ({ handle: (value) => received.take(value) }), { capacity });
  await mustStart(system, 'sink', definition);
  const address = system.address<number>('sink');
  return {
    name: `runtime over ${engine}`,
    received,
    tell: (value) => {
      const result = address.tell(value);
      if (result !== 'queued') throw new Error(`tell: ${result}`);
    },
    handled: (count) => received.until(count),
    close: () => system.close(5_000),
  };
}

async function mustStart(
  system: ActorSystem,
  path: string,
  definition: Parameters<ActorSystem['spawn']>[1],
): Promise<void> {
  const outcome = await system.spawn(path, definition);
  if (!outcome.ok) throw outcome.error;
}

/** `burst`: all are told, then handled: throughput. `serial`: the next is told when the one before was handled: delay. */
function tellSeries(size: RuntimeSize, mode: 'burst' | 'serial'): Series {
  const count = size[mode];
  const sinks = [rawNact(), emitter()];
  const candidates: Candidate[] = [];
  const add = (sink: Sink) => candidates.push({ name: sink.name, units: count, run: () => pass(sink) });
  const pass = mode === 'burst' ? (sink: Sink) => burst(sink, count) : (sink: Sink) => serial(sink, count);
  sinks.forEach(add);
  const lazy = lazySinks(count);
  for (const engine of ['nact', 'plain'] as const) {
    candidates.push({
      name: `runtime over ${engine}`,
      units: count,
      run: async () => pass(await lazy.of(engine)),
    });
  }
  return {
    title: mode === 'burst' ? 'runtime: tell → handled, in bursts' : 'runtime: tell → handled, one at a time',
    input: `bursts of ${count} numbers to one actor`.replace(
      /^bursts of/,
      mode === 'burst' ? 'bursts of' : 'rounds of',
    ),
    unit: 'message',
    candidates: candidates as [Candidate, ...Candidate[]],
    check: async () => {
      for (const sink of [...sinks, await lazy.of('nact'), await lazy.of('plain')]) {
        const { count: before, sum } = sink.received;
        await pass(sink);
        const { received } = sink;
        const complete =
          received.count === before + count && received.sum - sum === (count * (count - 1)) / 2;
        if (!complete || received.disorder > 0) throw new Error(`${sink.name} lost or reordered messages`);
      }
    },
    notes: () => [
      'bare nact and the emitter have no bound, no dead letters, no incarnations, no measurements; an emitter is a call, not a mailbox',
    ],
    close: async () => {
      await Promise.all([...sinks.map((sink) => sink.close()), lazy.close()]);
    },
  };
}

async function burst(sink: Sink, count: number): Promise<number> {
  const done = sink.handled(count);
  for (let value = 0; value < count; value++) sink.tell(value);
  await done;
  return sink.received.count;
}

async function serial(sink: Sink, count: number): Promise<number> {
  for (let value = 0; value < count; value++) {
    const done = sink.handled(1);
    sink.tell(value);
    await done;
  }
  return sink.received.count;
}

/** Starting an actor is asynchronous; the sinks come into being at the first use. */
function lazySinks(capacity: number) {
  const started = new Map<EngineName, Promise<Sink>>();
  return {
    of(engine: EngineName): Promise<Sink> {
      const known = started.get(engine) ?? runtime(engine, capacity);
      started.set(engine, known);
      return known;
    },
    async close(): Promise<void> {
      for (const sink of started.values()) await (await sink).close();
    },
  };
}

interface Question {
  readonly value: number;
  readonly reply: Reply<number>;
}

interface Oracle {
  ask(value: number): Promise<number>;
  close(): Promise<void>;
}

/** nact's answer goes to a reference in the message, as its documentation shows it. */
function nactOracle(): Oracle {
  const system = start();
  type Asked = { readonly value: number; readonly sender: Parameters<typeof dispatch<number>>[0] };
  const ref = spawn(
    system,
    (_state: undefined, { value, sender }: Asked) => dispatch(sender, value + 1),
    'oracle',
  );
  return {
    ask: (value) => query(ref, (sender) => ({ value, sender }), 5_000) as Promise<number>,
    close: async () => stop(system),
  };
}

async function runtimeOracle(engine: EngineName): Promise<Oracle> {
  const { system } = makeSystem(engine, TIME);
  const definition = actor<Question>(() => ({ handle: ({ value, reply }) => reply.resolve(value + 1) }));
  await mustStart(system, 'oracle', definition);
  const address: Address<Question> = system.address<Question>('oracle');
  return {
    ask: (value) => system.ask<Question, number>(address, (reply) => ({ value, reply }), 5_000),
    close: () => system.close(5_000),
  };
}

function askSeries({ serial: count }: RuntimeSize): Series {
  const oracles = {
    'nact query, bare': Promise.resolve(nactOracle()),
    'runtime ask over nact': runtimeOracle('nact'),
    'runtime ask over plain': runtimeOracle('plain'),
  };
  const candidates = Object.entries(oracles).map(([name, oracle]): Candidate => ({
    name,
    units: count,
    run: async () => questions(await oracle, count),
  }));
  return {
    title: 'runtime: ask round trip, one at a time',
    input: `${count} questions per pass, each with a timeout of 5 s`,
    unit: 'question',
    candidates: candidates as [Candidate, ...Candidate[]],
    check: async () => {
      for (const [name, oracle] of Object.entries(oracles)) {
        const sum = await questions(await oracle, count);
        if (sum !== (count * (count + 1)) / 2) throw new Error(`${name} answered wrongly`);
      }
    },
    close: async () => {
      for (const oracle of Object.values(oracles)) await (await oracle).close();
    },
  };
}

async function questions(oracle: Oracle, count: number): Promise<number> {
  let sum = 0;
  for (let value = 0; value < count; value++) sum += await oracle.ask(value);
  return sum;
}

/** What many actors cost that do nothing, and what inspecting all of them costs. */
function idleSeries({ idleActors, idleMs }: RuntimeSize): Series {
  const { system } = makeSystem('nact', TIME, { maxActors: idleActors });
  let notes: string[] = [];
  return {
    title: 'runtime: many idle actors',
    input: `${idleActors} actors over nact, each with a mailbox of 100`,
    unit: 'actor',
    candidates: [
      {
        name: 'array of as many plain objects, copied',
        units: idleActors,
        run: () => plainCopies(idleActors),
      },
      { name: 'inspect() of all', units: idleActors, run: () => system.inspect().length },
    ],
    check: async () => {
      notes = await idleCost(system, idleActors, idleMs);
      const running = system.inspect().filter(({ state }) => state === 'running').length;
      if (running !== idleActors) throw new Error(`${running} of ${idleActors} actors run`);
    },
    notes: () => notes,
    close: () => system.close(60_000),
  };
}

function plainCopies(count: number): number {
  return Array.from({ length: count }, (_, i) => ({ path: `a/${i}`, handled: i, state: 'running' })).length;
}

async function idleCost(system: ActorSystem, actors: number, idleMs: number): Promise<string[]> {
  const before = await idleCpuNs(idleMs);
  globalThis.gc?.();
  const heapBefore = process.memoryUsage().heapUsed;
  const startedNs = process.hrtime.bigint();
  const definition = actor<number>(() => ({ handle: () => undefined }));
  await Promise.all(Array.from({ length: actors }, (_, i) => mustStart(system, `idle/${i}`, definition)));
  const startNs = Number(process.hrtime.bigint() - startedNs) / actors;
  globalThis.gc?.();
  const bytes = (process.memoryUsage().heapUsed - heapBefore) / actors;
  const after = await idleCpuNs(idleMs);
  const share = (ns: number) => `${((ns / (idleMs * 1e6)) * 100).toFixed(2)} %`;
  return [
    `start ${timeText(startNs)} and heap ${(bytes / 1024).toFixed(1)} kB per actor; CPU of the idle process: ${share(before)} without, ${share(after)} with ${actors} actors`,
  ];
}

/** CPU time that the process uses while nothing is asked of it. */
async function idleCpuNs(forMs: number): Promise<number> {
  const cpu = process.cpuUsage();
  await sleep(forMs);
  const used = process.cpuUsage(cpu);
  return (used.user + used.system) * 1000;
}
