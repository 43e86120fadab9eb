import type { FeedState, InstrumentState } from '../messages/feed.js';
import type { ArbitrageClosed } from '../messages/order.js';
import type { AssetId, DecimalText, ExchangeId, InstrumentId, ModeName } from '../messages/primitives.js';
import type { PremiumReport } from '../messages/premium.js';
import type { Explanation, ProfitAndLossReport } from '../messages/reports.js';
import type { Signal, OpportunityEvent } from '../messages/signal.js';
import type { SupervisionEvent } from '../messages/supervision.js';
import type { GatewayStatus } from '../messages/gateway.js';
import type { ControlRisk, LimitOverrides, LimitsChanged, LimitValue } from '../messages/risk-control.js';
import type { HaltPolicy, Verdict } from '../messages/risk.js';
import type { BusStatistics } from '../ports/bus.js';
import type { PortfolioSnapshot, StoreDescription } from '../ports/stores.js';
import type { TickAccount } from '../recording/account.js';
import type { Hold } from '../risk/holds.js';
import type { RiskView } from '../risk/readings.js';
import type { ActorInspection } from '../runtime/actor.js';

/** What the inspection API asks of a node. The node implements it; the API knows nothing else of it. */
export interface InspectionSource {
  readonly mode: ModeName;
  readonly node: string;
  readonly version: string;
  readonly startedAtMs: number;
  /** The node's own time, Unix ms: what it shows is stamped by this clock, which may be accelerated or a recording's. */
  nowMs(): number;
  /** The process itself works: event loop, stores, supervision. */
  health(): Awaitable<HealthReport>;
  /** The node can do its job: feeds live, stores open. */
  ready(): Awaitable<HealthReport>;
  /** The running tree, nested by supervisor. */
  actors(): ActorNode;
  /** One actor by its path; null = nobody has that path. */
  actor(path: string): ActorInspection | null;
  deadLetters(): DeadLetterReport;
  feeds(): readonly FeedView[];
  /** Newest first, at most `limit`; the same for the following. */
  opportunities(limit: number): Awaitable<readonly OpportunityEvent[]>;
  signals(limit: number): Awaitable<readonly { readonly signal: Signal; readonly verdict: Verdict }[]>;
  arbitrages(limit: number): Awaitable<readonly ArbitrageClosed[]>;
  /** Of arbitrages that ended from one moment on and before another, Unix ms. */
  profitAndLoss(fromMs: number, toMs: number): Awaitable<ProfitAndLossReport>;
  /** Everything stored of one arbitrage; null = nothing is. */
  explain(arbitrageId: string): Awaitable<Explanation | null>;
  events(limit: number): Awaitable<readonly SupervisionEvent[]>;
  portfolio(): Awaitable<PortfolioView>;
  /** What coins cost more in local money than in dollars, on this node's books. */
  premiums(): Awaitable<PremiumReport>;
  stores(): Awaitable<readonly StoreDescription[]>;
  killSwitch(): KillSwitchView;
  /** What the kill switch has come to, by the exchanges' own word. */
  haltReport(): HaltReport;
  /** Who may trade: this process, or why it may not. Null where nothing trades. */
  lease(): LeaseView | null;
  counters(): CounterView;
  /** How each signed account stands with its exchange; empty where only paper trades. */
  accounts(): readonly GatewayStatus[];
  /** Every rule of the risk gate, its limit and where it stands; null where nothing trades. */
  risk(): Awaitable<RiskReport | null>;
  /** Why its gate lets nothing new through; empty = it is open, null = no gate runs here, or it does not answer. */
  holds(): Promise<readonly Hold[] | null>;
  /** Changes of limits, newest first. */
  limitChanges(limit: number): Awaitable<readonly LimitsChanged[]>;
}

export interface RiskReport extends RiskView {
  /** The limits of `trading.config.ts` in force, and which of them a person has changed since. */
  readonly limits: {
    readonly version: number;
    readonly overrides: LimitOverrides;
    readonly inForce: object;
  };
}

export type Awaitable<T> = T | Promise<T>;

/** What a person may do. Each call is authorised and written to the audit log before it gets here. */
export interface InspectionActions {
  restartActor(path: string): Promise<void>;
  /** Never called in LIVE. */
  crashActor(path: string, reason: string): Promise<void>;
  /** Rejects with ARB_CONFIG_INVALID for values that the file could not have, ARB_STORE_CONFLICT when they changed since. */
  changeLimits(request: {
    readonly changes: Readonly<Record<string, LimitValue | null>>;
    readonly version: number;
    readonly reason: string;
    readonly by: string;
  }): Promise<LimitsChanged>;
  controlRisk(command: Omit<ControlRisk, 'atMs'>): Promise<void>;
  /** Without a policy it is `freeze`. */
  setKillSwitch(engaged: boolean, reason: string, by: string, policy?: HaltPolicy): Promise<void>;
  /** Takes over what an exchange holds of an asset more or less than the ledger explains; false = there is no such difference. */
  adoptBalance(exchange: ExchangeId, asset: AssetId, by: string): Promise<boolean>;
}

export interface HealthReport {
  readonly ok: boolean;
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly detail: string }[];
}

