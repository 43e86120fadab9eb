import { runSeed, type RunRequest } from './run.js';
import type { SeedReport } from './seed-report.js';

/**
 * Shrinks a failing seed's fault schedule: drops ever smaller parts of it as long as the same invariant still fails. The
 * seed draws everything else from other streams, so that a shorter schedule leaves the rest of the world as it was.
 */
export async function minimise(report: SeedReport, request: RunRequest): Promise<readonly number[]> {
  const wanted = report.violations[0]?.name;
  const stillFails = async (keep: readonly number[]): Promise<boolean> => {
    const again = await runSeed({ ...request, keep, stopAtViolation: true });
    return again.violations.some(({ name }) => name === wanted);
  };
  let kept = [...report.faultIds];
  for (let size = Math.ceil(kept.length / 2); size >= 1; size = size > 1 ? Math.ceil(size / 2) : 0)
    for (let from = 0; from < kept.length;) {
      const fewer = [...kept.slice(0, from), ...kept.slice(from + size)];
      if (await stillFails(fewer)) kept = fewer;
      else from += size;
    }
  return kept;
}
