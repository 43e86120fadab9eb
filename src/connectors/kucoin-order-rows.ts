import * as f from './fields.js';
import { FrameError } from './frame-error.js';
import { nanosecondsAt } from './kucoin-fields.js';
import type { Envelope, Meaning } from './order-answers.js';
import type { BalanceReport, OrderReport, TradeReport, TransferReport } from './order-entry.js';
import * as o from './order-fields.js';

/** Orders, fills and balances of KuCoin spot, by REST and on the socket alike, and what its codes mean (PROTOCOLS §2, §8). */

const SIDES = { buy: 'buy', sell: 'sell' } as const;

const listed = (meaning: Meaning, ...codes: string[]) => codes.map((code) => [code, meaning] as const);

/** Codes that are not listed say nothing: better asked about than believed. All of them [C] unless noted. */
const MEANINGS = new Map<string, Meaning>([
  // A time-out of the network, calls behind the gateway that failed, server errors.
  ...listed('unknown', '408000', '126038', '126039', '500000', '503'),
  // 429000 [O]; 1015 is the firewall in front.
  ...listed('limited', '429000', '1015'),
  ...listed('funds', '200004', '210021', '230003', '126013'),
  // Parameters, below the minimum, protection of the price.
  ...listed('order', '400100', '400600', '300000', '126003', '600100', '126022', '400370', '400760'),
  ...listed('market', '126007', '126009', '200001', '900001'),
  ...listed('expired', '126041', '400002'),
  // Key, signature, passphrase, address, permission; a frozen account.
  ...listed('account', '400001', '400003', '400004', '400005', '400006', '400007', '411100'),
  ...listed('duplicate', '126033', '126044'),
  ...listed('absent', '126043'),
]);

/** 400100 is the code of wrong parameters and of orders that are not there [C]: only its words tell them apart. */
const IS_ABSENT =
  /order[ _]?(?:does|is)?[ _]?not[ _]?(?:exist|found)|not[ _]allow\w*[ _]to[ _]be[ _]cancel|cannot be cancel/i;

/** Pools of 30 s [O]. */
const POOL_MS = 30_000;

/** `{"code":"200000","data":…}`; every other code is an error, also with HTTP 200 [O]. One list is seen with "200" [C]. */
export const KUCOIN_ENVELOPE: Envelope = {
  tooFast: [429],
  errorIn(value) {
    const answer = f.asFields(value, 'answer');
    const code = f.textAt(answer, 'code', '');
    if (!/^\d{3,6}$/.test(code)) throw new FrameError('code', 'a code', code);
    if (code === '200000' || code === '200') return null;
    const message = f.member(answer, 'msg');
    const isAbsent = code === '400100' && typeof message === 'string' && IS_ABSENT.test(message);
    const meaning = isAbsent ? 'absent' : (MEANINGS.get(code) ?? 'unknown');
    return { code, message, meaning, pauseMs: POOL_MS };
  },
};

/** 429000 without the headers of a budget is an overload of the exchange: nothing is known of the outcome [O]. */
export const KUCOIN_OVERLOADED: Envelope = {
  tooFast: KUCOIN_ENVELOPE.tooFast,
  errorIn(value, status) {
    const error = KUCOIN_ENVELOPE.errorIn(value, status);
    return error?.code === '429000' ? { ...error, meaning: 'unknown' } : error;
  },
};

/** The content of an answer without an error, as an object. @throws FrameError */
export function dataAt(value: unknown): f.Fields {
  return f.fieldsAt(f.asFields(value, 'answer'), 'data', '');
}

/** The rows of a list, each with the path that names it; `key` null = the content itself is the list. */
export function rowsAt(
  value: unknown,
  key: string | null,
): { readonly row: f.Fields; readonly path: string }[] {
  const list =
    key === null
      ? f.listAt(f.asFields(value, 'answer'), 'data', '', 1000)
      : f.listAt(dataAt(value), key, 'data.', 1000);
  return list.map((row, index) => {
    const at = key === null ? `data[${index}]` : `data.${key}[${index}]`;
    return { row: f.asFields(row, at), path: `${at}.` };
  });
}

/** There is no word for the state of an order [C]: these are made of its two flags. */
const STATUS_WORDS: o.StatusWords = { ended: ['cancelled', 'done'], rejected: [] };

