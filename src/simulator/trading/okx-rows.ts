import { atomsText, times, type Atoms } from './atoms.js';
import type { HoldingView } from './account-book.js';
import type { DeskOrderType, DeskTrade, DeskTransfer, EndReason, OrderView } from './desk-types.js';
import { averagePriceText, withdrawalParts } from './order-figures.js';

/**
 * OKX's rows of orders, fills, balances and transfers (PROTOCOLS §4; okx.com/docs-v5). Everything is text, "" is "no value", and
 * a fee is negative when it was charged.
 */
export type OkxRow = Readonly<Record<string, unknown>>;

const ORDER_TYPES: Readonly<Record<DeskOrderType, string>> = {
  limit: 'limit',
  post_only: 'post_only',
  ioc: 'ioc',
  fok: 'fok',
  market: 'market',
};

/** `cancelSource`: who or what ended an order [O]. */
const CANCEL_SOURCES: Readonly<Record<EndReason, string>> = {
  user: '1',
  ioc: '14',
  fok: '13',
  post_only: '31',
  self_trade: '32',
  exchange: '0',
};

/** The state word. An IOC order that was filled in part ends as `canceled`: only `accFillSz` tells the fill. */
export function okxState(order: OrderView): string {
  if (order.state === 'filled') return 'filled';
  if (order.state === 'cancelled') return 'canceled';
  return order.filled > 0n ? 'partially_filled' : 'live';
}

/** What orders look like in answers and in pushes. */
function orderCore(order: OrderView, stamp: (ms: number) => number): OkxRow {
  const { base, quote } = order.market.listing;
  return {
    accFillSz: atomsText(order.filled),
    algoClOrdId: '',
    algoId: '',
    attachAlgoClOrdId: '',
    attachAlgoOrds: [],
    avgPx: averagePriceText(order) ?? '',
    cTime: `${stamp(order.createdAtMs)}`,
    cancelSource: order.endReason === null ? '' : CANCEL_SOURCES[order.endReason],
    category: 'normal',
    ccy: '',
    clOrdId: order.clientOrderId,
    fee: charged(order.fee),
    feeCcy: order.feeAsset,
    instId: order.symbol,
    instType: 'SPOT',
    isTpLimit: 'false',
    lever: '',
    ordId: order.exchangeOrderId,
    ordType: ORDER_TYPES[order.type],
    pnl: '0',
    posSide: '',
    px: order.type === 'market' ? '' : atomsText(order.price),
    pxType: '',
    pxUsd: '',
    pxVol: '',
    quickMgnType: '',
    rebate: '0',
    rebateCcy: order.feeAsset === base ? quote : base,
    reduceOnly: 'false',
    side: order.side,
    slOrdPx: '',
    slTriggerPx: '',
    slTriggerPxType: '',
    source: '',
    state: okxState(order),
    stpId: '',
    stpMode: order.words['stpMode'] ?? '',
    sz: atomsText(order.quoteAmount ?? order.quantity),
    tag: order.words['tag'] ?? '',
    tdMode: 'cash',
    tgtCcy: order.words['tgtCcy'] ?? '',
    tpOrdPx: '',
    tpTriggerPx: '',
    tpTriggerPxType: '',
    uTime: `${stamp(order.updatedAtMs)}`,
  };
}

/** A row of `trade/order`, `orders-pending` and `orders-history`: the fill fields are those of the newest trade. */
export function okxOrderRow(order: OrderView, stamp: (ms: number) => number): OkxRow {
  const last = order.trades.at(-1);
  return {
    ...orderCore(order, stamp),
    cancelSourceReason: '',
    linkedAlgoOrd: { algoId: '' },
    fillPx: last === undefined ? '' : atomsText(last.price),
    fillSz: last === undefined ? '0' : atomsText(last.quantity),
    fillTime: last === undefined ? '' : `${stamp(last.timeMs)}`,
    tradeId: last?.id ?? '',
  };
}

/** A row of the `orders` channel: the fill fields are those of this update only, `trade` null = none happened. */
export function okxOrderPush(
  order: OrderView,
  trade: DeskTrade | null,
  stamp: (ms: number) => number,
): OkxRow {
  return {
    ...orderCore(order, stamp),
    amendResult: '',
    amendSource: '',
    avgPx: averagePriceText(order) ?? '0',
    code: '0',
    execType: trade === null ? '' : execType(trade),
    fillFee: trade === null ? '0' : charged(trade.fee),
    fillFeeCcy: trade === null ? '' : trade.feeAsset,
    fillFwdPx: '',
    fillMarkPx: '',
    fillMarkVol: '',
    fillNotionalUsd: trade === null ? '' : atomsText(trade.quote),
    fillPnl: '0',
    fillPx: trade === null ? '' : atomsText(trade.price),
    fillPxUsd: '',
    fillPxVol: '',
    fillSz: trade === null ? '0' : atomsText(trade.quantity),
    fillTime: trade === null ? '' : `${stamp(trade.timeMs)}`,
    lastPx: lastPrice(order),
    msg: '',
    notionalUsd: atomsText(order.quoteAmount ?? times(order.price, order.quantity)),
    reqId: '',
    tradeId: trade?.id ?? '',
  };
}

