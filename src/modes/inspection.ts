import type { ClockOffsets } from '../actors/clock-sync.js';
import type { PortfolioMessage, PortfolioView as PortfolioNow } from '../actors/portfolio.js';
import type {
  ActorNode,
  BookView,
  CounterView,
  DeadLetterReport,
  FeedView,
  HaltReport,
  HealthReport,
  InspectionSource,
  KillSwitchView,
  LeaseView,
  PortfolioView,
  PublishingView,
  RiskReport,
} from '../http/source.js';
import { bookAgeMs } from '../market/book-age.js';
import { BOARD_DEPTH, TRUST_OK, type QuoteBoard } from '../market/quote-board.js';
import { errorText } from '../messages/errors.js';
import { feedState, type FeedStatus, type InstrumentState } from '../messages/feed.js';
import type { GatewayStatus } from '../messages/gateway.js';
import type { ArbitrageClosed } from '../messages/order.js';
import type { PremiumReport } from '../messages/premium.js';
import type { ExchangeId, InstrumentId, ModeName } from '../messages/primitives.js';
import type { LimitsChanged } from '../messages/risk-control.js';
import type { Explanation, ProfitAndLossReport } from '../messages/reports.js';
import type { HaltChanged } from '../messages/risk.js';
import type { GateMessage } from '../actors/gate-messages.js';
import type { Hold } from '../risk/holds.js';
import { newerSwitch } from '../risk/kill-switch.js';
import type { RiskView } from '../risk/readings.js';
import type { OpportunityEvent } from '../messages/signal.js';
import type { SupervisionEvent } from '../messages/supervision.js';
import type { Bus, Subscription } from '../ports/bus.js';
import type { PriceStore } from '../ports/price-cache.js';
import type { TickStore } from '../ports/tick-store.js';
import type { StoreDescription, Stores } from '../ports/stores.js';
import type { Clock } from '../ports/time.js';
import type { TickAccount } from '../recording/account.js';
import type { ActorInspection, Address } from '../runtime/actor.js';
import type { ActorSystem } from '../runtime/system.js';
import type { SupervisionTree } from '../supervisors/supervisor.js';
import { HaltRecord } from './halt-report.js';
import type { LimitChanges } from './limit-changes.js';
import { Counts, Ring } from './recent.js';
import { explainArbitrage, profitAndLossOf } from './reports.js';
import { PATHS } from './tree.js';

const RECENT = 500;
const ASK_MS = 2_000;
/** Part of what other nodes ask, who do not wait for long. */
const ASK_HOLDS_MS = 500;

export interface NodeInspectionOptions {
  readonly mode: ModeName;
  readonly node: string;
  readonly version: string;
  readonly clock: Clock;
  readonly system: ActorSystem;
  readonly tree: () => SupervisionTree;
  readonly board: QuoteBoard;
  readonly bus: Bus;
  /** Null while recording: nothing trades and nothing is stored. */
  readonly stores: Stores | null;
  /** Null while recording. */
  readonly prices: PriceStore | null;
  /** Null where ticks are not kept. */
  readonly tickStore: TickStore | null;
  readonly offsets: ClockOffsets;
  readonly killSwitch: HaltChanged;
  /** Null while recording. */
  readonly limitChanges: LimitChanges | null;
  /** One of several nodes: what it does not run, another may. */
  readonly isMember: boolean;
  /** What an exchange lets one do with an instrument; null while its markets are not known. */
  readonly marketState: (instrument: InstrumentId) => InstrumentState | null;
  readonly premiums: () => Promise<PremiumReport>;
  /** Followed instruments by exchange. */
  readonly instruments: () => ReadonlyMap<ExchangeId, readonly InstrumentId[]>;
  /** What became of recorded ticks; null while none are kept. */
  readonly ticks: () => TickAccount | null;
}

const TICKS_OPENING: StoreDescription = {
  name: 'ticks',
  engine: 'not open yet',
  location: 'the data folder or its server',
  unsafeForLive: [],
};

