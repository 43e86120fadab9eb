import { atomsText, times, type Atoms } from './atoms.js';
import type { HoldingView } from './account-book.js';
import type { DeskOrderType, DeskTrade, DeskTransfer, EndReason, OrderView } from './desk-types.js';
import { averagePriceText, withdrawalParts } from './order-figures.js';

/** Bybit v5's rows of spot orders, executions, wallets and transfers (PROTOCOLS §5; bybit-exchange.github.io/docs/v5). */
export type BybitRow = Readonly<Record<string, unknown>>;

const TIME_IN_FORCE: Readonly<Record<DeskOrderType, string>> = {
  limit: 'GTC',
  post_only: 'PostOnly',
  ioc: 'IOC',
  fok: 'FOK',
  market: 'IOC',
};

/** `cancelType` and `rejectReason` of an order that ended unfilled [O]. */
const ENDS: Readonly<Record<EndReason, readonly [cancelType: string, rejectReason: string]>> = {
  user: ['CancelByUser', 'EC_PerCancelRequest'],
  ioc: ['UNKNOWN', 'EC_NoImmediateQtyToFill'],
  fok: ['UNKNOWN', 'EC_CancelForNoFullFill'],
  post_only: ['UNKNOWN', 'EC_PostOnlyWillTakeLiquidity'],
  self_trade: ['CancelBySmp', 'EC_BySelfMatch'],
  exchange: ['CancelByAdmin', 'EC_Others'],
};

/** The status word of a spot order: a cancelled one with fills has a word of its own (PROTOCOLS §1.3). */
export function bybitStatus(order: OrderView): string {
  if (order.state === 'filled') return 'Filled';
  if (order.state === 'cancelled') return order.filled > 0n ? 'PartiallyFilledCanceled' : 'Cancelled';
  return order.filled > 0n ? 'PartiallyFilled' : 'New';
}

/** A row of `order/realtime`, `order/history` and the `order` topic. */
export function bybitOrderRow(order: OrderView, stamp: (ms: number) => number): BybitRow {
  const [cancelType, rejectReason] =
    order.endReason === null ? ['UNKNOWN', 'EC_NoError'] : ENDS[order.endReason];
  const left = order.state === 'open' ? order.quantity - order.filled : 0n;
  return {
    orderId: order.exchangeOrderId,
    orderLinkId: order.clientOrderId,
    blockTradeId: '',
    symbol: order.symbol,
    price: order.type === 'market' ? '0' : atomsText(order.price),
    qty: atomsText(order.quoteAmount ?? order.quantity),
    side: bybitSide(order.side),
    isLeverage: '0',
    positionIdx: 0,
    orderStatus: bybitStatus(order),
    cancelType,
    rejectReason,
    avgPrice: averagePriceText(order) ?? '',
    leavesQty: atomsText(left),
    leavesValue: atomsText(times(left, order.price)),
    cumExecQty: atomsText(order.filled),
    cumExecValue: atomsText(order.filledQuote),
    cumExecFee: atomsText(order.fee),
    timeInForce: TIME_IN_FORCE[order.type],
    orderType: order.type === 'market' ? 'Market' : 'Limit',
    stopOrderType: '',
    orderIv: '',
    triggerPrice: '0',
    takeProfit: '0',
    stopLoss: '0',
    tpTriggerBy: '',
    slTriggerBy: '',
    triggerDirection: 0,
    triggerBy: '',
    lastPriceOnCreated: '',
    reduceOnly: false,
    closeOnTrigger: false,
    smpType: order.words['smpType'] ?? 'None',
    smpGroup: 0,
    smpOrderId: '',
    tpslMode: '',
    tpLimitPrice: '0',
    slLimitPrice: '0',
    placeType: '',
    createType: 'CreateByUser',
    marketUnit: order.words['marketUnit'] ?? '',
    feeCurrency: order.feeAsset,
    createdTime: `${stamp(order.createdAtMs)}`,
    updatedTime: `${stamp(order.updatedAtMs)}`,
  };
}

/** A row of the `order` topic: as in answers, with the category in front. */
export function bybitOrderPush(order: OrderView, stamp: (ms: number) => number): BybitRow {
  return { category: 'spot', ...bybitOrderRow(order, stamp), closedPnl: '0' };
}

/** The second word of a cancel that came too late: the order stays filled (PROTOCOLS §5 [O]). */
export function bybitLateCancelPush(order: OrderView, stamp: (ms: number) => number): BybitRow {
  const lost = { cancelType: 'CancelByUser', rejectReason: 'EC_OrigClOrdIDDoesNotExist' };
  return { ...bybitOrderPush(order, stamp), ...lost };
}

/** Where a trade stands in its order. */
export interface ExecutionPlace {
  readonly order: OrderView;
  /** What was still open after this trade. */
  readonly leaves: Atoms;
  readonly feeRate: Atoms;
  readonly sequence: number;
}

