import { resolve } from 'node:path';
import { loadConfig } from '../config/index.js';
import type { FlagOverride, LoadedConfig } from '../config/index.js';
import { ArbotError } from '../messages/errors.js';
import { exchangeId } from '../messages/primitives.js';
import type { LogLevel } from '../ports/log.js';
import type { LogChoice, Market, RunningNode, StartNode, StartOptions } from './options.js';
import { EXIT } from './output.js';
import type { Terminal } from './output.js';

/** The flags of `start`, `record` and `replay` as commander hands them over: text, not yet checked. */
export interface StartFlags {
  readonly config?: string;
  readonly node?: string;
  readonly market?: string;
  readonly speed?: string;
  readonly minutes?: string;
  readonly seed?: string;
  readonly data?: string;
  readonly port?: string;
  readonly replay?: string;
  readonly recording?: string;
  readonly record?: string;
  readonly exchangesAt?: string;
  readonly exchanges?: string;
  readonly quiet?: boolean;
  readonly log?: string;
  readonly logLevel?: string;
}

const usage = (message: string): ArbotError => new ArbotError('ARB_CLI_USAGE', message);

function numberFlag(
  text: string | undefined,
  flag: string,
  low: number,
  high: number,
  whole: boolean,
): number | null {
  if (text === undefined) return null;
  const value = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (value >= low && value <= high && (!whole || Number.isInteger(value))) return value;
  throw usage(`${flag}: must be a ${whole ? 'whole ' : ''}number from ${low} to ${high}`);
}

/** `simulated`, `replay` or `live`; throws ARB_CLI_USAGE. */
export function marketFlag(text: string): Market {
  if (text === 'simulated' || text === 'replay' || text === 'live') return text;
  throw usage('--market: must be simulated, replay or live');
}

function speedFlag(text: string | undefined, market: Market): number | 'max' {
  if (text === 'max') {
    if (market === 'replay') return 'max';
    throw usage('--speed: max is for replays only');
  }
  const speed = numberFlag(text, '--speed', 0.1, 1_000, false) ?? 1;
  if (market === 'live' && speed !== 1) throw usage('--speed: live data cannot be made faster');
  return speed;
}

export const minutesFlag = (text: string | undefined): number | null =>
  numberFlag(text, '--minutes', 0.01, 525_600, false);

export function exchangesFlag(text: string | undefined, known: readonly string[]): readonly string[] | null {
  if (text === undefined) return null;
  const names = text.split(',').map((name) => name.trim());
  for (const name of names) {
    if (!exchangeId.safeParse(name).success) throw usage('--exchanges: must be names such as binance,okx');
    if (!known.includes(name)) throw usage(`--exchanges: ${name} is not in trading.config.ts`);
  }
  return [...new Set(names)];
}

function recordingsFlag(text: string | undefined, market: Market): readonly string[] | null {
  if (text === undefined) return null;
  if (market !== 'replay') throw usage('--recording: only a replay has recordings');
  const names = text.split(',').map((name) => name.trim());
  if (names.includes('')) throw usage('--recording: must be names such as okx-20261122, see replay --list');
  return [...new Set(names)];
}

const LOG_LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/** Flags before `ARBOT_LOG` and `ARBOT_LOG_LEVEL`. */
function logChoice(flags: StartFlags, { environment }: Terminal): LogChoice {
  const named = (flag: string | undefined, variable: string, option: string) => {
    const text = flag ?? environment[variable];
    return text === undefined || text === '' ? null : { text, name: flag === undefined ? variable : option };
  };
  const to = named(flags.log, 'ARBOT_LOG', '--log');
  if (to !== null && to.text !== 'file' && to.text !== 'stderr')
    throw usage(`${to.name}: must be file or stderr`);
  const wanted = named(flags.logLevel, 'ARBOT_LOG_LEVEL', '--log-level');
  // A quiet process without a file says only what goes wrong.
  const usual: LogLevel = flags.quiet === true && to?.text === 'stderr' ? 'warn' : 'info';
  const level = wanted === null ? usual : LOG_LEVELS.find((one) => one === wanted.text);
  if (level === undefined) throw usage(`${wanted?.name}: must be ${LOG_LEVELS.join(', ')}`);
  return { to: to?.text === 'stderr' ? 'stderr' : 'file', level };
}