/** A row of `trade/fills`. `billId` orders the account's bookings. */
export function okxFillRow(trade: DeskTrade, billId: string, feeRate: Atoms, stampMs: number): OkxRow {
  return {
    side: trade.side,
    fillSz: atomsText(trade.quantity),
    fillPx: atomsText(trade.price),
    fillPxVol: '',
    fillFwdPx: '',
    fee: charged(trade.fee),
    fillPnl: '0',
    ordId: trade.exchangeOrderId,
    feeRate: charged(feeRate),
    instType: 'SPOT',
    fillPxUsd: '',
    instId: trade.symbol,
    clOrdId: trade.clientOrderId,
    posSide: 'net',
    billId,
    subType: trade.side === 'buy' ? '1' : '2',
    fillMarkVol: '',
    tag: '',
    fillTime: `${stampMs}`,
    execType: execType(trade),
    fillIdxPx: '',
    tradeId: trade.id,
    fillMarkPx: '',
    feeCcy: trade.feeAsset,
    ts: `${stampMs}`,
  };
}

/** One currency of `account/balance` and of the `account` channel. `usd` = what one unit is worth, for display. */
export function okxBalanceDetail(holding: HoldingView, usd: number, stampMs: number): OkxRow {
  const total = holding.free + holding.locked;
  const text = atomsText(total);
  const worth = (Number(text) * usd).toFixed(8);
  return {
    accAvgPx: '',
    availBal: atomsText(holding.free),
    availEq: atomsText(holding.free),
    borrowFroz: '0',
    cashBal: text,
    ccy: holding.asset,
    clSpotInUseAmt: '',
    coinUsdPrice: `${usd}`,
    collateralEnabled: false,
    crossLiab: '0',
    disEq: worth,
    eq: text,
    eqUsd: worth,
    fixedBal: '0',
    frozenBal: atomsText(holding.locked),
    imr: '',
    interest: '0',
    isoEq: '0',
    isoLiab: '0',
    isoUpl: '0',
    liab: '0',
    maxLoan: '0',
    maxSpotInUseAmt: '',
    mgnRatio: '',
    mmr: '',
    notionalLever: '',
    openAvgPx: '',
    ordFrozen: atomsText(holding.locked),
    rewardBal: '0',
    smtSyncEq: '0',
    spotBal: text,
    spotCopyTradingEq: '0',
    spotInUseAmt: '',
    spotIsoBal: '0',
    spotUpl: '',
    spotUplRatio: '',
    stgyEq: '0',
    totalPnl: '',
    totalPnlRatio: '',
    twap: '0',
    uTime: `${stampMs}`,
    upl: '0',
    uplLiab: '0',
  };
}

/** The account around its currencies. */
export function okxBalanceRow(details: readonly OkxRow[], stampMs: number): OkxRow {
  const worth = details.reduce((sum, detail) => sum + Number(detail['eqUsd']), 0).toFixed(8);
  return {
    adjEq: '',
    borrowFroz: '',
    details,
    imr: '',
    isoEq: '0',
    mgnRatio: '',
    mmr: '',
    notionalUsd: '',
    notionalUsdForBorrow: '',
    notionalUsdForFutures: '',
    notionalUsdForOption: '',
    notionalUsdForSwap: '',
    ordFroz: '',
    totalEq: worth,
    uTime: `${stampMs}`,
    upl: '',
  };
}

/** A row of `asset/deposit-history`; state 2 = credited and free to use. */
export function okxDepositRow(transfer: DeskTransfer, stampMs: number): OkxRow {
  return {
    actualDepBlkConfirm: '2',
    amt: atomsText(transfer.amount),
    areaCodeFrom: '',
    ccy: transfer.asset,
    chain: `${transfer.asset}-Simulated`,
    depId: transfer.id,
    from: '',
    fromWdId: '',
    state: '2',
    to: 'simulated-address',
    ts: `${stampMs}`,
    txId: `sim-${transfer.id}`,
  };
}

/** A row of `asset/withdrawal-history`: `amt` and `fee` together left the account. State 2 = done. */
export function okxWithdrawalRow(transfer: DeskTransfer, stampMs: number): OkxRow {
  const { sent, fee } = withdrawalParts(transfer);
  return {
    chain: `${transfer.asset}-Simulated`,
    fee: atomsText(fee),
    feeCcy: transfer.asset,
    ccy: transfer.asset,
    clientId: '',
    amt: atomsText(sent),
    txId: `sim-${transfer.id}`,
    from: '',
    areaCodeFrom: '',
    to: 'simulated-address',
    areaCodeTo: '',
    state: '2',
    ts: `${stampMs}`,
    wdId: transfer.id,
  };
}

/** OKX writes what it takes with a minus. */
function charged(amount: Atoms): string {
  return atomsText(-amount);
}

function execType({ liquidity }: DeskTrade): string {
  return liquidity === 'taker' ? 'T' : 'M';
}

function lastPrice({ market }: OrderView): string {
  const { tick } = market.listing;
  return (market.statistics.lastTicks * tick.value).toFixed(tick.decimals);
}
