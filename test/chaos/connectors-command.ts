import type { Command } from 'commander';
import { machine, spread } from '../proofs/figures.js';
import { judge } from './cluster-command.js';

interface Flags {
  readonly kills: string;
  readonly minutes?: string;
  readonly seed: string;
}

const say = (line: string): void => console.log(line);
/** What a heap may differ by, from the second quarter of a run to the last. */
const HEAP_GROWTH = 0.1;

async function connectors({ kills, minutes, seed }: Flags): Promise<void> {
  const { growthOf, runConnectorChaos } = await import('./connectors.js');
  say(machine());
  const report = await runConnectorChaos({
    ...{ kills: Number(kills), seed: Number(seed), heard: say },
    budgetMs: minutes === undefined ? Infinity : Number(minutes) * 60_000,
  });
  const { samples, counted, killed, restartMs, telegramMessages, parked } = report;
  say(machine());
  say(
    `killed: ${Object.entries(killed)
      .map(([way, count]) => `${count} in a ${way}`)
      .join(', ')}; runs again after ${spread(restartMs)}`,
  );
  say(`counted: ${JSON.stringify(counted)}, in ${telegramMessages} messages of Telegram`);
  const growth = (of: 'heapMegabytes' | 'rssMegabytes' | 'timers' | 'sockets') =>
    growthOf(samples, (one) => one[of]);
  const percent = (part: number): string => `${(100 * part).toFixed(1)} %`;
  say(
    `from the second quarter to the last: heap ${percent(growth('heapMegabytes'))}, resident ${percent(growth('rssMegabytes'))}, ` +
      `timers ${percent(growth('timers'))}, sockets ${percent(growth('sockets'))}`,
  );
  judge({
    'the heap is flat': growth('heapMegabytes') <= HEAP_GROWTH,
    'timers are flat': growth('timers') <= HEAP_GROWTH,
    'sockets are flat': growth('sockets') <= HEAP_GROWTH,
    'no process is left behind': samples.every(({ processes }) => processes <= 1),
    'inspection, metrics, events and Telegram count each kill once': Object.values(counted).every(
      (one) => one === report.kills,
    ),
    'no feed was given up': parked === 0,
    [`as many as were asked for: ${report.kills} of ${kills}`]: report.kills >= Number(kills),
  });
}

/** Adds it to `npm run chaos`. */
export function addConnectorChaos(program: Command): void {
  program
    .command('connectors')
    .description('feeds of one node that die again and again, while memory, timers and sockets are counted')
    .option('--kills <n>', 'of all feeds', '1000')
    .option('--minutes <n>', 'no further kill after so long')
    .option('--seed <n>', 'of the ways', '1')
    .action(connectors);
}
