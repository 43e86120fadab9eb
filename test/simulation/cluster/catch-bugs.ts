import { parseArgs } from 'node:util';
import { CLUSTER_BUGS } from './bugs.js';
import { runCluster } from './run.js';

/** Runs each planted bug with its recorded seed; with `--search N` looks for the first of N seeds that catches it. */

const { values } = parseArgs({
  options: { search: { type: 'string' }, only: { type: 'string' } },
});
const most = values.search === undefined ? 0 : Number(values.search);
const names = values.only?.split(',') ?? CLUSTER_BUGS.map(({ name }) => name);
let missed = 0;
for (const { name, faults, seed: recorded } of CLUSTER_BUGS.filter((bug) => names.includes(bug.name))) {
  const seeds = most > 0 ? Array.from({ length: most }, (_, index) => index + 1) : [recorded];
  let line = `${name} not caught by ${seeds.length} seeds`;
  for (const seed of seeds) {
    const { violations } = await runCluster({ seed, faults, keep: null, bug: name });
    const [first] = violations;
    if (first === undefined) continue;
    line = `${name} seed ${seed} caught by ${first.name} at ${first.atMs.toFixed(0)} ms: ${first.detail}`;
    break;
  }
  if (line.includes('not caught')) missed++;
  process.stdout.write(`${line}\n`);
}
process.exitCode = missed > 0 ? 1 : 0;
