import {
  BYBIT_ENVELOPE,
  listOf,
  readBalances,
  readDeposit,
  readExecution,
  readOrder,
  readWithdrawal,
  resultOf,
} from './bybit-order-rows.js';
import { bybitStream } from './bybit-stream.js';
import * as f from './fields.js';
import { FrameError } from './frame-error.js';
import { bybitKeyFacts, readKeyFacts } from './key-facts.js';
import { cancelRefusal, lookupRefusal, placeRefusal, readAnswer, rowsRefusal } from './order-answers.js';
import type {
  CancelAnswer,
  ExchangeAnswer,
  OrderAnswer,
  OrderEntry,
  OrderReference,
  PrivateCall,
  RowsAnswer,
} from './order-entry.js';
import { askedFor, callWith, clientIdAt, wordAt } from './order-fields.js';
import { hmacHex, jsonBody, wholeMs, withQuery, type Parameters } from './order-signing.js';
import type { Costs } from './rate-limiter.js';
import { bybitNetworks, WALLET_BODY_BYTES } from './signed-wallets.js';

/**
 * Order entry of Bybit v5 spot (PROTOCOLS §1.1, §5). Create and cancel are receipts: what became of an order is told by the
 * stream or a question [O]. The receive window is the fence. An order is looked for among the open, the recently closed and the
 * finished ones; only three empty lists say that it is not there.
 */

const ROWS = 100;
const DEFAULT_WINDOW_MS = 5000;

const call = (
  method: PrivateCall['method'],
  path: string,
  budget: string,
  parameters: Parameters,
  more: Partial<PrivateCall> = {},
): PrivateCall => ({
  method,
  path: `/v5/${path}`,
  parameters,
  expires: false,
  // Every call also counts for its address.
  costs: { requests: 1, [budget]: 1 } satisfies Costs,
  timeoutMs: 10_000,
  maxBodyBytes: 1 << 20,
  ...more,
});

const named = (order: OrderReference): Parameters => [
  ['category', 'spot'],
  ['symbol', order.symbol],
  order.exchangeOrderId === null ? ['orderLinkId', order.clientOrderId] : ['orderId', order.exchangeOrderId],
];

/**
 * The query as it is sent and signed: cursors come percent-encoded and go back as they came, so that only what cannot stand in
 * an address is encoded.
 */
export function bybitQuery(parameters: Parameters): string {
  const value = (text: string) => text.replaceAll(/[^\w\-.~,:%]/gu, (letter) => encodeURIComponent(letter));
  return parameters.map(([name, text]) => `${name}=${value(String(text))}`).join('&');
}

const sign: OrderEntry['sign'] = (asked, { apiKey, secret }, moment) => {
  const { timeMs, validForMs } = wholeMs(moment);
  const isPost = asked.method === 'POST';
  const query = isPost ? '' : bybitQuery(asked.parameters);
  const body = isPost ? jsonBody(asked.parameters) : null;
  const window = asked.expires && validForMs !== null ? Math.min(validForMs, 60_000) : DEFAULT_WINDOW_MS;
  return {
    method: asked.method,
    path: withQuery(asked.path, query),
    headers: {
      'X-BAPI-API-KEY': apiKey,
      'X-BAPI-TIMESTAMP': String(timeMs),
      'X-BAPI-RECV-WINDOW': String(window),
      'X-BAPI-SIGN': hmacHex(secret, `${timeMs}${apiKey}${window}${body ?? query}`),
      'Content-Type': 'application/json',
    },
    body,
  };
};

const rows = <Row>(
  answer: ExchangeAnswer,
  read: (result: f.Fields) => Extract<RowsAnswer<Row>, { kind: 'rows' }>,
): RowsAnswer<Row> =>
  readAnswer<RowsAnswer<Row>>(answer, BYBIT_ENVELOPE, (value) => read(resultOf(value)), rowsRefusal);

