import type { DecimalText } from '../messages/primitives.js';
import * as f from './fields.js';
import { FrameError } from './frame-error.js';
import { momentAt, secondsAt } from './gate-fields.js';
import type { Envelope, Meaning } from './order-answers.js';
import type { BalanceReport, OrderReport, TradeReport, TransferReport } from './order-entry.js';
import * as o from './order-fields.js';

/** Orders, trades and balances of Gate spot, by REST and on the socket alike, and what its labels mean (PROTOCOLS §2, §9). */

const SIDES = { buy: 'buy', sell: 'sell' } as const;

const listed = (meaning: Meaning, ...labels: string[]) => labels.map((label) => [label, meaning] as const);

/** Other labels say nothing: better asked about than believed; but INVALID_* is a refusal [O]. */
const MEANINGS = new Map<string, Meaning>([
  ...listed('unknown', 'SERVER_ERROR', 'INTERNAL', 'TOO_BUSY', 'CANCEL_FAIL'),
  ...listed('limited', 'TOO_FAST', 'TOO_MANY_REQUESTS'),
  ...listed('funds', 'BALANCE_NOT_ENOUGH', 'QUANTITY_NOT_ENOUGH'),
  ...listed('order', 'AMOUNT_TOO_LITTLE', 'AMOUNT_TOO_MUCH', 'POC_FILL_IMMEDIATELY', 'FOK_NOT_FILL'),
  // No liquidity; parameters that are missing.
  ...listed('order', 'ORDER_BOOK_NOT_FOUND', 'MISSING_REQUIRED_PARAM', 'BAD_REQUEST'),
  ...listed('market', 'INVALID_CURRENCY_PAIR', 'INVALID_CURRENCY'),
  ...listed('expired', 'REQUEST_EXPIRED'),
  ...listed('account', 'INVALID_KEY', 'INVALID_SIGNATURE', 'INVALID_CREDENTIALS', 'MISSING_REQUIRED_HEADER'),
  ...listed('account', 'IP_FORBIDDEN', 'READ_ONLY', 'FORBIDDEN', 'ACCOUNT_LOCKED', 'SUB_ACCOUNT_LOCKED'),
  // An order of this id exists [O], or the same request came before.
  ...listed('duplicate', 'ORDER_EXISTS', 'DUPLICATE_REQUEST', 'REPEATED_CREATION'),
  ...listed('absent', 'ORDER_NOT_FOUND', 'CLIENT_ID_NOT_FOUND', 'ORDER_CLOSED', 'ORDER_CANCELLED'),
]);

const meaningOf = (label: string): Meaning =>
  MEANINGS.get(label) ?? (label.startsWith('INVALID_') ? 'order' : 'unknown');

/** Answers have no envelope; an error is `{"label","message"}` [O]. */
export const GATE_ENVELOPE: Envelope = {
  tooFast: [429],
  errorIn(value) {
    if (!f.isFields(value) || !Object.hasOwn(value, 'label')) return null;
    const label = f.textAt(value, 'label', '');
    if (!/^[A-Z][A-Z0-9_]{1,63}$/.test(label)) throw new FrameError('label', 'a label', label);
    // The seconds of a placing budget, where neither status nor headers say it.
    return { code: label, message: f.member(value, 'message'), meaning: meaningOf(label), pauseMs: 1000 };
  },
};

/** The rows of an answer that is a list, each with the path that names it. */
export function rowsOf(value: unknown): { readonly row: f.Fields; readonly path: string }[] {
  return f.listAt({ answer: value }, 'answer', '', 1000).map((row, index) => ({
    row: f.asFields(row, `[${index}]`),
    path: `[${index}].`,
  }));
}

/** Ids of clients begin with `t-`; any other text says where an order came from (`web`, `apiv4`) [O]. */
const PREFIX = 't-';
export const textOf = (clientOrderId: string): string => PREFIX + clientOrderId;

function clientIdIn(row: f.Fields, path: string): string {
  const text = o.clientIdAt(row, 'text', path);
  return text.startsWith(PREFIX) ? text.slice(PREFIX.length) : '';
}

/** `finish` is the event of a push, the others are states of answers. Cancelled is also what filled in part [O]. */
const STATUS_WORDS: o.StatusWords = { ended: ['closed', 'cancelled', 'finish'], rejected: [] };

