import { javaText } from '../korean-numbers.js';
import { objectText } from '../upbit-frames.js';
import type { HoldingView } from './account-book.js';
import { atomsText, times, type Atoms } from './atoms.js';
import type { DeskTrade, DeskTransfer, OrderView } from './desk-types.js';

/** Upbit's private answers and events (PROTOCOLS §6): amounts are text in answers and numbers in events. */

type Stamp = (ms: number) => number;

export const stateOf = (order: OrderView): 'wait' | 'done' | 'cancel' =>
  order.state === 'open' ? 'wait' : order.state === 'filled' ? 'done' : 'cancel';

/** `2018-04-10T15:42:23+09:00`, Korean time. */
export function koreanTime(ms: number): string {
  return `${new Date(ms + 9 * 3_600_000).toISOString().slice(0, 19)}+09:00`;
}

const isSizedInQuote = (order: OrderView): boolean => order.quoteAmount !== null;

/** Volume that is not filled; null for a purchase that was sized in won. */
export function remaining(order: OrderView): Atoms | null {
  if (isSizedInQuote(order)) return null;
  return order.quantity > order.filled ? order.quantity - order.filled : 0n;
}

/** The fee of all of it, and of what is open. */
export function fees(order: OrderView): { readonly reserved: Atoms; readonly remaining: Atoms } {
  const value = order.quoteAmount ?? times(order.price, order.quantity);
  const reserved = order.side === 'buy' ? times(value, order.feeRates.takerFeeRate) : 0n;
  const left = reserved > order.fee ? reserved - order.fee : 0n;
  return { reserved, remaining: order.state === 'open' ? left : 0n };
}

const text = (atoms: Atoms | null): string | null => (atoms === null ? null : atomsText(atoms));

/** What Upbit and Bithumb tell of an order alike. */
export function plainOrder(order: OrderView, stamp: Stamp): Record<string, unknown> {
  const fee = fees(order);
  const price = order.quoteAmount ?? (order.type === 'market' ? null : order.price);
  return {
    uuid: order.exchangeOrderId,
    side: order.side === 'buy' ? 'bid' : 'ask',
    ord_type: order.words['ordType'],
    price: text(price),
    state: stateOf(order),
    market: order.symbol,
    created_at: koreanTime(stamp(order.createdAtMs)),
    volume: isSizedInQuote(order) ? null : text(order.quantity),
    remaining_volume: text(remaining(order)),
    reserved_fee: text(fee.reserved),
    remaining_fee: text(fee.remaining),
    paid_fee: text(order.fee),
    locked: text(order.locked),
    executed_volume: text(order.filled),
    trades_count: order.trades.length,
    ...(order.words['force'] !== undefined && { time_in_force: order.words['force'] }),
  };
}

export const orderObject = (order: OrderView, stamp: Stamp): Record<string, unknown> => ({
  ...plainOrder(order, stamp),
  ...(order.clientOrderId !== '' && { identifier: order.clientOrderId }),
  ...(order.words['smp'] !== undefined && { smp_type: order.words['smp'] }),
  prevented_volume: text(order.prevented),
  prevented_locked: '0',
});

/** One order with its trades. */
export const orderDetail = (order: OrderView, stamp: Stamp): object => ({
  ...orderObject(order, stamp),
  trades: order.trades.map((trade) => ({
    market: trade.symbol,
    uuid: trade.id,
    price: atomsText(trade.price),
    volume: atomsText(trade.quantity),
    funds: atomsText(trade.quote),
    trend: trade.side === 'buy' ? 'up' : 'down',
    created_at: koreanTime(stamp(trade.timeMs)),
    side: trade.side === 'buy' ? 'bid' : 'ask',
  })),
});

/** A row of a list of orders. */
export const orderRow = (order: OrderView, stamp: Stamp): object => ({
  ...orderObject(order, stamp),
  executed_funds: atomsText(order.filledQuote),
});

export const accountRow = ({ asset, free, locked }: HoldingView): object => ({
  currency: asset,
  balance: atomsText(free),
  locked: atomsText(locked),
  avg_buy_price: '0',
  avg_buy_price_modified: false,
  unit_currency: 'KRW',
});

