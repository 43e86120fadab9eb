import * as f from './fields.js';
import { FrameError } from './frame-error.js';
import type { Envelope, Meaning } from './order-answers.js';
import type { BalanceReport, OrderReport, TradeReport, TransferReport } from './order-entry.js';
import * as o from './order-fields.js';

/** Orders, executions and balances of Bybit spot, by REST and on the socket alike, and what its codes mean (PROTOCOLS §2, §5). */

const SIDES = { buy: 'Buy', sell: 'Sell' } as const;

/** New, PartiallyFilled and Untriggered may get more [O]. */
const STATUS_WORDS: o.StatusWords = {
  ended: ['Filled', 'Cancelled', 'PartiallyFilledCanceled', 'Deactivated'],
  rejected: ['Rejected'],
};

const listed = (meaning: Meaning, ...codes: number[]) => codes.map((code) => [code, meaning] as const);

/** Codes that are not listed say nothing: better asked about than believed. */
const MEANINGS = new Map<number, Meaning>([
  // Timeouts and errors of the server [O]; create or cancel failed: asked about before it is believed [D]; locked, a cancel under
  // way, in process: wait and ask [O].
  ...listed('unknown', 10000, 10016, 170001, 170007, 170032, 170035, 170146, 170147, 170149, 170150, 170234),
  ...listed('unknown', 170144, 170212, 110079),
  ...listed('limited', 10006, 10018),
  ...listed('order', 10001, 170132, 170133, 170134, 170135, 170136, 170137, 170138, 170140),
  ...listed('order', 170192, 170193, 170194, 170210),
  // Would take although it must not, and too many open orders [C].
  ...listed('order', 170218, 170810),
  ...listed('market', 170121),
  ...listed('expired', 10002),
  ...listed('account', 10003, 10004, 10005, 10007, 10010),
  ...listed('funds', 170131),
  ...listed('duplicate', 170141, 110072),
  // Filled, cancelled, not found [O].
  ...listed('absent', 170139, 170142, 170143, 170213, 110001, 110008, 110010),
]);

/** `{"retCode","retMsg","result"}`. */
export const BYBIT_ENVELOPE: Envelope = {
  // 403 is the answer to an address that is too fast, or not let in: in front of the exchange, so that nothing was carried out [O].
  tooFast: [429, 403],
  errorIn(value) {
    const answer = f.asFields(value, 'answer');
    const code = f.counterAt(answer, 'retCode', '');
    if (code === 0) return null;
    return {
      code: String(code),
      message: f.member(answer, 'retMsg'),
      meaning: MEANINGS.get(code) ?? 'unknown',
      // By account and second, or by address: then ten minutes [O].
      pauseMs: code === 10018 ? 600_000 : 1000,
    };
  },
};

export function resultOf(value: unknown): f.Fields {
  return f.fieldsAt(f.asFields(value, 'answer'), 'result', '');
}

/** The rows of a list, each with the path that names it. */
export function listOf(result: f.Fields, key = 'list'): { readonly row: f.Fields; readonly path: string }[] {
  return f.listAt(result, key, 'result.', 1000).map((row, index) => {
    const at = `result.${key}[${index}]`;
    return { row: f.asFields(row, at), path: `${at}.` };
  });
}

export function readOrder(row: f.Fields, path: string): OrderReport {
  const filledQuantity = f.unsignedTextAt(row, 'cumExecQty', path);
  const asked = f.unsignedTextAt(row, 'qty', path);
  const statusWord = f.textAt(row, 'orderStatus', path);
  // A market order to buy is counted in quote currency unless it says otherwise [O]: then only what is filled is known.
  const isInQuote =
    f.member(row, 'orderType') === 'Market' &&
    f.member(row, 'side') === 'Buy' &&
    f.member(row, 'marketUnit') !== 'baseCoin';
  return {
    clientOrderId: o.clientIdAt(row, 'orderLinkId', path),
    exchangeOrderId: f.idAt(row, 'orderId', path),
    symbol: f.symbolAt(row, 'symbol', path),
    side: o.sideAt(row, 'side', path, SIDES),
    status: o.statusOf(statusWord, STATUS_WORDS, isInQuote ? '0' : asked, filledQuantity),
    statusWord,
    quantity: isInQuote ? filledQuantity : asked,
    filledQuantity,
    trades: [],
    updatedAtMs: f.timeTextAt(row, 'updatedTime', path),
  };
}

