import type { Decimal } from '../market/decimal.js';
import type { Instrument } from '../market/instrument.js';
import type {
  ArbitrageClosed,
  Fill,
  LegResult,
  QueryOrder,
  RecoveryPermit,
  SubmitLeg,
} from '../messages/order.js';
import type {
  AssetId,
  DecimalText,
  ExchangeId,
  InstrumentId,
  PairId,
  Side,
  Strategy,
} from '../messages/primitives.js';
import type { EdgeBreakdown } from '../messages/signal.js';
import type { Order } from './order.js';
import type { LegQuote, RecoveryLimits } from './recovery.js';
import type { ShapeTerms } from './shapes/shape-terms.js';

/** What a trader sets for the saga. Times in ms. */
export interface SagaPolicy extends RecoveryLimits {
  /** Questions asked about an unknown order before it is handed to a person. */
  readonly maxQueries: number;
  readonly queryIntervalMs: number;
  /** Not-found answers that are needed, `queryIntervalMs` apart and after expiry, to call an order not placed (R3). */
  readonly minNotFound: number;
  /** Largest skew of clocks that an expiry has to be waited beyond. */
  readonly expirySkewMs: number;
  /** As long an order may still arrive where no request expiry fences it: until then not-found is no evidence. */
  readonly lateOrderMs: number;
  /** Recovery orders of one arbitrage. */
  readonly maxRecoveries: number;
  /** So long after an imbalance is known it is held for better prices, and then a person is told: with an answer's way, 2 s (TRADING §4). */
  readonly recoveryDeadlineMs: number;
  /** The same after a restart, when books and accounts come up first: with an answer's way, 15 s across a crash. */
  readonly resumedDeadlineMs: number;
  /** While a market takes it within the cap orders go on, so long after the imbalance is known at most. */
  readonly recoveryGiveUpMs: number;
  /** Between two looks at the prices while none allows a recovery, or while an order is unknown. */
  readonly requoteMs: number;
  /** So much of its verdict's life is left for orders on their way, or none of an arbitrage leaves. */
  readonly legLifeMs: number;
  /** So much more where one leg waits for the other, at least. */
  readonly followLifeMs: number;
  /** As long after the expiry of its verdict the last gate takes recovery orders. */
  readonly recoveryWindowMs: number;
}

export type LegPolicy = 'concurrent' | 'lead-follow';

/** What stays the same over the life of one arbitrage. */
export interface SagaTerms {
  readonly arbitrageId: string;
  readonly verdictId: string;
  readonly nonce: string;
  readonly verdictExpiresAtMs: number;
  readonly signalId: string;
  readonly opportunityId: string;
  readonly pair: PairId;
  readonly base: AssetId;
  readonly quote: AssetId;
  readonly buyExchange: ExchangeId;
  readonly sellExchange: ExchangeId;
  /** Base quantity that was to be bought and sold. */
  readonly wanted: DecimalText;
  readonly expectedNet: DecimalText;
  readonly legs: readonly SagaLeg[];
  /** How they belong together. */
  readonly shape: ShapeTerms;
  readonly strategy: Strategy;
  /** The leg that is sent first, and whose fill sizes the other; null = both at once. */
  readonly leadIndex: number | null;
  /** What has to be left of the verdict's life when the first order leaves, so that the last one may leave too, ms. */
  readonly planLifeMs: number;
  /** Other markets of the pair on which an imbalance may be hedged, as approved. */
  readonly hedges: readonly Instrument[];
  /** Exchanges on which an order may arrive late, since no request expires there. */
  readonly lateExchanges: readonly ExchangeId[];
  /** What was planned, for the attribution; null after a restart that did not find the signal. */
  readonly plan: SagaPlan | null;
  /** Price in quote of coins that fees may be taken in. */
  readonly feeMarks: readonly { readonly asset: AssetId; readonly price: DecimalText }[];
  readonly policy: SagaPolicy;
  /** Taken up after a restart: no gateway knows its verdict any more, and each recovery order needs the gate's permit. */
  readonly resumed: boolean;
}

export interface SagaLeg {
  readonly legIndex: number;
  readonly side: Side;
  readonly instrument: Instrument;
  /** As approved; no order of the leg is larger. */
  readonly quantity: DecimalText;
  readonly limitPrice: DecimalText;
}

/** What the signal promised. */
export interface SagaPlan {
  readonly edge: EdgeBreakdown;
  readonly legs: readonly {
    readonly quantity: DecimalText;
    readonly expectedVwap: DecimalText;
    /** Best price at decision. */
    readonly decisionPrice: DecimalText;
    readonly feeRate: DecimalText;
  }[];
}

