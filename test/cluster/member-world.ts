import { TradeFence } from '../../src/actors/trade-fence.js';
import { LEASE_TIMES, tradeLeaseActor, type TradeLeaseMessage } from '../../src/actors/trade-lease.js';
import { InProcessBus } from '../../src/cluster/in-process-bus.js';
import { membershipActor, type MembershipMessage } from '../../src/cluster/membership-actor.js';
import { placementActor, type FeedHosting, type Hosting } from '../../src/cluster/placement-actor.js';
import { ClusterView } from '../../src/cluster/view.js';
import { encodeMessage } from '../../src/messages/codec.js';
import type { MemberChanged, NodeAnnounced, NodeRole } from '../../src/messages/cluster.js';
import type { RiskHold } from '../../src/messages/risk.js';
import type { Bus } from '../../src/ports/bus.js';
import type { Leases } from '../../src/ports/leases.js';
import type { Clock, TimerHandle, Timers } from '../../src/ports/time.js';
import type { ActorDefinition } from '../../src/runtime/actor.js';
import { PlainEngine } from '../../src/runtime/engine-plain.js';
import { SeededRandom, TimeOrderedIds } from '../../src/runtime/platform/random.js';
import { ActorSystem } from '../../src/runtime/system.js';
import { createMemoryDatabase } from '../../src/storage/memory/memory-database.js';
import { openStores } from '../../src/storage/open-stores.js';
import { KeptLog } from '../runtime/harness.js';
import { ManualTime } from '../runtime/manual-time.js';

/** Several nodes in one process on one manual clock: the real actors of membership, placement and lease, and the lines between. */

const WAY_MS = 2;
export const EXPIRY_MS = 1_000;
const ALL_ROLES: readonly NodeRole[] = ['feeds', 'detectors', 'trade', 'recorder'];

/** The time of a process that can stand still, as under SIGSTOP: the clocks go on, nothing runs. */
class ProcessTime implements Clock, Timers {
  private readonly time: ManualTime;
  private waiting: (() => void)[] = [];
  state: 'running' | 'paused' | 'dead' = 'running';

  constructor(time: ManualTime) {
    this.time = time;
  }

  nowMs(): number {
    return this.time.nowMs();
  }

  monotonicMs(): number {
    return this.time.monotonicMs();
  }

  setTimer(callback: () => void, delayMs: number): TimerHandle {
    return this.time.setTimer(() => this.run(callback), delayMs);
  }

  clearTimer(handle: TimerHandle): void {
    this.time.clearTimer(handle);
  }

  setImmediate(callback: () => void): void {
    this.time.setImmediate(() => this.run(callback));
  }

  run(callback: () => void): void {
    if (this.state === 'running') callback();
    else if (this.state === 'paused') this.waiting.push(callback);
  }

  resume(): void {
    this.state = 'running';
    for (const callback of this.waiting.splice(0)) this.run(callback);
  }
}

/** What nodes that trade together have in common. */
export interface Program {
  readonly build: string;
  readonly settings?: NonNullable<NodeAnnounced['settings']>;
}

export class MemberProcess implements Hosting {
  readonly view: ClusterView;
  readonly fence: TradeFence;
  readonly times: ProcessTime;
  readonly system: ActorSystem;
  readonly changes: MemberChanged[] = [];
  readonly bus: InProcessBus;
  hold: RiskHold | null = null;
  storeIsCut = false;
  isKept = false;
  private readonly world: MemberWorld;
  readonly running = new Map<string, { isPublished: boolean; readonly sinceMs: number }>();
  assets: readonly string[] = [];
  cycles: readonly string[] = [];
  pairs = false;
  recorded: readonly string[] = [];
  watches = false;

  constructor(world: MemberWorld, name: string, life: number, { build, settings }: Program) {
    this.world = world;
    const { time, log } = world;
    this.times = new ProcessTime(time);
    const random = new SeededRandom(`${name}-${life}`);
    const ids = new TimeOrderedIds(this.times, random);
    const clocks = { clock: this.times, timers: this.times };
    this.bus = new InProcessBus({ ...clocks, ids, log, sender: name });
    const engine = new PlainEngine(this.times, () => undefined);
    this.system = new ActorSystem({ node: name, engine, ...clocks, random, ids, log });
    this.fence = new TradeFence(this.times);
    const nonce = Buffer.from(random.bytes(16)).toString('hex');
    const identity = { node: name, nonce, region: 'here', roles: [...ALL_ROLES], build, capacity: 1 };
    this.view = new ClusterView(
      { ...identity, ...(settings !== undefined && { settings }), startedAtMs: time.nowMs() },
      time.monotonicMs(),
    );
  }

