import * as f from './fields.js';
import { FrameError } from './frame-error.js';
import { readKeyFacts, upbitKeyFacts } from './key-facts.js';
import { cancelRefusal, lookupRefusal, placeRefusal, readAnswer, rowsRefusal } from './order-answers.js';
import type {
  CancelAnswer,
  ExchangeAnswer,
  FeeRate,
  OrderAnswer,
  OrderEntry,
  OrderReference,
  OrderReport,
  PrivateCall,
  RowsAnswer,
} from './order-entry.js';
import { askedFor, callWith, isZero, largest, parameterOf } from './order-fields.js';
import {
  encodedQuery,
  jsonBody,
  jsonWebToken,
  plainQuery,
  sha512Hex,
  withQuery,
  type JwtAlgorithm,
  type Parameters,
} from './order-signing.js';
import {
  amountAt,
  isoTimeAt,
  readBalance,
  readOrder,
  readTransfer,
  REST_SIDES,
  UPBIT_ENVELOPE,
} from './upbit-order-rows.js';
import { upbitStream } from './upbit-stream.js';

/**
 * Order entry of Upbit (PROTOCOLS §1.1, §6). No field fences a late order, so that only orders that do not rest are sent. An
 * `identifier` is burned for ever, also when its request failed. Trades are told with their order only.
 */

const PAGE = 100;
const CLOSED_PAGE = 1000;

/** Exchange calls share a budget; placing has its own [O]. */
const call = (
  method: PrivateCall['method'],
  path: string,
  parameters: Parameters,
  more: Partial<PrivateCall> = {},
): PrivateCall => ({
  method,
  path: `/v1/${path}`,
  parameters,
  expires: false,
  costs: { exchange: 1 },
  timeoutMs: 10_000,
  maxBodyBytes: 1 << 20,
  ...more,
});

const named = (order: OrderReference): Parameters => [
  order.exchangeOrderId === null ? ['identifier', order.clientOrderId] : ['uuid', order.exchangeOrderId],
];

/** The claims of a token: the query is hashed as it is, not percent-encoded, and a body as if it were one [O]. */
export function upbitClaims(apiKey: string, nonce: string, parameters: Parameters): Record<string, string> {
  return {
    access_key: apiKey,
    nonce,
    ...(parameters.length > 0 && {
      query_hash: sha512Hex(plainQuery(parameters)),
      query_hash_alg: 'SHA512',
    }),
  };
}

const signWith =
  (algorithm: JwtAlgorithm): OrderEntry['sign'] =>
  (asked, { apiKey, secret }, { nonce }) => {
    const isPost = asked.method === 'POST';
    const token = jsonWebToken(upbitClaims(apiKey, nonce, asked.parameters), secret, algorithm);
    return {
      method: asked.method,
      path: isPost ? asked.path : withQuery(asked.path, encodedQuery(asked.parameters)),
      headers: {
        Authorization: `Bearer ${token}`,
        ...(isPost && { 'Content-Type': 'application/json' }),
      },
      body: isPost ? jsonBody(asked.parameters) : null,
    };
  };

const rows = <Row>(
  answer: ExchangeAnswer,
  read: (value: unknown) => Extract<RowsAnswer<Row>, { kind: 'rows' }>,
): RowsAnswer<Row> => readAnswer<RowsAnswer<Row>>(answer, UPBIT_ENVELOPE, read, rowsRefusal);

function rowsOf(value: unknown): { readonly row: f.Fields; readonly path: string }[] {
  if (!Array.isArray(value)) throw new FrameError('answer', 'an array', value);
  return value.map((row, index) => ({ row: f.asFields(row, `[${index}]`), path: `[${index}].` }));
}

/** The order that was asked for; only an older one does not repeat its id. */
function orderOf(value: unknown, reference: OrderReference): OrderReport {
  const order = readOrder(f.asFields(value, 'answer'), '', reference.clientOrderId);
  return askedFor(order, reference);
}

const nextPage = (asked: PrivateCall): PrivateCall =>
  callWith(asked, { page: Number(parameterOf(asked, 'page') ?? 1) + 1 });

/** Finished orders of one market since a moment, oldest first; the next page begins where this one ends. */
function readFinished(value: unknown, asked: PrivateCall): readonly PrivateCall[] {
  const list = rowsOf(value);
  const orders = list.filter(({ row, path }) => !isZero(amountAt(row, 'executed_volume', path)));
  const calls = orders.map(({ row, path }) => call('GET', 'order', [['uuid', f.idAt(row, 'uuid', path)]]));
  const last = list.at(-1);
  if (list.length < CLOSED_PAGE || last === undefined) return calls;
  const startTime = new Date(isoTimeAt(last.row, 'created_at', last.path)).toISOString();
  if (startTime === parameterOf(asked, 'start_time'))
    throw new FrameError('answer', 'a page that ends later than it begins', startTime);
  return [...calls, callWith(asked, { start_time: startTime })];
}

function readFeeRate(value: unknown, symbol: string): FeeRate {
  const answer = f.asFields(value, 'answer');
  const market = f.fieldsAt(answer, 'market', '');
  if (f.symbolAt(market, 'id', 'market.') !== symbol)
    throw new FrameError('market.id', `'${symbol}'`, f.member(market, 'id'));
  // Buyers and sellers may pay differently, and the dearer of the two is told.
  const dearer = (bid: string, ask: string) =>
    largest([amountAt(answer, bid, ''), amountAt(answer, ask, '')]);
  return {
    takerFeeRate: dearer('bid_fee', 'ask_fee'),
    makerFeeRate: dearer('maker_bid_fee', 'maker_ask_fee'),
  };
}

