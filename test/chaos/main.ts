import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { addProofs } from '../proofs/commands.js';
import { addClusterChaos } from './cluster-command.js';
import { addConnectorChaos } from './connectors-command.js';
import { available, startPostgres } from '../servers/postgres.js';
import { killPglite, killPostgres, type KillOptions, type KillReport } from './stores.js';
import { ticks } from './ticks-command.js';

/**
 * `npm run chaos -- stores [--times 50] [--only postgres|pglite] [--seed n]` and `… -- ticks [--times 50] [--seed n]`: real processes
 * under SIGKILL. Exit 1 when something acknowledged was lost or a start was not clean. `docs/execution-proofs.md` has the others.
 */

interface Flags {
  readonly times: string;
  readonly only?: string;
  readonly seed: string;
}

function tell(name: string, seconds: number, report: KillReport): void {
  const { kills, entries, journalled, lostEntries, lostJournalRows, unclean, fences } = report;
  const lost = [...lostEntries, ...lostJournalRows];
  console.log(
    `${name}: ${kills} kills in ${seconds.toFixed(0)} s; ${entries} ledger entries and ${journalled} arbitrages in the ` +
      `journal acknowledged, ${lostEntries.length} and ${lostJournalRows.length} lost; ${unclean.length} unclean starts; ` +
      `fences ${fences[0]} to ${fences.at(-1)}, ${isGrowing(fences) ? 'always growing' : 'NOT GROWING'}`,
  );
  for (const line of [...lost.slice(0, 10), ...unclean.slice(0, 10)]) console.log(`  ${line}`);
  if (lost.length > 0 || unclean.length > 0 || !isGrowing(fences)) process.exitCode = 1;
}

const isGrowing = (fences: readonly number[]): boolean =>
  fences.every((fence, index) => index === 0 || fence > fences[index - 1]!);

async function pglite(options: KillOptions): Promise<KillReport> {
  const root = mkdtempSync(join(tmpdir(), 'arbot-chaos-'));
  try {
    return await killPglite(join(root, 'data'), options);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

async function postgres(options: KillOptions): Promise<KillReport | null> {
  const missing = available();
  if (missing !== null || process.env['PG_URL'] !== undefined) {
    console.log(`postgres: skipped: ${missing ?? 'the server of PG_URL is not ours to kill'}`);
    return null;
  }
  const server = await startPostgres({ durable: true });
  try {
    return await killPostgres(server, options);
  } finally {
    await server.stop();
  }
}

async function stores({ times, only, seed }: Flags): Promise<void> {
  console.log(`${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.version}, seed ${seed}`);
  const heard = (line: string): void => {
    if (/ kill \d*0:/.test(line)) console.log(line);
  };
  const options = { times: Number(times), seed: Number(seed), heard };
  for (const [name, run] of Object.entries({ postgres, pglite })) {
    if (only !== undefined && only !== name) continue;
    const startedMs = performance.now();
    const report = await run(options);
    if (report !== null) tell(name, (performance.now() - startedMs) / 1_000, report);
  }
}

const program = new Command('chaos');
program
  .command('stores')
  .description('kill -9 of databases and writers at random moments')
  .option('--times <n>', 'kills of each', '50')
  .option('--seed <n>', 'of the moments', '1')
  .addOption(new Option('--only <name>').choices(['postgres', 'pglite']))
  .action(stores);
program
  .command('ticks')
  .description('kill -9 of the embedded tick store and its writer at random moments')
  .option('--times <n>', 'kills', '50')
  .option('--seed <n>', 'of the moments', '1')
  .action(ticks);
addProofs(program);
addClusterChaos(program);
addConnectorChaos(program);
await program.parseAsync();