  get name(): string {
    return this.view.identity.node;
  }

  async start(): Promise<void> {
    const bus = this.world.wire(this);
    bus.subscribe('cluster.member.*', 'memberChanged', ({ message, sender }) => {
      if (sender === this.name) this.changes.push(message);
    });
    bus.subscribe('risk.hold', 'riskHold', ({ message, sender }) => {
      if (sender === this.name && message.source === 'membership') this.hold = message;
    });
    const report = () => ({
      feeds: this.feeds.map(({ exchange, isLive }) => ({ exchange, epoch: 1, live: isLive })),
      detectors: [],
      records: [...this.recorded],
      watches: this.watches,
      trade: { held: this.fence.current() !== null, fence: this.fence.current() },
      http: '',
    });
    const { view } = this;
    await this.spawn(
      'membership',
      membershipActor({ bus, view, report, hasGate: () => this.isKept, obstacle: null }),
    );
    const { exchanges } = this.world;
    const rules = () => ({ exchanges, assets: ['BTC', 'ETH'], cycles: exchanges, regions: new Map() });
    await this.spawn('placement', placementActor({ view, rules, hosting: this }));
    const tell = (kind: 'announce') =>
      void this.system.address<MembershipMessage>('membership').tell({ kind });
    await this.spawn(
      'lease',
      tradeLeaseActor({
        bus,
        leases: this.leases(),
        fence: this.fence,
        timers: this.times,
        holder: this.name,
        nonce: view.identity.nonce,
        times: { ...LEASE_TIMES, maxExpiryMs: EXPIRY_MS },
        candidacy: {
          patienceMs: () => this.world.rankOf(this.name) * 400,
          onKept: (isKept) => {
            this.isKept = isKept;
            tell('announce');
          },
          onReleased: () => tell('announce'),
        },
      }),
    );
  }

  private async spawn<M>(path: string, definition: ActorDefinition<M>): Promise<void> {
    const outcome = this.system.spawn(path, definition);
    await this.world.time.settle();
    const started = await outcome;
    if (!started.ok) throw started.error;
  }

  /** Answers that come while the process stands still are heard when it runs again. */
  private leases(): Leases {
    const { leases } = this.world;
    const over = <A extends unknown[], R>(call: (...args: A) => Promise<R>) => {
      return async (...args: A): Promise<R> => {
        if (this.storeIsCut) throw new Error('the store cannot be reached');
        const answer = await call(...args);
        await new Promise<void>((resolve) => this.times.run(resolve));
        return answer;
      };
    };
    return {
      acquire: over((claim) => leases.acquire(claim)),
      renew: over((key) => leases.renew(key)),
      release: over((key) => leases.release(key)),
      current: over((resource) => leases.current(resource)),
    };
  }

  /** kill -9: nothing runs any more, nothing is said. */
  kill(): void {
    this.times.state = 'dead';
    this.world.forget(this);
  }

  /** An ordered stop: it says so, and gives the lease back. */
  async stop(): Promise<void> {
    this.system.address<MembershipMessage>('membership').tell({ kind: 'leave' });
    const retired: TradeLeaseMessage = { kind: 'retire', step: 'silence' };
    this.system.address<TradeLeaseMessage>('lease').tell(retired);
    await this.world.time.advance(WAY_MS * 2);
    const stopped = this.system.stop('lease', 'shutdown', 1_000);
    await this.world.time.advance(WAY_MS * 2);
    await stopped;
  }

  get feeds(): readonly FeedHosting[] {
    return [...this.running].map(([exchange, { isPublished, sinceMs }]) => {
      return { exchange, isPublished, isLive: this.world.time.monotonicMs() - sinceMs >= 200 };
    });
  }

