import { bugNamed } from './bugs/index.js';
import { planFaults, type FaultKind } from './fault-plan.js';
import { replaceGlobals } from './globals.js';
import { drawKnobs, type EngineName } from './knobs.js';
import { faultWindow, World, type WorldResult } from './world.js';

export interface RunRequest {
  readonly seed: number;
  readonly minutes: number;
  readonly engine: EngineName | null;
  readonly faults: readonly FaultKind[] | null;
  readonly keep: readonly number[] | null;
  readonly bug: string | null;
  readonly stopAtViolation: boolean;
}

export interface RunOutcome extends WorldResult {
  readonly engine: EngineName;
  readonly faultIds: readonly number[];
  readonly world: World;
  /** Processor time of this process, ms. */
  readonly cpuMs: number;
}

/** Runs one seed in this process, whose globals of time and chance are the seed's meanwhile. */
export async function runSeed(request: RunRequest): Promise<RunOutcome> {
  const { seed, minutes, keep } = request;
  const bug = request.bug === null ? null : bugNamed(request.bug);
  const knobs = drawKnobs(seed, request.engine);
  const drawn = planFaults(seed, faultWindow(minutes), request.faults, knobs);
  const faults = drawn.filter(({ id }) => keep === null || keep.includes(id));
  const usedBefore = process.cpuUsage();
  const world = new World({ seed, minutes, knobs, faults, changes: bug?.ports ?? {} });
  const restore = replaceGlobals(world.scheduler, seed);
  const mend = bug?.plant?.() ?? (() => undefined);
  // Rejections are told a macrotask later; by then it is known whose they are.
  const escaped = (error: unknown): void => world.violated('no-escaped-error', describe(error));
  process.on('unhandledRejection', escaped);
  process.on('uncaughtException', escaped);
  try {
    const result = await world.run(request.stopAtViolation);
    const used = process.cpuUsage(usedBefore);
    const cpuMs = (used.user + used.system) / 1_000;
    return { ...result, engine: knobs.engine, faultIds: faults.map(({ id }) => id), world, cpuMs };
  } finally {
    process.off('unhandledRejection', escaped);
    process.off('uncaughtException', escaped);
    mend();
    restore();
  }
}

const describe = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message).slice(0, 600) : String(error);
