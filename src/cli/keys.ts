import type { Command } from 'commander';
import type { KeysFlags } from './keys-run.js';
import type { KeysTestFlags } from './keys-test.js';
import type { Terminal } from './output.js';

/** Adds `arbot keys`: the exchanges' API keys, in a vault on the disk. */

type Done = (code: number) => void;

export function addKeys(program: Command, terminal: Terminal, done: Done): void {
  const keys = program
    .command('keys')
    .description('The API keys of your accounts, in a vault under one password.')
    .addHelpText(
      'after',
      '\nThe password comes from ARBOT_VAULT_PASSWORD (or ARBOT_VAULT_PASSWORD_FILE), else it is asked for. Make keys that may read and\ntrade, never withdraw, and bind them to the addresses of your nodes.\n\nExamples:\n  $ arbot keys add binance\n  $ arbot keys list\n  $ arbot keys test binance',
    );
  const add = (name: string, description: string): Command =>
    keys
      .command(name)
      .description(description)
      .option('--config <folder>', 'folder of cluster.config.ts and trading.config.ts (default: here)')
      .option('--node <name>', 'node of cluster.config.ts (default: ARBOT_NODE, else the first)')
      .option('--vault <file>', 'the vault (default: keys.vault in the data folder)')
      .option('--verbose', 'show where an error came from');
  const ofAccount = (name: string, description: string): Command =>
    add(name, description)
      .argument('<exchange>', 'such as binance')
      .option('--account <name>', 'of several accounts on one exchange', 'main');

  ofAccount(
    'add',
    'Put the first key of an account into the vault; it is asked for, or read as JSON from a pipe.',
  )
    .addHelpText('after', '\nFrom a pipe: {"apiKey": …, "secret": …, "passphrase": … or null}')
    .action(async (exchange: string, flags: KeysFlags) => done(await run('add', exchange, flags, terminal)));
  ofAccount('rotate', 'Put another key in the place of the one that is there.').action(
    async (exchange: string, flags: KeysFlags) => done(await run('rotate', exchange, flags, terminal)),
  );
  ofAccount('remove', 'Take a key out of the vault.').action(async (exchange: string, flags: KeysFlags) =>
    done(await run('remove', exchange, flags, terminal)),
  );
  ofAccount(
    'test',
    'Ask the exchange what the key may do; one that may withdraw is refused. No order is sent.',
  )
    .option('--exchanges-at <file>', 'ask the simulated exchanges that this file of arbot exchanges names')
    .action(async (exchange: string, flags: KeysTestFlags) => {
      const { testKey } = await import('./keys-test.js');
      done(await testKey(exchange, flags, terminal));
    });
  add('list', 'Show which keys the vault holds, without what is secret of them.').action(
    async (flags: KeysFlags) => done(await run('list', '', flags, terminal)),
  );
  add('password', 'Seal everything anew under another password.').action(async (flags: KeysFlags) =>
    done(await run('password', '', flags, terminal)),
  );
}

async function run(
  what: 'add' | 'rotate' | 'remove' | 'list' | 'password',
  exchange: string,
  flags: KeysFlags,
  terminal: Terminal,
): Promise<number> {
  const { runKeys } = await import('./keys-run.js');
  return runKeys(what, exchange, flags, terminal);
}