/** What the inspection API shows of this node: read from actors, board and stores when asked, plus short rings of events. */
export class NodeInspection implements InspectionSource {
  readonly mode: ModeName;
  readonly node: string;
  readonly version: string;
  readonly startedAtMs: number;
  private readonly options: NodeInspectionOptions;
  private readonly recentOpportunities = new Ring<OpportunityEvent>(RECENT);
  private readonly recentEvents = new Ring<SupervisionEvent>(RECENT);
  private readonly opportunityCounts = new Counts(200);
  private readonly arbitrageCounts = new Counts(20);
  private readonly feedStates = new Map<ExchangeId, FeedStatus>();
  private readonly gatewayStates = new Map<ExchangeId, GatewayStatus>();
  private halt: HaltChanged;
  private readonly halts: HaltRecord;
  private readonly subscriptions: Subscription[];
  private readonly portfolioAddress: Address<PortfolioMessage>;

  constructor(options: NodeInspectionOptions) {
    this.options = options;
    this.mode = options.mode;
    this.node = options.node;
    this.version = options.version;
    this.startedAtMs = options.clock.nowMs();
    this.halt = options.killSwitch;
    this.halts = new HaltRecord(options.killSwitch);
    this.portfolioAddress = options.system.address<PortfolioMessage>(PATHS.portfolio);
    this.subscriptions = this.subscribe(options.bus);
  }

  nowMs(): number {
    return this.options.clock.nowMs();
  }

  private subscribe(bus: Bus): Subscription[] {
    return [
      bus.subscribe('opportunity.*', 'opportunityEvent', ({ message }) => {
        this.recentOpportunities.add(message);
        this.opportunityCounts.add(message.phase, message.reason);
      }),
      bus.subscribe('arbitrage.closed.*', 'arbitrageClosed', ({ message }) => {
        this.arbitrageCounts.add(message.outcome, '');
        this.halts.onClosed(message);
      }),
      bus.subscribe('supervision.*', 'supervisionEvent', ({ message }) => this.recentEvents.add(message)),
      bus.subscribe('risk.halt', 'haltChanged', ({ message }) => {
        this.halt = newerSwitch(this.halt, message);
        this.halts.onHalt(this.halt);
      }),
      bus.subscribe('gateway.status.*', 'gatewayStatus', ({ message }) =>
        this.gatewayStates.set(message.exchange, message),
      ),
      bus.subscribe('feed.status.*', 'feedStatus', ({ message }) => {
        if (message.instrument === undefined) this.feedStates.set(message.exchange, message);
      }),
    ];
  }

  close(): void {
    for (const subscription of this.subscriptions) subscription.unsubscribe();
  }

  async health(): Promise<HealthReport> {
    const { stores, prices, bus } = this.options;
    const { state } = bus.statistics();
    const checks: Check[] = [{ name: 'bus', ok: state === 'connected', detail: state }];
    if (stores !== null) checks.push(await storeCheck(stores));
    if (prices !== null) checks.push(priceCheck(prices));
    return { ok: checks.every((check) => check.ok), checks };
  }

  async ready(): Promise<HealthReport> {
    const { checks } = await this.health();
    const feeds = this.feeds();
    const live = feeds.filter((feed) => feed.state === 'live').length;
    const all = [
      ...checks,
      { name: 'feeds', ok: live > 0 || this.feedsAreElsewhere(), detail: `${live} of ${feeds.length} live` },
      ...(this.options.stores === null ? [] : this.leaseChecks()),
      ...this.accounts().map(accountCheck),
      ...this.workers().map(({ path, state }) => ({ name: path, ok: state === 'running', detail: state })),
    ];
    return { ok: all.every((check) => check.ok), checks: all };
  }

  /** Of a member that owns no feed the others send it the books. */
  private feedsAreElsewhere(): boolean {
    const { isMember, system } = this.options;
    return (
      isMember && this.feeds().every(({ exchange }) => system.inspect(`${PATHS.feeds}/${exchange}`) === null)
    );
  }

