import type { EngineName } from './knobs.js';
import type { RunOutcome } from './run.js';
import type { Violation } from './world.js';

/** What one seed showed, as plain data that passes between processes. */
export interface SeedReport {
  readonly seed: number;
  /** The planted bug it ran with. */
  readonly bug: string | null;
  readonly engine: EngineName;
  readonly steps: number;
  readonly hash: string;
  readonly violations: readonly Violation[];
  readonly reached: readonly (readonly [point: string, count: number])[];
  readonly virtualMs: number;
  readonly cpuMs: number;
  readonly faultIds: readonly number[];
}

export const reportOf = (outcome: RunOutcome, bug: string | null): SeedReport => ({
  seed: outcome.seed,
  bug,
  engine: outcome.engine,
  steps: outcome.steps,
  hash: outcome.hash,
  violations: outcome.violations,
  reached: [...outcome.reached],
  virtualMs: outcome.virtualMs,
  cpuMs: outcome.cpuMs,
  faultIds: outcome.faultIds,
});
