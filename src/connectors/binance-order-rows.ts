import type { DecimalText } from '../messages/primitives.js';
import * as f from './fields.js';
import { FrameError } from './frame-error.js';
import type { Envelope, Meaning } from './order-answers.js';
import type { BalanceReport, OrderReport, TradeReport, TransferReport } from './order-entry.js';
import * as o from './order-fields.js';

/** Orders, trades and balances of Binance spot as REST sends them, and what its codes mean (PROTOCOLS §2, §3). */

export const SIDES = { buy: 'BUY', sell: 'SELL' } as const;

/** NEW, PENDING_NEW and PARTIALLY_FILLED may get more [O]. */
export const STATUS_WORDS: o.StatusWords = {
  ended: ['FILLED', 'CANCELED', 'EXPIRED', 'EXPIRED_IN_MATCH'],
  rejected: ['REJECTED'],
};

/** Trade ids count per symbol [O]. */
export function tradeIdOf(symbol: string, id: string): string {
  return `${symbol}:${id}`;
}

/** `{"code":-2010,"msg":"…"}`, with any status. */
export const BINANCE_ENVELOPE: Envelope = {
  // 418 is a ban after ignored 429; with both nothing was carried out [O].
  tooFast: [429, 418],
  errorIn(value) {
    if (!f.isFields(value) || !Object.hasOwn(value, 'code') || !Object.hasOwn(value, 'msg')) return null;
    const code = f.member(value, 'code');
    if (typeof code !== 'number' || !Number.isSafeInteger(code)) throw new FrameError('code', 'a code', code);
    const message = f.member(value, 'msg');
    return { code: String(code), message, meaning: meaningOf(code, String(message)), pauseMs: 10_000 };
  },
};

/** Codes that are not listed say nothing: better asked about than believed. */
function meaningOf(code: number, message: string): Meaning {
  // -1100 to -1130: the request is not as documented, -1013: a filter of the market [O].
  if ((code <= -1100 && code >= -1130) || code === -1013) return 'order';
  switch (code) {
    case -1003:
    case -1015:
      return 'limited';
    // Outside of `recvWindow`, or ahead of the exchange: the first is the fence at work, the second is our clock [O].
    case -1021:
      return message.includes('ahead') ? 'account' : 'expired';
    case -1022:
    case -2014:
    case -2015:
      return 'account';
    case -2010:
      return meaningOfRejection(message);
    // "Unknown order sent.", and an order that does not exist [O].
    case -2011:
    case -2013:
      return 'absent';
    // Archived: it did exist, and ended without a fill more than 90 days ago [O].
    case -2026:
      return 'order';
    default:
      // -1000, -1001, -1006, -1007: the outcome is unknown [O]; -1008, overloaded, is taken for the same [D].
      return 'unknown';
  }
}

/** -2010 tells only in words why [O]. */
function meaningOfRejection(message: string): Meaning {
  if (/duplicate order/i.test(message)) return 'duplicate';
  if (/insufficient balance/i.test(message)) return 'funds';
  if (/market is closed/i.test(message)) return 'market';
  return /account|not enabled|permission/i.test(message) ? 'account' : 'order';
}

/**
 * An order as placing (`transactTime`, `fills`) and questions (`updateTime`) answer it. After a cancel `origClientOrderId` is
 * the order's own id, and the other one the cancel's.
 */
export function readOrder(row: f.Fields, path: string): OrderReport {
  const symbol = f.symbolAt(row, 'symbol', path);
  const exchangeOrderId = f.idAt(row, 'orderId', path);
  const original = o.clientIdAt(row, 'origClientOrderId', path);
  const clientOrderId = original === '' ? o.clientIdAt(row, 'clientOrderId', path) : original;
  const side = o.sideAt(row, 'side', path, SIDES);
  const quantity = f.unsignedTextAt(row, 'origQty', path);
  const filledQuantity = f.unsignedTextAt(row, 'executedQty', path);
  const statusWord = f.textAt(row, 'status', path);
  const updatedAtMs = f.timeAt(row, Object.hasOwn(row, 'updateTime') ? 'updateTime' : 'transactTime', path);
  const fills = Object.hasOwn(row, 'fills') ? f.listAt(row, 'fills', path, 10_000) : [];
  const trades = fills.map((fill, index): TradeReport => {
    const at = `${path}fills[${index}]`;
    const fields = f.asFields(fill, at);
    return {
      ...readPayment(fields, `${at}.`),
      tradeId: tradeIdOf(symbol, o.countedIdAt(fields, 'tradeId', `${at}.`)),
      exchangeOrderId,
      clientOrderId,
      symbol,
      side,
      // What fills while an order is placed was resting before.
      liquidity: 'taker',
      timeMs: updatedAtMs,
    };
  });
  return {
    clientOrderId,
    exchangeOrderId,
    symbol,
    side,
    status: o.statusOf(statusWord, STATUS_WORDS, quantity, filledQuantity),
    statusWord,
    quantity,
    filledQuantity,
    trades,
    updatedAtMs,
  };
}

