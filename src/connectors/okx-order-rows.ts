import type { DecimalText } from '../messages/primitives.js';
import * as f from './fields.js';
import { FrameError } from './frame-error.js';
import type { Envelope, ErrorSaid, Meaning } from './order-answers.js';
import type { BalanceReport, OrderReport, TradeReport, TransferReport } from './order-entry.js';
import * as o from './order-fields.js';

/** Orders, trades and balances of OKX spot, by REST and on the socket alike, and what its codes mean (PROTOCOLS §2, §4). */

const SIDES = { buy: 'buy', sell: 'sell' } as const;

/** `live` and `partially_filled` may get more [O]. */
const STATUS_WORDS: o.StatusWords = { ended: ['filled', 'canceled', 'mmp_canceled'], rejected: [] };

/**
 * `{"code","msg","data":[…]}`. Code "0" may hide a failure and "1" a partial one: for single orders the row's own `sCode`
 * decides [O]. Other codes speak for the whole answer.
 */
export const OKX_ENVELOPE: Envelope = {
  tooFast: [429],
  errorIn(value) {
    const answer = f.asFields(value, 'answer');
    const code = codeAt(answer, 'code', '');
    const row = firstRow(answer);
    const isPartial = code === '0' || code === '1';
    if (isPartial && row !== null && Object.hasOwn(row, 'sCode')) {
      const own = codeAt(row, 'sCode', 'data[0].');
      // Every other code refuses its order [O].
      return own === '0'
        ? null
        : errorOf(own, f.member(row, 'sMsg'), /^5\d{4}$/.test(own) ? 'order' : 'unknown');
    }
    if (code === '0') return null;
    return errorOf(code, f.member(answer, 'msg'), /^51\d{3}$/.test(code) ? 'order' : 'unknown');
  },
};

function codeAt(fields: f.Fields, key: string, path: string): string {
  const code = f.textAt(fields, key, path);
  if (/^(?:[01]|[1-9]\d{4,5})$/.test(code)) return code;
  throw new FrameError(path + key, 'a code', code);
}

function firstRow(answer: f.Fields): f.Fields | null {
  const data = f.member(answer, 'data');
  const row: unknown = Array.isArray(data) ? data[0] : undefined;
  return f.isFields(row) ? row : null;
}

const MEANINGS = new Map<string, Meaning>([
  // Unavailable, timed out, busy, system error, order timed out [O]; a failure without a code of its own says nothing either.
  ...['1', '50001', '50004', '50013', '50026', '51149'].map((code) => [code, 'unknown'] as const),
  ...['50011', '50061'].map((code) => [code, 'limited'] as const),
  // The stamp is too old [O], or `expTime` has passed [C].
  ...['50102', '50036'].map((code) => [code, 'expired'] as const),
  ...['50103', '50104', '50105', '50106', '50107', '50108', '50109', '50110'].map(
    (code) => [code, 'account'] as const,
  ),
  ...['50111', '50112', '50113', '50114', '51024'].map((code) => [code, 'account'] as const),
  ...['51008', '51127', '51131'].map((code) => [code, 'funds'] as const),
  ['51001', 'market'],
  // Suspended, or not listed yet [C].
  ...['51021', '51022'].map((code) => [code, 'market'] as const),
  ['51016', 'duplicate'],
  // Filled, cancelled or absent; being cancelled; gone; no such order [O].
  ...['51400', '51410', '51503', '51603'].map((code) => [code, 'absent'] as const),
]);

/** `otherwise`: what a code means that is not listed. */
function errorOf(code: string, message: unknown, otherwise: Meaning): ErrorSaid {
  // Budgets are of two seconds.
  return { code, message, meaning: MEANINGS.get(code) ?? unlisted(message, otherwise), pauseMs: 2000 };
}

/** A code that is not listed and speaks of a time-out says nothing about the order, whatever its number [D]. */
function unlisted(message: unknown, otherwise: Meaning): Meaning {
  return typeof message === 'string' && /time[ds]?[ -]?out/i.test(message) ? 'unknown' : otherwise;
}

/** The rows of an answer without an error. @throws FrameError */
export function dataOf(value: unknown): readonly f.Fields[] {
  const data = f.listAt(f.asFields(value, 'answer'), 'data', '', 1000);
  return data.map((row, index) => f.asFields(row, `data[${index}]`));
}

export const isSpot = (row: f.Fields) => f.member(row, 'instType') === 'SPOT';

