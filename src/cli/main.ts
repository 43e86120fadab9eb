import { resolve } from 'node:path';
import { Command, CommanderError } from 'commander';
import { ConfigInvalid } from '../config/index.js';
import { ArbotError } from '../messages/errors.js';
import type { CommandWorld } from './command-world.js';
import { addAlerts } from './alerts.js';
import { addCluster } from './cluster/commands.js';
import { addClusterKeys } from './cluster/keys.js';
import { addDb } from './db.js';
import { addExport } from './export.js';
import { addData } from './data.js';
import { addExchanges } from './exchanges.js';
import { addInspect } from './inspect.js';
import { addKeys } from './keys.js';
import { addLearn } from './learn.js';
import { addLedger } from './ledger.js';
import { printPairs } from './pairs.js';
import { addReports } from './reports.js';
import { complainAbout, EXIT, processTerminal, table } from './output.js';
import type { Terminal } from './output.js';
import { importStartNode, loadWithFlags, runNode, startOptions } from './start.js';
import type { StartFlags } from './start.js';
import { VERSION } from './version.js';

export type { CommandWorld } from './command-world.js';

/** The `arbot` command. Sets the exit code of the process: 0 done, 1 failed, 2 wrong usage or configuration, 130 interrupted. */
export async function main(argv: string[]): Promise<void> {
  process.exitCode = await runCommand(argv.slice(2), { terminal: processTerminal(), importStartNode });
}

