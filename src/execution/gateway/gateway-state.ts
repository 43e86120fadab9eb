import type { ExternalFlow } from '../../messages/gateway.js';
import type { Fill, LegResult, QueryOrder, SubmitLeg } from '../../messages/order.js';
import type { AssetId, DecimalText, ExchangeId, InstrumentId } from '../../messages/primitives.js';
import type { HaltChanged } from '../../messages/risk.js';
import { clearedSwitch, type KillSwitch } from '../../risk/kill-switch.js';
import { RecentIds } from '../../risk/recent-ids.js';
import type { Amounts, Differences } from './balance-check.js';
import { OrderSet } from './order-set.js';
import type { BalanceWord, LookupWord, OrderWord, PlaceWord, TradeWord, TransferWord } from './words.js';

/** How an order is named to its exchange. */
export interface Reference {
  readonly clientOrderId: string;
  readonly exchangeOrderId: string | null;
  readonly instrument: InstrumentId;
  /** Not placed before this; null = nobody knows. */
  readonly placedAtMs: number | null;
  /** Not placed after this; null = nobody knows. */
  readonly placedUntilMs: number | null;
}

export interface GatewayTimes {
  /** Between two comparisons of open orders and balances. */
  readonly reconcileEveryMs: number;
  /** The longest that a request may still be acted on after it was written, skew included. */
  readonly requestLifeMs: number;
  /** How long an exchange rests after it broke a promise. */
  readonly pauseMs: number;
}

export type GatewayEvent =
  /** What stores say of this account: legs without an end, and the switch as written. */
  | {
      readonly kind: 'seeded';
      readonly openLegs: readonly SubmitLeg[];
      /** Trades of their arbitrages that the ledger has already. */
      readonly bookedTrades: readonly string[];
      readonly halt: KillSwitch | null;
    }
  /** The private stream serves everything that was asked for, or is away. */
  | { readonly kind: 'stream'; readonly isUp: boolean; readonly reason: string }
  /** Admitted, signed and being written in this turn. */
  | { readonly kind: 'sent'; readonly leg: SubmitLeg; readonly goneAtMs: number }
  /** Refused before anything was written. */
  | { readonly kind: 'blocked'; readonly leg: SubmitLeg; readonly reason: string }
  | { readonly kind: 'placed'; readonly clientOrderId: string; readonly word: PlaceWord }
  | { readonly kind: 'query'; readonly query: QueryOrder }
  | {
      readonly kind: 'looked';
      readonly clientOrderId: string;
      readonly word: LookupWord;
      /** When the first of the questions left. */
      readonly askedAtMs: number;
    }
  | {
      readonly kind: 'cancelled';
      readonly clientOrderId: string;
      /** `gone`: filled, cancelled or never there. */
      readonly word: 'accepted' | 'gone' | 'failed';
    }
  | { readonly kind: 'order'; readonly word: OrderWord }
  | { readonly kind: 'trade'; readonly word: TradeWord }
  /** Answer to `readFills`; null = there was none. */
  | {
      readonly kind: 'fills';
      readonly clientOrderId: string | null;
      readonly instrument: InstrumentId;
      readonly trades: readonly TradeWord[] | null;
      /** Those from then on were asked for. */
      readonly sinceMs: number;
      readonly askedAtMs: number;
    }
  | { readonly kind: 'openOrders'; readonly orders: readonly OrderWord[] | null; readonly askedAtMs: number }
  | {
      readonly kind: 'balances';
      readonly balances: readonly BalanceWord[] | null;
      readonly askedAtMs: number;
      /** As the effect gave it. */
      readonly epoch: number;
    }
  | { readonly kind: 'transfers'; readonly transfers: readonly TransferWord[] | null }
  /** The exchange told of a movement that is not a trade. */
  | { readonly kind: 'moved' }
  | {
      readonly kind: 'ledger';
      readonly holdings: readonly { readonly asset: AssetId; readonly amount: DecimalText }[];
    }
  | { readonly kind: 'booked'; readonly tradeId: string }
  | { readonly kind: 'halt'; readonly halt: HaltChanged }
  /** No call before then: a ban, a maintenance, a key that is refused. */
  | { readonly kind: 'pause'; readonly untilMs: number; readonly reason: string }
  /** A person takes over the differences of this asset. */
  | { readonly kind: 'adopt'; readonly asset: AssetId; readonly flowId: string; readonly by: string }
  | { readonly kind: 'due' };

export type GatewayEffect =
  /** To everybody who waits for it: who submitted, or who asked. */
  | {
      readonly kind: 'answer';
      readonly to: 'submit' | 'query';
      readonly clientOrderId: string;
      readonly result: LegResult;
    }
  /** As `order.result`. */
  | { readonly kind: 'tell'; readonly result: LegResult }
  | { readonly kind: 'lookUp'; readonly order: Reference }
  /** `urgent`: it ends a risk. */
  | { readonly kind: 'cancel'; readonly order: Reference }
  | {
      readonly kind: 'readFills';
      /** Null = all of the market. */
      readonly clientOrderId: string | null;
      readonly instrument: InstrumentId;
      readonly exchangeOrderId: string | null;
      readonly sinceMs: number;
    }
  | { readonly kind: 'readOpenOrders' }
  | { readonly kind: 'readBalances'; readonly epoch: number }
  | { readonly kind: 'readTransfers'; readonly sinceMs: number }
  /** `asset` null = the whole exchange. */
  | {
      readonly kind: 'hold';
      readonly asset: AssetId | null;
      readonly held: boolean;
      readonly reason: string;
    }
  | { readonly kind: 'externalFlow'; readonly flow: ExternalFlow }
  | { readonly kind: 'alert'; readonly code: string; readonly detail: string }
  /** `gatewayStatus` has something new. */
  | { readonly kind: 'status' };