/** An execution; null for what is none of an order's. Positive fees are charged [O]. */
export function readExecution(row: f.Fields, path: string): TradeReport | null {
  if (f.textAt(row, 'execType', path) !== 'Trade') return null;
  const clientOrderId = o.clientIdAt(row, 'orderLinkId', path);
  return {
    tradeId: f.idAt(row, 'execId', path),
    exchangeOrderId: f.idAt(row, 'orderId', path),
    clientOrderId: clientOrderId === '' ? null : clientOrderId,
    symbol: f.symbolAt(row, 'symbol', path),
    side: o.sideAt(row, 'side', path, SIDES),
    price: f.positiveTextAt(row, 'execPrice', path),
    quantity: f.positiveTextAt(row, 'execQty', path),
    fee: o.signedOrZeroAt(row, 'execFee', path),
    feeTicker: o.isAbsent(row, 'feeCurrency') ? null : f.symbolAt(row, 'feeCurrency', path),
    liquidity: f.booleanAt(row, 'isMaker', path) ? 'maker' : 'taker',
    timeMs: f.timeTextAt(row, 'execTime', path),
  };
}

/** The coins of the unified account in one row. */
export function readBalances(row: f.Fields, path: string): BalanceReport[] {
  if (f.member(row, 'accountType') !== 'UNIFIED')
    throw new FrameError(`${path}accountType`, "'UNIFIED'", f.member(row, 'accountType'));
  return f.listAt(row, 'coin', path, 10_000).map((coin, index) => {
    const at = `${path}coin[${index}]`;
    const fields = f.asFields(coin, at);
    const locked = o.unsignedOrZeroAt(fields, 'locked', `${at}.`);
    return {
      ticker: f.symbolAt(fields, 'coin', `${at}.`),
      free: o.difference(o.signedTextAt(fields, 'walletBalance', `${at}.`), locked),
      locked,
      borrowed: o.unsignedOrZeroAt(fields, 'borrowAmount', `${at}.`),
    };
  });
}

/** Deposit states: 3 is credited, 10012 to the funding pool; 4 failed [C]. */
export function readDeposit(row: f.Fields, path: string): TransferReport | null {
  const status = f.counterAt(row, 'status', path);
  if (status === 4) return null;
  return {
    // Rows had no id of their own at first [C].
    transferId: o.isAbsent(row, 'id')
      ? `${f.textAt(row, 'txID', path)}:${o.wordAt(row, 'txIndex', path)}`
      : f.idAt(row, 'id', path),
    ticker: f.symbolAt(row, 'coin', path),
    amount: f.positiveTextAt(row, 'amount', path),
    isSettled: status === 3 || status === 10012,
    timeMs: o.isAbsent(row, 'successAt') ? 0 : f.timeTextAt(row, 'successAt', path),
  };
}

/** Withdrawals leave the account with their fee when they are asked for; these states bring them back [C]. */
const CALLED_OFF = ['CancelByUser', 'Reject', 'Fail'];

export function readWithdrawal(row: f.Fields, path: string): TransferReport | null {
  if (CALLED_OFF.includes(f.textAt(row, 'status', path))) return null;
  const amount = f.positiveTextAt(row, 'amount', path);
  return {
    transferId: f.idAt(row, 'withdrawId', path),
    ticker: f.symbolAt(row, 'coin', path),
    amount: o.negated(o.sumOf([amount, o.unsignedOrZeroAt(row, 'withdrawFee', path)])),
    isSettled: true,
    timeMs: f.timeTextAt(row, 'createTime', path),
  };
}