/** An order in an answer (`status`) or in a push (`event`, `finish_as`). */
export function readOrder(row: f.Fields, path: string): OrderReport {
  const word = f.textAt(row, o.isAbsent(row, 'status') ? 'event' : 'status', path);
  const asked = f.unsignedTextAt(row, 'amount', path);
  // A market order to buy is counted in quote currency [D]: then only what is filled is known.
  const isInQuote = f.member(row, 'type') === 'market' && f.member(row, 'side') === 'buy';
  const filledQuantity = filledAt(row, path, asked, isInQuote);
  return {
    clientOrderId: clientIdIn(row, path),
    exchangeOrderId: o.countedIdAt(row, 'id', path),
    symbol: f.symbolAt(row, 'currency_pair', path),
    side: o.sideAt(row, 'side', path, SIDES),
    status: o.statusOf(word, STATUS_WORDS, isInQuote ? '0' : asked, filledQuantity),
    statusWord: o.isAbsent(row, 'finish_as') ? word : f.textAt(row, 'finish_as', path),
    quantity: isInQuote ? filledQuantity : asked,
    filledQuantity,
    trades: [],
    updatedAtMs: momentAt(row, 'update_time', path),
  };
}

/** Older answers and pushes have only what is left. @throws FrameError where an order that is sized in money has no amount. */
function filledAt(row: f.Fields, path: string, asked: DecimalText, isInQuote: boolean): DecimalText {
  if (isInQuote || !o.isAbsent(row, 'filled_amount')) return f.unsignedTextAt(row, 'filled_amount', path);
  const filled = o.difference(asked, f.unsignedTextAt(row, 'left', path));
  if (filled.startsWith('-')) throw new FrameError(`${path}left`, 'at most amount', f.member(row, 'left'));
  return filled;
}

/** A trade of `my_trades` or `spot.usertrades`; `symbol` = the market that was asked about, where rows do not repeat it. */
export function readTrade(row: f.Fields, path: string, symbol: string | null = null): TradeReport {
  const market =
    symbol !== null && o.isAbsent(row, 'currency_pair') ? symbol : f.symbolAt(row, 'currency_pair', path);
  const clientOrderId = clientIdIn(row, path);
  return {
    // Ids are not promised to be unique over all markets.
    tradeId: `${market}:${o.countedIdAt(row, 'id', path)}`,
    exchangeOrderId: o.countedIdAt(row, 'order_id', path),
    clientOrderId: clientOrderId === '' ? null : clientOrderId,
    symbol: market,
    side: o.sideAt(row, 'side', path, SIDES),
    price: f.positiveTextAt(row, 'price', path),
    quantity: f.positiveTextAt(row, 'amount', path),
    ...feeAt(row, path),
    liquidity: f.member(row, 'role') === 'maker' ? 'maker' : 'taker',
    timeMs: momentAt(row, 'create_time', path),
  };
}

/** Taken from what is received, unless the account pays in GT; points are vouchers and no coin [O]. */
function feeAt(row: f.Fields, path: string): Pick<TradeReport, 'fee' | 'feeTicker'> {
  const fee = o.signedOrZeroAt(row, 'fee', path);
  const inGt = o.signedOrZeroAt(row, 'gt_fee', path);
  if (o.isZero(fee) && !o.isZero(inGt)) return { fee: inGt, feeTicker: 'GT' };
  return {
    fee,
    feeTicker: o.isAbsent(row, 'fee_currency') ? null : f.symbolAt(row, 'fee_currency', path),
  };
}

/** One currency of the spot account, which does not borrow. `locked` is its word in answers, `freeze` in pushes. */
export function readBalance(row: f.Fields, path: string, locked: 'locked' | 'freeze'): BalanceReport {
  return {
    ticker: f.symbolAt(row, 'currency', path),
    free: o.signedTextAt(row, 'available', path),
    locked: o.unsignedOrZeroAt(row, locked, path),
    borrowed: '0',
  };
}

const CALLED_OFF = ['CANCEL', 'FAIL', 'INVALID'];

/** Deposits are credited when they are `DONE` [O]. */
export function readDeposit(row: f.Fields, path: string): TransferReport | null {
  const status = f.textAt(row, 'status', path);
  if (CALLED_OFF.includes(status)) return null;
  return {
    transferId: f.idAt(row, 'id', path),
    ticker: f.symbolAt(row, 'currency', path),
    amount: f.positiveTextAt(row, 'amount', path),
    isSettled: status === 'DONE',
    timeMs: secondsAt(row, 'timestamp', path),
  };
}

/** What is sent and the network's fee leave the account when a withdrawal is asked for [D]. */
export function readWithdrawal(row: f.Fields, path: string): TransferReport | null {
  if (CALLED_OFF.includes(f.textAt(row, 'status', path))) return null;
  const amount = f.positiveTextAt(row, 'amount', path);
  return {
    transferId: f.idAt(row, 'id', path),
    ticker: f.symbolAt(row, 'currency', path),
    amount: o.negated(o.sumOf([amount, o.unsignedOrZeroAt(row, 'fee', path)])),
    isSettled: true,
    timeMs: secondsAt(row, 'timestamp', path),
  };
}