/** One comparison with the exchange that is repeated: when it is due, when the last good one was asked for. */
export interface Check {
  dueAtMs: number;
  isOut: boolean;
  /** The question of the last answer that found nothing wrong, or nothing that is not held. */
  goodSinceMs: number;
}

/** The fills of the markets that were traded, asked for again: what the private stream may have missed. */
export interface FillsCheck {
  dueAtMs: number;
  /** `sinceMs`: from then on its fills are not certain to be known. */
  readonly markets: Map<InstrumentId, { readonly sinceMs: number; readonly lastSentAtMs: number }>;
}

/** Everything that is known of one account. It belongs to one gateway: `stepGateway` changes it. */
export interface GatewayState {
  readonly exchange: ExchangeId;
  readonly times: GatewayTimes;
  readonly startedAtMs: number;
  readonly orders: OrderSet;
  /** Markets that are followed. */
  readonly instruments: ReadonlySet<InstrumentId>;
  isSeeded: boolean;
  isStreamUp: boolean;
  streamReason: string;
  /** Everything has to be compared again by questions that leave after this. */
  deniedSinceMs: number;
  readonly openOrders: Check;
  readonly balances: Check;
  readonly fills: FillsCheck;
  ledger: Amounts | null;
  readonly unbooked: Map<string, Fill>;
  /** Trade ids that the ledger has: nobody tells of a second booking of them. */
  readonly booked: RecentIds;
  /** Changes with everything that moves a balance. */
  epoch: number;
  /** The differences of the last comparison, and how often in a row they were the same. */
  mismatch: { readonly found: Differences; readonly seen: number } | null;
  unexplained: Differences;
  borrowed: readonly AssetId[];
  foreign: readonly string[];
  /** Transfers told to the ledger, and how often: it may have missed one, and none is told for ever. */
  readonly toldTransfers: Map<string, number>;
  cleanAtMs: number | null;
  killSwitch: KillSwitch;
  /** When this gateway heard of the switch that is engaged. */
  haltedAtMs: number;
  /** Since when it is not proven what the switch has come to. */
  haltDoubtedAtMs: number;
  /** Alerted that it was not proven in time. */
  isHaltOverdue: boolean;
  emptyAtMs: number | null;
  equalAtMs: number | null;
  pausedUntilMs: number;
  pauseReason: string;
  readonly counts: GatewayCounts;
  /** What was told last, so that only news are told. */
  readonly told: { status: string; readonly holds: Map<AssetId | null, string> };
}

export interface GatewayCounts {
  placed: number;
  rejected: number;
  blocked: number;
  fills: number;
  cancels: number;
  lookups: number;
  alerts: number;
  reconciliations: number;
}

export interface GatewayStart {
  readonly exchange: ExchangeId;
  readonly instruments: readonly InstrumentId[];
  readonly times: GatewayTimes;
  readonly killSwitch?: KillSwitch;
  readonly nowMs: number;
}

const REMEMBERED_TRADES = 65_536;

export function startGateway(start: GatewayStart): GatewayState {
  const { nowMs } = start;
  const check = (): Check => ({ dueAtMs: nowMs, isOut: false, goodSinceMs: -Infinity });
  return {
    exchange: start.exchange,
    times: start.times,
    startedAtMs: nowMs,
    instruments: new Set(start.instruments),
    orders: new OrderSet(),
    isSeeded: false,
    isStreamUp: false,
    streamReason: 'it is not open yet',
    deniedSinceMs: nowMs,
    openOrders: check(),
    balances: check(),
    fills: { dueAtMs: nowMs, markets: new Map() },
    ledger: null,
    unbooked: new Map(),
    booked: new RecentIds(REMEMBERED_TRADES),
    epoch: 0,
    mismatch: null,
    unexplained: new Map(),
    borrowed: [],
    foreign: [],
    toldTransfers: new Map(),
    cleanAtMs: null,
    killSwitch: start.killSwitch ?? clearedSwitch(0),
    haltedAtMs: nowMs,
    haltDoubtedAtMs: nowMs,
    isHaltOverdue: false,
    emptyAtMs: null,
    equalAtMs: null,
    pausedUntilMs: -Infinity,
    pauseReason: '',
    counts: {
      placed: 0,
      rejected: 0,
      blocked: 0,
      fills: 0,
      cancels: 0,
      lookups: 0,
      alerts: 0,
      reconciliations: 0,
    },
    told: { status: '', holds: new Map() },
  };
}
