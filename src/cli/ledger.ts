import type { Command } from 'commander';
import type { Terminal } from './output.js';

/** Adds `arbot ledger adopt`: a person's word on what no trade and no transfer explains. */
export function addLedger(program: Command, terminal: Terminal, done: (code: number) => void): void {
  const ledger = program.command('ledger').description('The ledger of a running node.');
  ledger
    .command('adopt <exchange> <asset>')
    .description(
      'Book what an exchange holds more or less than the ledger explains as an external flow, and trade the asset again.',
    )
    .option('--config <folder>', 'folder of cluster.config.ts and trading.config.ts (default: here)')
    .option('--node <name>', 'node of cluster.config.ts (default: ARBOT_NODE, else the first)')
    .option('--data <folder>', 'data folder, where the token is (default: dataFolder of the node)')
    .option('--url <address>', 'of the node (default: the http of the node in cluster.config.ts)')
    .option('--port <n>', 'port of the page and the API')
    .option('--verbose', 'show where an error came from')
    .addHelpText('after', '\nExamples:\n  $ arbot ledger adopt binance XRP')
    .action(async (exchange: string, asset: string, flags: Readonly<Record<string, string>>) => {
      const { adoptNow } = await import('./ledger-adopt.js');
      done(await adoptNow({ exchange, asset }, flags, terminal));
    });
}
