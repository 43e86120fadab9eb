import type { DecimalText } from '../messages/primitives.js';
import * as f from './fields.js';
import { FrameError } from './frame-error.js';
import type { Envelope, Meaning } from './order-answers.js';
import type { BalanceReport, OrderReport, TradeReport, TransferReport } from './order-entry.js';
import * as o from './order-fields.js';

/** Orders, trades and balances of Bitget v2 spot, by REST and on the socket alike, and what its codes mean (PROTOCOLS §2, §10). */

const SIDES = { buy: 'buy', sell: 'sell' } as const;

/** live, init, new and partially_filled may get more [O]. */
const STATUS_WORDS: o.StatusWords = { ended: ['filled', 'cancelled', 'canceled'], rejected: [] };

const listed = (meaning: Meaning, ...codes: string[]) => codes.map((code) => [code, meaning] as const);
/** Of orders that are not taken [O]; those of balances, absence and duplicates among them follow. */
const NOT_TAKEN = Array.from({ length: 37 }, (_, at) => String(43006 + at));

/** Codes that are not listed say nothing: better asked about than believed. */
const MEANINGS = new Map<string, Meaning>([
  ...listed('order', ...NOT_TAKEN, '45110', '45111', '22034', '40304', '40305', '40762'),
  ...listed('order', '40748', '40815', '40816'),
  // A parameter that cannot be read, or has too many decimals [C].
  ...listed('order', '40017', '40019', '40020', '40034', '40808', '41103'),
  // Timeouts, errors of the server, an upgrade; too busy to say more [O, D].
  ...listed('unknown', '40010', '40015', '40725', '40910', '45001', '40200', '50009', '50027'),
  ...listed('limited', '429', '30007'),
  // This market is under maintenance, or its trade suspended [C].
  ...listed('market', '41114', '45043'),
  // The stamp of the request, and its receive window [O].
  ...listed('expired', '40004', '40005', '40008', '40078', '40079'),
  ...listed('account', '40001', '40002', '40003', '40006', '40007', '40009', '40011', '40012', '40014'),
  ...listed('account', '40018', '40036', '40037', '40038'),
  ...listed('funds', '43012', '40754', '43132', '45002'),
  ...listed('duplicate', '43118', '45034'),
  ...listed('absent', '43001', '31007', '45057', '40109', '40768'),
  // Nothing to cancel, and a state in which nothing can be [O].
  ...listed('absent', '43004', '22001', '45055'),
]);

/** `{"code":"00000","msg","requestTime","data"}`; errors come with HTTP 200 or 400 [O]. */
export const BITGET_ENVELOPE: Envelope = {
  tooFast: [429],
  errorIn(value) {
    const answer = f.asFields(value, 'answer');
    const code = f.textAt(answer, 'code', '');
    if (!/^\d{3,6}$/.test(code)) throw new FrameError('code', 'a code', code);
    if (code === '00000') return null;
    return {
      code,
      message: f.member(answer, 'msg'),
      meaning: MEANINGS.get(code) ?? 'unknown',
      // Budgets are of one second [O].
      pauseMs: 1000,
    };
  },
};

export const dataOf = (value: unknown): unknown => f.member(f.asFields(value, 'answer'), 'data');

/** The rows of `data`, each with the path that names it. @throws FrameError */
export function listOf(value: unknown): { readonly row: f.Fields; readonly path: string }[] {
  return f.listAt(f.asFields(value, 'answer'), 'data', '', 10_000).map((row, index) => ({
    row: f.asFields(row, `data[${index}]`),
    path: `data[${index}].`,
  }));
}

/** What is called differently by REST and on the socket. */
interface OrderNames {
  readonly symbol: string;
  readonly filled: string;
}
const REST_NAMES: OrderNames = { symbol: 'symbol', filled: 'baseVolume' };
/** `baseVolume` is the one of the last trade there. */
const PUSH_NAMES: OrderNames = { symbol: 'instId', filled: 'accBaseVolume' };

export const readOrder = (row: f.Fields, path: string): OrderReport => orderAt(row, path, REST_NAMES);
export const readPushedOrder = (row: f.Fields, path: string): OrderReport => orderAt(row, path, PUSH_NAMES);

function orderAt(row: f.Fields, path: string, names: OrderNames): OrderReport {
  const filledQuantity = unsignedOrZeroAt(row, names.filled, path);
  const asked = f.unsignedTextAt(row, 'size', path);
  const side = o.sideAt(row, 'side', path, SIDES);
  const statusWord = f.textAt(row, 'status', path);
  // A market order to buy is counted in quote currency [O]: then only what is filled is known.
  const isInQuote = f.member(row, 'orderType') === 'market' && side === 'buy';
  return {
    clientOrderId: o.clientIdAt(row, 'clientOid', path),
    exchangeOrderId: f.idAt(row, 'orderId', path),
    symbol: f.symbolAt(row, names.symbol, path),
    side,
    status: o.statusOf(statusWord, STATUS_WORDS, isInQuote ? '0' : asked, filledQuantity),
    statusWord,
    quantity: isInQuote ? filledQuantity : asked,
    filledQuantity,
    trades: [],
    updatedAtMs: f.timeTextAt(row, o.isAbsent(row, 'uTime') ? 'cTime' : 'uTime', path),
  };
}