function readPayment(
  row: f.Fields,
  path: string,
): Pick<TradeReport, 'price' | 'quantity' | 'fee' | 'feeTicker'> {
  return {
    price: f.positiveTextAt(row, 'price', path),
    quantity: f.positiveTextAt(row, 'qty', path),
    fee: o.signedTextAt(row, 'commission', path),
    feeTicker: o.isAbsent(row, 'commissionAsset') ? null : f.symbolAt(row, 'commissionAsset', path),
  };
}

/** A row of `myTrades`; it does not repeat the client's id. */
export function readTrade(row: f.Fields, path: string): TradeReport {
  const symbol = f.symbolAt(row, 'symbol', path);
  return {
    ...readPayment(row, path),
    tradeId: tradeIdOf(symbol, o.countedIdAt(row, 'id', path)),
    exchangeOrderId: f.idAt(row, 'orderId', path),
    clientOrderId: null,
    symbol,
    side: f.booleanAt(row, 'isBuyer', path) ? 'buy' : 'sell',
    liquidity: f.booleanAt(row, 'isMaker', path) ? 'maker' : 'taker',
    timeMs: f.timeAt(row, 'time', path),
  };
}

export function readBalance(row: f.Fields, path: string): BalanceReport {
  return {
    ticker: f.symbolAt(row, 'asset', path),
    free: o.signedTextAt(row, 'free', path),
    locked: f.unsignedTextAt(row, 'locked', path),
    // A spot account does not lend.
    borrowed: '0',
  };
}

/** The spot wallet; 1 is the funding wallet [C]. */
const isSpotWallet = (row: f.Fields) =>
  !Object.hasOwn(row, 'walletType') || f.member(row, 'walletType') === 0;

/** Deposit states: 1 and 6 are credited, 2 and 7 never will be [C]. */
export function readDeposit(row: f.Fields, path: string): TransferReport | null {
  const status = f.counterAt(row, 'status', path);
  if (status === 2 || status === 7 || !isSpotWallet(row)) return null;
  return {
    transferId: f.idAt(row, 'id', path),
    ticker: f.symbolAt(row, 'coin', path),
    amount: f.positiveTextAt(row, 'amount', path),
    isSettled: status === 1 || status === 6,
    timeMs: f.timeAt(row, 'insertTime', path),
  };
}

/** Withdrawals leave the balance when they are asked for; 1, 3 and 5 were cancelled, refused or failed [C]. */
export function readWithdrawal(row: f.Fields, path: string): TransferReport | null {
  const status = f.counterAt(row, 'status', path);
  if (status === 1 || status === 3 || status === 5 || !isSpotWallet(row)) return null;
  const amount = f.positiveTextAt(row, 'amount', path);
  const fee: DecimalText = f.unsignedTextAt(row, 'transactionFee', path);
  return {
    transferId: f.idAt(row, 'id', path),
    ticker: f.symbolAt(row, 'coin', path),
    amount: o.negated(o.sumOf([amount, fee])),
    isSettled: true,
    timeMs: utcTimeAt(row, 'applyTime', path),
  };
}

/** `2019-10-12 11:12:02`, in UTC [C]. */
function utcTimeAt(row: f.Fields, key: string, path: string): number {
  const text = f.textAt(row, key, path);
  const parts = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)$/.exec(text);
  const timeMs = parts === null ? NaN : Date.parse(`${parts[1]}T${parts[2]}Z`);
  if (Number.isNaN(timeMs)) throw new FrameError(path + key, 'a time of day in UTC', text);
  return timeMs;
}
