import type { Command } from 'commander';
import { EXIT, type Terminal } from './output.js';
import { loadWithFlags, type StartFlags } from './start.js';

/** Adds `arbot alerts test`: does the bot reach its chats? */
export function addAlerts(program: Command, terminal: Terminal, done: (code: number) => void): void {
  const alerts = program.command('alerts').description('What people are told over Telegram.');
  alerts
    .command('test')
    .description('Send a test message to every chat of cluster.config.ts and say what the Bot API answered.')
    .option('--config <folder>', 'folder of cluster.config.ts and trading.config.ts (default: here)')
    .option('--node <name>', 'node of cluster.config.ts (default: ARBOT_NODE, else the first)')
    .option('--verbose', 'show where an error came from')
    .addHelpText('after', '\nExamples:\n  $ arbot alerts test')
    .action(async (flags: StartFlags) => done(await testAlerts(flags, terminal)));
}

async function testAlerts(flags: StartFlags, terminal: Terminal): Promise<number> {
  const { cluster, node } = await loadWithFlags(flags, terminal);
  const { openMessenger, telegramSettings } = await import('../modes/alerts.js');
  const settings = telegramSettings(cluster, terminal.environment);
  if (settings === null) {
    terminal.complain('arbot: ARB_CONFIG_INVALID: alerts.telegram is not in cluster.config.ts');
    return EXIT.usage;
  }
  const { UndiciHttpClient } = await import('../runtime/platform/http-client.js');
  const http = new UndiciHttpClient();
  try {
    const messenger = await openMessenger(settings, http);
    const me = await messenger.me();
    terminal.print(me.kind === 'me' ? `bot   @${me.name}` : `bot   ${me.kind}: ${reasonOf(me)}`);
    let isWhole = me.kind === 'me';
    for (const chat of settings.chats) {
      const text = `This is a test message of ${cluster.name}, node ${node.name}.`;
      const answer = await messenger.send({ chat, text, silent: false, buttons: [] });
      isWhole &&= answer.kind === 'sent';
      terminal.print(
        `chat  ${chat}  ${answer.kind === 'sent' ? 'sent' : `${answer.kind}: ${reasonOf(answer)}`}`,
      );
    }
    return isWhole ? EXIT.done : EXIT.failed;
  } finally {
    await http.close();
  }
}

const reasonOf = (trouble: { readonly ms: number } | { readonly reason: string }): string =>
  'ms' in trouble ? `not before ${trouble.ms / 1_000} s have passed` : trouble.reason;