  /** A node that stands by is as ready as one that trades. */
  private leaseChecks(): Check[] {
    const lease = this.lease();
    if (!this.options.isMember) return [leaseCheck(lease)];
    return lease === null ? [] : [{ ...leaseCheck(lease), ok: lease.held || lease.detail !== '' }];
  }

  private isAbsent(path: string): boolean {
    return this.options.isMember && this.options.system.inspect(path) === null;
  }

  /** Everything else must run: a feed may be down while others trade, ticks are telemetry, and alerts stop nobody. */
  private workers(): ActorNode[] {
    const flat = (node: ActorNode): ActorNode[] =>
      node.kind === 'worker' ? [node] : node.children.flatMap(flat);
    return flat(this.actors()).filter(
      ({ path }) =>
        !path.startsWith(`${PATHS.feeds}/`) && path !== PATHS.tickRecorder && path !== PATHS.alerts,
    );
  }

  actors(): ActorNode {
    return this.options.tree().tree();
  }

  actor(path: string): ActorInspection | null {
    return this.options.system.inspect(path);
  }

  deadLetters(): DeadLetterReport {
    const totals = this.options.system.deadLetterTotals();
    const recent = [...this.options.system.deadLetters()].reverse();
    return {
      total: Object.values(totals).reduce((sum, count) => sum + count, 0),
      byReason: totals,
      recent: recent.map(({ path, incarnation, reason, label, atMs }) => ({
        path,
        incarnation,
        reason,
        label,
        atMs,
      })),
    };
  }

  feeds(): readonly FeedView[] {
    return [...this.options.instruments()].map(([exchange, instruments]) =>
      this.feedView(exchange, instruments),
    );
  }

  private feedView(exchange: ExchangeId, instruments: readonly InstrumentId[]): FeedView {
    const inspection = this.options.system.inspect(PATHS.feed(exchange));
    const summary = inspection?.summary ?? {};
    const details = bookDetails(summary['symbols']);
    const books = instruments.map((instrument) => this.bookView(instrument, details.get(instrument)));
    const ages = books.flatMap(({ ageMs }) => (ageMs === null ? [] : [ageMs]));
    const parked = inspection?.state === 'quarantined' || inspection?.state === 'stopped';
    const state = feedState.safeParse(parked ? inspection.state : summary['state']);
    // The feed may run on another node: then its books are what can be seen of it here.
    const isElsewhere = this.isAbsent(PATHS.feed(exchange)) && books.some(({ trusted }) => trusted);
    return {
      exchange,
      state: state.success ? state.data : isElsewhere ? 'live' : 'disconnected',
      reason: this.feedStates.get(exchange)?.reason ?? '',
      ageMs: ages.length === 0 ? null : Math.max(...ages),
      messages: numberOf(summary['frames']),
      messagesPerSecond: numberOf(summary['framesPerSecond']),
      gaps: numberOf(summary['gaps']),
      reconnects: numberOf(summary['reconnects']),
      invalidFrames: numberOf(summary['invalid']),
      fallbackFrames: countsOf(summary['fallbacks']),
      latencyMs: numberOrNull(summary['latencyP50Ms']),
      latencyP99Ms: numberOrNull(summary['latencyP99Ms']),
      resyncs: numberOf(summary['resyncs']),
      rateLimited: numberOf(summary['restBlocked']),
      connections: recordsIn(summary['lines']).map((line) => ({
        phase: typeof line['phase'] === 'string' ? line['phase'] : 'stopped',
        symbols: numberOf(line['symbols']),
        ageMs: numberOrNull(line['ageMs']),
        rollovers: numberOf(line['rollovers']),
      })),
      books,
    };
  }

