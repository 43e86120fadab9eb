import { Option, type Command } from 'commander';
import { machine, percentile } from '../proofs/figures.js';
import type { Trial } from './cluster.js';

interface Flags {
  readonly schedules: string;
  readonly minutes?: string;
  readonly seed: string;
  readonly only?: string[];
}

/** What a dead node may cost the others. */
const MOST_GAINED_MS = 100;

const say = (line: string): void => console.log(line);

/** What must hold is a line each; the exit code says whether all do. */
export function judge(lines: Readonly<Record<string, boolean>>): void {
  for (const [line, holds] of Object.entries(lines)) {
    say(`${holds ? 'holds' : 'BROKEN'}: ${line}`);
    if (!holds) process.exitCode = 1;
  }
}

const spread = (values: readonly (number | null)[]): string => {
  const known = values.filter((one) => one !== null);
  if (known.length === 0) return '–';
  return `${percentile(known, 0.5)} / ${percentile(known, 1)} ms`;
};

/** In order, since a median of few hides the rest. */
const signed = (gains: readonly (number | null)[]): string =>
  gains.map((one) => (one === null ? '–' : `${one < 0 ? '' : '+'}${one}`)).join(', ') + ' ms';

function table(trials: readonly Trial[], kinds: readonly string[]): void {
  say(
    'p50 / longest; moved = on the other nodes after the fault began, healed = all of it after the fault ended',
  );
  for (const kind of kinds) {
    const own = trials.filter((one) => one.kind === kind);
    if (own.length === 0) continue;
    // What another node than the holder loses is feeds: the lease was not there to move.
    const counts = (phase: 'moved' | 'healed', what: string, { aim }: Trial): boolean =>
      phase === 'healed' || what === 'feeds' || aim === 'holder';
    const of = (phase: 'moved' | 'healed') =>
      (['feeds', 'lease', 'gate'] as const)
        .map((what) => {
          const counted = own.filter((one) => counts(phase, what, one));
          return `${what} ${spread(counted.map((one) => one[phase]?.[what] ?? null))}`;
        })
        .join(', ');
    say(`${kind}: ${own.length}; moved ${of('moved')}; healed ${of('healed')}`);
  }
}

async function cluster({ schedules, minutes, seed, only }: Flags): Promise<void> {
  const { unavailable } = await import('./stage.js');
  const missing = unavailable();
  if (missing !== null) return say(`skipped: ${missing}`);
  const { gainMs, pooledP99Ms, runClusterChaos } = await import('./cluster.js');
  const { KINDS } = await import('./schedules.js');
  say(machine());
  const report = await runClusterChaos({
    ...{ schedules: Number(schedules), seed: Number(seed), heard: say },
    budgetMs: minutes === undefined ? Infinity : Number(minutes) * 60_000,
    ...(only !== undefined && { kinds: KINDS.filter((kind) => only.some((word) => kind.includes(word))) }),
  });
  const { trials, audit, fences, skipped } = report;
  say(machine());
  table(trials, KINDS);
  for (const kind of skipped) say(`${kind}: skipped, no server of our own`);
  const kills = trials.filter(({ kind }) => kind === 'kill -9 of a node');
  const within = (what: 'feeds' | 'gate', ms: number) =>
    kills.filter(({ moved }) => (moved?.[what] ?? Infinity) <= ms).length;
  say(
    `kill -9: feeds within 5 s in ${within('feeds', 5_000)}, gate within 10 s in ${within('gate', 10_000)} of ${kills.length}`,
  );
  const gains = kills.map(gainMs);
  const pooled = pooledP99Ms(kills);
  say(
    `delay of the others' books at p99, from the 5 s before a kill to the time until all had moved: ${signed(gains)}; ` +
      `frames they missed or connections made anew: ${kills.reduce((sum, { bystanders }) => sum + (bystanders?.mishaps ?? 0), 0)}`,
  );
  if (pooled !== null)
    say(
      `of all kills together: ${pooled.beforeMs.toFixed(0)} ms, then ${pooled.afterMs.toFixed(0)} ms, of ${pooled.books} books`,
    );
  say(
    `holders that were cut off said that they hold no more after ${spread(trials.map(({ silentMs }) => silentMs))}`,
  );
  say(
    `${audit.orders} orders under ${fences} fences, ${audit.inGrace} accepted after their lease within the life of a request`,
  );
  for (const line of [...audit.fences, ...audit.late, ...audit.strangers, ...audit.ledger].slice(0, 20))
    say(`  ${line}`);
  judge({
    'never two accepted fences': audit.fences.length === 0,
    'no late order, and silence within the lease and the life of a request': audit.late.length === 0,
    'no order that the journal does not know, none twice': audit.strangers.length === 0,
    'the ledger holds what the exchanges hold': audit.ledger.length === 0,
    ...(pooled !== null && {
      'others gain at most 100 ms at p99 while a node is dead':
        pooled.afterMs - pooled.beforeMs <= MOST_GAINED_MS,
    }),
    'every loss and return of a node was told': trials.every(({ isTold }) => isTold !== false),
    [`as many as were asked for: ${trials.length} of ${schedules}`]: trials.length >= Number(schedules),
  });
}

/** Adds them to `npm run chaos`. */
export function addClusterChaos(program: Command): void {
  program
    .command('cluster')
    .description('three nodes that trade: kills, pauses, cuts, and servers that are away (NATS, PostgreSQL)')
    .option('--schedules <n>', 'faults, one after the other', '100')
    .option('--minutes <n>', 'no further fault after so long')
    .option('--seed <n>', 'of the schedules', '1')
    .addOption(new Option('--only <words...>', 'kinds that have one of these words in them'))
    .action(cluster);
}
