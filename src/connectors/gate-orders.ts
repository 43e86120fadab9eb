import * as f from './fields.js';
import {
  GATE_ENVELOPE,
  readBalance,
  readDeposit,
  readOrder,
  readTrade,
  readWithdrawal,
  rowsOf,
  textOf,
} from './gate-order-rows.js';
import { gateStream } from './gate-stream.js';
import { gateKeyFacts, readKeyFacts } from './key-facts.js';
import { cancelRefusal, lookupRefusal, placeRefusal, readAnswer, rowsRefusal } from './order-answers.js';
import { ORDER_CALL, privateCall } from './order-calls.js';
import type {
  CancelAnswer,
  ExchangeAnswer,
  OrderAnswer,
  OrderEntry,
  OrderReference,
  OrderReport,
  PlaceAnswer,
  PrivateCall,
  RowsAnswer,
} from './order-entry.js';
import { askedFor, callWith, parameterOf } from './order-fields.js';
import { isNamed, orderByFills } from './order-lists.js';
import {
  encodedQuery,
  hmacSha512Hex,
  jsonBody,
  plainQuery,
  sha512Hex,
  wholeMs,
  withQuery,
  type Parameters,
} from './order-signing.js';

/**
 * Order entry of Gate spot (PROTOCOLS §1.1, §9). The answer to placing is the whole order; `x-gate-exptime` is the fence and goes with
 * placing only. The look-up by the client's id may forget an order as it ends (§9.6), so that the lists of open and of finished
 * orders and that of trades are asked beside it, and only all four of them say that there is none.
 */

const ROWS = 100;
const TRADES = 1000;
const TRANSFERS = 100;
/** An order that stayed open by mistake ends later than it was placed, and the list of finished ones goes by the end. */
const LATE_END_MS = 60_000;

const ORDERS_PATH = '/api/v4/spot/orders';

const named = ({ clientOrderId, exchangeOrderId }: OrderReference): string =>
  `${ORDERS_PATH}/${encodeURIComponent(exchangeOrderId ?? textOf(clientOrderId))}`;

const sign: OrderEntry['sign'] = (asked, { apiKey, secret }, moment) => {
  const { timeMs, validForMs } = wholeMs(moment);
  const isPost = asked.method === 'POST';
  const body = isPost ? jsonBody(asked.parameters) : null;
  const seconds = String(Math.floor(timeMs / 1000));
  // The query is signed as it reads, and sent percent-encoded [O].
  const query = isPost ? '' : plainQuery(asked.parameters);
  const text = [asked.method, asked.path, query, sha512Hex(body ?? ''), seconds].join('\n');
  return {
    method: asked.method,
    path: isPost ? asked.path : withQuery(asked.path, encodedQuery(asked.parameters)),
    headers: {
      KEY: apiKey,
      Timestamp: seconds,
      SIGN: hmacSha512Hex(secret, text),
      ...(asked.expires && validForMs !== null && { 'x-gate-exptime': String(timeMs + validForMs) }),
      'Content-Type': 'application/json',
    },
    body,
  };
};

const rows = <Row>(
  answer: ExchangeAnswer,
  content: (value: unknown) => Extract<RowsAnswer<Row>, { kind: 'rows' }>,
): RowsAnswer<Row> => readAnswer<RowsAnswer<Row>>(answer, GATE_ENVELOPE, content, rowsRefusal);

const seconds = (ms: number): number => Math.floor(ms / 1000);

/** Seconds between which it can have been placed; the end is later by `lateMs`. */
function momentsOf({ placedAtMs, placedUntilMs }: OrderReference, lateMs: number): Parameters {
  return [
    ...(placedAtMs === undefined ? [] : [['from', seconds(placedAtMs)] as const]),
    ...(placedUntilMs === undefined ? [] : [['to', seconds(placedUntilMs + lateMs) + 1] as const]),
  ];
}

/** Lists are newest first, in pages that are counted: what is new meanwhile moves rows to later pages, and loses none. */
function nextPage(asked: PrivateCall, received: number, full: number): readonly PrivateCall[] {
  const page = Number(parameterOf(asked, 'page') ?? 1);
  return received < full ? [] : [callWith(asked, { page: page + 1 })];
}

const listCall = (order: OrderReference, status: 'open' | 'finished'): PrivateCall =>
  privateCall('GET', ORDERS_PATH, {
    costs: { orders: 1 },
    parameters: [
      ['currency_pair', order.symbol],
      ['status', status],
      ...(status === 'open' ? [] : momentsOf(order, LATE_END_MS)),
      ['limit', ROWS],
      ['page', 1],
    ],
  });

const TRADES_PATH = '/api/v4/spot/my_trades';
const tradesCall = (symbol: string, which: Parameters): PrivateCall =>
  privateCall('GET', TRADES_PATH, {
    costs: { trades: 1 },
    parameters: [['currency_pair', symbol], ...which, ['limit', TRADES], ['page', 1]],
  });