  private bookView(instrument: InstrumentId, detail: Detail = {}): BookView {
    const { board, clock, offsets } = this.options;
    const slot = board.slotOf(instrument);
    const offset = offsets.offsetMs(instrument.slice(0, instrument.indexOf(':')));
    const age = bookAgeMs(board, slot, clock.monotonicMs(), offset);
    const at = slot * BOARD_DEPTH;
    return {
      instrument,
      trusted: board.trust[slot] === TRUST_OK,
      ageMs: Number.isFinite(age) ? Math.round(age) : null,
      bid: board.bidLevels[slot]! > 0 ? board.bidPrices[at]! : null,
      ask: board.askLevels[slot]! > 0 ? board.askPrices[at]! : null,
      state: feedState.catch('disconnected').parse(detail['state']),
      market: this.options.marketState(instrument),
      messagesPerSecond: numberOf(detail['framesPerSecond']),
      gaps: numberOf(detail['gaps']),
      resyncs: numberOf(detail['resyncs']),
      latencyMs: numberOrNull(detail['latencyP50Ms']),
      latencyP99Ms: numberOrNull(detail['latencyP99Ms']),
    };
  }

  opportunities(limit: number): readonly OpportunityEvent[] {
    return this.recentOpportunities.newest(limit);
  }

  async signals(limit: number) {
    return (await this.options.stores?.signals.recentSignals(limit)) ?? [];
  }

  async arbitrages(limit: number): Promise<readonly ArbitrageClosed[]> {
    return (await this.options.stores?.trades.recentArbitrages(limit)) ?? [];
  }

  async profitAndLoss(fromMs: number, toMs: number): Promise<ProfitAndLossReport> {
    const { stores } = this.options;
    return stores === null ? { fromMs, toMs, rows: [], residues: [] } : profitAndLossOf(stores, fromMs, toMs);
  }

  async explain(arbitrageId: string): Promise<Explanation | null> {
    const { stores } = this.options;
    return stores === null ? null : explainArbitrage(stores, arbitrageId);
  }

  events(limit: number): readonly SupervisionEvent[] {
    return this.recentEvents.newest(limit);
  }

  async portfolio(): Promise<PortfolioView> {
    if (this.options.stores === null || this.isAbsent(PATHS.portfolio))
      return { latest: null, realisedToday: '0', arbitragesToday: 0 };
    const view = await this.options.system.ask<PortfolioMessage, PortfolioNow>(
      this.portfolioAddress,
      (reply) => ({ kind: 'view', reply }),
      ASK_MS,
    );
    const { atMs, currency, equity, realisedNet, holdings } = view;
    const marked = holdings.map(({ exchange, asset, amount, mark }) => ({ exchange, asset, amount, mark }));
    return {
      latest: { atMs, currency, equity, realisedNet, holdings: marked },
      realisedToday: view.todayNet,
      arbitragesToday: view.arbitragesToday,
    };
  }

  premiums(): Promise<PremiumReport> {
    return this.options.premiums();
  }

  async risk(): Promise<RiskReport | null> {
    const { limitChanges, system } = this.options;
    if (limitChanges === null || this.isAbsent(PATHS.gate)) return null;
    const gate = system.address<GateMessage>(PATHS.gate);
    const view = await system.ask<GateMessage, RiskView>(gate, (reply) => ({ kind: 'view', reply }), ASK_MS);
    const { version, overrides, limits } = await limitChanges.inForce();
    return { ...view, limits: { version, overrides, inForce: limits } };
  }

  async holds(): Promise<readonly Hold[] | null> {
    const { system } = this.options;
    if (system.inspect(PATHS.gate) === null) return null;
    const gate = system.address<GateMessage>(PATHS.gate);
    return system
      .ask<GateMessage, RiskView>(gate, (reply) => ({ kind: 'view', reply }), ASK_HOLDS_MS)
      .then(
        ({ holds }) => holds,
        () => null,
      );
  }

  async limitChanges(limit: number): Promise<readonly LimitsChanged[]> {
    return (await this.options.limitChanges?.journal(limit)) ?? [];
  }

  lease(): LeaseView | null {
    const summary = this.options.system.inspect(PATHS.lease)?.summary;
    if (summary === undefined) return null;
    return {
      held: summary['held'] === true,
      fence: numberOrNull(summary['fence']),
      detail: typeof summary['reason'] === 'string' ? summary['reason'] : '',
    };
  }

