import type { Atoms } from './atoms.js';
import type { FeeRates } from './desk-rules.js';
import type { DeskOrderState, DeskTrade, EndReason, OrderRequest, OrderView } from './desk-types.js';
import { marketUnits, type SteppedOrder } from './order-checks.js';

/** An order as the desk keeps it. */
export interface LiveOrder {
  readonly number: number;
  readonly exchangeOrderId: string;
  readonly clientOrderId: string;
  readonly request: OrderRequest;
  readonly priceTicks: number;
  lots: number;
  filledLots: number;
  filledQuote: Atoms;
  fee: Atoms;
  readonly feeAsset: string;
  /** What its trades pay. */
  readonly feeRates: FeeRates;
  /** Bound in the asset that it spends. */
  locked: Atoms;
  preventedLots: number;
  state: DeskOrderState;
  endReason: EndReason | null;
  /** Its id in the engine; null while it is not in the book. */
  engineOrderId: number | null;
  readonly trades: DeskTrade[];
  readonly createdAtMs: number;
  updatedAtMs: number;
}

export interface NewLiveOrder {
  readonly number: number;
  readonly exchangeOrderId: string;
  readonly request: OrderRequest;
  readonly stepped: SteppedOrder;
  readonly feeAsset: string;
  readonly feeRates: FeeRates;
  readonly nowMs: number;
}

export const liveOrder = ({ request, stepped, nowMs, ...ids }: NewLiveOrder): LiveOrder => ({
  ...ids,
  ...stepped,
  clientOrderId: request.clientOrderId ?? '',
  request,
  filledLots: 0,
  filledQuote: 0n,
  fee: 0n,
  locked: 0n,
  preventedLots: 0,
  state: 'open',
  endReason: null,
  engineOrderId: null,
  trades: [],
  createdAtMs: nowMs,
  updatedAtMs: nowMs,
});

/** The order at this moment; later changes do not reach it. */
export function viewOf(order: LiveOrder): OrderView {
  const { request } = order;
  const { tick, lot } = marketUnits(request.market);
  return {
    number: order.number,
    exchangeOrderId: order.exchangeOrderId,
    clientOrderId: order.clientOrderId,
    symbol: request.market.listing.symbol,
    market: request.market,
    side: request.side,
    type: request.type,
    price: tick * BigInt(order.priceTicks),
    quantity: lot * BigInt(order.lots),
    quoteAmount: request.quoteAmount,
    filled: lot * BigInt(order.filledLots),
    filledQuote: order.filledQuote,
    fee: order.fee,
    feeAsset: order.feeAsset,
    feeRates: order.feeRates,
    locked: order.locked,
    prevented: lot * BigInt(order.preventedLots),
    state: order.state,
    endReason: order.endReason,
    stp: request.stp,
    words: request.words,
    trades: [...order.trades],
    createdAtMs: order.createdAtMs,
    updatedAtMs: order.updatedAtMs,
  };
}

/** The asset that an order spends. */
export const spentAsset = ({ request: { side, market } }: LiveOrder): string =>
  side === 'buy' ? market.listing.quote : market.listing.base;
