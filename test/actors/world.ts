import { HaltMemory } from '../../src/actors/halt-memory.js';
import { decodeKillSwitch, KILL_SWITCH_KEY } from '../../src/risk/kill-switch.js';
import { ledgerActor, type LedgerMessage } from '../../src/actors/ledger.js';
import { gateActor } from '../../src/actors/gate.js';
import type { GateMessage } from '../../src/actors/gate-messages.js';
import { paperGatewayActor, type PaperGatewayMessage } from '../../src/actors/paper-gateway.js';
import { portfolioActor, type PortfolioMessage, type PortfolioView } from '../../src/actors/portfolio.js';
import { recorderActor, type RecorderMessage } from '../../src/actors/recorder.js';
import type { StageInput } from '../../src/actors/recording.js';
import { sagaActor } from '../../src/actors/saga.js';
import { TradeFence } from '../../src/actors/trade-fence.js';
import { LEASE_TIMES, tradeLeaseActor, type TradeLeaseMessage } from '../../src/actors/trade-lease.js';
import type { SagaMessage } from '../../src/actors/saga-messages.js';
import { InProcessBus } from '../../src/cluster/in-process-bus.js';
import type { PaperFaults } from '../../src/execution/paper-exchange.js';
import type { Instrument } from '../../src/market/instrument.js';
import { OrderBook } from '../../src/market/order-book.js';
import { QuoteBoard } from '../../src/market/quote-board.js';
import { subjectOf, type MessageKind, type MessageOf } from '../../src/messages/catalogue.js';
import type { Signal } from '../../src/messages/signal.js';
import type { EmergencyJournal } from '../../src/ports/emergency-journal.js';
import type { Stores } from '../../src/ports/stores.js';
import type { RiskLimits } from '../../src/risk/limits.js';
import type { ActorDefinition } from '../../src/runtime/actor.js';
import { PlainEngine } from '../../src/runtime/engine-plain.js';
import { SeededRandom, TimeOrderedIds } from '../../src/runtime/platform/random.js';
import { ActorSystem } from '../../src/runtime/system.js';
import {
  createMemoryDatabase,
  noFaults,
  type MemoryDatabase,
} from '../../src/storage/memory/memory-database.js';
import { openStores } from '../../src/storage/open-stores.js';
import { KeptLog } from '../runtime/harness.js';
import { ManualTime } from '../runtime/manual-time.js';
import {
  HOLDINGS,
  INSTRUMENTS,
  LIMITS,
  NOW,
  POLICY,
  SEAL,
  signalOf,
  type SignalAsk,
} from '../risk/fixtures.js';

const RETRY = { minMs: 100, maxMs: 2_000 };
const EXCHANGES = ['alpha', 'beta', 'gamma'];

export interface WorldOptions {
  readonly limits?: Partial<RiskLimits>;
  readonly faults?: PaperFaults;
  readonly latencyMs?: number;
  /** The life before, to start again from. */
  readonly before?: World;
  readonly seed?: string;
  readonly clockSkewMs?: (exchange: string) => number | null;
  /** Absent = there is none. */
  readonly emergency?: EmergencyJournal;
  /** Other markets and what is held on their exchanges; absent = those of the fixtures. */
  readonly instruments?: readonly Instrument[];
  readonly holdings?: typeof HOLDINGS;
}

/** The money actors of one process, on manual time, with the real bus, runtime and in-memory stores. */
export class World {
  readonly time: ManualTime;
  readonly log = new KeptLog();
  readonly database: MemoryDatabase;
  readonly faults = noFaults();
  readonly board = new QuoteBoard(16);
  readonly seen: { kind: MessageKind; body: unknown }[] = [];
  readonly inputs: StageInput[] = [];
  readonly fence: TradeFence;
  stores!: Stores;
  bus!: InProcessBus;
  halts!: HaltMemory;
  system!: ActorSystem;
  private readonly options: WorldOptions;
  private readonly nonce: string;
  private readonly definitions = new Map<string, ActorDefinition<never>>();

