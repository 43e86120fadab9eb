import type { HoldingView } from './account-book.js';
import { atomsText } from './atoms.js';
import type { DeskTrade, DeskTransfer, OrderView } from './desk-types.js';
import { averagePriceText, withdrawalParts } from './order-figures.js';

/** Rows of Bitget's private answers and pushes (PROTOCOLS §10; bitget.com/api-doc): everything is text. */

export type BitgetRow = Readonly<Record<string, unknown>>;
type Stamp = (ms: number) => number;

const USER_ID = '7264631750';

export function bitgetStatus(order: OrderView): string {
  if (order.state === 'filled') return 'filled';
  if (order.state === 'cancelled') return 'cancelled';
  return order.filled > 0n ? 'partially_filled' : 'live';
}

/** What was asked for: a market purchase is sized in quote. */
const sizeOf = (order: OrderView): string => atomsText(order.quoteAmount ?? order.quantity);
const orderType = ({ type }: OrderView): string => (type === 'market' ? 'market' : 'limit');

/** JSON within JSON, as the exchange sends it; numbers are negative where a fee is charged. */
function feeDetail(order: OrderView): string {
  if (order.fee === 0n) return '';
  const fee = atomsText(-order.fee);
  return (
    `{"newFees":{"c":0,"d":0,"deduction":false,"r":${fee},"t":${fee},"totalDeductionFee":0},` +
    `"${order.feeAsset}":{"deduction":false,"feeCoinCode":"${order.feeAsset}","totalDeductionFee":0,"totalFee":${fee}}}`
  );
}

/** A row of `orderInfo`, `unfilled-orders` and `history-orders`. */
export function bitgetOrderRow(order: OrderView, stamp: Stamp): BitgetRow {
  return {
    userId: USER_ID,
    symbol: order.symbol,
    orderId: order.exchangeOrderId,
    clientOid: order.clientOrderId,
    price: atomsText(order.price),
    size: sizeOf(order),
    orderType: orderType(order),
    side: order.side,
    status: bitgetStatus(order),
    priceAvg: averagePriceText(order) ?? '0',
    baseVolume: atomsText(order.filled),
    quoteVolume: atomsText(order.filledQuote),
    enterPointSource: 'API',
    feeDetail: feeDetail(order),
    orderSource: 'normal',
    tpslType: 'normal',
    triggerPrice: null,
    quoteCoin: order.market.listing.quote,
    baseCoin: order.market.listing.base,
    cancelReason: order.state === 'cancelled' ? cancelReason(order) : '',
    cTime: `${stamp(order.createdAtMs)}`,
    uTime: `${stamp(order.updatedAtMs)}`,
  };
}

function cancelReason({ endReason }: OrderView): string {
  if (endReason === 'user') return 'normal_cancel';
  return endReason === 'self_trade' ? 'stp_cancel' : `${endReason}_cancel`;
}

/** A row of `fills`. */
export function bitgetFillRow(trade: DeskTrade, stamp: Stamp): BitgetRow {
  return {
    userId: USER_ID,
    symbol: trade.symbol,
    orderId: trade.exchangeOrderId,
    tradeId: trade.id,
    orderType: 'limit',
    side: trade.side,
    priceAvg: atomsText(trade.price),
    size: atomsText(trade.quantity),
    amount: atomsText(trade.quote),
    feeDetail: {
      deduction: 'no',
      feeCoin: trade.feeAsset,
      totalDeductionFee: '',
      totalFee: atomsText(-trade.fee),
    },
    tradeScope: trade.liquidity,
    cTime: `${stamp(trade.timeMs)}`,
    uTime: `${stamp(trade.timeMs)}`,
  };
}

/** A push of the channel `orders`: the order, and the trade that it is about; `baseVolume` is that trade's. */
export function bitgetOrderPush(order: OrderView, trade: DeskTrade | null, stamp: Stamp): BitgetRow {
  return {
    instId: order.symbol,
    orderId: order.exchangeOrderId,
    clientOid: order.clientOrderId,
    price: atomsText(order.price),
    size: sizeOf(order),
    newSize: sizeOf(order),
    notional: atomsText(order.filledQuote),
    orderType: orderType(order),
    force: order.words['force'],
    side: order.side,
    ...(trade !== null && {
      fillPrice: atomsText(trade.price),
      tradeId: trade.id,
      baseVolume: atomsText(trade.quantity),
      fillTime: `${stamp(trade.timeMs)}`,
      fillFee: atomsText(-trade.fee),
      fillFeeCoin: trade.feeAsset,
      tradeScope: trade.liquidity === 'taker' ? 'T' : 'M',
    }),
    accBaseVolume: atomsText(order.filled),
    priceAvg: averagePriceText(order) ?? '0',
    status: bitgetStatus(order),
    cTime: `${stamp(order.createdAtMs)}`,
    uTime: `${stamp(order.updatedAtMs)}`,
    stpMode: order.words['stp'],
    feeDetail: order.fee === 0n ? [] : [{ feeCoin: order.feeAsset, fee: atomsText(-order.fee) }],
    enterPointSource: 'API',
  };
}

/** A coin of `account/assets` and of the channel `account`. */
export function bitgetAssetRow({ asset, free, locked }: HoldingView, stampMs: number): BitgetRow {
  return {
    coin: asset,
    available: atomsText(free),
    frozen: atomsText(locked),
    locked: '0',
    limitAvailable: '0',
    uTime: `${stampMs}`,
  };
}

/** A row of `deposit-records` or `withdrawal-records`. */
export function bitgetTransferRow(transfer: DeskTransfer, stamp: Stamp): BitgetRow {
  const at = `${stamp(transfer.timeMs)}`;
  const isDeposit = transfer.amount > 0n;
  const parts = withdrawalParts(transfer);
  return {
    orderId: bitgetRecordId(transfer),
    tradeId: `sim-${transfer.id}`,
    coin: transfer.asset,
    type: isDeposit ? 'deposit' : 'withdraw',
    size: atomsText(isDeposit ? transfer.amount : parts.sent),
    ...(!isDeposit && { fee: atomsText(-parts.fee), clientOid: '', tag: '', confirm: '2' }),
    status: 'success',
    toAddress: 'simulated-address',
    fromAddress: 'simulated-address',
    dest: 'on_chain',
    chain: transfer.asset,
    cTime: at,
    uTime: at,
  };
}

/** Counted: out of the 32 hex digits of the transfer's own id. */
export const bitgetRecordId = ({ id }: DeskTransfer): string => BigInt(`0x${id.slice(0, 14)}`).toString();
