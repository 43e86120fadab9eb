import { BUGS, bugNamed } from './bugs/index.js';
import { RECORDED } from './bugs/recorded.js';
import { runSeed } from './run.js';

/**
 * Runs each planted bug with the seed that is recorded to catch it quickly, or with `--search N` looks for such seeds.
 * One line per bug: `<name> caught by <invariant> with seed S` or `<name> missed`.
 */
const search = process.argv.includes('--search')
  ? Number(process.argv[process.argv.indexOf('--search') + 1])
  : 0;
const names = process.argv.slice(2).filter((word) => BUGS.some(({ name }) => name === word));

async function catchBug(name: string): Promise<string> {
  const recorded = RECORDED[name];
  const seeds = search > 0 ? Array.from({ length: search }, (_, index) => index + 1) : [recorded ?? 1];
  for (const seed of seeds) {
    const { violations } = await runSeed({
      seed,
      minutes: 5,
      engine: null,
      faults: null,
      keep: null,
      bug: name,
      stopAtViolation: true,
    });
    const [first] = violations;
    if (first !== undefined) return `${name} caught by ${first.name} with seed ${seed}`;
  }
  return `${name} missed`;
}

for (const name of names.length > 0 ? names : BUGS.map((bug) => bug.name)) {
  bugNamed(name);
  process.stdout.write(`${await catchBug(name)}\n`);
}
