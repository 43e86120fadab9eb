import type { ClusterConfig, TradingConfig } from '../../src/config/index.js';
import { binance } from '../../src/connectors/binance.js';
import { bybit } from '../../src/connectors/bybit.js';
import { okx } from '../../src/connectors/okx.js';
import type { Connector, Endpoints } from '../../src/connectors/base.js';
import { InProcessBus } from '../../src/cluster/in-process-bus.js';
import { errorText } from '../../src/messages/errors.js';
import { assembleNode, type TradingNode } from '../../src/modes/assemble.js';
import type { Bus } from '../../src/ports/bus.js';
import type { Files } from '../../src/ports/files.js';
import type { Stores } from '../../src/ports/stores.js';
import { decodeKillSwitch, KILL_SWITCH_KEY } from '../../src/risk/kill-switch.js';
import { NactEngine } from '../../src/runtime/engine-nact.js';
import { PlainEngine } from '../../src/runtime/engine-plain.js';
import { SeededRandom, TimeOrderedIds } from '../../src/runtime/platform/random.js';
import { Prng } from '../../src/simulator/prng.js';
import type { MemoryDatabase } from '../../src/storage/memory/memory-database.js';
import { openStores } from '../../src/storage/open-stores.js';
import type { Knobs } from './knobs.js';
import type { SimulatedNetwork } from './network.js';
import { Owner, type Scheduler } from './scheduler.js';
import { acknowledgedLater, aroundStores, type StoreSwitches } from './stores.js';
import { DelayedTurns, VirtualTime, type ClockTraits } from './virtual-time.js';
import { witnessActors, witnessedBus, witnessLog, type ActorWitness, type BusWitness } from './witnesses.js';

/** What may stand between the node and its ports: planted bugs. */
export interface PortChanges {
  stores?(inner: Stores, database: MemoryDatabase): Stores;
  bus?(inner: Bus): Bus;
}

export interface ProcessParts {
  readonly seed: number;
  /** 1 = the first start of this node. */
  readonly boot: number;
  readonly scheduler: Scheduler;
  readonly network: SimulatedNetwork;
  readonly database: MemoryDatabase;
  readonly switches: StoreSwitches;
  readonly knobs: Knobs;
  readonly trading: TradingConfig;
  readonly cluster: ClusterConfig;
  readonly clock: ClockTraits;
  readonly busDelayMs: () => number;
  readonly witness: BusWitness & ActorWitness;
  readonly changes: PortChanges;
  heard(level: 'warn' | 'error', message: string, fields: object): void;
  /** The process ended by itself: it could not start, or its root gave up. */
  ended(reason: string): void;
}

const noFiles = new Proxy({} as Files, {
  get: (_target, name) => () =>
    Promise.reject(new Error(`the simulation has no file system: ${String(name)}`)),
});

const CONNECTORS: Readonly<Record<string, (endpoints: Partial<Endpoints>) => Connector>> = {
  binance: (endpoints) => binance({ endpoints }),
  okx: (endpoints) => okx({ endpoints }),
  bybit: (endpoints) => bybit({ endpoints }),
};

/** The real connector of an exchange, looking for it inside the simulation. */
function connectorOf(exchange: string): Connector {
  const make = CONNECTORS[exchange]!;
  const { pathname } = new URL(make({}).endpoints.websocketUrl);
  return make({ websocketUrl: `wss://${exchange}.sim${pathname}`, restUrl: `https://${exchange}.sim` });
}

/** One process of a node, from its start to its death: everything real but the ports. */
export class SimulatedProcess {
  readonly owner: Owner;
  readonly time: VirtualTime;
  node: TradingNode | null = null;
  stores: Stores | null = null;
  state: 'starting' | 'running' | 'stopping' | 'stopped' | 'dead' = 'starting';
  private readonly parts: ProcessParts;

  constructor(parts: ProcessParts) {
    this.parts = parts;
    this.owner = new Owner(`local#${parts.boot}`);
    this.time = new VirtualTime(parts.scheduler, this.owner, parts.clock);
  }

