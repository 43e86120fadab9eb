import { writeFileSync } from 'node:fs';
import { minimise } from './minimise.js';
import { readOptions, type SimulateOptions } from './options.js';
import { runSeed, type RunRequest } from './run.js';
import { runSeeds } from './seed-pool.js';
import { reportOf, type SeedReport } from './seed-report.js';
import { linesOf, SummaryOfSeeds } from './summary.js';

/** `npm run simulate`: one seed in this process, or many in processes of their own, and what they showed. */

const print = (text: string): void => void process.stdout.write(`${text}\n`);
const PROGRESS_EVERY = 25;

async function simulateOne(options: SimulateOptions): Promise<number> {
  const outcome = await runSeed(requestOf(options, options.seeds[0]!));
  const report = reportOf(outcome, options.bug);
  if (!options.hashOnly) {
    if (report.violations.length > 0) await explain(report, options);
    print(
      `reached: ${[...report.reached]
        .sort()
        .map((entry) => entry.join(' '))
        .join(', ')}`,
    );
  }
  if (options.trace > 0) print(outcome.world.trace.newest(options.trace, 2_000).join('\n'));
  printSeed(report);
  return report.violations.length > 0 ? 1 : 0;
}

async function simulateMany(options: SimulateOptions): Promise<number> {
  const { seeds, bug } = options;
  const summary = new SummaryOfSeeds(options.minutes);
  const failed: SeedReport[] = [];
  await runSeeds(
    seeds.map((seed) => requestOf(options, seed)),
    Math.min(options.jobs, seeds.length),
    (report) => {
      summary.add(report, commandOf(report, options, options.keep));
      if (options.hashOnly || report.violations.length > 0) printSeed(report);
      if (report.violations.length > 0) failed.push(report);
      if (summary.seeds % PROGRESS_EVERY === 0) process.stderr.write(`${summary.progress(seeds.length)}\n`);
      // One seed that catches a planted bug is enough.
      return bug !== null && failed.length > 0 ? 'stop' : 'continue';
    },
  );
  if (!options.hashOnly) for (const report of failed) await explain(report, options);
  for (const line of linesOf(summary.summary())) print(line);
  if (options.json !== null) writeFileSync(options.json, `${JSON.stringify(summary.summary(), null, 2)}\n`);
  return failed.length > 0 ? 1 : 0;
}

const requestOf = (options: SimulateOptions, seed: number): RunRequest => ({
  seed,
  minutes: options.minutes,
  engine: options.engine,
  faults: options.faults,
  keep: options.keep,
  bug: options.bug,
  stopAtViolation: options.bug !== null,
});

const printSeed = ({ seed, steps, hash, violations }: SeedReport): void =>
  print(`seed ${seed} steps ${steps} hash ${hash} violations ${violations.length}`);

async function explain(report: SeedReport, options: SimulateOptions): Promise<void> {
  const [first] = report.violations;
  print(`\nthe trace before the first violation of seed ${report.seed}:`);
  for (const line of first?.trace ?? []) print(`  ${line}`);
  for (const { name, detail, atMs, step } of report.violations)
    print(`violated ${name} at ${atMs.toFixed(3)} ms, step ${step}: ${detail}`);
  print(`repeat with: ${commandOf(report, options, options.keep)}`);
  if (!options.minimise) return;
  const kept = await minimise(report, requestOf(options, report.seed));
  print(`${report.faultIds.length} faults, ${kept.length} are needed: ${commandOf(report, options, kept)}`);
}

function commandOf({ seed }: SeedReport, options: SimulateOptions, keep: readonly number[] | null): string {
  const words = ['npm run simulate --', `--seed ${seed}`, `--minutes ${options.minutes}`];
  if (options.engine !== null) words.push(`--engine ${options.engine}`);
  if (options.faults !== null) words.push(`--faults ${options.faults.join(',') || 'none'}`);
  if (keep !== null) words.push(`--keep ${keep.join(',') || 'none'}`);
  if (options.bug !== null) words.push(`--bug ${options.bug}`);
  return words.join(' ');
}

try {
  const options = readOptions(process.argv.slice(2));
  process.exitCode = await (options.single ? simulateOne(options) : simulateMany(options));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 2;
}