  canFeed(): boolean {
    return true;
  }

  startFeed(exchange: string): void {
    this.running.set(exchange, { isPublished: false, sinceMs: this.world.time.monotonicMs() });
  }

  feedIsLive(exchange: string): void {
    this.running.get(exchange)!.isPublished = true;
  }

  stopFeed(exchange: string): void {
    this.running.delete(exchange);
  }

  detectPairs(isHere: boolean): void {
    this.pairs = isHere;
  }

  detectCycles(exchanges: readonly string[]): void {
    this.cycles = exchanges;
  }

  detect(assets: readonly string[]): void {
    this.assets = assets;
  }

  record(exchanges: readonly string[]): void {
    this.recorded = exchanges;
  }

  watch(isHere: boolean): void {
    this.watches = isHere;
  }

  books(): Record<string, unknown> {
    return {};
  }
}

export class MemberWorld {
  readonly time = new ManualTime();
  readonly log = new KeptLog();
  readonly exchanges = ['binance', 'okx', 'bybit', 'upbit'];
  readonly processes: MemberProcess[] = [];
  readonly leases: Leases;
  /** `a>b`: nothing of a reaches b. */
  readonly cuts = new Set<string>();
  private readonly names: readonly string[];

  private constructor(names: readonly string[], leases: Leases) {
    this.names = names;
    this.leases = leases;
  }

  static async open(names: readonly string[]): Promise<MemberWorld> {
    const time = new ManualTime();
    const stores = await openStores(
      { kind: 'memory', mode: 'PAPER', database: createMemoryDatabase() },
      { log: new KeptLog(), timers: time, clock: time },
    );
    const world = new MemberWorld(names, stores.leases);
    // The store's clock is its own: here it stands still, and nobody may need it.
    for (const name of names) await world.start(name);
    return world;
  }

  async start(name: string, program: Partial<Program> = {}): Promise<MemberProcess> {
    const process = new MemberProcess(this, name, this.processes.length, { build: 'aaaaaaaa', ...program });
    this.processes.push(process);
    await process.start();
    return process;
  }

  /** The newest process of a name. */
  node(name: string): MemberProcess {
    return this.processes.filter((one) => one.name === name).at(-1)!;
  }

  get living(): MemberProcess[] {
    return this.processes.filter(({ times }) => times.state !== 'dead');
  }

  get holders(): MemberProcess[] {
    return this.living.filter(({ fence, times }) => times.state === 'running' && fence.current() !== null);
  }

  rankOf(name: string): number {
    const before = this.names.slice(0, this.names.indexOf(name));
    return before.filter((one) => this.node(name).view.member(one) !== undefined).length;
  }

  /** Runs until it is so; resolves with how long it took. */
  async until(isSo: () => boolean, withinMs: number): Promise<number> {
    const startMs = this.time.monotonicMs();
    while (!isSo()) {
      if (this.time.monotonicMs() - startMs > withinMs) return Infinity;
      await this.time.advance(10);
    }
    return this.time.monotonicMs() - startMs;
  }

  forget(process: MemberProcess): void {
    void process.bus.close();
  }

  /** The bus of a process: what it publishes reaches itself and, some time later, the others. */
  wire(process: MemberProcess): Bus {
    const { bus, times } = process;
    return {
      publish: (subject, kind, body, options) => {
        bus.publish(subject, kind, body, options);
        const header = { traceId: options.traceId, sender: process.name, sentAtMs: times.nowMs() };
        const bytes = encodeMessage(kind, body, header);
        this.time.setTimer(() => {
          for (const other of this.living)
            if (other !== process && !this.cuts.has(`${process.name}>${other.name}`))
              other.times.run(() => other.bus.relay(subject, bytes));
        }, WAY_MS);
      },
      subscribe: (subject, kind, handler, options) => bus.subscribe(subject, kind, handler, options),
      request: (subject, kind, body, replyKind, options) =>
        bus.request(subject, kind, body, replyKind, options),
      respond: (subject, kind, replyKind, handler) => bus.respond(subject, kind, replyKind, handler),
      statistics: () => bus.statistics(),
      flush: () => bus.flush(),
      close: () => bus.close(),
    };
  }
}