/** A row of `fills`. The fee is negative where it is charged [P]; with the deduction on, it is paid in BGB and says so. */
export function readFill(row: f.Fields, path: string): TradeReport {
  const at = `${path}feeDetail.`;
  const detail = f.fieldsAt(row, 'feeDetail', path);
  const scope = f.textAt(row, 'tradeScope', path);
  return {
    tradeId: f.idAt(row, 'tradeId', path),
    exchangeOrderId: f.idAt(row, 'orderId', path),
    clientOrderId: null,
    symbol: f.symbolAt(row, 'symbol', path),
    side: o.sideAt(row, 'side', path, SIDES),
    price: f.positiveTextAt(row, 'priceAvg', path),
    quantity: f.positiveTextAt(row, 'size', path),
    fee: o.negated(o.signedOrZeroAt(detail, 'totalFee', at)),
    feeTicker: o.isAbsent(detail, 'feeCoin') ? null : f.symbolAt(detail, 'feeCoin', at),
    liquidity: liquidityOf(scope, `${path}tradeScope`),
    timeMs: f.timeTextAt(row, 'cTime', path),
  };
}

/** The trade of a pushed order; null where the push is of none. */
export function readPushedTrade(row: f.Fields, path: string, order: OrderReport): TradeReport | null {
  if (o.isAbsent(row, 'tradeId') || o.isZero(unsignedOrZeroAt(row, 'baseVolume', path))) return null;
  const { clientOrderId, exchangeOrderId, symbol, side } = order;
  return {
    tradeId: f.idAt(row, 'tradeId', path),
    exchangeOrderId,
    clientOrderId: clientOrderId === '' ? null : clientOrderId,
    symbol,
    side,
    price: f.positiveTextAt(row, 'fillPrice', path),
    quantity: f.positiveTextAt(row, 'baseVolume', path),
    fee: o.negated(o.signedOrZeroAt(row, 'fillFee', path)),
    feeTicker: o.isAbsent(row, 'fillFeeCoin') ? null : f.symbolAt(row, 'fillFeeCoin', path),
    liquidity: liquidityOf(f.textAt(row, 'tradeScope', path), `${path}tradeScope`),
    timeMs: f.timeTextAt(row, 'fillTime', path),
  };
}

/** `taker` by REST, `T` on the socket. */
function liquidityOf(word: string, field: string): 'taker' | 'maker' {
  if (word === 'taker' || word === 'T') return 'taker';
  if (word === 'maker' || word === 'M') return 'maker';
  throw new FrameError(field, "'taker' or 'maker'", word);
}

/** `frozen` is bound by orders, `locked` by the exchange. */
export function readBalance(row: f.Fields, path: string): BalanceReport {
  const bound = ['frozen', 'locked'].map((key) => unsignedOrZeroAt(row, key, path));
  return {
    ticker: f.symbolAt(row, 'coin', path),
    free: o.signedTextAt(row, 'available', path),
    locked: o.sumOf(bound),
    // Nothing is lent in a spot account.
    borrowed: '0',
  };
}

function unsignedOrZeroAt(row: f.Fields, key: string, path: string): DecimalText {
  return o.isAbsent(row, key) ? '0' : f.unsignedTextAt(row, key, path);
}

/** Words for what never changes the balance, or changes it back [C]. */
const FAILED = ['fail', 'failed', 'pending_review_fail', 'reject', 'cancel', 'cancelled'];

/** A row of `deposit-records` or `withdrawal-records`; a withdrawal has its fee beside it [D]. */
export function readTransfer(row: f.Fields, path: string, isDeposit: boolean): TransferReport | null {
  const status = f.textAt(row, 'status', path).toLowerCase();
  if (FAILED.includes(status)) return null;
  const size = f.positiveTextAt(row, 'size', path);
  const fee = o.signedOrZeroAt(row, 'fee', path).replace(/^-/, '');
  return {
    transferId: f.idAt(row, 'orderId', path),
    ticker: f.symbolAt(row, 'coin', path),
    amount: isDeposit ? size : o.negated(o.sumOf([size, fee])),
    isSettled: status === 'success',
    timeMs: f.timeTextAt(row, o.isAbsent(row, 'uTime') ? 'cTime' : 'uTime', path),
  };
}
