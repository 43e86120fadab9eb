import { bugNamed, BUGS } from './bugs/index.js';
import { ONLY_FAULTS, RECORDED } from './bugs/recorded.js';
import { drawOrderEntry } from './knobs.js';
import { FIRST_STRATEGY_SEED } from './strategy-worlds.js';
import type { RunRequest } from './run.js';
import { runSeeds } from './seed-pool.js';

/**
 * Runs each planted bug with the seed that is recorded to catch it quickly, or with `--search N` looks for such seeds; `--jobs N` = in so many processes, two else.
 * One line per bug: `<name> caught by <invariant> with seed S` or `<name> missed`.
 */
const numberAfter = (word: string, otherwise: number): number =>
  process.argv.includes(word) ? Number(process.argv[process.argv.indexOf(word) + 1]) : otherwise;
const search = numberAfter('--search', 0);
const jobs = numberAfter('--jobs', 2);
const named = process.argv.slice(2).filter((word) => BUGS.some(({ name }) => name === word));
const names = named.length > 0 ? named : BUGS.map(({ name }) => name);
const caught = new Map<string, { readonly seed: number; readonly by: string }>();

/** In a search, seeds that cannot show it are passed over. */
const mayShow = (bug: string, seed: number): boolean =>
  search === 0 || bugNamed(bug).isOfSignedOrders !== true || drawOrderEntry(seed) === 'signed';

/** Where the worlds begin that can show it. */
const firstSeed = (bug: string): number => (bugNamed(bug).isOfStrategies === true ? FIRST_STRATEGY_SEED : 1);

/** Seed after seed for all bugs that no seed has caught yet. */
function* requests(): Generator<RunRequest> {
  for (let at = 0; at < Math.max(1, search); at++)
    for (const bug of names)
      if (!caught.has(bug) && mayShow(bug, firstSeed(bug) + at))
        yield {
          seed: search > 0 ? firstSeed(bug) + at : (RECORDED[bug] ?? 1),
          minutes: 5,
          engine: null,
          faults: ONLY_FAULTS[bug] ?? null,
          keep: null,
          bug,
          stopAtViolation: true,
        };
}

await runSeeds(requests(), jobs, ({ bug, seed, violations: [first] }) => {
  if (bug !== null && first !== undefined && seed < (caught.get(bug)?.seed ?? Infinity)) {
    caught.set(bug, { seed, by: first.name });
    process.stdout.write(`${bug} caught by ${first.name} with seed ${seed}\n`);
  }
  return 'continue';
});
for (const bug of names) if (!caught.has(bug)) process.stdout.write(`${bug} missed\n`);