export function transferRow(transfer: DeskTransfer, stamp: Stamp): object {
  const isDeposit = transfer.amount > 0n;
  const at = koreanTime(stamp(transfer.timeMs));
  return {
    type: isDeposit ? 'deposit' : 'withdraw',
    uuid: transfer.id,
    currency: transfer.asset,
    net_type: transfer.asset === 'KRW' ? null : transfer.asset,
    txid: transfer.id,
    state: isDeposit ? 'ACCEPTED' : 'DONE',
    created_at: at,
    done_at: at,
    amount: atomsText(isDeposit ? transfer.amount : -transfer.amount),
    fee: '0.0',
    transaction_type: 'default',
    ...(!isDeposit && { is_cancelable: false }),
  };
}

/** A number as this exchange's sockets print it. */
export function socketNumber(atoms: Atoms): string {
  return atoms < 0n ? `-${javaText(atomsText(-atoms))}` : javaText(atomsText(atoms));
}

const orNull = (atoms: Atoms | null): string => (atoms === null ? 'null' : socketNumber(atoms));
const quoted = (value: string | undefined): string => (value === undefined ? 'null' : JSON.stringify(value));

export type MyOrderState = 'wait' | 'trade' | 'done' | 'cancel' | 'prevented';

/** One `myOrder` frame. In the state `trade` price and volume are those of the trade. */
export function myOrderFrame(
  order: OrderView,
  state: MyOrderState,
  trade: DeskTrade | null,
  stampMs: number,
): string {
  const fee = fees(order);
  const price = trade?.price ?? order.quoteAmount ?? (order.type === 'market' ? null : order.price);
  const volume = trade?.quantity ?? (isSizedInQuote(order) ? null : order.quantity);
  const average = order.filled === 0n ? 0n : (order.filledQuote * 10n ** 18n) / order.filled;
  const entries: readonly (readonly [string, string])[] = [
    ['type', '"myOrder"'],
    ['code', quoted(order.symbol)],
    ['uuid', quoted(order.exchangeOrderId)],
    ['ask_bid', order.side === 'buy' ? '"BID"' : '"ASK"'],
    ['order_type', quoted(order.words['ordType'])],
    ['state', quoted(state)],
    ['trade_uuid', quoted(trade?.id)],
    ['price', orNull(price)],
    ['avg_price', socketNumber(average)],
    ['volume', orNull(volume)],
    ['remaining_volume', orNull(remaining(order))],
    ['executed_volume', socketNumber(order.filled)],
    ['trades_count', `${order.trades.length}`],
    ['reserved_fee', socketNumber(fee.reserved)],
    ['remaining_fee', socketNumber(fee.remaining)],
    ['paid_fee', socketNumber(order.fee)],
    ['locked', socketNumber(order.locked)],
    ['executed_funds', socketNumber(order.filledQuote)],
    ['time_in_force', quoted(order.words['force'])],
    ['trade_fee', orNull(trade?.fee ?? null)],
    ['is_maker', trade === null ? 'null' : `${trade.liquidity === 'maker'}`],
    ['identifier', quoted(order.clientOrderId === '' ? undefined : order.clientOrderId)],
    ['smp_type', quoted(order.words['smp'])],
    ['prevented_volume', socketNumber(order.prevented)],
    ['prevented_locked', '0'],
    ['trade_timestamp', trade === null ? 'null' : `${stampMs}`],
    ['order_timestamp', `${stampMs}`],
    ['timestamp', `${stampMs}`],
    ['stream_type', '"REALTIME"'],
  ];
  return objectText(
    entries.map(([name]) => name),
    entries.map(([, value]) => value),
  );
}

export function myAssetFrame(holdings: readonly HoldingView[], id: string, stampMs: number): string {
  const rows = holdings.map(({ asset, free, locked }) =>
    objectText(['currency', 'balance', 'locked'], [quoted(asset), socketNumber(free), socketNumber(locked)]),
  );
  return objectText(
    ['type', 'asset_uuid', 'assets', 'asset_timestamp', 'timestamp', 'stream_type'],
    ['"myAsset"', quoted(id), `[${rows.join(',')}]`, `${stampMs}`, `${stampMs}`, '"REALTIME"'],
  );
}
