import type { Command } from 'commander';
import type { DataExportFlags, DataFlags } from './data-flags.js';
import type { Terminal } from './output.js';

function withStore(command: Command): Command {
  return command
    .option('--config <folder>', 'folder of cluster.config.ts and trading.config.ts (default: here)')
    .option('--node <name>', 'node of cluster.config.ts (default: ARBOT_NODE, else the first)')
    .option('--market <kind>', 'whose ticks: simulated, replay or live', 'simulated')
    .option('--data <folder>', 'data folder (default: dataFolder of the node)')
    .option('--verbose', 'show where an error came from');
}

/**
 * Adds `arbot data status` and `arbot data export`. A running node holds its embedded tick store: both name it and end; a
 * ClickHouse server answers beside it.
 */
export function addData(program: Command, terminal: Terminal, done: (code: number) => void): void {
  const data = program
    .command('data')
    .description('The ticks: books, trades and spreads that were recorded.');
  withStore(data.command('status').description('Show rows, bytes, span and time to live of each table.'))
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExamples:\n  $ arbot data status\n  $ arbot data status --market live --json')
    .action(async (flags: DataFlags) => {
      const { showDataStatus } = await import('./data-run.js');
      done(await showDataStatus(flags, terminal));
    });
  withStore(
    data
      .command('export <table>')
      .description('Write orderbook_snapshots, tick_trades or spread_history to a file.'),
  )
    .option('--from <time>', 'first moment, UTC: 2026-11-01, 2026-11-01T10:00:00Z or Unix ms (default: all)')
    .option('--to <time>', 'moment before which it ends (default: all)')
    .option('--format <kind>', 'csv or jsonl', 'csv')
    .requiredOption('--out <file>', 'a new file')
    .addHelpText(
      'after',
      '\nExamples:\n  $ arbot data export tick_trades --from 2026-11-01 --to 2026-11-02 --out trades.csv\n' +
        '  $ arbot data export orderbook_snapshots --market live --format jsonl --out books.jsonl',
    )
    .action(async (table: string, flags: DataExportFlags) => {
      const { exportData } = await import('./data-run.js');
      done(await exportData(table, flags, terminal));
    });
}
