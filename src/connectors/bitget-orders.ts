import {
  BITGET_ENVELOPE,
  dataOf,
  listOf,
  readBalance,
  readFill,
  readOrder,
  readTransfer,
} from './bitget-order-rows.js';
import { bitgetStream } from './bitget-stream.js';
import * as f from './fields.js';
import { FrameError } from './frame-error.js';
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
import { askedFor, callWith, clientIdAt, countedIdAt } from './order-fields.js';
import { encodedQuery, hmacBase64, jsonBody, wholeMs, withQuery, type Parameters } from './order-signing.js';
import type { Costs } from './rate-limiter.js';

/**
 * Order entry of Bitget v2 spot (PROTOCOLS §1.1, §10), for classic accounts. Placing answers with a receipt; `requestTime` and
 * `receiveWindow` in the body are the fence, and fence nothing but placing. There is no dead-man switch.
 */

const ROWS = 100;
/** Below a minute [O]. */
const MAX_WINDOW_MS = 59_999;
/** Records are asked for at most so far forward [O]. */
const MAX_SPAN_MS = 90 * 86_400_000;

const call = (
  method: PrivateCall['method'],
  path: string,
  budget: string,
  parameters: Parameters,
  more: Partial<PrivateCall> = {},
): PrivateCall => ({
  method,
  path: `/api/v2/${path}`,
  parameters,
  expires: false,
  // Every call also counts for its address.
  costs: { requests: 1, [budget]: 1 } satisfies Costs,
  timeoutMs: 10_000,
  maxBodyBytes: 1 << 20,
  ...more,
});

const named = ({ clientOrderId, exchangeOrderId }: OrderReference): Parameters => [
  exchangeOrderId === null ? ['clientOid', clientOrderId] : ['orderId', exchangeOrderId],
];

const sign: OrderEntry['sign'] = (asked, { apiKey, secret, passphrase }, moment) => {
  const { timeMs, validForMs } = wholeMs(moment);
  const isPost = asked.method === 'POST';
  const path = isPost ? asked.path : withQuery(asked.path, encodedQuery(asked.parameters));
  const fence: Parameters =
    asked.expires && validForMs !== null
      ? [
          ['requestTime', String(timeMs)],
          ['receiveWindow', String(Math.min(validForMs, MAX_WINDOW_MS))],
        ]
      : [];
  const body = isPost ? jsonBody([...asked.parameters, ...fence]) : null;
  return {
    method: asked.method,
    path,
    headers: {
      'ACCESS-KEY': apiKey,
      'ACCESS-SIGN': hmacBase64(secret, timeMs + asked.method + path + (body ?? '')),
      'ACCESS-TIMESTAMP': String(timeMs),
      'ACCESS-PASSPHRASE': passphrase ?? '',
      ...(isPost && { 'Content-Type': 'application/json' }),
    },
    body,
  };
};

const rows = <Row>(
  answer: ExchangeAnswer,
  read: (value: unknown) => Extract<RowsAnswer<Row>, { kind: 'rows' }>,
): RowsAnswer<Row> => readAnswer<RowsAnswer<Row>>(answer, BITGET_ENVELOPE, read, rowsRefusal);

/** Lists come newest first; `idLessThan` asks for older ones than an id [O]. */
function olderThan(
  asked: PrivateCall,
  list: readonly { readonly row: f.Fields; readonly path: string }[],
  idField: string,
): readonly PrivateCall[] {
  const last = list.at(-1);
  return list.length < ROWS || last === undefined
    ? []
    : [callWith(asked, { idLessThan: countedIdAt(last.row, idField, last.path) })];
}

/** The receipt of one order. @throws FrameError when it is of another one. */
function receiptOf(value: unknown, clientOrderId: string | null): string {
  const receipt = f.asFields(dataOf(value), 'data');
  const echo = clientIdAt(receipt, 'clientOid', 'data.');
  if (clientOrderId !== null && echo !== clientOrderId)
    throw new FrameError('data.clientOid', `'${clientOrderId}'`, echo);
  return f.idAt(receipt, 'orderId', 'data.');
}

const perSecond = (name: string, capacity: number) =>
  ({ kind: 'window', name, capacity, windowMs: 1000 }) as const;