/** `journalling` → `working` → (`recovering` →) `booking` → `closed`. */
export type SagaPhase = 'journalling' | 'working' | 'recovering' | 'booking' | 'closed';

/** What is known about an order whose answer did not come. */
export interface Inquiry {
  readonly asked: number;
  readonly notFound: number;
  readonly lastNotFoundAtMs: number;
  readonly lastAskedAtMs: number;
  readonly givenUp: boolean;
}

export interface SagaState {
  readonly terms: SagaTerms;
  readonly phase: SagaPhase;
  readonly orders: readonly Order[];
  readonly inquiries: ReadonlyMap<string, Inquiry>;
  /** Entry ids of fills that the ledger has not confirmed yet. */
  readonly unbooked: ReadonlyMap<string, Fill>;
  /** Prices were asked for and have not come. */
  readonly awaitsQuotes: boolean;
  /** A recovery order that the gate's permit is asked for; no order yet. Null = none is. */
  readonly permitting: SubmitLeg | null;
  /** Since when an imbalance is known, with no order unknown; null while there is none. */
  readonly imbalancedSinceMs: number | null;
  /** Why no further recovery is tried; null = it may be. */
  readonly abandoned: string | null;
  /** Size taken off an exposure interval while an order of it was unknown. */
  readonly intervalHedged: boolean;
  readonly notes: readonly string[];
  readonly openedAtMs: number;
  readonly closed: ArbitrageClosed | null;
  /** What the journal was told of each order after the end, as text; a late fill tells more. */
  readonly told: ReadonlyMap<string, string>;
}

export type SagaEvent =
  /** The commit of these orders' journal rows, with the prices at that moment where they were read. */
  | {
      readonly kind: 'journalled';
      readonly clientOrderIds: readonly string[];
      readonly quotes?: readonly LegQuote[];
    }
  | { readonly kind: 'journalRefused'; readonly clientOrderIds: readonly string[]; readonly reason: string }
  /** What the exchange says about an order: as answer to its submission, to a question, or by itself. Repeats do no harm. */
  | { readonly kind: 'result'; readonly result: LegResult; readonly to: 'submit' | 'query' | 'nothing' }
  /** No answer, or none that could be read. No evidence of anything (R5). */
  | {
      readonly kind: 'unanswered';
      readonly clientOrderId: string;
      readonly to: 'submit' | 'query';
      readonly reason: string;
    }
  /** The gate's word about the recovery order that it was asked for; without a permit the reason. */
  | {
      readonly kind: 'permitted';
      readonly clientOrderId: string;
      readonly permit: RecoveryPermit | null;
      readonly reason: string;
    }
  | { readonly kind: 'quotes'; readonly quotes: readonly LegQuote[] }
  | { readonly kind: 'booked'; readonly entryId: string }
  /** Time has passed: unbooked fills are told again, and what was handed over as unknown is asked about again. */
  | { readonly kind: 'tick' };

export type SagaEffect =
  /** In one commit. A recovery order reduces risk: it may use the emergency journal while the store is away. */
  | { readonly kind: 'journal'; readonly legs: readonly SubmitLeg[]; readonly purpose: 'open' | 'recover' }
  /** Asks the gate for leave, before the order is journalled. */
  | { readonly kind: 'askPermit'; readonly leg: SubmitLeg }
  | { readonly kind: 'submit'; readonly leg: SubmitLeg }
  | { readonly kind: 'query'; readonly query: QueryOrder; readonly delayMs: number }
  | { readonly kind: 'readQuotes'; readonly instruments: readonly InstrumentId[]; readonly delayMs: number }
  | { readonly kind: 'bookFill'; readonly fill: Fill }
  | {
      readonly kind: 'close';
      readonly closed: ArbitrageClosed;
      readonly results: readonly LegResult[];
      /** Ends of orders that never left and of whose journal rows nobody knows whether they were written. */
      readonly unsure?: readonly LegResult[];
    }
  /** Of an arbitrage that has ended: what is known better of an order now. */
  | { readonly kind: 'saveResult'; readonly result: LegResult }
  | { readonly kind: 'alert'; readonly code: string; readonly detail: string };

export interface SagaStep {
  readonly state: SagaState;
  readonly effects: readonly SagaEffect[];
}

/** A signed base quantity that may be anything between these. */
export interface Interval {
  readonly low: Decimal;
  readonly high: Decimal;
}