  /** Begins to start. Whatever fails ends the process. */
  start(): void {
    this.within(async () => {
      try {
        await this.boot();
      } catch (error) {
        this.endedBy(`could not start: ${errorText(error)}`);
      }
    });
  }

  /** Runs something in this process's own turn. */
  within(action: () => void | Promise<void>): void {
    this.parts.scheduler.plan(this.owner, 0, () => void action());
  }

  /** kill -9: nothing it planned happens, and nobody is told. */
  kill(): void {
    this.state = 'dead';
    this.owner.alive = false;
    this.parts.network.processDied(this.owner);
  }

  /** An ordered stop, as after Ctrl-C. */
  stop(): void {
    this.state = 'stopping';
    this.within(async () => {
      await this.node?.stop();
      await this.stores?.close();
      this.state = 'stopped';
    });
  }

  private async boot(): Promise<void> {
    const { parts, time } = this;
    const { network, knobs, trading, cluster, seed, boot } = parts;
    const log = witnessLog((level, message, fields) => parts.heard(level, message, fields));
    const random = new SeededRandom(`${seed}/process/${boot}`);
    const stores = await this.openStores(log);
    this.stores = stores;
    const busTime = new DelayedTurns(time, parts.busDelayMs);
    const ids = new TimeOrderedIds(time, random.fork('bus ids'));
    const plainBus = new InProcessBus({ clock: time, timers: busTime, ids, log, sender: 'local' });
    const heardBus = witnessedBus(plainBus, parts.witness);
    const bus = parts.changes.bus?.(heardBus) ?? heardBus;
    const fault = (name: string, error: unknown): void =>
      parts.heard('error', 'the engine reported a fault', { actor: name, error: errorText(error) });
    const node = await assembleNode({
      options: {
        market: 'simulated',
        speed: 1,
        minutes: null,
        seed: String(seed),
        dataFolder: '/nowhere',
        port: 0,
        replayFolder: null,
        recordFolder: null,
        exchanges: null,
        clusterConfig: cluster,
        tradingConfig: trading,
        node: cluster.nodes[0]!,
        quiet: true,
        log: { to: 'stderr', level: 'warn' },
      },
      mode: 'SIMULATED',
      folder: '/nowhere',
      log,
      files: noFiles,
      stores,
      market: {
        name: 'simulated',
        mode: 'SIMULATED',
        time,
        connectors: Object.keys(trading.exchanges).map(connectorOf),
        symbols: null,
        simulated: null,
        replay: null,
        acceleration: null,
        close: () => Promise.resolve(),
      },
      sockets: network.sockets(this.owner),
      http: network.http(this.owner),
      random,
      killSwitch: decodeKillSwitch(await stores.settings.get(KILL_SWITCH_KEY)),
      engine: knobs.engine === 'plain' ? new PlainEngine(time, fault) : new NactEngine(fault),
      bus,
      batch: knobs.batch,
    });
    this.node = node;
    witnessActors(node.system, parts.witness);
    void node.failed.then((error) => this.endedBy(`the root gave up: ${errorText(error)}`));
    await node.start();
    if (this.state === 'starting') this.state = 'running';
  }

  private async openStores(log: ReturnType<typeof witnessLog>): Promise<Stores> {
    const { database, switches, changes } = this.parts;
    const { time } = this;
    const opened = await openStores(
      { kind: 'memory', mode: 'SIMULATED', database, faults: switches },
      { log, timers: time, clock: time },
    );
    const acknowledged = aroundStores(opened, acknowledgedLater(time, switches));
    return changes.stores?.(acknowledged, database) ?? acknowledged;
  }

  private endedBy(reason: string): void {
    if (this.state === 'dead' || this.state === 'stopping' || this.state === 'stopped') return;
    this.kill();
    this.parts.ended(reason);
  }
}

/** Draws the delay of one hop on the bus. */
export function busDelays(seed: number, maxMs: number, extraMs: () => number): () => number {
  const prng = Prng.of(seed, 'bus');
  return () => {
    const most = maxMs + extraMs();
    return most > 0 ? prng.between(0, most) : 0;
  };
}
