import type { Command } from 'commander';
import { ArbotError } from '../messages/errors.js';
import { strategy } from '../messages/primitives.js';
import type { ActorFilter } from './actors.js';
import type { ApiLoop } from './node-api.js';
import { EXIT, type Terminal } from './output.js';
import { loadWithFlags, type StartFlags } from './start.js';

/** `arbot actors`, `arbot top` and `arbot scan`: all nodes over the API of any one. */

interface InspectFlags extends Pick<StartFlags, 'config' | 'port'>, ActorFilter {
  readonly url?: string;
}

interface ScanFlags extends InspectFlags {
  readonly strategy?: string;
  readonly once?: boolean;
  readonly sort: string;
}

export function addInspect(program: Command, terminal: Terminal, done: (code: number) => void): void {
  inspectCommand(program, 'actors', 'Show the actors of all nodes, or one of them in full.')
    .argument('[path]', 'of an actor, such as node/trade/gate')
    .addHelpText(
      'after',
      examples('arbot actors', 'arbot actors --state quarantined', 'arbot actors node/trade/gate'),
    )
    .action(async (path: string | undefined, flags: InspectFlags) => {
      const { actorLines, askActors, askDetails, detailLines } = await import('./actors.js');
      const { api, loop, close } = await reach(flags, terminal);
      try {
        const lines =
          path === undefined
            ? actorLines(await askActors(api, loop.http, filterOf(flags)))
            : (await askDetails(api, loop.http, { path, node: flags.node })).flatMap((one, at) => [
                ...(at === 0 ? [] : ['']),
                ...detailLines(one),
              ]);
        for (const line of lines) terminal.print(line);
        done(EXIT.done);
      } finally {
        await close();
      }
    });
  inspectCommand(program, 'top', 'Watch the actors of all nodes, the busiest first, anew each second.')
    .option('--once', 'print once and end, as it does without a terminal')
    .option('--sort <key>', 'rate, mailbox, p99, restarts or name; r, m, p, e and n while it runs', 'rate')
    .addHelpText('after', examples('arbot top', 'arbot top --sort p99', 'arbot top --once --node tokyo-1'))
    .action(async (flags: InspectFlags & { readonly once?: boolean; readonly sort: string }) => {
      const { showTop, SORT_KEYS } = await import('./top.js');
      const sort = SORT_KEYS.find((key) => key === flags.sort);
      if (sort === undefined)
        throw new ArbotError('ARB_CLI_USAGE', `--sort: must be ${SORT_KEYS.join(', ')}`);
      const { api, loop, close } = await reach(flags, terminal);
      const options = { filter: filterOf(flags), sort: sort, once: flags.once === true };
      try {
        await showTop(api, terminal, loop, options);
        done(loop.wasInterrupted() ? EXIT.interrupted : EXIT.done);
      } finally {
        await close();
      }
    });
  addScan(program, terminal, done);
}

function addScan(program: Command, terminal: Terminal, done: (code: number) => void): void {
  placedCommand(program, 'scan', 'Watch the best opportunities of all detectors, and why each is not traded.')
    .option('--strategy <name>', 'only spatial, triangular or statistical')
    .option('--once', 'print once and end, as it does without a terminal')
    .option('--sort <key>', 'net, gross, profit or age; n, g, p and a while it runs', 'net')
    .addHelpText('after', examples('arbot scan', 'arbot scan --strategy triangular', 'arbot scan --once'))
    .action(async (flags: ScanFlags) => {
      const { showScan, SCAN_KEYS } = await import('./scan.js');
      const sort = SCAN_KEYS.find((key) => key === flags.sort);
      if (sort === undefined)
        throw new ArbotError('ARB_CLI_USAGE', `--sort: must be ${SCAN_KEYS.join(', ')}`);
      const named = strategy.optional().safeParse(flags.strategy);
      if (!named.success)
        throw new ArbotError('ARB_CLI_USAGE', `--strategy: must be ${strategy.options.join(', ')}`);
      const { api, loop, close } = await reach(flags, terminal);
      try {
        const options = { node: flags.node, strategy: named.data, sort, once: flags.once === true };
        await showScan({ api, terminal, loop }, options);
        done(loop.wasInterrupted() ? EXIT.interrupted : EXIT.done);
      } finally {
        await close();
      }
    });
}

const filterOf = ({ node, kind, state, text }: InspectFlags): ActorFilter => ({ node, kind, state, text });

const examples = (...lines: string[]): string =>
  `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}`;

function inspectCommand(program: Command, name: string, description: string): Command {
  return placedCommand(program, name, description)
    .option('--kind <kind>', 'only feeds, gates …: feed, gate, supervisor')
    .option('--state <state>', 'only running, starting, stopping, backing_off, quarantined or stopped')
    .option('--text <words>', 'only with these in path, kind or last error');
}

/** A command over the API of any node. */
function placedCommand(program: Command, name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .option('--config <folder>', 'folder of cluster.config.ts and trading.config.ts (default: here)')
    .option(
      '--url <address>',
      'of any node (default: the http of ARBOT_NODE in cluster.config.ts, else the first)',
    )
    .option('--port <n>', 'port of the page and the API')
    .option('--node <name>', 'only of this node')
    .option('--verbose', 'show where an error came from');
}

/** The API of a node, and what ends a loop over it: a signal or a key. */
async function reach(flags: InspectFlags, terminal: Terminal) {
  const { nodeApi } = await import('./node-api.js');
  const { UndiciHttpClient } = await import('../runtime/platform/http-client.js');
  const { SystemTimers } = await import('../runtime/platform/clock.js');
  const { config, port } = flags;
  const named = { ...(config !== undefined && { config }), ...(port !== undefined && { port }) };
  const api = nodeApi(await loadWithFlags(named, terminal), terminal, flags.url);
  const http = new UndiciHttpClient();
  const timers = new SystemTimers();
  let isOver = false;
  let isInterrupted = false;
  let wake = (): void => undefined;
  const stop = (): void => {
    isOver = true;
    wake();
  };
  const forget = terminal.onSignal(() => {
    isInterrupted = true;
    stop();
  });
  const pause: ApiLoop['pause'] = (delayMs) =>
    new Promise<void>((resolve) => {
      const timer = timers.setTimer(resolve, delayMs);
      wake = () => {
        timers.clearTimer(timer);
        resolve();
      };
    });
  const loop = {
    ...{ http, pause, stop },
    wake: () => wake(),
    isOver: () => isOver,
    wasInterrupted: () => isInterrupted,
  };
  const close = (): Promise<void> => {
    forget();
    return http.close();
  };
  return { api, loop, close };
}
