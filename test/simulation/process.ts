import type { ClusterConfig, TradingConfig } from '../../src/config/index.js';
import { InProcessBus } from '../../src/cluster/in-process-bus.js';
import { errorText } from '../../src/messages/errors.js';
import { assembleNode, type TradingNode } from '../../src/modes/assemble.js';
import type { Market } from '../../src/modes/markets.js';
import type { StartOptions } from '../../src/cli/options.js';
import type { Bus } from '../../src/ports/bus.js';
import type { Logger } from '../../src/ports/log.js';
import type { Stores } from '../../src/ports/stores.js';
import type { Clock } from '../../src/ports/time.js';
import { decodeKillSwitch, KILL_SWITCH_KEY } from '../../src/risk/kill-switch.js';
import type { ActorEngine } from '../../src/runtime/engine.js';
import { NactEngine } from '../../src/runtime/engine-nact.js';
import { PlainEngine } from '../../src/runtime/engine-plain.js';
import { SeededRandom, TimeOrderedIds } from '../../src/runtime/platform/random.js';
import { HmacSeal } from '../../src/security/hmac-seal.js';
import { Prng } from '../../src/simulator/prng.js';
import type { TickStore } from '../../src/ports/tick-store.js';
import { MemoryEngine, type MemoryDatabase } from '../../src/storage/memory/memory-database.js';
import { memoryTicks, type MemoryTicks } from '../../src/storage/memory/memory-ticks.js';
import { openStores } from '../../src/storage/open-stores.js';
import { aroundFiles, type SimulatedDisk } from './disk.js';
import type { TradingAccount } from '../../src/modes/markets.js';
import { simulatedConnector } from './exchanges.js';
import type { Knobs } from './knobs.js';
import type { NodeBus } from './node-bus.js';
import type { SimulatedNetwork } from './network.js';
import { unsteadyPrices, type Told } from './prices.js';
import { Owner, type Scheduler } from './scheduler.js';
import { acknowledgedLater, aroundStores, type StoreSwitches } from './stores.js';
import { DelayedTurns, VirtualTime, type ClockTraits } from './virtual-time.js';
import { witnessActors, witnessedBus, witnessLog, type ActorWitness, type BusWitness } from './witnesses.js';

/** One key for every process of a world, so that no draw of it moves the others. */
export const SEAL = new HmacSeal(new Uint8Array(32));

/** What may stand between the node and its ports: planted bugs. */
export interface PortChanges {
  stores?(inner: Stores, database: MemoryDatabase): Stores;
  bus?(inner: Bus): Bus;
}

export interface ProcessParts {
  readonly seed: number;
  readonly name: string;
  /** A follower has feeds and records, and neither stores nor anything that trades. */
  readonly kind: 'complete' | 'follower';
  /** Nodes of one domain hear each other. */
  readonly domain: string;
  readonly nodeBus: Pick<NodeBus, 'join'>;
  /** Of stores that several nodes share; absent = they go by the clock of their one process. */
  readonly storeClock?: Clock;
  /** Absent = not computed. */
  readonly build?: string;
  readonly disk: SimulatedDisk;
  /** 1 = the first start of this node. */
  readonly boot: number;
  readonly scheduler: Scheduler;
  readonly network: SimulatedNetwork;
  /** Where orders are signed; empty = on paper. They outlive every process. */
  readonly accounts: ReadonlyMap<string, TradingAccount>;
  readonly database: MemoryDatabase;
  readonly switches: StoreSwitches;
  readonly ticks: MemoryTicks;
  readonly tickSwitches: StoreSwitches;
  readonly knobs: Knobs;
  readonly trading: TradingConfig;
  readonly cluster: ClusterConfig;
  readonly clock: ClockTraits;
  readonly busDelayMs: () => number;
  readonly witness: BusWitness & ActorWitness;
  readonly changes: PortChanges;
  readonly told: Told;
  heard(level: 'warn' | 'error', message: string, fields: object): void;
  /** The process ended by itself: it could not start, or its root gave up. */
  ended(reason: string): void;
}

export const RECORDINGS = '/data/recordings';

/** One process of a node, from its start to its death: everything real but the ports. */
export class SimulatedProcess {
  readonly owner: Owner;
  readonly time: VirtualTime;
  node: TradingNode | null = null;
  stores: Stores | null = null;
  state: 'starting' | 'running' | 'stopping' | 'stopped' | 'dead' = 'starting';
  private readonly parts: ProcessParts;
  /** It was taken for dead: what it writes to its own disk and to the store of ticks comes to nothing from now on. */
  private isBeside = false;