/** Loads both files with the flags that override them. Rejects with ConfigInvalid or ARB_CLI_USAGE. */
export async function loadWithFlags(flags: StartFlags, terminal: Terminal): Promise<LoadedConfig> {
  const overrides: FlagOverride[] = [];
  const port = numberFlag(flags.port, '--port', 0, 65_535, true);
  const at = (...path: string[]) => ['nodes', '*', ...path];
  if (port !== null)
    overrides.push({ flag: '--port', file: 'cluster', path: at('http', 'port'), value: port });
  if (flags.data !== undefined)
    overrides.push({ flag: '--data', file: 'cluster', path: at('dataFolder'), value: flags.data });
  return loadConfig({
    folder: resolve(terminal.workingFolder, flags.config ?? '.'),
    environment: terminal.environment,
    flags: overrides,
    ...(flags.node === undefined ? {} : { nodeName: flags.node }),
  });
}

/** Checked options for `startNode`. Rejects with ARB_CLI_USAGE naming the flag, or ConfigInvalid. */
export async function startOptions(flags: StartFlags, terminal: Terminal): Promise<StartOptions> {
  const market = marketFlag(flags.market ?? 'simulated');
  const speed = speedFlag(flags.speed, market);
  const minutes = minutesFlag(flags.minutes);
  if (flags.exchangesAt !== undefined && (market !== 'simulated' || speed !== 1))
    throw usage('--exchanges-at: needs --market simulated at speed 1');
  if ((market === 'replay') !== (flags.replay !== undefined))
    throw usage(
      market === 'replay' ? '--replay: name the folder to replay' : '--replay: needs --market replay',
    );
  if (flags.seed !== undefined && !/^[\x21-\x7e]{1,64}$/.test(flags.seed))
    throw usage('--seed: must be 1 to 64 printable characters without spaces');
  const log = logChoice(flags, terminal);
  const { cluster, trading, node } = await loadWithFlags(flags, terminal);
  const absolute = (path: string | undefined): string | null =>
    path === undefined ? null : resolve(terminal.workingFolder, path);
  return {
    market,
    speed,
    minutes,
    seed: flags.seed ?? 'arbot',
    dataFolder: resolve(terminal.workingFolder, node.dataFolder),
    port: node.http.port,
    replayFolder: absolute(flags.replay),
    recordings: recordingsFlag(flags.recording, market),
    recordFolder: absolute(flags.record),
    exchangesAt: absolute(flags.exchangesAt),
    exchanges: exchangesFlag(flags.exchanges, Object.keys(trading.exchanges)),
    clusterConfig: cluster,
    tradingConfig: trading,
    node,
    quiet: flags.quiet === true,
    log,
  };
}

/** Starts a node and keeps it until it ends by itself or is told to stop. Returns the exit code. */
export async function runNode(
  options: StartOptions,
  terminal: Terminal,
  startNode: StartNode,
): Promise<number> {
  let signals = 0;
  let stopRequested: (code: number) => void = () => undefined;
  const stopping = new Promise<number>((resolveStop) => (stopRequested = resolveStop));
  const remove = terminal.onSignal((signal) => {
    signals++;
    stopRequested(signal === 'SIGINT' ? EXIT.interrupted : EXIT.done);
    if (signals === 1) terminal.complain('Stopping in order. Once more to leave at once.');
    else process.exit(EXIT.interrupted);
  });
  try {
    const started = startNode(options);
    const early = await Promise.race([started, stopping]);
    // Interrupted while starting: what was started is still stopped in order.
    const node: RunningNode = typeof early === 'number' ? await started : early;
    const code = typeof early === 'number' ? early : await Promise.race([node.finished, stopping]);
    await node.stop();
    return code;
  } finally {
    remove();
  }
}

/** Imported when needed, so that the other commands start fast. */
export async function importStartNode(): Promise<StartNode> {
  const { startNode } = await import('../modes/start.js');
  return startNode;
}