/** A row of `execution/list` and of the `execution` topic. */
export function bybitExecutionRow(
  trade: DeskTrade,
  place: ExecutionPlace,
  stamp: (ms: number) => number,
): BybitRow {
  const { order, leaves, feeRate, sequence } = place;
  return {
    symbol: trade.symbol,
    orderType: order.type === 'market' ? 'Market' : 'Limit',
    underlyingPrice: '',
    orderLinkId: trade.clientOrderId,
    side: bybitSide(trade.side),
    indexPrice: '',
    orderId: trade.exchangeOrderId,
    stopOrderType: '',
    leavesQty: atomsText(leaves),
    execTime: `${stamp(trade.timeMs)}`,
    feeCurrency: trade.feeAsset,
    isMaker: trade.liquidity === 'maker',
    execFee: atomsText(trade.fee),
    feeRate: atomsText(feeRate),
    execId: trade.id,
    tradeIv: '',
    blockTradeId: '',
    markPrice: '',
    execPrice: atomsText(trade.price),
    markIv: '',
    orderQty: atomsText(order.quoteAmount ?? order.quantity),
    orderPrice: order.type === 'market' ? '0' : atomsText(order.price),
    execValue: atomsText(trade.quote),
    execType: 'Trade',
    execQty: atomsText(trade.quantity),
    closedSize: '',
    createType: 'CreateByUser',
    seq: sequence,
  };
}

/** The pushed execution says its category and, unlike the answer, whether it was on leverage. */
export function bybitExecutionPush(
  trade: DeskTrade,
  place: ExecutionPlace,
  stamp: (ms: number) => number,
): BybitRow {
  return { category: 'spot', ...bybitExecutionRow(trade, place, stamp), isLeverage: '0' };
}

/** `execution.fast`: what is known first, without fee. */
export function bybitFastExecution(
  trade: DeskTrade,
  sequence: number,
  stamp: (ms: number) => number,
): BybitRow {
  return {
    category: 'spot',
    symbol: trade.symbol,
    execId: trade.id,
    execPrice: atomsText(trade.price),
    execQty: atomsText(trade.quantity),
    orderId: trade.exchangeOrderId,
    isMaker: trade.liquidity === 'maker',
    orderLinkId: trade.clientOrderId,
    side: bybitSide(trade.side),
    execTime: `${stamp(trade.timeMs)}`,
    seq: sequence,
  };
}

/** One coin of `wallet-balance` and of the `wallet` topic. What is free = walletBalance − locked. */
export function bybitCoinRow(holding: HoldingView, usd: number): BybitRow {
  const total = atomsText(holding.free + holding.locked);
  return {
    availableToBorrow: '',
    bonus: '0',
    accruedInterest: '0',
    availableToWithdraw: '',
    totalOrderIM: '0',
    equity: total,
    totalPositionMM: '0',
    usdValue: (Number(total) * usd).toFixed(8),
    spotHedgingQty: '0',
    unrealisedPnl: '0',
    collateralSwitch: true,
    borrowAmount: '0',
    totalPositionIM: '0',
    walletBalance: total,
    cumRealisedPnl: '0',
    locked: atomsText(holding.locked),
    marginCollateral: true,
    coin: holding.asset,
    spotBorrow: '0',
  };
}

/** The account around its coins. */
export function bybitWalletRow(coin: readonly BybitRow[]): BybitRow {
  const worth = coin.reduce((sum, row) => sum + Number(row['usdValue']), 0).toFixed(8);
  return {
    totalEquity: worth,
    accountIMRate: '0',
    totalMarginBalance: worth,
    totalInitialMargin: '0',
    accountType: 'UNIFIED',
    totalAvailableBalance: worth,
    accountMMRate: '0',
    totalPerpUPL: '0',
    totalWalletBalance: worth,
    accountLTV: '0',
    totalMaintenanceMargin: '0',
    coin,
  };
}

/** A row of `asset/deposit/query-record`; status 3 = credited. */
export function bybitDepositRow(transfer: DeskTransfer, stampMs: number): BybitRow {
  return {
    coin: transfer.asset,
    chain: 'SIM',
    amount: atomsText(transfer.amount),
    txID: `sim-${transfer.id}`,
    status: 3,
    toAddress: 'simulated-address',
    tag: '',
    depositFee: '',
    successAt: `${stampMs}`,
    confirmations: '50',
    txIndex: '0',
    blockHash: '',
    batchReleaseLimit: '-1',
    depositType: '0',
    fromAddress: '',
    taxDepositRecordsId: '0',
    taxStatus: 0,
    id: transfer.id,
  };
}

/** A row of `asset/withdraw/query-record`: `amount` and `withdrawFee` together left the account. */
export function bybitWithdrawalRow(transfer: DeskTransfer, stampMs: number): BybitRow {
  const { sent, fee } = withdrawalParts(transfer);
  return {
    coin: transfer.asset,
    chain: 'SIM',
    amount: atomsText(sent),
    txID: `sim-${transfer.id}`,
    status: 'success',
    toAddress: 'simulated-address',
    tag: '',
    withdrawFee: atomsText(fee),
    createTime: `${stampMs}`,
    updateTime: `${stampMs}`,
    withdrawId: transfer.id,
    withdrawType: 0,
  };
}

function bybitSide(side: OrderView['side']): string {
  return side === 'buy' ? 'Buy' : 'Sell';
}