const tradesLookup = (order: OrderReference): PrivateCall =>
  tradesCall(
    order.symbol,
    order.exchangeOrderId === null ? momentsOf(order, LATE_END_MS) : [['order_id', order.exchangeOrderId]],
  );

/** What a list says about an order that was found in it, or not; `rest` asks for what is older than a full one. */
function inList(
  found: OrderReport | null | undefined,
  reference: OrderReference,
  rest: PrivateCall | null,
): OrderAnswer {
  if (found !== undefined && found !== null) return { kind: 'found', order: askedFor(found, reference) };
  return rest === null ? { kind: 'notFound', code: 'not in the list' } : { kind: 'more', next: rest };
}

/** The same list up to the last moment of a full page: a few rows come twice, and none is left out. */
function upTo(asked: PrivateCall, times: readonly number[], full: number): PrivateCall | null {
  return times.length < full ? null : callWith(asked, { to: seconds(Math.min(...times)) + 1 });
}

function inTrades(value: unknown, reference: OrderReference): OrderAnswer {
  const trades = rowsOf(value).map(({ row, path }) => readTrade(row, path, reference.symbol));
  const times = trades.map(({ timeMs }) => timeMs);
  return inList(orderByFills(trades, reference), reference, upTo(tradesLookup(reference), times, TRADES));
}

function inOrders(value: unknown, reference: OrderReference, status: 'open' | 'finished'): OrderAnswer {
  const orders = rowsOf(value).map(({ row, path }) => readOrder(row, path));
  const found = orders.find(isNamed(reference));
  // Orders of ours do not rest: so many open ones are somebody else's, and their list has no times to go on by.
  if (status === 'open' && found === undefined && orders.length >= ROWS)
    return { kind: 'refused', code: 'LIST', reason: `${ROWS} and more open orders of one market` };
  const times = orders.map(({ updatedAtMs }) => updatedAtMs);
  const rest = status === 'open' ? null : upTo(listCall(reference, status), times, ROWS);
  return inList(found, reference, rest);
}

/** By position: by its name, among the open ones, among the finished ones, by its trades. */
function lookedUp(value: unknown, reference: OrderReference, position: number): OrderAnswer {
  if (position === 3) return inTrades(value, reference);
  if (position > 0) return inOrders(value, reference, position === 1 ? 'open' : 'finished');
  const order = readOrder(f.asFields(value, 'answer'), '');
  return { kind: 'found', order: askedFor(order, reference) };
}

function accepted(value: unknown, symbol: string, clientOrderId: string): PlaceAnswer {
  const order = readOrder(f.asFields(value, 'answer'), '');
  const report = askedFor(order, { symbol, clientOrderId, exchangeOrderId: null });
  return { kind: 'accepted', exchangeOrderId: report.exchangeOrderId, report };
}

/** `[{"currency_pair","total","orders":[…]}]`: a page has so many orders of each market [O]. */
function openOnPage(value: unknown, asked: PrivateCall): Extract<RowsAnswer<OrderReport>, { kind: 'rows' }> {
  const groups = rowsOf(value).map(({ row, path }) =>
    f.listAt(row, 'orders', path, ROWS).map((order, index) => {
      const at = `${path}orders[${index}]`;
      return readOrder(f.asFields(order, at), `${at}.`);
    }),
  );
  const longest = Math.max(0, ...groups.map((group) => group.length));
  return { kind: 'rows', rows: groups.flat(), next: nextPage(asked, longest, ROWS) };
}

const per = (name: string, capacity: number, windowMs: number) =>
  ({ kind: 'window', name, capacity, windowMs }) as const;
const question = (name: string) => per(name, 200, 10_000);