  constructor(parts: ProcessParts) {
    this.parts = parts;
    this.owner = new Owner(`${parts.name}#${parts.boot}`);
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

  /** Another process takes its place while this one stands still. Ticks and files are another matter, and end here. */
  setBeside(): void {
    this.isBeside = true;
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
      // As start-up's own teardown does: what one part reports keeps no other open.
      await this.node?.stop().catch((error: unknown) => {
        this.parts.heard('warn', 'the stop reported', { error: errorText(error) });
      });
      await this.stores?.close();
      this.state = 'stopped';
    });
  }

  private async boot(): Promise<void> {
    const { parts, time } = this;
    const log = witnessLog((level, message, fields) => parts.heard(level, message, fields));
    const stores = parts.kind === 'complete' ? await this.openStores(log) : null;
    this.stores = stores;
    const random = new SeededRandom(`${parts.seed}/${parts.name}/${parts.boot}`);
    const killSwitch = stores === null ? null : await stores.settings.get(KILL_SWITCH_KEY);
    const node = await assembleNode({
      options: this.options(),
      mode: 'SIMULATED',
      folder: '/data',
      log,
      files: aroundFiles(parts.disk.files(time), (call) => (this.isBeside ? never() : call())),
      stores,
      prices: unsteadyPrices(Prng.of(parts.seed, `prices/${parts.name}/${parts.boot}`), time, parts.told),
      ticks: stores === null ? null : this.tickStore(),
      market: this.market(),
      sockets: parts.network.sockets(this.owner),
      http: parts.network.http(this.owner, parts.witness.timeoutShare),
      random,
      seal: SEAL,
      killSwitch: decodeKillSwitch(killSwitch),
      engine: this.engine(),
      bus: this.bus(log, new TimeOrderedIds(time, random.fork('bus ids'))),
      batch: parts.knobs.batch,
      machine: time,
      ...(parts.build !== undefined && { build: parts.build }),
    });
    this.node = node;
    witnessActors(node.system, parts.witness);
    void node.failed.then((error) => this.endedBy(`the root gave up: ${errorText(error)}`));
    await node.start();
    if (this.state === 'starting') this.state = 'running';
  }

  private options(): StartOptions {
    const { seed, name, kind, knobs, cluster, trading } = this.parts;
    return {
      market: 'simulated',
      speed: 1,
      minutes: null,
      seed: String(seed),
      dataFolder: '/data',
      port: 0,
      replayFolder: null,
      recordFolder: kind === 'follower' || knobs.records ? RECORDINGS : null,
      exchanges: null,
      clusterConfig: cluster,
      tradingConfig: trading,
      node: cluster.nodes.find((one) => one.name === name) ?? cluster.nodes[0]!,
      quiet: true,
      log: { to: 'stderr', level: 'warn' },
    };
  }

  private market(): Market {
    return {
      name: 'simulated',
      mode: 'SIMULATED',
      time: this.time,
      connectors: Object.keys(this.parts.trading.exchanges).map((exchange) =>
        simulatedConnector(exchange, this.parts.knobs.markets),
      ),
      symbols: null,
      simulated: null,
      accounts: this.parts.accounts,
      replay: null,
      acceleration: null,
      close: () => Promise.resolve(),
    };
  }

  private engine(): ActorEngine {
    const fault = (name: string, error: unknown): void =>
      this.parts.heard('error', 'the engine reported a fault', { actor: name, error: errorText(error) });
    return this.parts.knobs.engine === 'plain' ? new PlainEngine(this.time, fault) : new NactEngine(fault);
  }

  private bus(log: Logger, ids: TimeOrderedIds): Bus {
    const { name, domain, nodeBus, changes, witness, busDelayMs } = this.parts;
    const { time, owner } = this;
    const timers = new DelayedTurns(time, busDelayMs);
    const own = new InProcessBus({ clock: time, timers, ids, log, sender: name });
    const heard = witnessedBus(nodeBus.join({ owner, domain, bus: own, witness }, name, time), witness);
    return changes.bus?.(heard) ?? heard;
  }

  private async openStores(log: Logger): Promise<Stores> {
    const { database, switches, changes } = this.parts;
    const { time } = this;
    const opened = await openStores(
      { kind: 'memory', mode: 'SIMULATED', database, faults: switches },
      { log, timers: time, clock: this.parts.storeClock ?? time },
    );
    const acknowledged = aroundStores(
      opened,
      acknowledgedLater(time, switches, () => !this.isBeside),
    );
    return changes.stores?.(acknowledged, database) ?? acknowledged;
  }

  private tickStore(): TickStore {
    const { ticks, tickSwitches } = this.parts;
    const { time } = this;
    const store = memoryTicks(new MemoryEngine(ticks, tickSwitches, time, time));
    const around = acknowledgedLater(time, tickSwitches);
    return {
      ...store,
      insert: (batch) => (this.isBeside ? never() : around('ticks.insert', () => store.insert(batch))),
    };
  }

  private endedBy(reason: string): void {
    if (this.state === 'dead' || this.state === 'stopping' || this.state === 'stopped') return;
    this.kill();
    this.parts.ended(reason);
  }
}

const never = <T>(): Promise<T> => new Promise<T>(() => undefined);

/** Draws the delay of one hop on the bus. */
export function busDelays(seed: number, maxMs: number, extraMs: () => number): () => number {
  const prng = Prng.of(seed, 'bus');
  return () => {
    const most = maxMs + extraMs();
    return most > 0 ? prng.between(0, most) : 0;
  };
}
