import { Decimal, isDecimalText, parseDecimal } from '../market/decimal.js';
import type { DecimalText } from '../messages/primitives.js';
import * as f from './fields.js';
import { FrameError } from './frame-error.js';
import type { Envelope, Meaning } from './order-answers.js';
import type { BalanceReport, OrderReport, TradeReport, TransferReport } from './order-entry.js';
import * as o from './order-fields.js';

/**
 * Orders, trades and balances of Upbit as REST sends them, and what its error names mean (PROTOCOLS §2, §6). Bithumb tells its
 * orders alike, under other names of the ids (PROTOCOLS §7).
 */

/** How an order's ids are called: its own under the first name that is there. */
export interface IdNames {
  readonly own: readonly string[];
  readonly client: string;
}
export const UPBIT_IDS: IdNames = { own: ['uuid'], client: 'identifier' };

export const REST_SIDES = { buy: 'bid', sell: 'ask' } as const;

/** `wait` and `watch` may get more; so may `trade` and `prevented` of the stream [O]. */
export const STATUS_WORDS: o.StatusWords = { ended: ['done', 'cancel'], rejected: [] };

const MEANINGS = new Map<string, Meaning>([
  ['order_not_found', 'absent'],
  // Seen twice: the first request with this token may have been carried out.
  ['nonce_used', 'unknown'],
  ...['insufficient_funds_bid', 'insufficient_funds_ask'].map((name) => [name, 'funds'] as const),
  ...[
    'jwt_verification',
    'invalid_query_payload',
    'invalid_access_key',
    'expired_access_key',
    'out_of_scope',
    'no_authorization_ip',
    'no_authorization_i_p',
  ].map((name) => [name, 'account'] as const),
]);

/** `{"error":{"name","message"}}`. */
export const UPBIT_ENVELOPE: Envelope = {
  // 418 is a ban that grows [O].
  tooFast: [429, 418],
  errorIn(value, status) {
    if (!f.isFields(value) || !Object.hasOwn(value, 'error')) return null;
    const error = f.fieldsAt(value, 'error', '');
    const message = f.member(error, 'message');
    const name = f.member(error, 'name');
    // Some endpoints repeat the status as a number instead of a name [P].
    if (typeof name === 'number') return { code: String(name), message, meaning: 'unknown' };
    if (typeof name !== 'string' || !/^[A-Za-z]\w{1,63}$/.test(name))
      throw new FrameError('error.name', 'a name', name);
    return { code: name, message, meaning: meaningOf(name, message, status) };
  },
};

function meaningOf(name: string, message: unknown, status: number): Meaning {
  const known = MEANINGS.get(name);
  if (known !== undefined) return known;
  // 400 refuses the order, unless its id was used before: the name of that error is not documented [D].
  if (status === 400)
    return /identifier/i.test(name) || (typeof message === 'string' && /identifier/i.test(message))
      ? 'duplicate'
      : 'order';
  return status === 401 ? 'account' : 'unknown';
}

/** An amount not below 0: REST sends text, the socket JSON numbers, both also with an exponent [P]. */
export function amountAt(fields: f.Fields, key: string, path: string): DecimalText {
  const value = f.member(fields, key);
  const isAmount =
    (typeof value === 'string' && isDecimalText(value, { exponent: true })) ||
    (typeof value === 'number' && Number.isFinite(value));
  if (isAmount) {
    const amount = new Decimal(value);
    if (!amount.isNegative()) return o.amountText(amount, path + key);
  }
  throw new FrameError(path + key, 'an amount not below 0', value);
}

export function positiveAmountAt(fields: f.Fields, key: string, path: string): DecimalText {
  const amount = amountAt(fields, key, path);
  if (o.isZero(amount)) throw new FrameError(path + key, 'an amount above 0', amount);
  return amount;
}

export function amountOrZeroAt(fields: f.Fields, key: string, path: string): DecimalText {
  return o.isAbsent(fields, key) ? '0' : amountAt(fields, key, path);
}

/** `2026-11-27T10:00:00+09:00`. */
export function isoTimeAt(fields: f.Fields, key: string, path: string): number {
  const text = f.textAt(fields, key, path);
  const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/.test(text);
  const timeMs = isTime ? Date.parse(text) : NaN;
  if (Number.isNaN(timeMs)) throw new FrameError(path + key, 'a time with its zone', text);
  return timeMs;
}

/** `KRW-BTC`: the fee is in what comes first, the quote currency [C]. */
export function quoteOf(symbol: string, field: string): string {
  const quote = symbol.split('-')[0]!;
  if (quote === '' || quote === symbol) throw new FrameError(field, 'a market', symbol);
  return quote;
}

/** The exchange's own id of an order. @throws FrameError */
export function ownIdAt(row: f.Fields, path: string, { own }: IdNames): string {
  return f.idAt(row, own.find((name) => !o.isAbsent(row, name)) ?? own[0]!, path);
}

/**
 * An order with its trades, where the answer has them. `askedId` stands in where the exchange does not repeat the client's id:
 * Upbit does so only for orders after 2024-10-18 [O].
 */