  accounts(): readonly GatewayStatus[] {
    return [...this.gatewayStates.values()];
  }

  async stores(): Promise<readonly StoreDescription[]> {
    const { stores, prices, tickStore } = this.options;
    const kept = [stores, prices].filter((store) => store !== null);
    const told = await Promise.all(kept.map((store) => store.describe()));
    if (tickStore === null) return told;
    // It opens beside a node that does not wait for it.
    const ticks = await tickStore.describe().catch(() => TICKS_OPENING);
    return [...told, ticks];
  }

  killSwitch(): KillSwitchView {
    return this.halt;
  }

  haltReport(): HaltReport {
    const running = this.options.system.inspect(PATHS.saga)?.summary['running'];
    return this.halts.report(this.accounts(), typeof running === 'number' ? running : null, this.nowMs());
  }

  counters(): CounterView {
    return {
      bus: this.options.bus.statistics(),
      ticks: this.options.ticks(),
      opportunities: this.opportunityCounts
        .entries()
        .map(([phase, reason, count]) => ({ phase, reason, count })),
      arbitrages: this.arbitrageCounts.entries().map(([outcome, , count]) => ({ outcome, count })),
      prices: this.options.prices === null ? null : this.publishing(),
    };
  }

  private publishing(): PublishingView {
    const summary = this.options.system.inspect(PATHS.pricePublisher)?.summary ?? {};
    const count = (name: string) => numberOf(summary[name]);
    return {
      connected: this.options.prices?.isUp() ?? false,
      reconnects: count('reconnects'),
      foreignValues: count('foreignValues'),
      waiting: count('eventsWaiting'),
      books: { written: count('books'), outdated: count('booksOutdated'), failed: count('booksFailed') },
      events: { written: count('events'), dropped: count('eventsDropped'), failed: count('eventsFailed') },
    };
  }
}

type Check = HealthReport['checks'][number];

/** A switch that a person engaged is no fault of the account. */
function accountCheck({ exchange, phase, reasons }: GatewayStatus): Check {
  const ok = phase === 'ready' || phase === 'halted';
  return { name: `account ${exchange}`, ok, detail: reasons.length === 0 ? phase : reasons.join('; ') };
}

function leaseCheck(lease: LeaseView | null): Check {
  const held = lease?.held === true;
  return { name: 'lease', ok: held, detail: held ? `fence ${lease.fence}` : (lease?.detail ?? 'not known') };
}

function storeCheck(stores: Stores): Promise<Check> {
  return stores.ping().then(
    (ms) => ({ name: 'stores', ok: true, detail: `${ms.toFixed(1)} ms` }),
    (error: unknown) => ({ name: 'stores', ok: false, detail: errorText(error) }),
  );
}

/** A store of prices that is away is told, and is no reason to call the node unwell: nothing waits for it. */
function priceCheck(prices: PriceStore): Check {
  const { connected, lastError } = prices.state();
  const detail = connected ? 'connected' : `away, nothing waits for it: ${lastError ?? 'not connected yet'}`;
  return { name: 'prices', ok: true, detail };
}

type Detail = Readonly<Record<string, unknown>>;

const recordsIn = (value: unknown): readonly Detail[] =>
  Array.isArray(value) ? value.filter((one): one is Detail => typeof one === 'object' && one !== null) : [];

/** What a feed says of each book, by instrument. */
function bookDetails(symbols: unknown): ReadonlyMap<unknown, Detail> {
  return new Map(recordsIn(symbols).map((symbol) => [symbol['instrument'], symbol]));
}

const numberOrNull = (value: unknown): number | null =>
  typeof value === 'number' && Number.isFinite(value) ? value : null;

const numberOf = (value: unknown): number =>
  typeof value === 'number' && Number.isFinite(value) ? value : 0;

const countsOf = (value: unknown): Readonly<Record<string, number>> =>
  typeof value === 'object' && value !== null
    ? Object.fromEntries(Object.entries(value).map(([name, count]) => [name, numberOf(count)]))
    : {};
