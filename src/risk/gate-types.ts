import type { Decimal } from '../market/decimal.js';
import type { Instrument } from '../market/instrument.js';
import type { BalancesChanged } from '../messages/ledger.js';
import type { SubmitLeg } from '../messages/order.js';
import type { AssetId, DecimalText, InstrumentId } from '../messages/primitives.js';
import type { ControlRisk } from '../messages/risk-control.js';
import type { ApprovedVerdict, HaltChanged, Refusal, RiskHold, Verdict } from '../messages/risk.js';
import type { Signal } from '../messages/signal.js';
import type { Approved } from './approval.js';
import type { ExposureBook } from './exposure.js';
import type { MarketAlarm } from './flash/watch.js';
import type { HedgeMarket } from './hedges.js';
import type { Holds } from './holds.js';
import type { KillSwitch } from './kill-switch.js';
import type { RiskLimits } from './limits.js';
import type { Monitors, OrderOutcome } from './monitors.js';
import type { BookCondition, ClockCondition } from './question.js';
import type { RecentIds } from './recent-ids.js';

/** Everything the gate knows. It belongs to one gate: `stepGate` hands back the same object, changed. */
export interface GateState {
  limits: RiskLimits;
  readonly instruments: Map<InstrumentId, Instrument>;
  readonly exposure: ExposureBook;
  readonly monitors: Monitors;
  readonly seenSignals: RecentIds;
  readonly takenOpportunities: RecentIds;
  readonly holds: Holds;
  /** Arbitrages handed to a person: what the journal still holds open of them may yet be carried out. */
  readonly unsettled: Set<string>;
  killSwitch: KillSwitch;
  /** When holdings or flows from outside were told last: they are told one after the other and count only together. */
  movedAtMs: number;
  /** Entries of flows from outside that were counted. */
  readonly countedFlows: RecentIds;
  /** Flows from outside, by asset, that no price was known for yet. */
  readonly unpricedFlows: Map<AssetId, Decimal>;
  /** Valuations left out since then, one after the other. */
  valuationsSkipped: number;
}

export interface Mark {
  readonly asset: AssetId;
  readonly price: DecimalText;
}

export type GateEvent =
  | {
      readonly kind: 'signal';
      readonly signal: Signal;
      readonly books: readonly BookCondition[];
      readonly clocks: readonly ClockCondition[];
      readonly marks: readonly Mark[];
      /** The other markets of the pair; absent = none is known. */
      readonly others?: readonly HedgeMarket[];
      readonly verdictId: string;
      readonly nonce: string;
    }
  | { readonly kind: 'balances'; readonly changed: Pick<BalancesChanged, 'version' | 'holdings'> }
  /** Deposits and withdrawals that the ledger has booked; the holdings that contain them are told beside it. */
  | {
      readonly kind: 'external';
      /** Of the ledger: it confirms an entry again when it is told the flow again, and that counts once. */
      readonly entryId?: string;
      readonly flows: readonly { readonly asset: AssetId; readonly amount: DecimalText }[];
    }
  | { readonly kind: 'instrument'; readonly instrument: Instrument }
  | { readonly kind: 'halt'; readonly halt: HaltChanged }
  | { readonly kind: 'hold'; readonly hold: RiskHold }
  /** An order of this arbitrage has left. */
  | { readonly kind: 'claimed'; readonly arbitrageId: string }
  /** What became of an order; that it left is known by this too. */
  | { readonly kind: 'ordered'; readonly outcome: OrderOutcome }
  | {
      readonly kind: 'closed';
      readonly arbitrageId: string;
      readonly opportunityId: string;
      /** Something was bought or sold; an opportunity of which nothing was taken may be traded yet. */
      readonly filled: boolean;
      /** Handed to a person: an order may have no known end. */
      readonly flagged: boolean;
      /** In the quote asset. */
      readonly realisedNet: DecimalText;
      /** A position was opened: what it costs is no result yet, and counts in no row of losses. Absent = no. */
      readonly carried?: boolean;
    }
  /** The journalled legs without a known end, read after these arbitrages had closed. */
  | {
      readonly kind: 'journal';
      readonly arbitrageIds: readonly string[];
      readonly openLegs: readonly SubmitLeg[];
    }
  /** After a restart: legs that were journalled and have no result; they are in flight. */
  | {
      readonly kind: 'recovered';
      readonly legs: readonly SubmitLeg[];
      /** Whose they are, by verdict. */
      readonly strategies?: Readonly<Record<string, string>>;
      /** Arbitrages of these that were handed to a person before: only the journal lets them go. */
      readonly ended?: readonly string[];
    }
  /** After a restart: opportunities of which something was traded or may have been; none is traded again in its life. */
  | {
      readonly kind: 'traded';
      readonly opportunityIds: readonly string[];
      /** When arbitrages of the life before began, Unix ms: their orders count against the rate. */
      readonly startedAtMs?: readonly number[];
    }
  /** After a restart: losses and breakers as they were kept. */
  | { readonly kind: 'restored'; readonly monitors: string }
  | { readonly kind: 'limits'; readonly limits: RiskLimits }
  | { readonly kind: 'control'; readonly command: ControlRisk }
  /** The markets that are too wild now, all of them. */
  | { readonly kind: 'alarms'; readonly alarms: readonly MarketAlarm[] }
  /** What was approved and never used may lapse; the journal has been asked before. */
  | { readonly kind: 'tick' }
  /** Told again and again, so that losses, breakers and health are judged without a signal. */
  | {
      readonly kind: 'watch';
      /** Prices of now; absent = those known stay. */
      readonly marks?: readonly Mark[];
      /** The share of each exchange's books that is trusted, 0…1. */
      readonly trusted?: readonly { readonly exchange: string; readonly share: number }[];
    };

export type GateEffect =
  | { readonly kind: 'approved'; readonly verdict: Approved<ApprovedVerdict> }
  | {
      readonly kind: 'refused';
      readonly verdict: Verdict;
      readonly refusals: readonly Refusal[];
      readonly signal: Signal;
    }
  | { readonly kind: 'persistHalt'; readonly killSwitch: KillSwitch }
  /** What has to outlive a restart has changed by an event that must not be forgotten. */
  | { readonly kind: 'persistMonitors' }
  | { readonly kind: 'released'; readonly arbitrageId: string }
  /** A reservation nobody ever used lapsed: not wrong, but worth a warning. */
  | { readonly kind: 'lapsed'; readonly arbitrageId: string }
  /** An end was reported for an arbitrage that holds no reservation (told twice, or before the gate restarted). */
  | { readonly kind: 'releaseIgnored'; readonly arbitrageId: string };

export type SignalEvent = Extract<GateEvent, { kind: 'signal' }>;
