import { minimise } from './minimise.js';
import { readOptions, type SimulateOptions } from './options.js';
import { runSeed, type RunOutcome } from './run.js';
import { neverReached } from './sometimes.js';

/** `npm run simulate`: runs seeds one after the other in this process and says what they showed. */

const print = (text: string): void => void process.stdout.write(`${text}\n`);

async function simulate(options: SimulateOptions): Promise<number> {
  const reached = new Map<string, number>();
  const failed: number[] = [];
  const sum = { steps: 0, virtualMs: 0, cpuMs: 0, plain: 0 };
  for (const seed of options.seeds) {
    const outcome = await runSeed({ ...options, seed, stopAtViolation: options.bug !== null });
    sum.steps += outcome.steps;
    sum.virtualMs += outcome.virtualMs;
    sum.cpuMs += outcome.cpuMs;
    if (outcome.engine === 'plain') sum.plain++;
    for (const [point, count] of outcome.reached) reached.set(point, (reached.get(point) ?? 0) + count);
    if (outcome.violations.length > 0) {
      failed.push(seed);
      if (!options.hashOnly) await explain(outcome, options);
    }
    if (options.trace > 0) print(outcome.world.trace.newest(options.trace, 2_000).join('\n'));
    if (options.single && !options.hashOnly) printReached(outcome.reached);
    if (options.single || outcome.violations.length > 0) printSeed(outcome);
    // One seed that catches a planted bug is enough.
    if (options.bug !== null && failed.length > 0) break;
  }
  if (!options.single) summarise(options, sum, reached, failed);
  return failed.length > 0 ? 1 : 0;
}

const printSeed = ({ seed, steps, hash, violations }: RunOutcome): void =>
  print(`seed ${seed} steps ${steps} hash ${hash} violations ${violations.length}`);

async function explain(outcome: RunOutcome, options: SimulateOptions): Promise<void> {
  const [first] = outcome.violations;
  print(`\nthe trace before the first violation of seed ${outcome.seed}:`);
  for (const line of first?.trace ?? []) print(`  ${line}`);
  for (const { name, detail, atMs, step } of outcome.violations)
    print(`violated ${name} at ${atMs.toFixed(3)} ms, step ${step}: ${detail}`);
  print(`repeat with: ${commandOf(outcome, options, options.keep)}`);
  if (!options.minimise) return;
  const kept = await minimise(outcome, options);
  print(`${outcome.faultIds.length} faults, ${kept.length} are needed: ${commandOf(outcome, options, kept)}`);
}

function commandOf({ seed }: RunOutcome, options: SimulateOptions, keep: readonly number[] | null): string {
  const words = ['npm run simulate --', `--seed ${seed}`, `--minutes ${options.minutes}`];
  if (options.engine !== null) words.push(`--engine ${options.engine}`);
  if (options.faults !== null) words.push(`--faults ${options.faults.join(',') || 'none'}`);
  if (keep !== null) words.push(`--keep ${keep.join(',') || 'none'}`);
  if (options.bug !== null) words.push(`--bug ${options.bug}`);
  return words.join(' ');
}

function printReached(reached: ReadonlyMap<string, number>): void {
  print(
    `reached: ${[...reached]
      .sort()
      .map(([point, count]) => `${point} ${count}`)
      .join(', ')}`,
  );
}

function summarise(
  options: SimulateOptions,
  sum: { steps: number; virtualMs: number; cpuMs: number; plain: number },
  reached: ReadonlyMap<string, number>,
  failed: readonly number[],
): void {
  printReached(reached);
  print(`never reached: ${neverReached(reached).join(', ') || 'nothing'}`);
  const speed = (sum.virtualMs / sum.cpuMs).toFixed(0);
  const rate = ((sum.steps / sum.cpuMs) * 1_000).toFixed(0);
  print(`${sum.steps} steps, ${rate} per second of processor time, ${speed} times real time per core`);
  const { seeds } = options;
  print(
    `seeds ${seeds[0]} to ${seeds.at(-1)} (${sum.plain} on the plain engine) of ${options.minutes} minutes: ` +
      `${failed.length} with violations${failed.length > 0 ? ` (${failed.slice(0, 50).join(', ')})` : ''}`,
  );
}

try {
  process.exitCode = await simulate(readOptions(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 2;
}