/** One node of the supervision tree; the shape that the supervisors report. */
export interface ActorNode {
  readonly id: string;
  readonly path: string;
  readonly kind: 'worker' | 'supervisor';
  readonly restart: string;
  readonly strategy: string | null;
  readonly state: ActorInspection['state'];
  /** A person stopped it. */
  readonly heldByOperator?: boolean;
  /** Until the planned restart or probe, ms; null = none is planned. */
  readonly nextStartInMs?: number | null;
  readonly inspection: ActorInspection;
  readonly children: readonly ActorNode[];
}

export interface DeadLetterReport {
  readonly total: number;
  readonly byReason: Readonly<Record<string, number>>;
  /** Newest first; never the content of a message. */
  readonly recent: readonly {
    readonly path: string;
    readonly incarnation: number;
    readonly reason: string;
    readonly label: string;
    readonly atMs: number;
  }[];
}

export interface BookView {
  readonly instrument: InstrumentId;
  readonly trusted: boolean;
  /** Book age (TRADING §2); null before the first book. */
  readonly ageMs: number | null;
  readonly bid: number | null;
  readonly ask: number | null;
  readonly state: FeedState;
  /** What its exchange lets one do there; null before its markets are known. */
  readonly market: InstrumentState | null;
  readonly messagesPerSecond: number;
  readonly gaps: number;
  readonly resyncs: number;
  /** Exchange time to local receipt, of the newest frames; null until known. */
  readonly latencyMs: number | null;
  readonly latencyP99Ms: number | null;
}

/** One connection to an exchange. */
export interface ConnectionView {
  readonly phase: string;
  readonly symbols: number;
  /** Since it opened; null while it is not open. */
  readonly ageMs: number | null;
  readonly rollovers: number;
}

export interface FeedView {
  readonly exchange: ExchangeId;
  readonly state: FeedState;
  readonly reason: string;
  /** Largest book age of this feed; null before the first book. */
  readonly ageMs: number | null;
  readonly messages: number;
  readonly messagesPerSecond: number;
  readonly gaps: number;
  readonly reconnects: number;
  readonly invalidFrames: number;
  /** Frames by channel that the byte scanner left to the JSON decoder. A rising count: the exchange changed its format. */
  readonly fallbackFrames: Readonly<Record<string, number>>;
  /** Exchange time to local receipt; null until known. */
  readonly latencyMs: number | null;
  readonly latencyP99Ms: number | null;
  readonly resyncs: number;
  /** How often the exchange asked for silence. */
  readonly rateLimited: number;
  readonly connections: readonly ConnectionView[];
  readonly books: readonly BookView[];
}

export interface PortfolioView {
  /** Null before the first snapshot. */
  readonly latest: PortfolioSnapshot | null;
  /** Net profit realised since the day boundary, in the reporting currency. */
  readonly realisedToday: DecimalText;
  readonly arbitragesToday: number;
}

export interface KillSwitchView {
  readonly engaged: boolean;
  /** Absent = `freeze`. */
  readonly policy?: HaltPolicy | undefined;
  readonly reason: string;
  readonly by: string;
  readonly atMs: number | null;
}

/** Times are Unix ms. */
export interface HaltReport {
  readonly engaged: boolean;
  readonly policy: HaltPolicy;
  readonly reason: string;
  readonly by: string;
  readonly atMs: number;
  readonly accounts: readonly {
    readonly exchange: ExchangeId;
    /** Orders without a known end. */
    readonly unsettled: number;
    /** Since when none of our orders is open there; null = not proven. */
    readonly emptyAtMs: number | null;
    /** Since when its balances are those of the ledger, asked for after that; null = not proven. */
    readonly equalAtMs: number | null;
    readonly unexplained: GatewayStatus['unexplained'];
  }[];
  readonly arbitrages: {
    /** Without an end; null = not known. */
    readonly running: number | null;
    /** Ended since the switch, and those of them that need a person. */
    readonly ended: number;
    readonly flagged: readonly string[];
  };
  /** Base left over by those that ended since, signed. */
  readonly residues: readonly { readonly asset: AssetId; readonly amount: DecimalText }[];
  /** Every signed account is empty and equal, and under `flatten` no arbitrage is without an end. False where only paper trades. */
  readonly isProven: boolean;
}

export interface LeaseView {
  readonly held: boolean;
  /** Under which journal rows are written; null while there is none. */
  readonly fence: number | null;
  /** Why it is not held; empty while it is. */
  readonly detail: string;
}

/** Totals since the start of the process, for metrics. */
export interface CounterView {
  readonly bus: BusStatistics | null;
  /** Null while no ticks are kept. */
  readonly ticks: TickAccount | null;
  readonly opportunities: readonly {
    readonly phase: string;
    readonly reason: string;
    readonly count: number;
  }[];
  readonly arbitrages: readonly { readonly outcome: string; readonly count: number }[];
  /** Null while recording. */
  readonly prices: PublishingView | null;
}

/** What became of the copies that other programs may read. */
export interface PublishingView {
  readonly connected: boolean;
  readonly reconnects: number;
  readonly foreignValues: number;
  /** Events that wait to be written. */
  readonly waiting: number;
  readonly books: { readonly written: number; readonly outdated: number; readonly failed: number };
  readonly events: { readonly written: number; readonly dropped: number; readonly failed: number };
}
