import * as f from './fields.js';
import { FrameError } from './frame-error.js';
import { readKeyFacts, upbitKeyFacts } from './key-facts.js';
import {
  nextPage,
  orderOf,
  questionsAbout,
  readFeeRate,
  rowsOf,
  tokenSigner,
  tradesOf,
  transfersOf,
} from './korean-orders.js';
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
import { askedFor, callWith, parameterOf } from './order-fields.js';
import type { JwtAlgorithm, Parameters } from './order-signing.js';
import { isoTimeAt, readBalance, readOrder, REST_SIDES, UPBIT_ENVELOPE } from './upbit-order-rows.js';
import { upbitStream } from './upbit-stream.js';
import { upbitNetworks } from './signed-wallets.js';

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

const rows = <Row>(
  answer: ExchangeAnswer,
  read: (value: unknown) => Extract<RowsAnswer<Row>, { kind: 'rows' }>,
): RowsAnswer<Row> => readAnswer<RowsAnswer<Row>>(answer, UPBIT_ENVELOPE, read, rowsRefusal);

/** Finished orders of one market since a moment, oldest first; the next page begins where this one ends. */
function readFinished(value: unknown, asked: PrivateCall): readonly PrivateCall[] {
  const list = rowsOf(value);
  const calls = questionsAbout(list, (parameters) => call('GET', 'order', parameters));
  const last = list.at(-1);
  if (list.length < CLOSED_PAGE || last === undefined) return calls;
  const startTime = new Date(isoTimeAt(last.row, 'created_at', last.path)).toISOString();
  if (startTime === parameterOf(asked, 'start_time'))
    throw new FrameError('answer', 'a page that ends later than it begins', startTime);
  return [...calls, callWith(asked, { start_time: startTime })];
}

/** HS512 is documented [O]; HS256 is accepted too [C]. */
export function upbitOrders(algorithm: JwtAlgorithm): OrderEntry {
  return {
    // By pocket of the account [O].
    limits: [
      { kind: 'window', name: 'order', capacity: 8, windowMs: 1000 },
      { kind: 'window', name: 'exchange', capacity: 30, windowMs: 1000 },
    ],
    sign: tokenSigner(algorithm, (apiKey, { nonce }) => ({ access_key: apiKey, nonce })),

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
        const trades = tradesOf(value, symbol, parameterOf(asked, 'uuid') ?? '');
        return { kind: 'rows', rows: trades, next: [] };
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
        const isDeposit = asked.path.endsWith('/deposits');
        return { kind: 'rows', ...transfersOf(value, { isDeposit, sinceMs, limit: PAGE }, asked) };
      }),

    feeRates: (symbol) => call('GET', 'orders/chance', [['market', symbol]]),
    parseFeeRates: (answer, symbol) =>
      rows(answer, (value) => ({ kind: 'rows', rows: [readFeeRate(value, symbol)], next: [] })),

    keyFacts: {
      call: () => call('GET', 'api_keys', []),
      parse: (answer, apiKey) =>
        readKeyFacts(answer, UPBIT_ENVELOPE, (value) => upbitKeyFacts(value, apiKey)),
    },

    wallets: {
      call: () => call('GET', 'status/wallet', []),
      parse: (answer, lookup) =>
        rows(answer, (value) => ({ kind: 'rows', rows: upbitNetworks(value, lookup), next: [] })),
    },

    // None was found in the documentation [O].
    deadMan: null,
    stream: upbitStream(algorithm),
  };
}
