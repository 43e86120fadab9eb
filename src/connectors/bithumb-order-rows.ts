import { Decimal, parseDecimal } from '../market/decimal.js';
import type { DecimalText } from '../messages/primitives.js';
import * as f from './fields.js';
import { FrameError } from './frame-error.js';
import type { Envelope, Meaning } from './order-answers.js';
import type { OrderReport, TradeReport } from './order-entry.js';
import * as o from './order-fields.js';
import {
  amountAt,
  amountOrZeroAt,
  positiveAmountAt,
  quoteOf,
  STATUS_WORDS,
  type IdNames,
} from './upbit-order-rows.js';

/**
 * What Bithumb's error names mean, and its orders as the private stream tells them (PROTOCOLS §2, §7). By REST they are told as on
 * Upbit; the lists of v2 may call the ids as the stream does [D].
 */

export const BITHUMB_IDS: IdNames = { own: ['uuid', 'order_id'], client: 'client_order_id' };

const listed = (meaning: Meaning, ...names: string[]) => names.map((name) => [name, meaning] as const);

/** Names [O]; those of funds and of an access key by analogy with Upbit [D]. */
const MEANINGS = new Map<string, Meaning>([
  ...listed('absent', 'order_not_found'),
  // Accepted, and still being processed [O]: whatever was asked, the order is not gone.
  ...listed('unknown', 'order_not_ready', 'nonce_used'),
  ...listed('funds', 'insufficient_funds_bid', 'insufficient_funds_ask'),
  ...listed('order', 'invalid_price', 'invalid_price_bid', 'invalid_price_ask', 'cross_trading'),
  ...listed('order', 'under_price_limit_bid', 'under_price_limit_ask'),
  ...listed('account', 'jwt_verification', 'invalid_query_payload', 'invalid_access_key', 'NotAllowIP'),
  ...listed('account', 'out_of_scope', 'blocked_member_id', 'bank_account_required'),
  ...listed('account', 'two_factor_auth_required'),
  // The token was made too long ago, by the exchange's clock [O].
  ...listed('expired', 'expired_jwt'),
  ...listed('limited', 'too_many_requests'),
]);

/** `{"error":{"name","message"}}`, seen also with HTTP 200 and a number for a name [P]. */
export const BITHUMB_ENVELOPE: Envelope = {
  // 429, and ten minutes of silence for abuse [O].
  tooFast: [429, 418],
  errorIn(value, status) {
    if (!f.isFields(value) || !Object.hasOwn(value, 'error')) return null;
    const error = f.fieldsAt(value, 'error', '');
    const message = f.member(error, 'message');
    const name = f.member(error, 'name');
    if (typeof name === 'number') return { code: String(name), message, meaning: 'unknown' };
    // Names of several words exist: `currency does not have a valid value` [O].
    if (typeof name !== 'string' || !/^[A-Za-z][\w ]{1,63}$/.test(name))
      throw new FrameError('error.name', 'a name', name);
    return { code: name, message, meaning: meaningOf(name, message, status), pauseMs: 1000 };
  },
};

function meaningOf(name: string, message: unknown, status: number): Meaning {
  const known = MEANINGS.get(name);
  if (known !== undefined) return known;
  // 400 refuses the order, unless its id was used before: the name of that error is not documented [D].
  const text = typeof message === 'string' ? `${name} ${message}` : name;
  if (status === 400) return /client_order_id|duplicate/i.test(text) ? 'duplicate' : 'order';
  return status === 401 || status === 403 ? 'account' : 'unknown';
}

const SIDES = { buy: 'buy', sell: 'sell' } as const;

/** An order of `myOrder` v2; members without a value are left out [O]. */
export function readPushedOrder(frame: f.Fields): OrderReport {
  const filledQuantity = amountOrZeroAt(frame, 'executed_quantity', '');
  const asked = amountOrZeroAt(frame, 'order_quantity', '');
  // 0 for an order that names an amount of money: only its last word ends it.
  const isInMoney = o.isZero(asked);
  const statusWord = f.textAt(frame, 'state', '');
  return {
    clientOrderId: o.clientIdAt(frame, 'client_order_id', ''),
    exchangeOrderId: f.idAt(frame, 'order_id', ''),
    symbol: f.symbolAt(frame, 'code', ''),
    side: o.sideAt(frame, 'side', '', SIDES),
    status: o.statusOf(statusWord, STATUS_WORDS, asked, filledQuantity),
    statusWord,
    quantity: isInMoney ? filledQuantity : asked,
    filledQuantity,
    trades: [],
    updatedAtMs: f.timeAt(frame, 'timestamp', ''),
  };
}

/** The execution of a frame in state `trade`; null where its fee cannot be told: the filled amount then says that something is missing. */
export function readPushedTrade(frame: f.Fields, order: OrderReport): TradeReport | null {
  const price = positiveAmountAt(frame, 'trade_price', '');
  const quantity = positiveAmountAt(frame, 'trade_quantity', '');
  const tradeId = f.idAt(frame, 'trade_id', '');
  const timeMs = f.timeAt(frame, o.isAbsent(frame, 'trade_timestamp') ? 'timestamp' : 'trade_timestamp', '');
  const fee = feeOf(frame, price, quantity, order.filledQuantity);
  if (fee === null) return null;
  return {
    tradeId,
    exchangeOrderId: order.exchangeOrderId,
    clientOrderId: order.clientOrderId === '' ? null : order.clientOrderId,
    symbol: order.symbol,
    side: order.side,
    price,
    quantity,
    fee,
    feeTicker: quoteOf(order.symbol, 'code'),
    liquidity: f.member(frame, 'time_in_force') === 'post_only' ? 'maker' : 'taker',
    timeMs,
  };
}

/** Only what the order has paid so far is told; all of its trades pay one rate, so that each has its share by value. */
function feeOf(
  frame: f.Fields,
  price: DecimalText,
  quantity: DecimalText,
  filled: DecimalText,
): DecimalText | null {
  if (o.isAbsent(frame, 'paid_fee')) return null;
  const paid = amountAt(frame, 'paid_fee', '');
  if (parseDecimal(quantity).equals(parseDecimal(filled))) return paid;
  if (o.isAbsent(frame, 'executed_amount')) return null;
  const value = parseDecimal(price).times(parseDecimal(quantity));
  const whole = parseDecimal(positiveAmountAt(frame, 'executed_amount', ''));
  const share = parseDecimal(paid).times(value).div(whole);
  return o.amountText(share.toDecimalPlaces(16, Decimal.ROUND_DOWN), 'paid_fee');
}