  constructor(options: WorldOptions) {
    this.options = options;
    this.time = options.before?.time ?? new ManualTime(NOW);
    this.database = options.before?.database ?? createMemoryDatabase();
    this.fence = new TradeFence(this.time);
    this.nonce = options.before === undefined ? '1'.repeat(32) : '2'.repeat(32);
  }

  static async start(options: WorldOptions = {}): Promise<World> {
    const world = new World(options);
    await world.open();
    return world;
  }

  private async open(): Promise<void> {
    const { time, log } = this;
    const random = new SeededRandom(
      this.options.seed ?? (this.options.before === undefined ? 'first' : 'second'),
    );
    const ids = new TimeOrderedIds(time, random);
    this.stores = await openStores(
      { kind: 'memory', mode: 'PAPER', database: this.database, faults: this.faults },
      { log, timers: time, clock: time },
    );
    this.bus = new InProcessBus({ clock: time, timers: time, ids, log, sender: 'test' });
    const written = this.database.settings.get(KILL_SWITCH_KEY) ?? null;
    this.halts = new HaltMemory(this.bus, decodeKillSwitch(written));
    const engine = new PlainEngine(time, () => undefined);
    this.system = new ActorSystem({ node: 'test', engine, clock: time, timers: time, random, ids, log });
    for (const kind of [
      'verdict',
      'fill',
      'arbitrageClosed',
      'riskHold',
      'opportunityEvent',
      'balancesChanged',
    ] as const)
      this.bus.subscribe(subjectOf(kind).replaceAll('_', '*'), kind, (d) =>
        this.seen.push({ kind, body: d.message }),
      );
    for (const { id } of this.instruments) this.quote(id);
    await this.spawnAll();
    await time.advance(10);
  }

  private get instruments(): readonly Instrument[] {
    return this.options.instruments ?? INSTRUMENTS;
  }

  private async spawnAll(): Promise<void> {
    const { bus, board, stores } = this;
    const common = { bus, board, instruments: this.instruments, retry: RETRY };
    const record = (input: StageInput) => void this.inputs.push(structuredClone(input));
    await this.spawnLease();
    const limits = { ...LIMITS, maxBookAgeMs: 1e12, maxUnchangedMs: 1e12, ...this.options.limits };
    await this.spawn<LedgerMessage>(
      '/ledger',
      ledgerActor({ ...common, store: stores.ledger, openings: this.options.holdings ?? HOLDINGS, record }),
    );
    await this.spawn<GateMessage>(
      '/gate',
      gateActor({
        ...common,
        limits,
        // As the file's key is told apart from the rest.
        limitsWith: ({ orderNotional }) => ({
          ...limits,
          ...(typeof orderNotional === 'string' && { maxOrderNotional: orderNotional }),
        }),
        seal: SEAL,
        settings: stores.settings,
        halts: this.halts,
        trades: stores.trades,
        signals: stores.signals,
        ledger: stores.ledger,
        announceOpportunities: true,
        record,
        ...(this.options.clockSkewMs !== undefined && { clockSkewMs: this.options.clockSkewMs }),
      }),
    );
    for (const exchange of EXCHANGES)
      await this.spawn<PaperGatewayMessage>(
        `/gateway/${exchange}`,
        paperGatewayActor({
          ...common,
          exchange,
          ledger: stores.ledger,
          settings: stores.settings,
          halts: this.halts,
          latency: { medianMs: this.options.latencyMs ?? 20, p99Ms: 0 },
          faults: this.options.faults ?? { rejectShare: 0, thinShare: 0 },
          fence: this.fence,
          seal: SEAL,
          admission: { recoveryWindowMs: 10_000, recoveryCollarBps: 500, recoverWhileHalted: false },
        }),
      );
    await this.spawnSaga();
    await this.spawn<PortfolioMessage>(
      '/portfolio',
      portfolioActor({
        ...common,
        stores,
        currency: 'USDT',
        baseline: LIMITS.baseline,
        snapshotIntervalMs: 1_000,
        dayBoundaryOffsetMs: 0,
      }),
    );
    await this.spawn<RecorderMessage>('/recorder', recorderActor({ ...common, store: stores.signals }));
  }

