import type { AssetId, DecimalText, InstrumentId, Side } from '../../messages/primitives.js';

/**
 * What an exchange says of our account, in ArBot's own names: the shell has translated symbols and tickers. Whether any of it
 * is true is weighed here.
 */

/** One execution. */
export interface TradeWord {
  readonly tradeId: string;
  readonly exchangeOrderId: string;
  /** Null where the exchange does not repeat it with the trade. */
  readonly clientOrderId: string | null;
  /** Null = a market that is not followed. */
  readonly instrument: InstrumentId | null;
  readonly side: Side;
  readonly price: DecimalText;
  readonly quantity: DecimalText;
  /** Signed cost: positive = charged. */
  readonly fee: DecimalText;
  /** Null where the exchange names none: no fee, or one of what was received. */
  readonly feeAsset: AssetId | null;
  readonly liquidity: 'taker' | 'maker';
  readonly timeMs: number;
}

/** An order as it stands. `ended` = no further fill expected, which says nothing of fills before. */
export interface OrderWord {
  /** Empty for a foreign order without one. */
  readonly clientOrderId: string;
  readonly exchangeOrderId: string;
  readonly instrument: InstrumentId | null;
  readonly side: Side;
  readonly status: 'open' | 'ended' | 'rejected';
  /** The exchange's own word for it, for people. */
  readonly statusWord: string;
  readonly quantity: DecimalText;
  readonly filledQuantity: DecimalText;
  readonly trades: readonly TradeWord[];
}

/** The answer to placing. `unknown`: it may be there (R2). `refused`: definitively not placed. */
export type PlaceWord =
  | { readonly kind: 'accepted'; readonly exchangeOrderId: string; readonly order: OrderWord | null }
  | {
      readonly kind: 'refused';
      readonly code: string;
      readonly reason: string;
      readonly fault: 'order' | 'funds' | 'account' | 'expired' | 'market' | 'limited';
    }
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'unknown'; readonly reason: string };

/** The answers to all questions about one order, as one. `silent` is no evidence (R5). */
export type LookupWord =
  | { readonly kind: 'found'; readonly order: OrderWord }
  | { readonly kind: 'notFound' }
  /** Answered, by the exchange itself, with something that settles nothing; if that goes on, a person has to look. */
  | { readonly kind: 'unclear'; readonly reason: string }
  | { readonly kind: 'silent'; readonly reason: string };

/** Everything held of one asset, free and bound. */
export interface BalanceWord {
  readonly asset: AssetId;
  readonly total: DecimalText;
  readonly borrowed: DecimalText;
}

/** A deposit or withdrawal that is in the balance. */
export interface TransferWord {
  readonly transferId: string;
  readonly asset: AssetId;
  /** Signed: positive = came in. */
  readonly amount: DecimalText;
  readonly timeMs: number;
}