/** HS512 is documented [O]; HS256 is accepted too [C]. */
export function upbitOrders(algorithm: JwtAlgorithm): OrderEntry {
  return {
    // By pocket of the account [O].
    limits: [
      { kind: 'window', name: 'order', capacity: 8, windowMs: 1000 },
      { kind: 'window', name: 'exchange', capacity: 30, windowMs: 1000 },
    ],
    sign: signWith(algorithm),

    place: ({ symbol, side, quantity, limitPrice, clientOrderId }) =>
      call(
        'POST',
        'orders',
        [
          ['market', symbol],
          ['side', REST_SIDES[side]],
          ['volume', quantity],
          ['price', limitPrice],
          ['ord_type', 'limit'],
          ['time_in_force', 'ioc'],
          ['identifier', clientOrderId],
          ['smp_type', 'cancel_taker'],
        ],
        { costs: { order: 1 }, timeoutMs: 5000, maxBodyBytes: 64 << 10 },
      ),
    parsePlace: (answer, { symbol, clientOrderId }) =>
      readAnswer(
        answer,
        UPBIT_ENVELOPE,
        (value) => {
          const order = readOrder(f.asFields(value, 'answer'), '');
          const report = askedFor(order, { symbol, clientOrderId, exchangeOrderId: null });
          return { kind: 'accepted', exchangeOrderId: report.exchangeOrderId, report };
        },
        placeRefusal,
      ),

    cancel: (order) => call('DELETE', 'order', named(order), { timeoutMs: 5000, maxBodyBytes: 64 << 10 }),
    parseCancel: (answer) =>
      readAnswer<CancelAnswer>(
        answer,
        UPBIT_ENVELOPE,
        (value) => {
          f.idAt(f.asFields(value, 'answer'), 'uuid', '');
          return { kind: 'accepted' };
        },
        cancelRefusal,
      ),

    lookups: (order) => [call('GET', 'order', named(order))],
    parseLookup: (answer, reference) =>
      readAnswer<OrderAnswer>(
        answer,
        UPBIT_ENVELOPE,
        (value) => ({ kind: 'found', order: orderOf(value, reference) }),
        lookupRefusal,
      ),

    openOrders: () =>
      call('GET', 'orders/open', [
        ['states[]', 'wait'],
        ['states[]', 'watch'],
        ['page', 1],
        ['limit', PAGE],
      ]),
    parseOpenOrders: (answer, asked) =>
      rows(answer, (value) => {
        const list = rowsOf(value);
        return {
          kind: 'rows',
          rows: list.map(({ row, path }) => readOrder(row, path)),
          next: list.length < PAGE ? [] : [nextPage(asked)],
        };
      }),

    // A start reaches seven days forward [C]. Orders that are still open are told by `openOrders`.
    fills: ({ symbol, sinceMs, exchangeOrderId }) =>
      exchangeOrderId === null
        ? call(
            'GET',
            'orders/closed',
            [
              ['market', symbol],
              ['states[]', 'done'],
              ['states[]', 'cancel'],
              ['start_time', new Date(Math.floor(sinceMs)).toISOString()],
              ['limit', CLOSED_PAGE],
              ['order_by', 'asc'],
            ],
            { maxBodyBytes: 4 << 20 },
          )
        : call('GET', 'order', [['uuid', exchangeOrderId]]),
    parseFills: (answer, { symbol }, asked) =>
      rows(answer, (value) => {
        if (asked.path.endsWith('/closed'))
          return { kind: 'rows', rows: [], next: readFinished(value, asked) };
        const order = readOrder(f.asFields(value, 'answer'), '');
        askedFor(order, { symbol, clientOrderId: '', exchangeOrderId: parameterOf(asked, 'uuid') ?? '' });
        // Without them the answer would say that there were none.
        if (order.trades.length === 0 && !isZero(order.filledQuantity))
          throw new FrameError('trades', `all trades of ${order.filledQuantity}`, order.trades);
        return { kind: 'rows', rows: order.trades, next: [] };
      }),

    balances: () => call('GET', 'accounts', []),
    parseBalances: (answer) =>
      rows(answer, (value) => ({
        kind: 'rows',
        rows: rowsOf(value).map(({ row, path }) => readBalance(row, path)),
        next: [],
      })),

    transfers: () =>
      ['deposits', 'withdraws'].map((path) =>
        call('GET', path, [
          ['page', 1],
          ['limit', PAGE],
          ['order_by', 'desc'],
        ]),
      ),
    parseTransfers: (answer, sinceMs, asked) =>
      rows(answer, (value) => {
        const list = rowsOf(value);
        const transfers = list.flatMap(
          ({ row, path }) => readTransfer(row, path, asked.path.endsWith('/deposits')) ?? [],
        );
        const oldestMs = Math.min(...list.map(({ row, path }) => isoTimeAt(row, 'created_at', path)));
        return {
          kind: 'rows',
          // Times are whole seconds.
          rows: transfers.filter(({ timeMs, isSettled }) => timeMs > sinceMs - 1000 || !isSettled),
          next: list.length < PAGE || oldestMs < sinceMs ? [] : [nextPage(asked)],
        };
      }),

    feeRates: (symbol) => call('GET', 'orders/chance', [['market', symbol]]),
    parseFeeRates: (answer, symbol) =>
      rows(answer, (value) => ({ kind: 'rows', rows: [readFeeRate(value, symbol)], next: [] })),

    keyFacts: {
      call: () => call('GET', 'api_keys', []),
      parse: (answer, apiKey) =>
        readKeyFacts(answer, UPBIT_ENVELOPE, (value) => upbitKeyFacts(value, apiKey)),
    },

    // None was found in the documentation [O].
    deadMan: null,
    stream: upbitStream(algorithm),
  };
}