export function readOrder(row: f.Fields, path: string): OrderReport {
  const filledQuantity = f.unsignedTextAt(row, 'accFillSz', path);
  const quantity = quantityAt(row, path, filledQuantity);
  const statusWord = f.textAt(row, 'state', path);
  return {
    clientOrderId: o.clientIdAt(row, 'clOrdId', path),
    exchangeOrderId: o.countedIdAt(row, 'ordId', path),
    symbol: f.symbolAt(row, 'instId', path),
    side: o.sideAt(row, 'side', path, SIDES),
    status: o.statusOf(statusWord, STATUS_WORDS, isInQuote(row) ? '0' : quantity, filledQuantity),
    statusWord,
    quantity,
    filledQuantity,
    trades: [],
    updatedAtMs: f.timeTextAt(row, 'uTime', path),
  };
}

/** A market order to buy is counted in quote currency unless it says otherwise [O]: then only what is filled is known. */
function isInQuote(row: f.Fields): boolean {
  const target = f.member(row, 'tgtCcy');
  if (target === 'quote_ccy') return true;
  return f.member(row, 'ordType') === 'market' && f.member(row, 'side') === 'buy' && target !== 'base_ccy';
}

function quantityAt(row: f.Fields, path: string, filled: DecimalText): DecimalText {
  const quantity = f.unsignedTextAt(row, 'sz', path);
  return isInQuote(row) ? filled : quantity;
}

/** Names of the fields of one execution: rows of `fills` and pushes of `orders` differ. */
interface TradeNames {
  readonly fee: string;
  readonly feeTicker: string;
}

/** A row of `fills`. Trade ids count per instrument [O]. */
export function readFill(row: f.Fields, path: string): TradeReport {
  return readTrade(row, path, { fee: 'fee', feeTicker: 'feeCcy' });
}

/** The execution that a push of `orders` tells, if it tells one: a number and a size. */
export function readPushedFill(row: f.Fields, path: string): TradeReport | null {
  if (o.isAbsent(row, 'tradeId') || o.isAbsent(row, 'fillSz')) return null;
  if (o.isZero(f.unsignedTextAt(row, 'fillSz', path))) return null;
  return readTrade(row, path, { fee: 'fillFee', feeTicker: 'fillFeeCcy' });
}

function readTrade(row: f.Fields, path: string, names: TradeNames): TradeReport {
  const symbol = f.symbolAt(row, 'instId', path);
  const clientOrderId = o.clientIdAt(row, 'clOrdId', path);
  return {
    tradeId: `${symbol}:${o.countedIdAt(row, 'tradeId', path)}`,
    exchangeOrderId: o.countedIdAt(row, 'ordId', path),
    clientOrderId: clientOrderId === '' ? null : clientOrderId,
    symbol,
    side: o.sideAt(row, 'side', path, SIDES),
    price: f.positiveTextAt(row, 'fillPx', path),
    quantity: f.positiveTextAt(row, 'fillSz', path),
    // Negative = charged [O].
    fee: o.negated(o.signedOrZeroAt(row, names.fee, path)),
    feeTicker: o.isAbsent(row, names.feeTicker) ? null : f.symbolAt(row, names.feeTicker, path),
    liquidity: f.member(row, 'execType') === 'M' ? 'maker' : 'taker',
    timeMs: f.timeTextAt(row, o.isAbsent(row, 'fillTime') ? 'ts' : 'fillTime', path),
  };
}

/** One currency of the trading account; "" = none. */
export function readBalance(row: f.Fields, path: string): BalanceReport {
  return {
    ticker: f.symbolAt(row, 'ccy', path),
    free: o.signedTextAt(row, 'availBal', path),
    locked: f.unsignedTextAt(row, 'frozenBal', path),
    borrowed: unsigned(o.signedOrZeroAt(row, 'liab', path)),
  };
}

/** A liability is printed with either sign. */
const unsigned = (text: DecimalText) => (text.startsWith('-') ? o.negated(text) : text);

/** Deposit states: 1 is credited and 2 may be used too [O]; every other one is under way, or held back. */
export function readDeposit(row: f.Fields, path: string): TransferReport {
  const state = f.textAt(row, 'state', path);
  return {
    transferId: f.idAt(row, 'depId', path),
    ticker: f.symbolAt(row, 'ccy', path),
    amount: f.positiveTextAt(row, 'amt', path),
    isSettled: state === '1' || state === '2',
    timeMs: f.timeTextAt(row, 'ts', path),
  };
}

/** Withdrawals leave the account with their fee when they are asked for; -1 failed, -2 and -3 were called off [C]. */
export function readWithdrawal(row: f.Fields, path: string): TransferReport | null {
  if (['-1', '-2', '-3'].includes(f.textAt(row, 'state', path))) return null;
  const amount = f.positiveTextAt(row, 'amt', path);
  const fee = o.isAbsent(row, 'fee') ? '0' : f.unsignedTextAt(row, 'fee', path);
  return {
    transferId: f.idAt(row, 'wdId', path),
    ticker: f.symbolAt(row, 'ccy', path),
    amount: o.negated(o.sumOf([amount, fee])),
    isSettled: true,
    timeMs: f.timeTextAt(row, 'ts', path),
  };
}
