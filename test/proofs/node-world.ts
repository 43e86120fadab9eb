import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { StartOptions } from '../../src/cli/options.js';
import { loadConfig, type ClusterConfig, type TradingConfig } from '../../src/config/index.js';
import type { SubmitLeg } from '../../src/messages/order.js';
import { openAccounts } from '../../src/modes/accounts.js';
import { assembleNode, type NodeParts, type TradingNode } from '../../src/modes/assemble.js';
import type { Market } from '../../src/modes/markets.js';
import { openingsOf } from '../../src/modes/parameters.js';
import type { HttpClient, Sockets } from '../../src/ports/network.js';
import type { Stores } from '../../src/ports/stores.js';
import { clearedSwitch } from '../../src/risk/kill-switch.js';
import { ScaledTime } from '../../src/runtime/platform/clock.js';
import { LocalFiles } from '../../src/runtime/platform/files.js';
import { CryptoRandom } from '../../src/runtime/platform/random.js';
import { WsSockets } from '../../src/runtime/platform/sockets.js';
import { DEFAULT_EXCHANGES, DEFAULT_PAIRS } from '../../src/simulator/listings.js';
import { DEFAULT_PLANTS, type PlantSettings } from '../../src/simulator/plants.js';
import { startSimulatedExchanges, type SimulatedExchanges } from '../../src/simulator/server.js';
import type { SimulatedAccount } from '../../src/simulator/trading/simulated-account.js';
import { createMemoryDatabase, noFaults } from '../../src/storage/memory/memory-database.js';
import { openStores } from '../../src/storage/open-stores.js';
import { SEAL } from '../risk/fixtures.js';
import { KeptLog } from '../runtime/harness.js';
import { RealTime } from '../runtime/real-time.js';
import { connectorAt, ScaledHttp } from './socket-world.js';

/** A whole node, put together as in production, over real sockets in front of simulated exchanges whose edges come close together. */

export const DENSE_PLANTS: PlantSettings = {
  ...DEFAULT_PLANTS,
  firstAfterMs: 1_500,
  quietMs: [50, 200],
  durationMs: [300, 500],
  // So narrow that a third exchange, which steps further aside than the edge, is still within the loss cap.
  trueEdgeBps: [45, 60],
  weights: { true: 1, stale: 0, crossed: 0, too_thin: 0, below_minimum: 0, eaten_by_fees: 0, too_good: 0 },
};

export interface NodeWorldOptions {
  readonly seed: number;
  readonly factor?: number;
  readonly stores?: Stores;
  readonly sockets?: (inner: Sockets) => Sockets;
  readonly http?: (inner: HttpClient) => HttpClient;
  readonly plants?: PlantSettings;
  /** Told once the exchanges are there, before the node opens a socket. */
  readonly opened?: (world: NodeWorld) => void;
  /** Feeds in processes of their own; absent = none. */
  readonly isolated?: readonly string[];
  /** What else the node is made of. */
  readonly parts?: (at: {
    readonly folder: string;
    readonly trading: TradingConfig;
  }) => Promise<Partial<NodeParts>>;
}

/** A leg as it was journalled, and when (the node's time). */
export interface Journalled {
  readonly leg: SubmitLeg;
  readonly atMs: number;
}

export class NodeWorld {
  readonly time: ScaledTime;
  readonly log = new KeptLog();
  readonly journal: Journalled[] = [];
  node!: TradingNode;
  stores!: Stores;
  simulated!: SimulatedExchanges;
  trading!: TradingConfig;
  private readonly options: NodeWorldOptions;
  private readonly folder = mkdtempSync(join(tmpdir(), 'arbot-proof-'));
  private readonly http: ScaledHttp;

  private constructor(options: NodeWorldOptions) {
    const real = new RealTime();
    this.options = options;
    this.time = new ScaledTime({ clock: real, timers: real, factor: options.factor ?? 1 });
    this.http = new ScaledHttp({ factor: options.factor ?? 1 });
  }

  static async start(options: NodeWorldOptions): Promise<NodeWorld> {
    const world = new NodeWorld(options);
    await world.open();
    return world;
  }

  get accounts(): SimulatedAccount[] {
    return DEFAULT_EXCHANGES.map((one) => this.simulated.accounts[one]!);
  }

