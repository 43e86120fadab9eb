import { BITHUMB_ENVELOPE, BITHUMB_IDS } from './bithumb-order-rows.js';
import { bithumbStream } from './bithumb-stream.js';
import * as f from './fields.js';
import { FrameError } from './frame-error.js';
import { readKeyFacts, upbitKeyFacts } from './key-facts.js';
import {
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
import { callWith, clientIdAt, parameterOf, wordAt } from './order-fields.js';
import type { Parameters } from './order-signing.js';
import type { Costs } from './rate-limiter.js';
import { readBalance, readOrder, REST_SIDES } from './upbit-order-rows.js';

/**
 * Order entry of Bithumb (PROTOCOLS §1.1, §7): orders and cancels of v2 with an id of our own, questions of v1 and v2. Placing answers
 * with a receipt. No field fences a late order, so that only orders that do not rest are sent. The exchange itself cancels what
 * would trade with ourselves. Trades are told with their order only.
 */

const PAGE = 100;
const HISTORY_PAGE = 1000;

const call = (
  method: PrivateCall['method'],
  path: string,
  parameters: Parameters,
  more: Partial<PrivateCall> = {},
): PrivateCall => ({
  method,
  path: `/${path}`,
  parameters,
  expires: false,
  costs: { question: 1 },
  timeoutMs: 10_000,
  maxBodyBytes: 1 << 20,
  ...more,
});

/** Placing and cancelling: a budget for each, and one that both share. */
const change = (what: 'order' | 'cancel'): Partial<PrivateCall> => ({
  costs: { [what]: 1, changes: 1 } satisfies Costs,
  timeoutMs: 5000,
  maxBodyBytes: 64 << 10,
});

const askFor = (parameters: Parameters): PrivateCall => call('GET', 'v1/order', parameters);

const rows = <Row>(
  answer: ExchangeAnswer,
  read: (value: unknown) => Extract<RowsAnswer<Row>, { kind: 'rows' }>,
): RowsAnswer<Row> => readAnswer<RowsAnswer<Row>>(answer, BITHUMB_ENVELOPE, read, rowsRefusal);

/** `{"orders":[…],"has_next","next_key"}`, or the bare list [D]. */
function pageOf(value: unknown, asked: PrivateCall) {
  if (Array.isArray(value)) return { list: rowsOf(value), next: [] };
  const page = f.asFields(value, 'answer');
  const list = rowsOf(f.member(page, 'orders'), 'orders');
  const key = wordAt(page, 'next_key', '');
  const isLast = f.member(page, 'has_next') === false || key === '' || list.length === 0;
  return { list, next: isLast ? [] : [callWith(asked, { next_key: key })] };
}

/** The receipt of one order. @throws FrameError when it is of another one. */
function receiptOf(value: unknown, clientOrderId: string | null): string {
  const receipt = f.asFields(value, 'answer');
  const echo = clientIdAt(receipt, 'client_order_id', '');
  if (clientOrderId !== null && echo !== clientOrderId)
    throw new FrameError('client_order_id', `'${clientOrderId}'`, echo);
  return f.idAt(receipt, 'order_id', '');
}

/** An order may be waiting for its price to be reached, too; each state is a list of its own [O]. */
const waiting = (state: 'wait' | 'watch'): PrivateCall =>
  call('GET', 'v2/orders/pending', [
    ['state', state],
    ['limit', PAGE],
    ['order_by', 'desc'],
  ]);

const HISTORIES = ['v1/deposits', 'v1/deposits/krw', 'v1/withdraws', 'v1/withdraws/krw'];

const perSecond = (name: string, capacity: number) =>
  ({ kind: 'window', name, capacity, windowMs: 1000 }) as const;

export const BITHUMB_ORDERS: OrderEntry = {
  // By address and category; orders and cancels above twenty a second on one asset may be restricted [O].
  limits: [
    perSecond('order', 140),
    perSecond('cancel', 140),
    perSecond('question', 140),
    perSecond('changes', 20),
  ],
  // HS256 [O].
  sign: tokenSigner('HS256', (apiKey, { nonce, timeMs }) => ({
    access_key: apiKey,
    nonce,
    timestamp: Math.floor(timeMs),
  })),

  place: ({ symbol, side, quantity, limitPrice, clientOrderId }) =>
    call(
      'POST',
      'v2/orders',
      [
        ['market', symbol],
        ['side', REST_SIDES[side]],
        ['order_type', 'limit'],
        ['price', limitPrice],
        ['volume', quantity],
        ['time_in_force', 'ioc'],
        ['client_order_id', clientOrderId],
      ],
      change('order'),
    ),
  parsePlace: (answer, { clientOrderId }) =>
    readAnswer(
      answer,
      BITHUMB_ENVELOPE,
      (value) => ({ kind: 'accepted', exchangeOrderId: receiptOf(value, clientOrderId), report: null }),
      placeRefusal,
    ),

  cancel: ({ clientOrderId, exchangeOrderId }) =>
    call(
      'DELETE',
      'v2/order',
      [exchangeOrderId === null ? ['client_order_id', clientOrderId] : ['order_id', exchangeOrderId]],
      change('cancel'),
    ),
  parseCancel: (answer) =>
    readAnswer<CancelAnswer>(
      answer,
      BITHUMB_ENVELOPE,
      (value) => {
        receiptOf(value, null);
        return { kind: 'accepted' };
      },
      cancelRefusal,
    ),

  lookups: ({ clientOrderId, exchangeOrderId }: OrderReference) => [
    askFor([exchangeOrderId === null ? ['client_order_id', clientOrderId] : ['uuid', exchangeOrderId]]),
  ],
  parseLookup: (answer, reference) =>
    readAnswer<OrderAnswer>(
      answer,
      BITHUMB_ENVELOPE,
      (value) => ({ kind: 'found', order: orderOf(value, reference, BITHUMB_IDS) }),
      lookupRefusal,
    ),

  openOrders: () => waiting('wait'),
  parseOpenOrders: (answer, asked) =>
    rows(answer, (value) => {
      const { list, next } = pageOf(value, asked);
      const isWatched = parameterOf(asked, 'state') === 'watch';
      return {
        kind: 'rows',
        rows: list.map(({ row, path }) => readOrder(row, path, '', BITHUMB_IDS)),
        next: next.length > 0 || isWatched ? next : [waiting('watch')],
      };
    }),

  // A start reaches seven days forward [O]. Orders that are still open are told by `openOrders`.
  fills: ({ symbol, sinceMs, exchangeOrderId }) =>
    exchangeOrderId === null
      ? call(
          'GET',
          'v2/orders/history',
          [
            ['market', symbol],
            ['states[]', 'done'],
            ['states[]', 'cancel'],
            ['start_time', new Date(Math.floor(sinceMs)).toISOString()],
            ['limit', HISTORY_PAGE],
            ['order_by', 'asc'],
          ],
          { maxBodyBytes: 4 << 20 },
        )
      : askFor([['uuid', exchangeOrderId]]),
  parseFills: (answer, { symbol }, asked) =>
    rows(answer, (value) => {
      if (asked.path.endsWith('/history')) {
        const { list, next } = pageOf(value, asked);
        return { kind: 'rows', rows: [], next: [...questionsAbout(list, askFor, BITHUMB_IDS), ...next] };
      }
      const trades = tradesOf(value, symbol, parameterOf(asked, 'uuid') ?? '', BITHUMB_IDS);
      return { kind: 'rows', rows: trades, next: [] };
    }),

  balances: () => call('GET', 'v1/accounts', []),
  parseBalances: (answer) =>
    rows(answer, (value) => ({
      kind: 'rows',
      rows: rowsOf(value).map(({ row, path }) => readBalance(row, path)),
      next: [],
    })),

  // Won has lists of its own [C].
  transfers: () =>
    HISTORIES.map((path) =>
      call('GET', path, [
        ['page', 1],
        ['limit', PAGE],
        ['order_by', 'desc'],
      ]),
    ),
  parseTransfers: (answer, sinceMs, asked) =>
    rows(answer, (value) => {
      const isDeposit = asked.path.includes('/deposits');
      return { kind: 'rows', ...transfersOf(value, { isDeposit, sinceMs, limit: PAGE }, asked) };
    }),

  // The rates of this moment: the coupon ends without a word after 30 days [O].
  feeRates: (symbol) => call('GET', 'v1/orders/chance', [['market', symbol]]),
  parseFeeRates: (answer, symbol) =>
    rows(answer, (value) => ({ kind: 'rows', rows: [readFeeRate(value, symbol)], next: [] })),

  // As Upbit's [C]; whether every key has its addresses is not told.
  keyFacts: {
    call: () => call('GET', 'v1/api_keys', []),
    parse: (answer, apiKey) =>
      readKeyFacts(answer, BITHUMB_ENVELOPE, (value) => ({
        ...upbitKeyFacts(value, apiKey),
        isAddressBound: null,
      })),
  },

  // None was found in the documentation [O].
  deadMan: null,
  stream: bithumbStream,
};
