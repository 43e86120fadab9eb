import type { SimulateOptions } from './options.js';
import { runSeed, type RunOutcome } from './run.js';

/**
 * Shrinks a failing seed's fault schedule: drops ever smaller parts of it as long as the same invariant still fails. The
 * seed draws everything else from other streams, so that a shorter schedule leaves the rest of the world as it was.
 */
export async function minimise(outcome: RunOutcome, options: SimulateOptions): Promise<readonly number[]> {
  const wanted = outcome.violations[0]?.name;
  const stillFails = async (keep: readonly number[]): Promise<boolean> => {
    const again = await runSeed({ ...options, seed: outcome.seed, keep, stopAtViolation: true });
    return again.violations.some(({ name }) => name === wanted);
  };
  let kept = [...outcome.faultIds];
  for (let size = Math.ceil(kept.length / 2); size >= 1; size = size > 1 ? Math.ceil(size / 2) : 0)
    for (let from = 0; from < kept.length;) {
      const fewer = [...kept.slice(0, from), ...kept.slice(from + size)];
      if (await stillFails(fewer)) kept = fewer;
      else from += size;
    }
  return kept;
}