/** The next page, where the answer names one and this one was full. */
function nextPage(asked: PrivateCall, result: f.Fields, received: number): readonly PrivateCall[] {
  const cursor = wordAt(result, 'nextPageCursor', 'result.');
  return cursor === '' || received < limitOf(asked) ? [] : [callWith(asked, { cursor })];
}

const limitOf = (asked: PrivateCall) =>
  Number(asked.parameters.find(([name]) => name === 'limit')?.[1] ?? ROWS);

/** The receipt of one order. @throws FrameError when it is of another one. */
function receiptOf(value: unknown, clientOrderId: string | null): string {
  const result = resultOf(value);
  const echo = clientIdAt(result, 'orderLinkId', 'result.');
  if (clientOrderId !== null && echo !== clientOrderId)
    throw new FrameError('result.orderLinkId', `'${clientOrderId}'`, echo);
  return f.idAt(result, 'orderId', 'result.');
}

const perSecond = (name: string, capacity: number) =>
  ({ kind: 'window', name, capacity, windowMs: 1000 }) as const;

export const BYBIT_ORDERS: OrderEntry = {
  // By account and second [O]; wallet, fee rate and records [C].
  limits: [
    perSecond('create', 20),
    perSecond('cancel', 20),
    perSecond('realtime', 50),
    perSecond('history', 50),
    perSecond('executions', 50),
    perSecond('account', 50),
    perSecond('feeRate', 10),
    perSecond('records', 5),
    perSecond('keys', 10),
  ],
  sign,

  place: ({ symbol, side, quantity, limitPrice, clientOrderId }) =>
    call(
      'POST',
      'order/create',
      'create',
      [
        ['category', 'spot'],
        ['symbol', symbol],
        ['side', side === 'buy' ? 'Buy' : 'Sell'],
        ['orderType', 'Limit'],
        ['qty', quantity],
        ['price', limitPrice],
        ['timeInForce', 'IOC'],
        ['orderLinkId', clientOrderId],
        ['isLeverage', 0],
        ['smpType', 'CancelTaker'],
      ],
      { expires: true, timeoutMs: 5000, maxBodyBytes: 64 << 10 },
    ),
  parsePlace: (answer, { clientOrderId }) =>
    readAnswer(
      answer,
      BYBIT_ENVELOPE,
      (value) => ({ kind: 'accepted', exchangeOrderId: receiptOf(value, clientOrderId), report: null }),
      placeRefusal,
    ),

  cancel: (order) =>
    call('POST', 'order/cancel', 'cancel', named(order), { timeoutMs: 5000, maxBodyBytes: 64 << 10 }),
  parseCancel: (answer) =>
    readAnswer<CancelAnswer>(
      answer,
      BYBIT_ENVELOPE,
      (value) => {
        receiptOf(value, null);
        return { kind: 'accepted' };
      },
      cancelRefusal,
    ),

  lookups: (order) => [
    call('GET', 'order/realtime', 'realtime', [...named(order), ['openOnly', 0]]),
    call('GET', 'order/realtime', 'realtime', [...named(order), ['openOnly', 1]]),
    call('GET', 'order/history', 'history', named(order)),
  ],
  parseLookup: (answer, reference) =>
    readAnswer<OrderAnswer>(
      answer,
      BYBIT_ENVELOPE,
      (value) => {
        const orders = listOf(resultOf(value)).map(({ row, path }) => readOrder(row, path));
        if (orders.length === 0) return { kind: 'notFound', code: 'empty list' };
        // After a cancel that lost the race an order may be told twice: the later state counts [O].
        const newest = orders.reduce((last, one) => (one.updatedAtMs > last.updatedAtMs ? one : last));
        return { kind: 'found', order: askedFor(newest, reference) };
      },
      lookupRefusal,
    ),

  openOrders: () =>
    call('GET', 'order/realtime', 'realtime', [
      ['category', 'spot'],
      ['openOnly', 0],
      ['limit', 50],
    ]),
  parseOpenOrders: (answer, asked) =>
    rows(answer, (result) => {
      const orders = listOf(result).map(({ row, path }) => readOrder(row, path));
      return { kind: 'rows', rows: orders, next: nextPage(asked, result, orders.length) };
    }),

  // A start alone reaches seven days forward [O].
  fills: ({ symbol, sinceMs, exchangeOrderId }) =>
    call('GET', 'execution/list', 'executions', [
      ['category', 'spot'],
      ['symbol', symbol],
      exchangeOrderId === null ? ['startTime', Math.floor(sinceMs)] : ['orderId', exchangeOrderId],
      ['limit', ROWS],
    ]),
  parseFills: (answer, { symbol, exchangeOrderId }, asked) =>
    rows(answer, (result) => {
      const list = listOf(result);
      const trades = list.flatMap(({ row, path }) => readExecution(row, path) ?? []);
      return {
        kind: 'rows',
        rows: trades.filter(
          (one) =>
            one.symbol === symbol && (exchangeOrderId === null || one.exchangeOrderId === exchangeOrderId),
        ),
        next: nextPage(asked, result, list.length),
      };
    }),

  balances: () => call('GET', 'account/wallet-balance', 'account', [['accountType', 'UNIFIED']]),
  parseBalances: (answer) =>
    rows(answer, (result) => {
      const list = listOf(result);
      if (list.length !== 1) throw new FrameError('result.list', 'one account', list);
      return { kind: 'rows', rows: list.flatMap(({ row, path }) => readBalances(row, path)), next: [] };
    }),

  transfers: (sinceMs) => [
    call('GET', 'asset/deposit/query-record', 'records', [
      ['startTime', Math.floor(sinceMs)],
      ['limit', 50],
    ]),
    // Both kinds: on chain, and within the exchange [C].
    call('GET', 'asset/withdraw/query-record', 'records', [
      ['withdrawType', 2],
      ['startTime', Math.floor(sinceMs)],
      ['limit', 50],
    ]),
  ],
  parseTransfers: (answer, _sinceMs, asked) =>
    rows(answer, (result) => {
      const list = listOf(result, 'rows');
      const read = asked.path.includes('/deposit/') ? readDeposit : readWithdrawal;
      return {
        kind: 'rows',
        rows: list.flatMap(({ row, path }) => read(row, path) ?? []),
        next: nextPage(asked, result, list.length),
      };
    }),

  feeRates: (symbol) =>
    call('GET', 'account/fee-rate', 'feeRate', [
      ['category', 'spot'],
      ['symbol', symbol],
    ]),
  parseFeeRates: (answer, symbol) =>
    rows(answer, (result) => {
      const found = listOf(result).find(({ row }) => f.member(row, 'symbol') === symbol);
      if (found === undefined) throw new FrameError('result.list', `the rates of '${symbol}'`, result);
      const { row, path } = found;
      return {
        kind: 'rows',
        rows: [
          {
            takerFeeRate: f.unsignedTextAt(row, 'takerFeeRate', path),
            makerFeeRate: f.unsignedTextAt(row, 'makerFeeRate', path),
          },
        ],
        next: [],
      };
    }),

  keyFacts: {
    call: () => call('GET', 'user/query-api', 'keys', []),
    parse: (answer) => readKeyFacts(answer, BYBIT_ENVELOPE, (value) => bybitKeyFacts(resultOf(value))),
  },

  wallets: {
    call: () => call('GET', 'asset/coin/query-info', 'records', [], { maxBodyBytes: WALLET_BODY_BYTES }),
    parse: (answer, lookup) =>
      rows(answer, (result) => ({ kind: 'rows', rows: bybitNetworks(result, lookup), next: [] })),
  },

  // For institutions only [O].
  deadMan: null,
  stream: bybitStream,
};
