import { parseArgs } from 'node:util';
import { FAULT_KINDS, type FaultKind } from './fault-plan.js';
import { drawOrderEntry, type EngineName } from './knobs.js';

/** What `npm run simulate` is asked for. */
export interface SimulateOptions {
  /** Of many, those only whose orders are as asked for. */
  readonly seeds: readonly number[];
  /** True when one seed was named; it runs in this process. */
  readonly single: boolean;
  readonly minutes: number;
  /** Null = as the seed draws. */
  readonly engine: EngineName | null;
  /** Null = a random subset of all. */
  readonly faults: readonly FaultKind[] | null;
  /** Ids of the schedule's entries to keep; null = all. */
  readonly keep: readonly number[] | null;
  readonly bug: string | null;
  readonly minimise: boolean;
  readonly hashOnly: boolean;
  /** Lines of the trace's end to print. */
  readonly trace: number;
  /** Processes that run seeds. */
  readonly jobs: number;
  /** Where the summary of many seeds is written as JSON. */
  readonly json: string | null;
}

export const USAGE = `npm run simulate -- [--seed S | --seeds N [--from S] [--orders paper|signed]] [--minutes M] [--engine nact|plain]
  [--faults kind,kind | none] [--keep id,id] [--bug name] [--minimise] [--hash-only] [--trace lines]
  [--jobs N] [--json file]`;

/** Throws with the usage for what cannot be understood. */
export function readOptions(given: readonly string[]): SimulateOptions {
  const { values } = parseArgs({
    args: [...given],
    options: {
      seed: { type: 'string' },
      seeds: { type: 'string' },
      from: { type: 'string', default: '1' },
      orders: { type: 'string' },
      minutes: { type: 'string', default: '5' },
      engine: { type: 'string' },
      faults: { type: 'string' },
      keep: { type: 'string' },
      bug: { type: 'string' },
      minimise: { type: 'boolean', default: false },
      'hash-only': { type: 'boolean', default: false },
      trace: { type: 'string', default: '0' },
      jobs: { type: 'string', default: '2' },
      json: { type: 'string' },
    },
  });
  const single = values.seeds === undefined;
  const first = whole('from', values.from);
  const count = single ? 1 : whole('seeds', values.seeds!);
  return {
    seeds: single
      ? [whole('seed', values.seed ?? '1')]
      : Array.from({ length: count }, (_, index) => first + index).filter(ordersAre(values.orders)),
    single,
    minutes: whole('minutes', values.minutes),
    engine: values.engine === undefined ? null : engineOf(values.engine),
    faults: values.faults === undefined ? null : faultsOf(values.faults),
    keep: values.keep === undefined ? null : idsOf(values.keep),
    bug: values.bug ?? null,
    minimise: values.minimise,
    hashOnly: values['hash-only'],
    trace: whole('trace', values.trace),
    jobs: Math.max(1, whole('jobs', values.jobs)),
    json: values.json ?? null,
  };
}

function ordersAre(kind: string | undefined): (seed: number) => boolean {
  if (kind === undefined) return () => true;
  if (kind !== 'paper' && kind !== 'signed')
    throw new Error(`--orders: '${kind}' is neither paper nor signed`);
  return (seed) => drawOrderEntry(seed) === kind;
}

function whole(name: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new Error(`--${name}: '${text}' is not a whole number\n${USAGE}`);
  return Number(text);
}

function engineOf(text: string): EngineName {
  if (text === 'nact' || text === 'plain') return text;
  throw new Error(`--engine: '${text}' is neither nact nor plain`);
}

function faultsOf(text: string): FaultKind[] {
  if (text === 'none') return [];
  return text.split(',').map((name) => {
    const kind = FAULT_KINDS.find((known) => known === name);
    if (kind === undefined) throw new Error(`--faults: '${name}' is not one of ${FAULT_KINDS.join(', ')}`);
    return kind;
  });
}

const idsOf = (text: string): number[] =>
  text === 'none' ? [] : text.split(',').map((id) => whole('keep', id));