export const BITGET_ORDERS: OrderEntry = {
  // By account and second [O]; rates of fees and records [C].
  limits: [
    perSecond('place', 10),
    perSecond('cancel', 10),
    perSecond('orderInfo', 20),
    perSecond('unfilled', 20),
    perSecond('fills', 10),
    perSecond('assets', 10),
    perSecond('records', 10),
    perSecond('feeRate', 10),
  ],
  sign,

  place: ({ symbol, side, quantity, limitPrice, clientOrderId }) =>
    call(
      'POST',
      'spot/trade/place-order',
      'place',
      [
        ['symbol', symbol],
        ['side', side],
        ['orderType', 'limit'],
        ['force', 'ioc'],
        ['price', limitPrice],
        ['size', quantity],
        ['clientOid', clientOrderId],
        ['stpMode', 'cancel_taker'],
      ],
      { expires: true, timeoutMs: 5000, maxBodyBytes: 64 << 10 },
    ),
  parsePlace: (answer, { clientOrderId }) =>
    readAnswer(
      answer,
      BITGET_ENVELOPE,
      (value) => ({ kind: 'accepted', exchangeOrderId: receiptOf(value, clientOrderId), report: null }),
      placeRefusal,
    ),

  cancel: (order) =>
    call('POST', 'spot/trade/cancel-order', 'cancel', [['symbol', order.symbol], ...named(order)], {
      timeoutMs: 5000,
      maxBodyBytes: 64 << 10,
    }),
  parseCancel: (answer) =>
    readAnswer<CancelAnswer>(
      answer,
      BITGET_ENVELOPE,
      (value) => {
        receiptOf(value, null);
        return { kind: 'accepted' };
      },
      cancelRefusal,
    ),

  lookups: (order) => [call('GET', 'spot/trade/orderInfo', 'orderInfo', named(order))],
  parseLookup: (answer, reference) =>
    readAnswer<OrderAnswer>(
      answer,
      BITGET_ENVELOPE,
      (value) => {
        const list = listOf(value);
        const [first] = list;
        // Empty data is the exchange's word for "not there" [O].
        if (first === undefined) return { kind: 'notFound', code: 'empty data' };
        if (list.length > 1) throw new FrameError('data', 'one order', list);
        return { kind: 'found', order: askedFor(readOrder(first.row, first.path), reference) };
      },
      lookupRefusal,
    ),

  openOrders: () => call('GET', 'spot/trade/unfilled-orders', 'unfilled', [['limit', ROWS]]),
  parseOpenOrders: (answer, asked) =>
    rows(answer, (value) => {
      const list = listOf(value);
      return {
        kind: 'rows',
        rows: list.map(({ row, path }) => readOrder(row, path)),
        next: olderThan(asked, list, 'orderId'),
      };
    }),

  fills: ({ symbol, sinceMs, exchangeOrderId }) =>
    call('GET', 'spot/trade/fills', 'fills', [
      ['symbol', symbol],
      exchangeOrderId === null ? ['startTime', Math.floor(sinceMs)] : ['orderId', exchangeOrderId],
      ['limit', ROWS],
    ]),
  parseFills: (answer, { symbol, exchangeOrderId }, asked) =>
    rows(answer, (value) => {
      const list = listOf(value);
      const trades = list.map(({ row, path }) => readFill(row, path));
      if (trades.some((trade) => trade.symbol !== symbol))
        throw new FrameError('data.symbol', `'${symbol}'`, value);
      return {
        kind: 'rows',
        rows: trades.filter((one) => exchangeOrderId === null || one.exchangeOrderId === exchangeOrderId),
        next: olderThan(asked, list, 'tradeId'),
      };
    }),

  balances: () => call('GET', 'spot/account/assets', 'assets', [['assetType', 'all']]),
  parseBalances: (answer) =>
    rows(answer, (value) => ({
      kind: 'rows',
      rows: listOf(value).map(({ row, path }) => readBalance(row, path)),
      next: [],
    })),

  // Both ends have to be named [O]: an end that is still to come reaches to now.
  transfers: (sinceMs) =>
    ['deposit', 'withdrawal'].map((kind) =>
      call('GET', `spot/wallet/${kind}-records`, 'records', [
        ['startTime', Math.floor(sinceMs)],
        ['endTime', Math.floor(sinceMs) + MAX_SPAN_MS],
        ['limit', ROWS],
      ]),
    ),
  parseTransfers: (answer, _sinceMs, asked) =>
    rows(answer, (value) => {
      const list = listOf(value);
      const isDeposit = asked.path.endsWith('/deposit-records');
      return {
        kind: 'rows',
        rows: list.flatMap(({ row, path }) => readTransfer(row, path, isDeposit) ?? []),
        next: olderThan(asked, list, 'orderId'),
      };
    }),

  feeRates: (symbol) =>
    call('GET', 'common/trade-rate', 'feeRate', [
      ['symbol', symbol],
      ['businessType', 'spot'],
    ]),
  parseFeeRates: (answer) =>
    rows(answer, (value) => {
      const data = f.asFields(dataOf(value), 'data');
      return {
        kind: 'rows',
        rows: [
          {
            takerFeeRate: f.unsignedTextAt(data, 'takerFeeRate', 'data.'),
            makerFeeRate: f.unsignedTextAt(data, 'makerFeeRate', 'data.'),
          },
        ],
        next: [],
      };
    }),

  // Only unified accounts have one [C].
  deadMan: null,
  stream: bitgetStream,
};
