import type { Command } from 'commander';
import type { Terminal } from '../output.js';
import type { KeysFlags } from './keys-run.js';

/** Adds `arbot cluster keys`: what NATS servers and nodes need to know each other. */
export function addClusterKeys(program: Command, terminal: Terminal, done: (code: number) => void): void {
  const cluster =
    program.commands.find((one) => one.name() === 'cluster') ??
    program.command('cluster').description('The nodes of cluster.config.ts.');
  cluster
    .command('keys')
    .description(
      'Make an nkey for each node and the files of the NATS servers, with what each role may publish and hear. Keys that are there stay.',
    )
    .option('--config <folder>', 'folder of cluster.config.ts and trading.config.ts (default: here)')
    .option('--out <folder>', 'where the files go', 'nats')
    .option('--tls', 'also an authority and a certificate for each server, through the openssl command')
    .option(
      '--server-folder <path>',
      'where the files will lie on the servers (default: the folder of --out)',
    )
    .option('--rotate <names>', 'nodes that get a new key, separated by commas, or all')
    .option('--verbose', 'show where an error came from')
    .addHelpText(
      'after',
      '\nExamples:\n  $ arbot cluster keys\n  $ arbot cluster keys --tls\n  $ arbot cluster keys --rotate tokyo-1',
    )
    .action(async (flags: KeysFlags) => {
      const { runKeys } = await import('./keys-run.js');
      done(await runKeys(flags, terminal));
    });
}
