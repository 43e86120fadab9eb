import type { Command } from 'commander';
import type { CommandWorld } from './command-world.js';
import type { StartFlags } from './start.js';

/** Adds `arbot db migrate` and `arbot db status`. A running node holds its embedded database: both say so and change nothing. */
export function addDb(program: Command, world: CommandWorld, done: (code: number) => void): void {
  const { terminal } = world;
  const db = program.command('db').description('The database of trades: its schema, sizes and rows.');
  withDatabase(
    db.command('status').description('Show versions applied and pending, edited migrations, sizes and rows.'),
  )
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExamples:\n  $ arbot db status\n  $ arbot db status --market live --json')
    .action(async (flags: StartFlags & { readonly json?: boolean }) => {
      const { showStatus } = await import('./db-actions.js');
      done(await showStatus(flags, flags.json === true, terminal));
    });
  withDatabase(db.command('migrate').description('Bring the schema to the version of this program.'))
    .addHelpText('after', '\nExamples:\n  $ arbot db migrate\n  $ arbot db migrate --market live')
    .action(async (flags: StartFlags) => {
      const { migrateNow } = await import('./db-actions.js');
      done(await migrateNow(flags, terminal));
    });
}

/** Flags that choose a database. */
export function withDatabase(command: Command): Command {
  return command
    .option('--config <folder>', 'folder of cluster.config.ts and trading.config.ts (default: here)')
    .option('--node <name>', 'node of cluster.config.ts (default: ARBOT_NODE, else the first)')
    .option('--data <folder>', 'data folder (default: dataFolder of the node)')
    .option('--market <kind>', 'whose data: simulated, replay or live', 'simulated')
    .option('--verbose', 'show where an error came from');
}