/** Runs one command line (without node and script) and returns its exit code. Never rejects. */
export async function runCommand(args: readonly string[], world: CommandWorld): Promise<number> {
  let code: number = EXIT.done;
  const program = buildProgram(world, (result) => (code = result));
  try {
    await program.parseAsync([...args], { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    return complainAbout(error, world.terminal, args.includes('--verbose'));
  }
}

function buildProgram(world: CommandWorld, done: (code: number) => void): Command {
  const { terminal } = world;
  const program = new Command('arbot')
    .description(
      'Crypto arbitrage on trusted books, through one risk gate, with exact money. Paper by default.',
    )
    .version(VERSION, '-V, --version', 'print the version')
    .option('--verbose', 'show where an error came from');
  // Before the commands are added, since they inherit both.
  program.exitOverride().configureOutput({
    writeOut: (text) => terminal.print(text.trimEnd()),
    writeErr: (text) => terminal.complain(text.trimEnd()),
    outputError: (text, write) => write(`arbot: ARB_CLI_USAGE: ${text.replace(/^error: /, '')}`),
  });
  program.showHelpAfterError('Run it with --help to see what it takes.');
  addStart(program, world, done);
  addRecord(program, world, done);
  addReplay(program, world, done);
  addConformance(program, world, done);
  addConfig(program, world);
  addPairs(program, world);
  addFeeds(program, world, done);
  addInspect(program, terminal, done);
  addDoctor(program, world, done);
  addDb(program, world, done);
  addExport(program, world, done);
  addReports(program, world, done);
  addData(program, terminal, done);
  addLearn(program, terminal, done);
  addLedger(program, terminal, done);
  addExchanges(program, terminal, done);
  addKeys(program, terminal, done);
  addAlerts(program, terminal, done);
  addCluster(program, terminal, done);
  addClusterKeys(program, terminal, done);
  program.addHelpText('after', examples('arbot start', 'arbot replay recordings/', 'arbot doctor'));
  return program;
}

const examples = (...lines: string[]): string =>
  `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}`;

const CONFIG_OPTION = [
  '--config <folder>',
  'folder of cluster.config.ts and trading.config.ts (default: here)',
] as const;
const NODE_OPTION = [
  '--node <name>',
  'node of cluster.config.ts to be (default: ARBOT_NODE, else the first)',
] as const;

function nodeCommand(program: Command, usage: string, description: string): Command {
  return program
    .command(usage)
    .description(description)
    .option(...CONFIG_OPTION)
    .option(...NODE_OPTION)
    .option('--minutes <n>', 'stop by itself after that many minutes')
    .option('--data <folder>', 'data folder (default: dataFolder of the node)')
    .option('--port <n>', 'port of the page and the API, 0 = any free one')
    .option('--quiet', 'no status lines')
    .option('--log <where>', 'file in the data folder, or stderr: JSON lines (default: ARBOT_LOG, else file)')
    .option('--log-level <level>', 'debug, info, warn or error (default: ARBOT_LOG_LEVEL, else info)')
    .option('--verbose', 'show where an error came from');
}

async function runWith(flags: StartFlags, world: CommandWorld): Promise<number> {
  const options = await startOptions(flags, world.terminal);
  return runNode(options, world.terminal, await world.importStartNode());
}

function addStart(program: Command, world: CommandWorld, done: (code: number) => void): void {
  nodeCommand(program, 'start', 'Run a node: feeds, detection, risk gate, paper execution, ledger, page.')
    .option('--market <kind>', 'simulated, replay or live (public data, paper money)', 'simulated')
    .option('--speed <n>', 'times real time, for simulated and replay; max for replay')
    .option('--seed <text>', 'repeats a simulated world')
    .option('--replay <folder>', 'recording to replay, with --market replay')
    .option('--exchanges-at <file>', 'simulated exchanges of another process, as arbot exchanges wrote them')
    .option('--exchanges <names>', 'only these, separated by commas')
    .addHelpText(
      'after',
      examples(
        'arbot start',
        'arbot start --speed 10 --minutes 10 --seed friday',
        'arbot start --market live --port 0',
      ),
    )
    .action(async (flags: StartFlags) => done(await runWith(flags, world)));
}

function addRecord(program: Command, world: CommandWorld, done: (code: number) => void): void {
  nodeCommand(program, 'record', 'Write raw frames with receive times, to be replayed later. Nothing trades.')
    .option('--market <kind>', 'live or simulated', 'live')
    .option('--out <folder>', 'where to write', 'recordings')
    .option('--exchanges <names>', 'only these, separated by commas')
    .addHelpText(
      'after',
      examples('arbot record --minutes 5', 'arbot record --exchanges okx,bybit --out friday'),
    )
    .action(async (flags: StartFlags & { readonly out: string }) => {
      if (flags.market === 'replay')
        throw new ArbotError('ARB_CLI_USAGE', '--market: a replay is recorded already');
      done(await runWith({ ...flags, record: flags.out }, world));
    });
}

function addReplay(program: Command, world: CommandWorld, done: (code: number) => void): void {
  nodeCommand(program, 'replay <folder>', 'Run a node on a recording, over real local sockets.')
    .option('--speed <n>', 'times original speed, or max')
    .option('--exchanges <names>', 'only these, separated by commas')
    .option('--recording <names>', 'which recordings, one per exchange (default: the newest of each)')
    .option('--list', 'only say what the folder holds')
    .addHelpText(
      'after',
      examples(
        'arbot replay recordings',
        'arbot replay recordings --speed max',
        'arbot replay recordings --list',
      ),
    )
    .action(async (folder: string, flags: StartFlags & { readonly list?: boolean }) => {
      if (flags.list === true) await listRecordings(folder, world.terminal);
      else done(await runWith({ ...flags, market: 'replay', replay: folder }, world));
    });
}

async function listRecordings(folder: string, terminal: Terminal): Promise<void> {
  const { describe } = await import('../replay/describe.js');
  const { LocalFiles } = await import('../runtime/platform/files.js');
  const rows = [['exchange', 'recording', 'from', 'seconds', 'frames', 'symbols']];
  for (const one of await describe(new LocalFiles(), resolve(terminal.workingFolder, folder))) {
    const names = one.symbols.map((symbol) => symbol.symbol);
    const shown = names.length > 6 ? [...names.slice(0, 6), `and ${names.length - 6} more`] : names;
    const seconds = ((one.lastTimeMs - one.firstTimeMs) / 1_000).toFixed(1);
    const from = new Date(one.firstTimeMs).toISOString();
    rows.push([one.exchange, one.name, from, seconds, String(one.frames), shown.join(' ')]);
  }
  for (const line of table(rows)) terminal.print(line);
}

function addConformance(program: Command, world: CommandWorld, done: (code: number) => void): void {
  const { terminal } = world;
  program
    .command('conformance <folder>')
    .description('Run every captured frame and reference number of a folder through ArBot’s own code.')
    .option('--verbose', 'show where an error came from')
    .addHelpText(
      'after',
      examples('arbot conformance ../shared/wire', 'arbot conformance ../shared/reference/given'),
    )
    .action(async (folder: string) => {
      const { renderFile, renderTotals, runConformance } = await import('../conformance/runner.js');
      const path = resolve(terminal.workingFolder, folder);
      const result = await runConformance(path, (file) => terminal.print(renderFile(file)));
      terminal.print(renderTotals(result));
      done(result.ok ? EXIT.done : EXIT.failed);
    });
}

function addConfig(program: Command, world: CommandWorld): void {
  const { terminal } = world;
  const config = program.command('config').description('The two configuration files.');
  config
    .command('check')
    .description('Check both files, every error at once, and print what is in force.')
    .option(...CONFIG_OPTION)
    .option(...NODE_OPTION)
    .option('--print', 'print the effective configuration as JSON; it holds no secrets')
    .option('--verbose', 'show where an error came from')
    .addHelpText('after', examples('arbot config check', 'arbot config check --config /etc/arbot --print'))
    .action(async (flags: StartFlags & { readonly print?: boolean }) => {
      const loaded = await loadWithFlags(flags, terminal);
      const { cluster, trading, node, files } = loaded;
      if (flags.print === true) terminal.print(JSON.stringify({ cluster, trading }, null, 2));
      else {
        terminal.print(`cluster  ${files.cluster ?? '(defaults: one local node)'}`);
        terminal.print(`trading  ${files.trading}`);
        terminal.print(`node     ${node.name}, roles ${node.roles.join(', ')}`);
        terminal.print('Both files are valid.');
      }
    });
}

function addPairs(program: Command, world: CommandWorld): void {
  const pairs = program.command('pairs').description('The pairs that are watched and traded.');
  pairs
    .command('list')
    .description('List pairs with their exchanges, directions and limits.')
    .option(...CONFIG_OPTION)
    .option('--json', 'as JSON')
    .option('--verbose', 'show where an error came from')
    .addHelpText('after', examples('arbot pairs list', 'arbot pairs list --json'))
    .action(async (flags: StartFlags & { readonly json?: boolean }) => {
      const { trading } = await loadWithFlags(flags, world.terminal);
      printPairs(trading, flags.json === true, world.terminal);
    });
}

function addFeeds(program: Command, world: CommandWorld, done: (code: number) => void): void {
  const { terminal } = world;
  program
    .command('feeds')
    .description('Show the market data of a running node: trust, age, rate, gaps, latency per symbol.')
    .option(...CONFIG_OPTION)
    .option(...NODE_OPTION)
    .option('--watch', 'again every second, until Ctrl-C')
    .option('--url <address>', 'of the node (default: the http of the node in cluster.config.ts)')
    .option('--port <n>', 'port of the page and the API')
    .option('--verbose', 'show where an error came from')
    .addHelpText('after', examples('arbot feeds', 'arbot feeds --watch', 'arbot feeds --port 9000'))
    .action(async (flags: StartFlags & { readonly watch?: boolean; readonly url?: string }) => {
      const { showFeeds } = await import('./feeds.js');
      const { nodeApi } = await import('./node-api.js');
      const { UndiciHttpClient } = await import('../runtime/platform/http-client.js');
      const { SystemTimers } = await import('../runtime/platform/clock.js');
      const setting = nodeApi(await loadWithFlags(flags, terminal), terminal, flags.url);
      const http = new UndiciHttpClient();
      const timers = new SystemTimers();
      let isOver = false;
      let wake = (): void => undefined;
      const forget = terminal.onSignal(() => {
        isOver = true;
        wake();
      });
      const pause = (delayMs: number) =>
        new Promise<void>((resolve) => {
          const timer = timers.setTimer(resolve, delayMs);
          wake = () => {
            timers.clearTimer(timer);
            resolve();
          };
        });
      try {
        const loop = { http, pause, isOver: () => isOver };
        await showFeeds(setting, terminal, loop, flags.watch === true);
        done(isOver ? EXIT.interrupted : EXIT.done);
      } finally {
        forget();
        await http.close();
      }
    });
}

function addDoctor(program: Command, world: CommandWorld, done: (code: number) => void): void {
  const { terminal } = world;
  program
    .command('doctor')
    .description('Check Node, configuration, disk, ports, data folder, clock and stores.')
    .option(...CONFIG_OPTION)
    .option(...NODE_OPTION)
    .option('--data <folder>', 'data folder (default: dataFolder of the node)')
    .option('--port <n>', 'port of the page and the API')
    .option('--verbose', 'show where an error came from')
    .addHelpText('after', examples('arbot doctor', 'arbot doctor --port 9000'))
    .action(async (flags: StartFlags) => {
      const { examine, nodeFinding } = await import('./doctor.js');
      const { SystemClock, SystemTimers } = await import('../runtime/platform/clock.js');
      const { environment, workingFolder } = terminal;
      const nodeVersion = process.version;
      const config = await loadWithFlags(flags, terminal).catch((error: unknown) => {
        if (!(error instanceof ConfigInvalid)) throw error;
        // The rest depends on the configuration; what does not is still said.
        const { name, state, detail } = nodeFinding(nodeVersion);
        terminal.print(`${state}  ${name}  ${detail}`);
        throw error;
      });
      const { nodeApi } = await import('./node-api.js');
      const { UndiciHttpClient } = await import('../runtime/platform/http-client.js');
      const http = new UndiciHttpClient();
      const findings = await examine({
        ...{ config, environment, workingFolder, nodeVersion, http },
        clock: new SystemClock(),
        timers: new SystemTimers(),
        running: nodeApi(config, terminal, undefined),
      }).finally(() => http.close());
      for (const line of table(findings.map((one) => [one.state, one.name, one.detail])))
        terminal.print(line);
      done(findings.some((one) => one.state === 'bad') ? EXIT.failed : EXIT.done);
    });
}
