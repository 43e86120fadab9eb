import type { Side } from '../../messages/primitives.js';
import type { SimulatedMarket } from '../market.js';
import type { HoldingView } from './account-book.js';
import type { Atoms } from './atoms.js';
import type { FeeRates } from './desk-rules.js';

/** The order types that the exchanges share; `fok` fills whole or not at all. */
export type DeskOrderType = 'limit' | 'post_only' | 'ioc' | 'fok' | 'market';

/** What happens instead of a trade with oneself; `none` = the trade happens. */
export type StpMode = 'none' | 'cancel_maker' | 'cancel_taker' | 'cancel_both' | 'decrement';

/** A request to place, as a face has read it: prices and amounts are on no step yet. */
export interface OrderRequest {
  readonly market: SimulatedMarket;
  readonly side: Side;
  readonly type: DeskOrderType;
  /** Null for market orders. */
  readonly price: Atoms | null;
  /** Base units; null only for a market order that is sized in quote. */
  readonly quantity: Atoms | null;
  /** Quote units of a market buy that is sized so; null otherwise. */
  readonly quoteAmount: Atoms | null;
  /** Null = the exchange makes one, or none. */
  readonly clientOrderId: string | null;
  readonly stp: StpMode;
  /** What the face wants to find again when it writes answers: words of the exchange. */
  readonly words: Readonly<Record<string, string>>;
}

/** Why an order is not taken; each face has its own code for it. */
export type Refusal =
  | 'market_halted'
  | 'price_tick'
  | 'price_band'
  | 'lot'
  | 'min_quantity'
  | 'max_quantity'
  | 'min_notional'
  | 'duplicate_client_id'
  | 'insufficient_funds'
  | 'too_many_orders'
  | 'no_liquidity'
  /** Only where a post-only order that would take is refused (Binance); elsewhere it is taken and cancelled. */
  | 'would_take';

/** Why an order ended without being filled. */
export type EndReason = 'user' | 'ioc' | 'fok' | 'post_only' | 'self_trade' | 'exchange';

export type DeskOrderState = 'open' | 'filled' | 'cancelled';

/** One order at one moment. */
export interface OrderView {
  /** Counts the account's orders from 1. */
  readonly number: number;
  readonly exchangeOrderId: string;
  /** Empty where there is none. */
  readonly clientOrderId: string;
  readonly symbol: string;
  readonly market: SimulatedMarket;
  readonly side: Side;
  readonly type: DeskOrderType;
  /** 0 for market orders. */
  readonly price: Atoms;
  /** Base units; 0 for a market order sized in quote, before it filled. */
  readonly quantity: Atoms;
  readonly quoteAmount: Atoms | null;
  readonly filled: Atoms;
  /** Sum of price × quantity of its trades. */
  readonly filledQuote: Atoms;
  /** Sum of fees, in `feeAsset`. */
  readonly fee: Atoms;
  readonly feeAsset: string;
  readonly feeRates: FeeRates;
  /** Bound for it at this moment, in the asset that it spends. */
  readonly locked: Atoms;
  /** What was not traded because it would have been a trade with oneself, base units. */
  readonly prevented: Atoms;
  readonly state: DeskOrderState;
  readonly endReason: EndReason | null;
  readonly stp: StpMode;
  readonly words: Readonly<Record<string, string>>;
  readonly trades: readonly DeskTrade[];
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

/** One execution of the account. */
export interface DeskTrade {
  readonly id: string;
  readonly orderNumber: number;
  readonly exchangeOrderId: string;
  readonly clientOrderId: string;
  readonly symbol: string;
  readonly market: SimulatedMarket;
  readonly side: Side;
  readonly price: Atoms;
  readonly quantity: Atoms;
  readonly quote: Atoms;
  /** Never negative: rebates are not simulated. */
  readonly fee: Atoms;
  readonly feeAsset: string;
  readonly liquidity: 'maker' | 'taker';
  readonly timeMs: number;
}

/** A deposit (amount above 0) or a withdrawal. */
export interface DeskTransfer {
  readonly id: string;
  readonly asset: string;
  readonly amount: Atoms;
  readonly timeMs: number;
}

/** What the private stream tells. Views are of the moment of the event; `holdings` are the assets that it touched. */
export type DeskEvent =
  | {
      readonly kind: 'order';
      readonly cause: 'new' | 'trade' | 'end';
      readonly order: OrderView;
      readonly trade: DeskTrade | null;
      readonly holdings: readonly HoldingView[];
      readonly timeMs: number;
    }
  | {
      readonly kind: 'transfer';
      readonly transfer: DeskTransfer;
      readonly holdings: readonly HoldingView[];
      readonly timeMs: number;
    };

export type PlaceOutcome =
  | { readonly kind: 'placed'; readonly order: OrderView }
  | { readonly kind: 'refused'; readonly reason: Refusal };