export function readOrder(row: f.Fields, path: string): OrderReport {
  const filledQuantity = o.unsignedOrZeroAt(row, 'dealSize', path);
  const asked = o.unsignedOrZeroAt(row, 'size', path);
  const hasCancel = f.booleanAt(row, 'cancelExist', path);
  const statusWord = f.booleanAt(row, 'active', path) ? 'active' : hasCancel ? 'cancelled' : 'done';
  return {
    clientOrderId: o.clientIdAt(row, 'clientOid', path),
    exchangeOrderId: f.idAt(row, 'id', path),
    symbol: f.symbolAt(row, 'symbol', path),
    side: o.sideAt(row, 'side', path, SIDES),
    status: o.statusOf(statusWord, STATUS_WORDS, asked, filledQuantity),
    statusWord,
    // An order that is sized in money has no size of its own.
    quantity: o.isZero(asked) ? filledQuantity : asked,
    filledQuantity,
    trades: [],
    updatedAtMs: f.timeAt(row, 'lastUpdatedAt', path),
  };
}

/** A row of `hf/fills`. Ids are not promised to be unique over all markets, and the client's id is not repeated [C]. */
export function readFill(row: f.Fields, path: string): TradeReport {
  const symbol = f.symbolAt(row, 'symbol', path);
  return {
    tradeId: `${symbol}:${f.idAt(row, 'tradeId', path)}`,
    exchangeOrderId: f.idAt(row, 'orderId', path),
    clientOrderId: null,
    symbol,
    side: o.sideAt(row, 'side', path, SIDES),
    price: f.positiveTextAt(row, 'price', path),
    quantity: f.positiveTextAt(row, 'size', path),
    fee: o.signedOrZeroAt(row, 'fee', path),
    feeTicker: o.isAbsent(row, 'feeCurrency') ? null : f.symbolAt(row, 'feeCurrency', path),
    liquidity: f.member(row, 'liquidity') === 'maker' ? 'maker' : 'taker',
    timeMs: f.timeAt(row, 'createdAt', path),
  };
}

/** What the socket says of an order: `received`, `open`, `match`, `update`, `filled`, `canceled` [C]. */
const PUSH_WORDS: o.StatusWords = { ended: ['filled', 'canceled'], rejected: [] };

/** A push of `tradeOrdersV2`, or of `tradeOrders`, which has no `originSize`. */
export function readPushedOrder(data: f.Fields, path: string): OrderReport {
  const statusWord = f.textAt(data, 'type', path);
  const filledQuantity = o.unsignedOrZeroAt(data, 'filledSize', path);
  const asked = o.unsignedOrZeroAt(data, o.isAbsent(data, 'originSize') ? 'size' : 'originSize', path);
  return {
    clientOrderId: o.clientIdAt(data, 'clientOid', path),
    exchangeOrderId: f.idAt(data, 'orderId', path),
    symbol: f.symbolAt(data, 'symbol', path),
    side: o.sideAt(data, 'side', path, SIDES),
    status: o.statusOf(statusWord, PUSH_WORDS, asked, filledQuantity),
    statusWord,
    quantity: o.isZero(asked) ? filledQuantity : asked,
    filledQuantity,
    trades: [],
    updatedAtMs: nanosecondsAt(data, 'ts', path),
  };
}

/** Accounts of another kind cannot trade [O]. */
export function readBalance(row: f.Fields, path: string): BalanceReport | null {
  if (f.textAt(row, 'type', path) !== 'trade') return null;
  return {
    ticker: f.symbolAt(row, 'currency', path),
    free: o.signedTextAt(row, 'available', path),
    locked: f.unsignedTextAt(row, 'holds', path),
    borrowed: '0',
  };
}

/** Deposits have no id of their own [C]: transaction, currency and moment name them. */
export function readDeposit(row: f.Fields, path: string): TransferReport | null {
  const status = f.textAt(row, 'status', path);
  if (status === 'FAILURE') return null;
  const ticker = f.symbolAt(row, 'currency', path);
  const timeMs = f.timeAt(row, 'createdAt', path);
  return {
    transferId: `${ticker}:${timeMs}:${o.wordAt(row, 'walletTxId', path)}`.slice(0, 128),
    ticker,
    amount: f.positiveTextAt(row, 'amount', path),
    isSettled: status === 'SUCCESS',
    timeMs,
  };
}

/** What is sent and the network's fee leave the account when a withdrawal is asked for [D]. */
export function readWithdrawal(row: f.Fields, path: string): TransferReport | null {
  if (f.textAt(row, 'status', path) === 'FAILURE') return null;
  return {
    transferId: f.idAt(row, 'id', path),
    ticker: f.symbolAt(row, 'currency', path),
    amount: o.negated(o.sumOf([f.positiveTextAt(row, 'amount', path), o.unsignedOrZeroAt(row, 'fee', path)])),
    isSettled: true,
    timeMs: f.timeAt(row, 'createdAt', path),
  };
}