export const GATE_ORDERS: OrderEntry = {
  // Placing is counted by account and market [O]: one budget for all markets is the careful reading. Questions by endpoint [O].
  limits: [
    per('place', 10, 1000),
    per('cancel', 200, 1000),
    ...['order', 'orders', 'openOrders', 'trades', 'accounts', 'account', 'fee'].map(question),
    ...['deposits', 'withdrawals', 'countdown'].map(question),
  ],
  sign,

  place: ({ symbol, side, quantity, limitPrice, clientOrderId }) =>
    privateCall('POST', ORDERS_PATH, {
      ...ORDER_CALL,
      costs: { place: 1 },
      expires: true,
      parameters: [
        ['text', textOf(clientOrderId)],
        ['currency_pair', symbol],
        ['type', 'limit'],
        ['account', 'spot'],
        ['side', side],
        ['amount', quantity],
        ['price', limitPrice],
        ['time_in_force', 'ioc'],
        ['action_mode', 'FULL'],
      ],
    }),
  parsePlace: (answer, { symbol, clientOrderId }) =>
    readAnswer<PlaceAnswer>(
      answer,
      GATE_ENVELOPE,
      (value) => accepted(value, symbol, clientOrderId),
      placeRefusal,
    ),

  cancel: (order) =>
    privateCall('DELETE', named(order), {
      ...ORDER_CALL,
      costs: { cancel: 1 },
      parameters: [['currency_pair', order.symbol]],
    }),
  parseCancel: (answer) =>
    readAnswer<CancelAnswer>(
      answer,
      GATE_ENVELOPE,
      (value) => {
        readOrder(f.asFields(value, 'answer'), '');
        return { kind: 'accepted' };
      },
      cancelRefusal,
    ),

  lookups: (order) => [
    privateCall('GET', named(order), { costs: { order: 1 }, parameters: [['currency_pair', order.symbol]] }),
    listCall(order, 'open'),
    listCall(order, 'finished'),
    tradesLookup(order),
  ],
  parseLookup: (answer, reference, position) =>
    readAnswer<OrderAnswer>(
      answer,
      GATE_ENVELOPE,
      (value) => lookedUp(value, reference, position),
      lookupRefusal,
    ),

  openOrders: () =>
    privateCall('GET', '/api/v4/spot/open_orders', {
      costs: { openOrders: 1 },
      parameters: [
        ['account', 'spot'],
        ['limit', ROWS],
        ['page', 1],
      ],
    }),
  parseOpenOrders: (answer, asked) => rows(answer, (value) => openOnPage(value, asked)),

  fills: ({ symbol, sinceMs, exchangeOrderId }) =>
    tradesCall(
      symbol,
      exchangeOrderId === null ? [['from', seconds(sinceMs)]] : [['order_id', exchangeOrderId]],
    ),
  parseFills: (answer, { symbol, exchangeOrderId }, asked) =>
    rows(answer, (value) => {
      const list = rowsOf(value).map(({ row, path }) => readTrade(row, path, symbol));
      return {
        kind: 'rows',
        rows: list.filter(
          (one) =>
            one.symbol === symbol && (exchangeOrderId === null || one.exchangeOrderId === exchangeOrderId),
        ),
        next: nextPage(asked, list.length, TRADES),
      };
    }),

  balances: () => privateCall('GET', '/api/v4/spot/accounts', { costs: { accounts: 1 } }),
  parseBalances: (answer) =>
    rows(answer, (value) => ({
      kind: 'rows',
      rows: rowsOf(value).map(({ row, path }) => readBalance(row, path, 'locked')),
      next: [],
    })),

  transfers: (sinceMs) =>
    (['deposits', 'withdrawals'] as const).map((kind) =>
      privateCall('GET', `/api/v4/wallet/${kind}`, {
        costs: { [kind]: 1 },
        parameters: [
          ['from', seconds(sinceMs)],
          ['limit', TRANSFERS],
          ['offset', 0],
        ],
      }),
    ),
  parseTransfers: (answer, _sinceMs, asked) =>
    rows(answer, (value) => {
      const list = rowsOf(value);
      const read = asked.path.endsWith('/deposits') ? readDeposit : readWithdrawal;
      const offset = Number(parameterOf(asked, 'offset')) + TRANSFERS;
      return {
        kind: 'rows',
        rows: list.flatMap(({ row, path }) => read(row, path) ?? []),
        next: list.length < TRANSFERS ? [] : [callWith(asked, { offset })],
      };
    }),

  feeRates: (symbol) =>
    privateCall('GET', '/api/v4/spot/fee', {
      costs: { fee: 1 },
      parameters: [['currency_pair', symbol]],
    }),
  parseFeeRates: (answer) =>
    rows(answer, (value) => {
      const row = f.asFields(value, 'answer');
      return {
        kind: 'rows',
        rows: [
          {
            takerFeeRate: f.unsignedTextAt(row, 'taker_fee', ''),
            makerFeeRate: f.unsignedTextAt(row, 'maker_fee', ''),
          },
        ],
        next: [],
      };
    }),

  keyFacts: {
    call: () => privateCall('GET', '/api/v4/account/detail', { costs: { account: 1 } }),
    parse: (answer) => readKeyFacts(answer, GATE_ENVELOPE, gateKeyFacts),
  },

  deadMan: {
    // Whole seconds from 5 on; 0 switches it off [O].
    call: (timeoutMs) =>
      privateCall('POST', '/api/v4/spot/countdown_cancel_all', {
        ...ORDER_CALL,
        costs: { countdown: 1 },
        parameters: [['timeout', timeoutMs === 0 ? 0 : Math.max(5, Math.ceil(timeoutMs / 1000))]],
      }),
    parse: (answer) =>
      readAnswer<CancelAnswer>(
        answer,
        GATE_ENVELOPE,
        (value) => {
          f.timeTextAt(f.asFields(value, 'answer'), 'triggerTime', '');
          return { kind: 'accepted' };
        },
        cancelRefusal,
      ),
  },
  stream: gateStream,
};
