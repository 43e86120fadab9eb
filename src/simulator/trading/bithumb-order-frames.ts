import { objectText } from '../upbit-frames.js';
import { atomsText, times } from './atoms.js';
import type { DeskTrade, DeskTransfer, OrderView } from './desk-types.js';
import { fees, koreanTime, plainOrder, remaining, socketNumber } from './upbit-order-frames.js';

/** Bithumb's private answers and events (PROTOCOLS §7): answers as on Upbit under other names, events of v2 in words of their own. */

type Stamp = (ms: number) => number;

/** An IOC order that filled in part is `done` [O]; what never filled is `cancel`. */
export function bithumbState(order: OrderView): 'wait' | 'done' | 'cancel' {
  if (order.state === 'open') return 'wait';
  const isDropped = order.type === 'ioc' && order.endReason === 'ioc' && order.filled > 0n;
  return order.state === 'filled' || isDropped ? 'done' : 'cancel';
}

const CANCEL_TYPES: Readonly<Record<string, string>> = {
  user: 'user_cancel',
  ioc: 'tif_cancel',
  fok: 'tif_cancel',
  post_only: 'tif_cancel',
  self_trade: 'stp_cancel',
  exchange: 'system_cancel',
};

const cancelType = ({ endReason }: OrderView): string | undefined =>
  endReason === null ? undefined : CANCEL_TYPES[endReason];

/** The receipt of an order or of a cancel. */
export function receipt(order: OrderView, stamp: Stamp): Record<string, unknown> {
  return {
    order_id: order.exchangeOrderId,
    ...(order.clientOrderId !== '' && { client_order_id: order.clientOrderId }),
    market: order.symbol,
    side: order.side === 'buy' ? 'bid' : 'ask',
    order_type: order.words['ordType'],
    created_at: koreanTime(stamp(order.createdAtMs)),
    stp_type: 'cancel_taker',
  };
}

/** A row of a list of orders. */
export function bithumbOrderRow(order: OrderView, stamp: Stamp): Record<string, unknown> {
  const state = bithumbState(order);
  const cancelled = state === 'wait' ? undefined : cancelType(order);
  return {
    ...plainOrder(order, stamp),
    state,
    executed_funds: atomsText(order.filledQuote),
    ...(order.clientOrderId !== '' && { client_order_id: order.clientOrderId }),
    stp_type: 'cancel_taker',
    ...(cancelled !== undefined && { cancel_type: cancelled }),
  };
}

/** One order with its trades. */
export const bithumbOrderDetail = (order: OrderView, stamp: Stamp): object => ({
  ...bithumbOrderRow(order, stamp),
  trades: order.trades.map((trade) => ({
    market: trade.symbol,
    uuid: trade.id,
    price: atomsText(trade.price),
    volume: atomsText(trade.quantity),
    funds: atomsText(trade.quote),
    side: trade.side === 'buy' ? 'bid' : 'ask',
    created_at: koreanTime(stamp(trade.timeMs)),
  })),
});

/** States have other names for coins than for won [C]. */
export function bithumbTransferRow(transfer: DeskTransfer, stamp: Stamp): object {
  const isDeposit = transfer.amount > 0n;
  const at = koreanTime(stamp(transfer.timeMs));
  const isWon = transfer.asset === 'KRW';
  return {
    type: isDeposit ? 'deposit' : 'withdraw',
    uuid: transfer.id,
    currency: transfer.asset,
    net_type: isWon ? null : transfer.asset,
    txid: isWon ? null : transfer.id,
    state: isDeposit ? (isWon ? 'ACCEPTED' : 'DEPOSIT_ACCEPTED') : isWon ? 'DONE' : 'done',
    created_at: at,
    done_at: at,
    amount: atomsText(isDeposit ? transfer.amount : -transfer.amount),
    fee: '0',
    transaction_type: null,
  };
}

export type BithumbOrderState = 'wait' | 'trade' | 'done' | 'cancel';

const text = (value: string | undefined): string | null =>
  value === undefined ? null : JSON.stringify(value);

/** One `myOrder` frame of v2. Members without a value are left out [O]; `paid_fee` is what the order has paid so far. */
export function bithumbOrderFrame(
  order: OrderView,
  state: BithumbOrderState,
  trade: DeskTrade | null,
  stampMs: number,
): string {
  const fee = fees(order);
  const amount = order.quoteAmount ?? times(order.price, order.quantity);
  const isSizedInMoney = order.quoteAmount !== null;
  const entries: readonly (readonly [string, string | null])[] = [
    ['type', '"myOrder"'],
    ['code', text(order.symbol)],
    ['order_id', text(order.exchangeOrderId)],
    ['client_order_id', order.clientOrderId === '' ? null : text(order.clientOrderId)],
    ['side', text(order.side)],
    ['order_type', text(order.words['ordType'])],
    ['state', text(state)],
    ['time_in_force', text(order.words['force'])],
    ['order_price', socketNumber(order.price)],
    ['order_quantity', isSizedInMoney ? '0' : socketNumber(order.quantity)],
    ['order_amount', socketNumber(amount)],
    ['trade_id', text(trade?.id)],
    ['trade_price', trade === null ? null : socketNumber(trade.price)],
    ['trade_quantity', trade === null ? null : socketNumber(trade.quantity)],
    ['trade_amount', trade === null ? null : socketNumber(trade.quote)],
    ['remaining_quantity', socketNumber(remaining(order) ?? 0n)],
    ['executed_quantity', order.filled === 0n ? null : socketNumber(order.filled)],
    ['executed_amount', order.filled === 0n ? null : socketNumber(order.filledQuote)],
    ['reserved_fee', socketNumber(fee.reserved)],
    ['remaining_fee', socketNumber(fee.remaining)],
    ['paid_fee', socketNumber(order.fee)],
    ['cancel_type', state === 'cancel' || state === 'done' ? text(cancelType(order)) : null],
    ['trade_timestamp', trade === null ? null : `${stampMs}`],
    ['order_timestamp', `${stampMs}`],
    ['timestamp', `${stampMs}`],
    ['stream_type', '"REALTIME"'],
  ];
  const told = entries.filter((entry): entry is readonly [string, string] => entry[1] !== null);
  return objectText(
    told.map(([name]) => name),
    told.map(([, value]) => value),
  );
}
