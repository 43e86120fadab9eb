import { atomsText } from './atoms.js';
import type { HoldingView } from './account-book.js';
import type { DeskTrade, DeskTransfer, OrderView } from './desk-types.js';
import { withdrawalParts } from './order-figures.js';

/**
 * KuCoin's rows of orders, fills, balances and transfers (PROTOCOLS §8; kucoin.com/docs-new). Amounts are texts, times are numbers:
 * ms in answers, ns in pushes of orders. `#` marks a number that is too long for a number (`bareNumbers`).
 */
export type KucoinRow = Readonly<Record<string, unknown>>;

/** A row of `hf/orders`, `active` and `done`: no word for its state, two flags instead. */
export function kucoinOrderRow(order: OrderView, stamp: (ms: number) => number): KucoinRow {
  const isOpen = order.state === 'open';
  const rest = isOpen ? order.quantity - order.filled : 0n;
  const cancelled = order.state === 'cancelled' ? order.quantity - order.filled : 0n;
  return {
    id: order.exchangeOrderId,
    symbol: order.symbol,
    opType: 'DEAL',
    type: order.type === 'market' ? 'market' : 'limit',
    side: order.side,
    price: atomsText(order.price),
    size: atomsText(order.quantity),
    funds: atomsText(order.quoteAmount ?? 0n),
    dealSize: atomsText(order.filled),
    dealFunds: atomsText(order.filledQuote),
    fee: atomsText(order.fee),
    feeCurrency: order.feeAsset,
    stp: order.words['stp'] === '' ? null : order.words['stp'],
    timeInForce: order.words['timeInForce'],
    postOnly: order.type === 'post_only',
    hidden: false,
    iceberg: false,
    visibleSize: '0',
    cancelAfter: 0,
    channel: 'API',
    clientOid: order.clientOrderId,
    remark: null,
    tags: null,
    cancelExist: order.state === 'cancelled',
    createdAt: stamp(order.createdAtMs),
    lastUpdatedAt: stamp(order.updatedAtMs),
    tradeType: 'TRADE',
    inOrderBook: isOpen,
    cancelledSize: atomsText(cancelled),
    cancelledFunds: '0',
    remainSize: atomsText(rest),
    remainFunds: '0',
    tax: '0',
    active: isOpen,
  };
}

/** A row of `hf/fills`: no id of the client. `id` counts the account's fills. */
export function kucoinFillRow(trade: DeskTrade, id: number, feeRate: string, stampMs: number): KucoinRow {
  return {
    id,
    orderId: trade.exchangeOrderId,
    counterOrderId: '6306cf4027ecbe0001e1df4d',
    tradeId: `#${trade.id}`,
    symbol: trade.symbol,
    side: trade.side,
    liquidity: trade.liquidity,
    type: 'limit',
    forceTaker: false,
    price: atomsText(trade.price),
    size: atomsText(trade.quantity),
    funds: atomsText(trade.quote),
    fee: atomsText(trade.fee),
    feeRate,
    feeCurrency: trade.feeAsset,
    stop: '',
    tradeType: 'TRADE',
    taxRate: '0',
    tax: '0',
    createdAt: stampMs,
  };
}

export function kucoinAccountRow({ asset, free, locked }: HoldingView): KucoinRow {
  return {
    id: `5bd6e9216d99522a${Buffer.from(asset).toString('hex').slice(0, 8).padStart(8, '0')}`,
    currency: asset,
    type: 'trade',
    balance: atomsText(free + locked),
    available: atomsText(free),
    holds: atomsText(locked),
  };
}

/** What deposits and withdrawals have in common. */
function transferRow(transfer: DeskTransfer, stampMs: number): KucoinRow {
  return {
    currency: transfer.asset,
    chain: 'sim',
    status: 'SUCCESS',
    address: 'simulated-address',
    memo: '',
    isInner: false,
    walletTxId: `sim-${transfer.id}`,
    createdAt: stampMs,
    updatedAt: stampMs,
    remark: null,
  };
}

/** A row of `deposits`: no id of its own. */
export function kucoinDepositRow(transfer: DeskTransfer, stampMs: number): KucoinRow {
  return { ...transferRow(transfer, stampMs), amount: atomsText(transfer.amount), fee: '0', arrears: false };
}

/** A row of `withdrawals`: `amount` and `fee` together left the account. */
export function kucoinWithdrawalRow(transfer: DeskTransfer, stampMs: number): KucoinRow {
  const { sent, fee } = withdrawalParts(transfer);
  return {
    id: transfer.id.slice(0, 24),
    ...transferRow(transfer, stampMs),
    amount: atomsText(sent),
    fee: atomsText(fee),
  };
}

export type KucoinPushType = 'received' | 'open' | 'match' | 'filled' | 'canceled';
const PUSH_STATUS: Readonly<Record<KucoinPushType, string>> = {
  received: 'new',
  open: 'open',
  match: 'match',
  filled: 'done',
  canceled: 'done',
};

/** `data` of a push of `tradeOrdersV2`. A match says price, size and id of the trade, and not its fee. */
export function kucoinOrderPush(
  order: OrderView,
  type: KucoinPushType,
  trade: DeskTrade | null,
  stamp: (ms: number) => number,
): KucoinRow {
  const rest = order.quantity - order.filled;
  const isDone = type === 'filled' || type === 'canceled';
  return {
    symbol: order.symbol,
    orderType: order.type === 'market' ? 'market' : 'limit',
    side: order.side,
    orderId: order.exchangeOrderId,
    type,
    orderTime: `#${stamp(order.createdAtMs)}000000`,
    ...(type !== 'received' && {
      size: atomsText(order.quantity),
      filledSize: atomsText(order.filled),
      remainSize: atomsText(isDone ? 0n : rest),
      remainFunds: '0',
      canceledSize: atomsText(type === 'canceled' ? rest : 0n),
      canceledFunds: '0',
    }),
    ...(trade !== null && {
      liquidity: trade.liquidity,
      feeType: trade.liquidity === 'maker' ? 'makerFee' : 'takerFee',
      matchPrice: atomsText(trade.price),
      matchSize: atomsText(trade.quantity),
      tradeId: trade.id,
    }),
    price: atomsText(order.price),
    clientOid: order.clientOrderId,
    status: PUSH_STATUS[type],
    originSize: atomsText(order.quantity),
    originFunds: atomsText(order.quoteAmount ?? 0n),
    ts: `#${stamp(order.updatedAtMs)}000000`,
  };
}
