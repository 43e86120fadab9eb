import type { SagaEffect, SagaEvent, SagaPolicy } from '../execution/saga-state.js';
import type { Instrument } from '../market/instrument.js';
import type { QuoteBoard } from '../market/quote-board.js';
import type { ArbitrageClosed, LegResult, QueryOrder } from '../messages/order.js';
import type { Verdict } from '../messages/risk.js';
import type { Bus } from '../ports/bus.js';
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
  /** Without an answer within this time an order is unknown, ms. */
  readonly answerTimeoutMs: number;
  readonly retry: RetryBackoff;
  /** Prices in quote of third coins that fees may be taken in. */
  readonly feeMarks?: () => readonly Mark[];
  /** Whether ends are told as events in the life of their opportunity; false where a detector does so itself. */
  readonly announceOpportunities: boolean;
  readonly record?: RecordInput;
}

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
      readonly error: string;
      /** Refused for its fence: the journal is there, and this process may not write to it. */
      readonly isFenced: boolean;
    }
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
