import type { ExchangeFacts } from '../execution/leg-policy.js';
import type { LegPolicy, SagaEffect, SagaEvent, SagaPolicy, SagaStep } from '../execution/saga-state.js';
import type { Instrument } from '../market/instrument.js';
import type { QuoteBoard } from '../market/quote-board.js';
import type { BalancesChanged } from '../messages/ledger.js';
import type { ArbitrageClosed, LegResult, QueryOrder, SubmitLeg } from '../messages/order.js';
import type { ExchangeId, InstrumentId, PairId } from '../messages/primitives.js';
import type { HaltChanged, Verdict } from '../messages/risk.js';
import type { Signal } from '../messages/signal.js';
import type { Bus } from '../ports/bus.js';
import type { EmergencyJournal } from '../ports/emergency-journal.js';
import type { Stores } from '../ports/stores.js';
import type { RetryBackoff } from './backoff.js';
import type { Mark } from './board-reading.js';
import type { RecordInput } from './recording.js';
import type { TradeFence } from './trade-fence.js';

export interface SagaActorOptions {
  readonly bus: Bus;
  readonly board: QuoteBoard;
  readonly instruments: readonly Instrument[];
  readonly stores: Pick<Stores, 'trades' | 'signals' | 'ledger'>;
  /** What every order is journalled under. */
  readonly fence: Pick<TradeFence, 'current' | 'refused'>;
  readonly policy: SagaPolicy;
  /** Whether the legs of a pair go at once or one after the other; absent = at once. */
  readonly legPolicies?: ReadonlyMap<PairId, LegPolicy>;
  /** What is known of each exchange; one that is not named expires requests. */
  readonly exchanges?: ReadonlyMap<ExchangeId, ExchangeFacts>;
  /** Where recovery orders are journalled while the trade store is away; absent = nowhere, and none is sent then. */
  readonly emergency?: EmergencyJournal;
  /** Orders an exchange takes now; null = not known. Absent = nobody knows. */
  readonly orderRoom?: (exchange: ExchangeId) => number | null;
  /** Without an answer within this time an order is unknown, ms. */
  readonly answerTimeoutMs: number;
  readonly retry: RetryBackoff;
  /** Prices in quote of third coins that fees may be taken in. */
  readonly feeMarks?: () => readonly Mark[];
  /** Whether ends are told as events in the life of their opportunity; false where a detector does so itself. */
  readonly announceOpportunities: boolean;
  readonly record?: RecordInput;
  /** Whether positions of statistical pairs may be held: their last ends are read at a start. Absent = none are. */
  readonly carriesPositions?: boolean;
}

export type JournalEffect = Extract<SagaEffect, { kind: 'journal' }>;
export type CloseEffect = Extract<SagaEffect, { kind: 'close' }>;

/** An end that the stores did not take, and whether they may take it later. */
export interface StoreFailed {
  readonly kind: 'storeFailed';
  readonly effect: CloseEffect;
  readonly tries: number;
  readonly retryable: boolean;
  readonly error: string;
}

export type SagaMessage =
  | { readonly kind: 'verdict'; readonly verdict: Verdict; readonly traceId: string }
  | { readonly kind: 'saga'; readonly arbitrageId: string; readonly event: SagaEvent }
  | {
      readonly kind: 'journalFailed';
      readonly arbitrageId: string;
      readonly clientOrderIds: readonly string[];
      readonly error: string;
      /** Refused for its fence: the journal is there, and this process may not write to it. */
      readonly isFenced: boolean;
    }
  /** The store has not confirmed a recovery order for too long. */
  | { readonly kind: 'journalSlow'; readonly arbitrageId: string; readonly legs: readonly SubmitLeg[] }
  | { readonly kind: 'quote'; readonly arbitrageId: string; readonly instruments: readonly InstrumentId[] }
  | { readonly kind: 'holdings'; readonly holdings: BalancesChanged['holdings'] }
  | { readonly kind: 'halt'; readonly halt: HaltChanged }
  | { readonly kind: 'saveResult'; readonly result: LegResult; readonly tries: number }
  | {
      readonly kind: 'resultFailed';
      readonly result: LegResult;
      readonly tries: number;
      readonly error: string;
    }
  /** What the stores say of an arbitrage that something was told late of; null = nothing. */
  | {
      readonly kind: 'remembered';
      readonly arbitrageId: string;
      readonly found: { readonly step: SagaStep; readonly signal: Signal | null } | null;
    }
  | { readonly kind: 'done' }
  | { readonly kind: 'ask'; readonly query: QueryOrder }
  | { readonly kind: 'store'; readonly effect: CloseEffect; readonly tries: number }
  | { readonly kind: 'stored'; readonly closed: ArbitrageClosed }
  | StoreFailed
  | { readonly kind: 'probe'; readonly tries: number }
  | { readonly kind: 'probed'; readonly tries: number; readonly error: string | null }
  | { readonly kind: 'tick' };

export const resultMessage = (result: LegResult, to: 'submit' | 'query' | 'nothing'): SagaMessage => ({
  kind: 'saga',
  arbitrageId: result.arbitrageId,
  event: { kind: 'result', result, to },
});