  private async open(): Promise<void> {
    const { time, log, options, folder } = this;
    const loaded = await loadConfig({
      folder: resolve(import.meta.dirname, '../..'),
      environment: {},
      flags: [],
    });
    this.trading = withoutBrakes(loaded.trading);
    this.simulated = await startSimulatedExchanges({
      ...{ seed: options.seed, clock: time, timers: time, log, exchanges: DEFAULT_EXCHANGES },
      // Slower books than a real world's: what is proven here is orders.
      ...{ pairs: DEFAULT_PAIRS, plants: options.plants ?? DENSE_PLANTS, stepMs: 200 },
    });
    options.opened?.(this);
    this.stores = this.watched(options.stores ?? (await this.openMemory()));
    const market = this.market();
    await openAccounts(market, this.stores.ledger, openingsOf(this.trading));
    const start: StartOptions = {
      ...{ market: 'simulated', speed: 1, minutes: null, seed: 'proof', dataFolder: folder, port: 0 },
      ...{ replayFolder: null, recordFolder: null, exchanges: null, quiet: true },
      ...{ clusterConfig: this.isolating(loaded.cluster), tradingConfig: this.trading, node: loaded.node },
      log: { to: 'stderr', level: 'error' },
    };
    const wrap = <T>(inner: T, by: ((inner: T) => T) | undefined): T => by?.(inner) ?? inner;
    this.node = await assembleNode({
      ...{ options: start, mode: 'SIMULATED', folder, log, files: new LocalFiles(), stores: this.stores },
      ...{ ticks: null, market, random: new CryptoRandom(), seal: SEAL, killSwitch: clearedSwitch(0) },
      sockets: wrap<Sockets>(new WsSockets(), options.sockets),
      http: wrap<HttpClient>(this.http, options.http),
      ...(await options.parts?.({ folder, trading: this.trading })),
    });
    await this.node.start();
  }

  private isolating(cluster: ClusterConfig): ClusterConfig {
    const placement = (this.options.isolated ?? []).map(
      (exchange) => [exchange, { isolation: 'process' as const }] as const,
    );
    return { ...cluster, placement: Object.fromEntries(placement) };
  }

  /** Which legs were written to the journal, and when. */
  private watched(stores: Stores): Stores {
    const { trades } = stores;
    const journalLegs: typeof trades.journalLegs = (legs, fence) => {
      for (const leg of legs) this.journal.push({ leg, atMs: this.time.nowMs() });
      return trades.journalLegs(legs, fence);
    };
    const proxy = new Proxy(trades, {
      get: (target, name) => {
        if (name === 'journalLegs') return journalLegs;
        const value = Reflect.get(target, name) as unknown;
        return typeof value === 'function' ? (value as (...all: unknown[]) => unknown).bind(target) : value;
      },
    });
    return { ...stores, trades: proxy, close: () => stores.close() };
  }

  private openMemory(): Promise<Stores> {
    const { time, log } = this;
    const ports = { log, timers: time, clock: time };
    const database = createMemoryDatabase();
    return openStores({ kind: 'memory', mode: 'SIMULATED', database, faults: noFaults() }, ports);
  }

  private market(): Market {
    const { simulated, time } = this;
    const accounts = this.accounts.map(
      (account) =>
        [
          account.exchange,
          {
            credentials: account.credentials,
            open: (held: Parameters<typeof account.open>[0]) => account.open(held),
          },
        ] as const,
    );
    return {
      ...{
        name: 'simulated',
        mode: 'SIMULATED',
        time,
        symbols: null,
        simulated,
        replay: null,
        acceleration: null,
      },
      connectors: DEFAULT_EXCHANGES.map((one) => connectorAt(one as 'binance', simulated.endpoints[one]!)),
      accounts: new Map(accounts),
      close: () => Promise.resolve(),
    };
  }

  summary(path: string): Readonly<Record<string, unknown>> {
    return { ...this.node.system.inspect(`node/trade/${path}`)?.summary };
  }

  sleep(ms: number): Promise<void> {
    return new Promise((done) => void this.time.setTimer(done, ms));
  }

  async close(): Promise<void> {
    await this.node.stop();
    await this.stores.close();
    await this.http.inner.close();
    await this.simulated.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** What would rightly stop after so many planned failures is set so far away that it does not. */
function withoutBrakes(trading: TradingConfig): TradingConfig {
  const { limits } = trading;
  const breaker = { ...limits.breaker, lossesInRow: 1_000_000, minOrders: 1_000_000 };
  const far = { dailyLoss: '100000000', drawdown: '100000000', lossStreak: 1_000_000 };
  const often = { ordersPerSecond: 1_000, ordersPerMinute: 60_000 };
  return { ...trading, limits: { ...limits, ...far, ...often, breaker } };
}
