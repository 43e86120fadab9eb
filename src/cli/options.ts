import type { ClusterConfig, NodeConfig, TradingConfig } from '../config/index.js';
import type { ExchangeId, ModeName } from '../messages/primitives.js';
import type { LogLevel } from '../ports/log.js';

/** Between the command line and `modes/start.ts`, which exports `startNode(options: StartOptions): Promise<RunningNode>`. */

/** Where market data comes from. `simulated` → SIMULATED, `replay` → REPLAY, `live` → PAPER (public data, no keys). */
export type Market = 'simulated' | 'replay' | 'live';

export interface StartOptions {
  readonly market: Market;
  /** Times real time: of the simulated world or the recording. `max` = a replay as fast as the readers keep up. Always 1 for live. */
  readonly speed: number | 'max';
  /** Stop by itself after that many minutes of the node's own clock; null = until told to. */
  readonly minutes: number | null;
  /** Repeats a simulated world. */
  readonly seed: string;
  /** Absolute. */
  readonly dataFolder: string;
  /** Of the inspection API; 0 = any free port. */
  readonly port: number;
  /** Recording to replay, absolute; null unless `market` is replay. */
  readonly replayFolder: string | null;
  /** Names of the recordings to replay, of several in the folder; null or absent = the newest of each exchange. */
  readonly recordings?: readonly string[] | null;
  /** Where to record raw frames, absolute; null = not at all. With it nothing trades: feeds and recorders only. */
  readonly recordFolder: string | null;
  /** Description of simulated exchanges that run in a process of their own, absolute; null or absent = in this one. */
  readonly exchangesAt?: string | null;
  /** Exchanges to use; null = every enabled one. */
  readonly exchanges: readonly ExchangeId[] | null;
  readonly clusterConfig: ClusterConfig;
  readonly tradingConfig: TradingConfig;
  /** The node of `clusterConfig` that this process is. Its `http` and `dataFolder` are overridden by `port` and `dataFolder`. */
  readonly node: NodeConfig;
  /** No status lines, only what goes wrong. */
  readonly quiet: boolean;
  readonly log: LogChoice;
}

/**
 * Where the log goes as JSON lines. `file`: into the mode's data folder, and warnings and errors in plain lines to standard
 * error. `stderr`: everything to standard error, as a service manager wants it.
 */
export interface LogChoice {
  readonly to: 'file' | 'stderr';
  readonly level: LogLevel;
}

export interface RunningNode {
  readonly mode: ModeName;
  /** Of the page and the API. */
  readonly url: string;
  /** Resolves when the node ended by itself: minutes over, recording over, root supervisor given up. 0 = as planned, 1 = not. */
  readonly finished: Promise<number>;
  /** Ordered stop; the same promise when called again. */
  stop(): Promise<void>;
}

export type StartNode = (options: StartOptions) => Promise<RunningNode>;
