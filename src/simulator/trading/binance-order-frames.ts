import { atomsText, type Atoms } from './atoms.js';
import type { DeskTrade, OrderView } from './desk-types.js';
import type { HoldingView } from './account-book.js';

/** Binance's private answers and events as objects (PROTOCOLS §3); amounts have eight decimals. */

type Stamp = (ms: number) => number;

export const amount = (atoms: Atoms): string => atomsText(atoms, 8);

export function statusOf(order: OrderView): string {
  if (order.state === 'filled') return 'FILLED';
  if (order.state === 'open') return order.filled > 0n ? 'PARTIALLY_FILLED' : 'NEW';
  if (order.endReason === 'self_trade') return 'EXPIRED_IN_MATCH';
  return order.endReason === 'user' || order.endReason === 'exchange' ? 'CANCELED' : 'EXPIRED';
}

/** `ACK`, `RESULT` and `FULL` are forms of one answer, each longer than the one before. */
export function placedAnswer(order: OrderView, form: string, stamp: Stamp): object {
  const ack = {
    symbol: order.symbol,
    orderId: Number(order.exchangeOrderId),
    orderListId: -1,
    clientOrderId: order.clientOrderId,
    transactTime: stamp(order.createdAtMs),
  };
  if (form === 'ACK') return ack;
  const result = {
    ...ack,
    ...amounts(order),
    workingTime: stamp(order.createdAtMs),
    selfTradePreventionMode: order.words['stp'],
  };
  return form === 'RESULT' ? result : { ...result, fills: order.trades.map(fill) };
}

function amounts(order: OrderView): object {
  return {
    price: amount(order.price),
    origQty: amount(order.quantity),
    executedQty: amount(order.filled),
    origQuoteOrderQty: amount(order.quoteAmount ?? 0n),
    cummulativeQuoteQty: amount(order.filledQuote),
    status: statusOf(order),
    timeInForce: order.words['timeInForce'],
    type: order.words['type'],
    side: order.side.toUpperCase(),
  };
}

const fill = (trade: DeskTrade): object => ({
  price: amount(trade.price),
  qty: amount(trade.quantity),
  commission: amount(trade.fee),
  commissionAsset: trade.feeAsset,
  tradeId: Number(trade.id),
});

/** `cancelId` = client id of the cancel, which takes the order's own place. */
export const cancelledAnswer = (order: OrderView, cancelId: string, stamp: Stamp): object => ({
  symbol: order.symbol,
  origClientOrderId: order.clientOrderId,
  orderId: Number(order.exchangeOrderId),
  orderListId: -1,
  clientOrderId: cancelId,
  transactTime: stamp(order.updatedAtMs),
  ...amounts(order),
  selfTradePreventionMode: order.words['stp'],
});

export const orderAnswer = (order: OrderView, stamp: Stamp): object => ({
  symbol: order.symbol,
  orderId: Number(order.exchangeOrderId),
  orderListId: -1,
  clientOrderId: order.clientOrderId,
  price: amount(order.price),
  origQty: amount(order.quantity),
  executedQty: amount(order.filled),
  cummulativeQuoteQty: amount(order.filledQuote),
  status: statusOf(order),
  timeInForce: order.words['timeInForce'],
  type: order.words['type'],
  side: order.side.toUpperCase(),
  stopPrice: amount(0n),
  icebergQty: amount(0n),
  time: stamp(order.createdAtMs),
  updateTime: stamp(order.updatedAtMs),
  isWorking: true,
  workingTime: stamp(order.createdAtMs),
  origQuoteOrderQty: amount(order.quoteAmount ?? 0n),
  selfTradePreventionMode: order.words['stp'],
  ...(order.prevented > 0n && { preventedQuantity: amount(order.prevented) }),
});

export const tradeAnswer = (trade: DeskTrade, stamp: Stamp): object => ({
  symbol: trade.symbol,
  id: Number(trade.id),
  orderId: Number(trade.exchangeOrderId),
  orderListId: -1,
  price: amount(trade.price),
  qty: amount(trade.quantity),
  quoteQty: amount(trade.quote),
  commission: amount(trade.fee),
  commissionAsset: trade.feeAsset,
  time: stamp(trade.timeMs),
  isBuyer: trade.side === 'buy',
  isMaker: trade.liquidity === 'maker',
  isBestMatch: true,
});

export interface ExecutionReport {
  readonly order: OrderView;
  readonly trade: DeskTrade | null;
  readonly cause: 'new' | 'trade' | 'end';
  /** Client id of the cancel; null when none was asked for. */
  readonly cancelId: string | null;
  /** Counts the executions of the account. */
  readonly executionId: number;
  readonly timeMs: number;
}

/** Keys in the order of the wire. `c` is the order's client id, but on a cancel its own; then `C` is the order's. */
export function executionReport(report: ExecutionReport, stamp: Stamp): object {
  const { order, trade, cancelId, timeMs } = report;
  return {
    e: 'executionReport',
    E: stamp(timeMs),
    s: order.symbol,
    c: cancelId ?? order.clientOrderId,
    S: order.side.toUpperCase(),
    o: order.words['type'],
    f: order.words['timeInForce'],
    q: amount(order.quantity),
    p: amount(order.price),
    P: amount(0n),
    F: amount(0n),
    g: -1,
    C: cancelId === null ? '' : order.clientOrderId,
    x: executionType(report),
    X: statusOf(order),
    r: 'NONE',
    i: Number(order.exchangeOrderId),
    l: amount(trade?.quantity ?? 0n),
    z: amount(order.filled),
    L: amount(trade?.price ?? 0n),
    n: trade === null ? '0' : amount(trade.fee),
    N: trade?.feeAsset ?? null,
    T: stamp(trade?.timeMs ?? order.updatedAtMs),
    t: trade === null ? -1 : Number(trade.id),
    I: report.executionId,
    w: order.state === 'open',
    m: trade?.liquidity === 'maker',
    M: false,
    O: stamp(order.createdAtMs),
    Z: amount(order.filledQuote),
    Y: amount(trade?.quote ?? 0n),
    Q: amount(order.quoteAmount ?? 0n),
    W: stamp(order.createdAtMs),
    V: order.words['stp'],
  };
}

function executionType({ cause, order }: ExecutionReport): string {
  if (cause === 'new') return 'NEW';
  if (cause === 'trade') return 'TRADE';
  return order.endReason === 'user' || order.endReason === 'exchange' ? 'CANCELED' : 'EXPIRED';
}

export const accountPosition = (holdings: readonly HoldingView[], eventMs: number): object => ({
  e: 'outboundAccountPosition',
  E: eventMs,
  u: eventMs,
  B: holdings.map(({ asset, free, locked }) => ({ a: asset, f: amount(free), l: amount(locked) })),
});