export function readOrder(row: f.Fields, path: string, askedId = '', ids = UPBIT_IDS): OrderReport {
  const symbol = f.symbolAt(row, 'market', path);
  const exchangeOrderId = ownIdAt(row, path, ids);
  const echo = o.clientIdAt(row, ids.client, path);
  const clientOrderId = echo === '' ? askedId : echo;
  const side = o.sideAt(row, 'side', path, REST_SIDES);
  const filledQuantity = amountAt(row, 'executed_volume', path);
  // A market order that names an amount of money has no volume.
  const quantity = o.isAbsent(row, 'volume') ? filledQuantity : amountAt(row, 'volume', path);
  const statusWord = f.textAt(row, 'state', path);
  const createdAtMs = isoTimeAt(row, 'created_at', path);
  const order = { clientOrderId, exchangeOrderId, symbol, side };
  const trades = Object.hasOwn(row, 'trades') ? readTrades(row, path, order, filledQuantity) : [];
  return {
    ...order,
    status: o.statusOf(statusWord, STATUS_WORDS, o.isAbsent(row, 'volume') ? '0' : quantity, filledQuantity),
    statusWord,
    quantity,
    filledQuantity,
    trades,
    updatedAtMs: Math.max(createdAtMs, ...trades.map((trade) => trade.timeMs)),
  };
}

type OrderNames = Pick<OrderReport, 'clientOrderId' | 'exchangeOrderId' | 'symbol' | 'side'>;

/**
 * The trades of one order; none while some of them are not told yet. Only the order's whole fee is told: it is divided by value,
 * which is exact for the one rate that all of them pay, and the last trade takes what rounding leaves.
 */
function readTrades(row: f.Fields, path: string, order: OrderNames, filled: DecimalText): TradeReport[] {
  const list = f.listAt(row, 'trades', path, 1000).map((one, index) => {
    const at = `${path}trades[${index}]`;
    const fields = f.asFields(one, at);
    return {
      tradeId: f.idAt(fields, 'uuid', `${at}.`),
      price: positiveAmountAt(fields, 'price', `${at}.`),
      quantity: positiveAmountAt(fields, 'volume', `${at}.`),
      timeMs: isoTimeAt(fields, 'created_at', `${at}.`),
    };
  });
  const told = o.sumOf(list.map((one) => one.quantity));
  if (!parseDecimal(told).equals(parseDecimal(filled))) return [];
  const fees = sharesOf(
    amountAt(row, 'paid_fee', path),
    list.map(({ price, quantity }) => parseDecimal(price).times(parseDecimal(quantity))),
  );
  const rests = f.member(row, 'time_in_force') === 'post_only';
  return list.map((one, index) => ({
    ...one,
    exchangeOrderId: order.exchangeOrderId,
    clientOrderId: order.clientOrderId === '' ? null : order.clientOrderId,
    symbol: order.symbol,
    side: order.side,
    fee: fees[index]!,
    feeTicker: quoteOf(order.symbol, `${path}market`),
    liquidity: rests ? 'maker' : 'taker',
  }));
}

/** `whole` divided by `weights`, exactly in sum. */
function sharesOf(whole: DecimalText, weights: readonly Decimal[]): DecimalText[] {
  const total = weights.reduce((sum, weight) => sum.plus(weight), new Decimal(0));
  let left = parseDecimal(whole);
  return weights.map((weight, index) => {
    const isLast = index === weights.length - 1;
    const share = isLast
      ? left
      : parseDecimal(whole).times(weight).div(total).toDecimalPlaces(16, Decimal.ROUND_DOWN);
    left = left.minus(share);
    return o.amountText(share);
  });
}

export function readBalance(row: f.Fields, path: string): BalanceReport {
  const balance = f.member(row, 'balance');
  return {
    ticker: f.symbolAt(row, 'currency', path),
    free:
      typeof balance === 'string' && balance.startsWith('-')
        ? o.signedTextAt(row, 'balance', path)
        : amountAt(row, 'balance', path),
    locked: amountAt(row, 'locked', path),
    // Nothing is lent in a spot account.
    borrowed: '0',
  };
}

/** States of what never changes the balance, or changes it back [O]. */
const FAILED = ['CANCELLED', 'REJECTED', 'FAILED', 'REFUNDING', 'REFUNDED'];

/** A row of `deposits` or `withdraws`; what is withdrawn is bound until it is done [D]. Bithumb says `DEPOSIT_ACCEPTED` [C]. */
export function readTransfer(row: f.Fields, path: string, isDeposit: boolean): TransferReport | null {
  const state = f
    .textAt(row, 'state', path)
    .toUpperCase()
    .replace(/^(?:DEPOSIT|WITHDRAWAL)_/, '');
  if (FAILED.includes(state)) return null;
  const amount = amountAt(row, 'amount', path);
  return {
    transferId: f.idAt(row, 'uuid', path),
    ticker: f.symbolAt(row, 'currency', path),
    amount: isDeposit ? amount : o.negated(o.sumOf([amount, amountOrZeroAt(row, 'fee', path)])),
    isSettled: state === (isDeposit ? 'ACCEPTED' : 'DONE'),
    timeMs: isoTimeAt(row, o.isAbsent(row, 'done_at') ? 'created_at' : 'done_at', path),
  };
}
