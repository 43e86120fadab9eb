import { atomsText } from './atoms.js';
import type { HoldingView } from './account-book.js';
import type { DeskTrade, DeskTransfer, EndReason, OrderView } from './desk-types.js';
import { averagePriceText, withdrawalParts } from './order-figures.js';

/**
 * Gate's rows of orders, trades, balances and transfers (PROTOCOLS §9; gate.com/docs/developers/apiv4). Amounts and ids are texts;
 * times come in seconds as text and in ms, which are numbers in answers and texts in pushes.
 */
export type GateRow = Readonly<Record<string, unknown>>;

const FINISHED_AS: Readonly<Record<EndReason, string>> = {
  user: 'cancelled',
  ioc: 'ioc',
  fok: 'fok',
  post_only: 'poc',
  self_trade: 'stp',
  exchange: 'cancelled',
};

/** Cancelled is also what was filled in part: only the amounts tell. */
const statusOf = ({ state }: OrderView): string =>
  state === 'open' ? 'open' : state === 'filled' ? 'closed' : 'cancelled';

export function finishedAs({ state, endReason }: OrderView): string {
  if (state === 'open') return 'open';
  return endReason === null ? 'filled' : FINISHED_AS[endReason];
}

const seconds = (ms: number): string => `${Math.floor(ms / 1_000)}`;

/** The client's id, or where an order without one came from. */
const textOf = (clientOrderId: string): string => (clientOrderId === '' ? 'apiv4' : `t-${clientOrderId}`);

function orderCore(order: OrderView, stamp: (ms: number) => number): GateRow {
  const [created, updated] = [stamp(order.createdAtMs), stamp(order.updatedAtMs)];
  return {
    id: order.exchangeOrderId,
    text: textOf(order.clientOrderId),
    amend_text: '-',
    create_time: seconds(created),
    update_time: seconds(updated),
    create_time_ms: created,
    update_time_ms: updated,
    currency_pair: order.symbol,
    type: order.type === 'market' ? 'market' : 'limit',
    account: 'spot',
    side: order.side,
    amount: atomsText(order.quoteAmount ?? order.quantity),
    price: atomsText(order.price),
    time_in_force: order.words['timeInForce'],
    iceberg: '0',
    left: atomsText(order.quoteAmount === null ? order.quantity - order.filled : 0n),
    filled_amount: atomsText(order.filled),
    fill_price: atomsText(order.filledQuote),
    filled_total: atomsText(order.filledQuote),
    avg_deal_price: averagePriceText(order) ?? '0',
    fee: atomsText(order.fee),
    fee_currency: order.feeAsset,
    point_fee: '0',
    gt_fee: '0',
    gt_discount: false,
    rebated_fee: '0',
    rebated_fee_currency: order.market.listing.quote,
    stp_act: '-',
    stp_id: 0,
    finish_as: finishedAs(order),
  };
}

/** An order in an answer. */
export function gateOrderRow(order: OrderView, stamp: (ms: number) => number): GateRow {
  return { ...orderCore(order, stamp), status: statusOf(order) };
}

/** What `action_mode` ACK tells. */
export function gateReceiptRow({ exchangeOrderId, clientOrderId }: OrderView): GateRow {
  return { id: exchangeOrderId, text: textOf(clientOrderId), amend_text: '-' };
}

export type GateOrderEvent = 'put' | 'update' | 'finish';

/** A row of the channel `spot.orders_v2`: an event instead of a status. */
export function gateOrderPush(
  order: OrderView,
  event: GateOrderEvent,
  stamp: (ms: number) => number,
): GateRow {
  const core = orderCore(order, stamp);
  return {
    ...core,
    create_time_ms: `${stamp(order.createdAtMs)}`,
    update_time_ms: `${stamp(order.updatedAtMs)}`,
    user: 3_497_082,
    event,
    biz_info: '-',
  };
}

/** A row of `my_trades`; the same, with an id that is a number, is what `spot.usertrades` tells. */
export function gateTradeRow(trade: DeskTrade, stampMs: number): GateRow {
  return {
    id: trade.id,
    create_time: seconds(stampMs),
    create_time_ms: `${stampMs}.${trade.id.slice(-3)}`,
    currency_pair: trade.symbol,
    side: trade.side,
    role: trade.liquidity,
    amount: atomsText(trade.quantity),
    price: atomsText(trade.price),
    order_id: trade.exchangeOrderId,
    fee: atomsText(trade.fee),
    fee_currency: trade.feeAsset,
    point_fee: '0',
    gt_fee: '0',
    amend_text: '-',
    sequence_id: trade.id.slice(-6),
    text: textOf(trade.clientOrderId),
  };
}

export function gateTradePush(trade: DeskTrade, stampMs: number): GateRow {
  return {
    ...gateTradeRow(trade, stampMs),
    id: Number(trade.id),
    user_id: 3_497_082,
    create_time: Math.floor(stampMs / 1_000),
  };
}

export function gateAccountRow({ asset, free, locked }: HoldingView): GateRow {
  return { currency: asset, available: atomsText(free), locked: atomsText(locked), update_id: 98 };
}

/** A row of `spot.balances`: what is held now, and by how much that differs from what was told before. */
export function gateBalancePush(
  { asset, free, locked }: HoldingView,
  change: { readonly total: bigint; readonly locked: bigint; readonly type: string },
  stampMs: number,
): GateRow {
  return {
    timestamp: seconds(stampMs),
    timestamp_ms: `${stampMs}`,
    user: '3497082',
    currency: asset,
    change: atomsText(change.total),
    total: atomsText(free + locked),
    available: atomsText(free),
    freeze: atomsText(locked),
    freeze_change: atomsText(change.locked),
    change_type: change.type,
  };
}

function transferRow(transfer: DeskTransfer, stampMs: number): GateRow {
  return {
    timestamp: seconds(stampMs),
    withdraw_order_id: '',
    currency: transfer.asset,
    address: 'simulated-address',
    txid: `sim-${transfer.id}`,
    memo: '',
    status: 'DONE',
    chain: 'SIM',
  };
}

export function gateDepositRow(transfer: DeskTransfer, stampMs: number): GateRow {
  return { id: `d${transfer.id}`, ...transferRow(transfer, stampMs), amount: atomsText(transfer.amount) };
}

/** `amount` and `fee` together left the account. */
export function gateWithdrawalRow(transfer: DeskTransfer, stampMs: number): GateRow {
  const { sent, fee } = withdrawalParts(transfer);
  return {
    id: `w${transfer.id}`,
    ...transferRow(transfer, stampMs),
    amount: atomsText(sent),
    fee: atomsText(fee),
  };
}
