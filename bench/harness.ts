import { setImmediate as nextTurn } from 'node:timers/promises';
import { PerformanceObserver } from 'node:perf_hooks';
import { quartilesOf, type Quartiles } from './quartiles.js';

/**
 * Candidates are compared inside one process: each round runs every candidate once, in rotating order, so that a drift of
 * the machine touches all of them alike. The figure is process CPU time (all threads, so that garbage collection counts);
 * a ratio is taken within a round and only then its median over rounds.
 */

/** One thing to time. `run` makes one pass over the input and answers a number that depends on the whole work. */
export interface Candidate {
  readonly name: string;
  /** Units of work per pass: frames, messages, updates. */
  readonly units: number;
  /** Bytes per pass, where that means something. */
  readonly bytes?: number;
  run(): number | Promise<number>;
}

/** Candidates on one input. The first is the reference that the others are divided by. */
export interface Series {
  readonly title: string;
  /** What went in, with numbers: a reader must be able to judge it. */
  readonly input: string;
  readonly unit: string;
  readonly candidates: readonly [Candidate, ...Candidate[]];
  /** Compares every candidate's output with a slow reference; throws when one is wrong. Runs before anything is timed. */
  check(): void | Promise<void>;
  /** What the rows do not do, or other figures. */
  notes?(): readonly string[] | Promise<readonly string[]>;
  close?(): void | Promise<void>;
}

export interface Effort {
  readonly rounds: number;
  /** Least wall time of one slot, ms. */
  readonly slotMs: number;
  /** Warm-up of each candidate, ms. */
  readonly warmupMs: number;
}

/** At least 11 rounds of 60 ms (`full`); `quick` fits all groups into two minutes; `tiny` only proves that it runs. */
export const EFFORTS = {
  full: { rounds: 21, slotMs: 150, warmupMs: 600 },
  quick: { rounds: 11, slotMs: 60, warmupMs: 200 },
  tiny: { rounds: 1, slotMs: 0, warmupMs: 0 },
} as const satisfies Record<string, Effort>;

export interface Row {
  readonly name: string;
  readonly cpuNs: Quartiles;
  readonly cpuMinNs: number;
  readonly wallNs: number;
  /** To the reference in the same round; null for the reference itself. */
  readonly ratio: Quartiles | null;
  readonly bytesPerUnit: number | null;
  readonly collectionsPerMillion: number;
}

export interface Result {
  readonly series: Series;
  readonly rows: readonly Row[];
  /** The reference against itself. Outside 0.9…1.1 the machine was too noisy to judge the other ratios. */
  readonly sameAgainstSame: Quartiles;
  readonly notes: readonly string[];
  /** Sum of all outputs, kept so that no work can be optimised away. */
  readonly consumed: number;
}

export const NOISY_BELOW = 0.9;
export const NOISY_ABOVE = 1.1;

interface Slot {
  readonly cpuNs: number;
  readonly wallNs: number;
  readonly collections: number;
  readonly units: number;
}

/** Checks, warms up and times a series. Throws what its check throws: a wrong row is an error, never a number. */
export async function measure(series: Series, effort: Effort): Promise<Result> {
  await series.check();
  const meter = new SlotMeter();
  const [reference] = series.candidates;
  const candidates = [...series.candidates, { ...reference, run: () => reference.run() }];
  for (const candidate of candidates) await meter.slot(candidate, effort.warmupMs);
  const slots: Slot[][] = candidates.map(() => []);
  for (let round = 0; round < effort.rounds; round++) {
    for (let step = 0; step < candidates.length; step++) {
      const index = (round + step) % candidates.length;
      slots[index]!.push(await meter.slot(candidates[index]!, effort.slotMs));
    }
  }
  meter.close();
  const rows = series.candidates.map((candidate, index) => rowOf(candidate, slots[index]!, slots[0]!, index));
  const notes = (await series.notes?.()) ?? [];
  return {
    series,
    rows,
    notes,
    consumed: meter.consumed,
    sameAgainstSame: quartilesOf(ratios(slots.at(-1)!, slots[0]!)),
  };
}

function ratios(slots: readonly Slot[], reference: readonly Slot[]): number[] {
  return slots.map((slot, round) => slot.cpuNs / reference[round]!.cpuNs);
}

function rowOf(candidate: Candidate, slots: readonly Slot[], reference: readonly Slot[], index: number): Row {
  const cpu = slots.map((slot) => slot.cpuNs);
  const units = slots.reduce((sum, slot) => sum + slot.units, 0);
  const collections = slots.reduce((sum, slot) => sum + slot.collections, 0);
  return {
    name: candidate.name,
    cpuNs: quartilesOf(cpu),
    cpuMinNs: Math.min(...cpu),
    wallNs: quartilesOf(slots.map((slot) => slot.wallNs)).median,
    ratio: index === 0 ? null : quartilesOf(ratios(slots, reference)),
    bytesPerUnit: candidate.bytes === undefined ? null : candidate.bytes / candidate.units,
    collectionsPerMillion: (collections * 1e6) / units,
  };
}

/** Times slots; counts the garbage collections inside them. */
class SlotMeter {
  consumed = 0;
  private collections = 0;
  private readonly observer: PerformanceObserver;

  constructor() {
    this.observer = new PerformanceObserver((list) => (this.collections += list.getEntries().length));
    this.observer.observe({ entryTypes: ['gc'] });
  }

  /** Whole passes until `leastMs` have passed, at least one. Collects first when Node runs with --expose-gc. */
  async slot(candidate: Candidate, leastMs: number): Promise<Slot> {
    globalThis.gc?.();
    await this.settle();
    this.collections = 0;
    const cpu = process.cpuUsage();
    const startNs = process.hrtime.bigint();
    const endNs = startNs + BigInt(Math.round(leastMs * 1e6));
    let passes = 0;
    let nowNs = startNs;
    do {
      const output = candidate.run();
      this.consumed += typeof output === 'number' ? output : await output;
      passes++;
      nowNs = process.hrtime.bigint();
    } while (nowNs < endNs);
    const used = process.cpuUsage(cpu);
    await this.settle();
    const units = passes * candidate.units;
    return {
      cpuNs: ((used.user + used.system) * 1000) / units,
      wallNs: Number(nowNs - startNs) / units,
      collections: this.collections,
      units,
    };
  }

  close(): void {
    this.observer.disconnect();
  }

  /** Collections are reported a turn of the event loop later. */
  private async settle(): Promise<void> {
    for (let turn = 0; turn < 3; turn++) await nextTurn();
  }
}
