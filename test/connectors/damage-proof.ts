import fc from 'fast-check';
import type { Test } from 'tap';
import { DAMAGE, runDamaged, type Fault, type Scenario } from './damaged-stream.js';

const faults = (last: number, kinds: readonly Fault['kind'][]) =>
  fc.array(
    fc.record<Fault>({
      kind: fc.constantFrom(...kinds),
      // Without bias: fast-check likes small numbers, and faults should be everywhere.
      at: fc.noBias(fc.integer({ min: 0, max: 10_000 * last })).map((n) => n / 10_000),
    }),
    { minLength: 1, maxLength: 6 },
  );

/** However a stream is damaged, no trusted book is wrong, and every book heals. */
export async function prove(t: Test, scenario: Scenario, runs: number): Promise<void> {
  const { kinds = DAMAGE, noticed: share = 0.25 } = scenario;
  const calm = runDamaged(scenario, []);
  t.same(calm.wrong, [], 'the clean stream agrees with itself');
  t.same(calm.untrustedAtEnd, [], 'the clean stream synchronises every book');
  let noticed = 0;
  fc.assert(
    fc.property(faults(0.7, kinds), (list) => {
      const outcome = runDamaged(scenario, list);
      if (outcome.distrusted > calm.distrusted) noticed++;
      if (outcome.wrong.length > 0) throw new Error(outcome.wrong.slice(0, 3).join('; '));
      if (outcome.untrustedAtEnd.length > 0) throw new Error(`not healed: ${outcome.untrustedAtEnd.join()}`);
    }),
    { numRuns: runs, seed: 20_261_122 },
  );
  t.ok(noticed > runs * share, `${noticed} of ${runs} damaged streams made a book untrusted for a while`);
}