  private async spawnLease(): Promise<void> {
    const { bus, stores, fence, time: timers, nonce } = this;
    const own = { holder: 'test', nonce, times: LEASE_TIMES };
    await this.spawn<TradeLeaseMessage>(
      '/lease',
      tradeLeaseActor({ bus, leases: stores.leases, fence, timers, ...own }),
    );
  }

  async spawnSaga(): Promise<void> {
    const record = (input: StageInput) => void this.inputs.push(structuredClone(input));
    const { bus, board, stores } = this;
    await this.spawn<SagaMessage>(
      '/saga',
      sagaActor({
        bus,
        board,
        instruments: this.instruments,
        retry: RETRY,
        stores,
        carriesPositions: true,
        fence: this.fence,
        policy: POLICY,
        answerTimeoutMs: 1_000,
        announceOpportunities: true,
        record,
        ...(this.options.emergency !== undefined && { emergency: this.options.emergency }),
      }),
    );
  }

  /** Starts the next incarnation of what a supervisor would start: the same definition. */
  respawn(path: string): Promise<void> {
    const definition = this.definitions.get(path);
    if (definition === undefined) throw new Error(`nothing was spawned at ${path}`);
    return this.spawn(path, definition);
  }

  async respawnAfterCrash(path: string): Promise<void> {
    this.system.crash(path, new Error('planted'));
    await this.time.settle();
    await this.respawn(path);
  }

  private async spawn<M>(path: string, definition: ActorDefinition<M>): Promise<void> {
    this.definitions.set(path, definition);
    const outcome = this.system.spawn(path, definition);
    await this.time.settle();
    const started = await outcome;
    if (!started.ok) throw started.error;
  }

  /** Publishes a trusted book with 10 on each side around the given best prices. */
  quote(instrument: string, bid?: number, ask?: number, size = 10): void {
    const price = instrument.includes('BTC') ? 1000 : 100;
    const book = new OrderBook();
    book.setBid(bid ?? price, size);
    book.setAsk(ask ?? price * 1.001, size);
    const slot = this.board.slotOf(instrument);
    this.board.publish(slot, book, 1, this.time.nowMs(), this.time.nowMs(), this.time.monotonicMs());
  }

  /** The books of a real opportunity: bought at 1000 on alpha, sold at 1010 on beta. */
  dislocate(): void {
    this.quote('alpha:BTC-USDT', 999, 1000);
    this.quote('beta:BTC-USDT', 1010, 1011);
  }

  /** Sends a signal that is fresh now. */
  send(ask: SignalAsk = {}): Signal {
    const nowMs = this.time.nowMs();
    const signal = signalOf(ask, { detectedAtMs: nowMs, expiresAtMs: nowMs + 1_000 });
    this.bus.publish('signal.spatial', 'signal', signal, { traceId: signal.signalId });
    return signal;
  }

  /** The same for a signal that is made elsewhere. */
  publish(made: Signal): void {
    const nowMs = this.time.nowMs();
    const signal = { ...made, detectedAtMs: nowMs, expiresAtMs: nowMs + 1_000 };
    this.bus.publish(subjectOf('signal', made.strategy), 'signal', signal, { traceId: signal.signalId });
  }

  of<K extends MessageKind>(kind: K): MessageOf<K>[] {
    return this.seen.filter((s) => s.kind === kind).map((s) => s.body as MessageOf<K>);
  }

  summary(path: string): Record<string, unknown> {
    return { ...this.system.inspect(path)?.summary };
  }

  view(): Promise<PortfolioView> {
    const address = this.system.address<PortfolioMessage>('/portfolio');
    return this.system.ask<PortfolioMessage, PortfolioView>(
      address,
      (reply) => ({ kind: 'view', reply }),
      1_000,
    );
  }

  /** The whole process is gone: nothing is stopped in order, nothing is flushed. */
  async kill(): Promise<void> {
    for (const path of [
      '/saga',
      '/lease',
      '/gate',
      '/ledger',
      '/portfolio',
      '/recorder',
      ...EXCHANGES.map((e) => `/gateway/${e}`),
    ])
      this.system.crash(path, new Error('killed'));
    await this.bus.close();
    await this.time.settle();
  }
}
