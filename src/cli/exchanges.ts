import type { Command } from 'commander';
import type { Terminal } from './output.js';

/** Adds `arbot exchanges`: simulated exchanges that outlive the nodes that trade on them. */
export function addExchanges(program: Command, terminal: Terminal, done: (code: number) => void): void {
  program
    .command('exchanges')
    .description('Run the simulated exchanges alone, in real time, for nodes started with --exchanges-at.')
    .option('--config <folder>', 'folder of cluster.config.ts and trading.config.ts (default: here)')
    .option('--node <name>', 'node of cluster.config.ts (default: ARBOT_NODE, else the first)')
    .option('--port-file <file>', 'where to write addresses and keys (default: exchanges.json)')
    .option('--seed <text>', 'repeats a simulated world', 'arbot')
    .option('--exchanges <names>', 'only these, separated by commas')
    .option('--minutes <n>', 'stop by itself after that many minutes')
    .option('--verbose', 'show where an error came from')
    .addHelpText(
      'after',
      '\nExamples:\n  $ arbot exchanges --port-file /tmp/exchanges.json\n  $ arbot start --exchanges-at /tmp/exchanges.json',
    )
    .action(async (flags: Readonly<Record<string, string>>) => {
      const { runExchanges } = await import('./exchanges-run.js');
      done(await runExchanges(flags, terminal));
    });
}
