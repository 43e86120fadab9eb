import type { Instrument } from '../market/instrument.js';
import type { ArbitrageClosed, Fill, LegResult, QueryOrder, SubmitLeg } from '../messages/order.js';
import type { AssetId, DecimalText, ExchangeId, InstrumentId, PairId, Side } from '../messages/primitives.js';
import type { Order } from './order.js';
import type { LegQuote, RecoveryLimits } from './recovery.js';

/** What a trader sets for the saga. Times in ms. */
export interface SagaPolicy extends RecoveryLimits {
  /** Questions asked about an unknown order before it is handed to a person. */
  readonly maxQueries: number;
  readonly queryIntervalMs: number;
  /** Not-found answers that are needed, `queryIntervalMs` apart and after expiry, to call an order not placed (R3). */
  readonly minNotFound: number;
  /** Largest skew of clocks that an expiry has to be waited beyond. */
  readonly expirySkewMs: number;
}

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
  /** Price in quote of coins that fees may be taken in. */
  readonly feeMarks: readonly { readonly asset: AssetId; readonly price: DecimalText }[];
  readonly policy: SagaPolicy;
}

export interface SagaLeg {
  readonly legIndex: number;
  readonly side: Side;
  readonly instrument: Instrument;
}

/** `journalling` → `working` → (`quoting` → `recovering` →) `booking` → `closed`. */
export type SagaPhase = 'journalling' | 'working' | 'quoting' | 'recovering' | 'booking' | 'closed';

/** What is known about an order whose answer did not come. */
export interface Inquiry {
  readonly asked: number;
  readonly notFound: number;
  readonly lastNotFoundAtMs: number;
  readonly givenUp: boolean;
}

export interface SagaState {
  readonly terms: SagaTerms;
  readonly phase: SagaPhase;
  readonly orders: readonly Order[];
  readonly inquiries: ReadonlyMap<string, Inquiry>;
  /** Entry ids of fills that the ledger has not confirmed yet. */
  readonly unbooked: ReadonlyMap<string, Fill>;
  readonly recovery: 'none' | 'complete' | 'reverse' | 'impossible';
  readonly notes: readonly string[];
  readonly openedAtMs: number;
  readonly closed: ArbitrageClosed | null;
}

export type SagaEvent =
  | { readonly kind: 'journalled' }
  | { readonly kind: 'journalRefused'; readonly reason: string }
  /** What the exchange says about an order: as answer to its submission, to a question, or by itself. Repeats do no harm. */
  | { readonly kind: 'result'; readonly result: LegResult; readonly to: 'submit' | 'query' | 'nothing' }
  /** No answer, or none that could be read. No evidence of anything (R5). */
  | {
      readonly kind: 'unanswered';
      readonly clientOrderId: string;
      readonly to: 'submit' | 'query';
      readonly reason: string;
    }
  | { readonly kind: 'quotes'; readonly quotes: readonly LegQuote[] }
  | { readonly kind: 'booked'; readonly entryId: string }
  /** Time has passed: unanswered questions and unbooked fills are repeated. */
  | { readonly kind: 'tick' };

export type SagaEffect =
  | { readonly kind: 'journal'; readonly legs: readonly SubmitLeg[] }
  | { readonly kind: 'submit'; readonly leg: SubmitLeg }
  | { readonly kind: 'query'; readonly query: QueryOrder; readonly delayMs: number }
  | { readonly kind: 'readQuotes'; readonly instruments: readonly InstrumentId[] }
  | { readonly kind: 'bookFill'; readonly fill: Fill }
  | {
      readonly kind: 'close';
      readonly closed: ArbitrageClosed;
      readonly results: readonly LegResult[];
      /** Ends of orders that never left and of whose journal rows nobody knows whether they were written. */
      readonly unsure?: readonly LegResult[];
    }
  | { readonly kind: 'alert'; readonly code: string; readonly detail: string };

export interface SagaStep {
  readonly state: SagaState;
  readonly effects: readonly SagaEffect[];
}
