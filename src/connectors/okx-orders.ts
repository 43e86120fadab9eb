import * as f from './fields.js';
import { FrameError } from './frame-error.js';
import { okxKeyFacts, readKeyFacts } from './key-facts.js';
import {
  dataOf,
  isSpot,
  OKX_ENVELOPE,
  readBalance,
  readDeposit,
  readFill,
  readOrder,
  readWithdrawal,
} from './okx-order-rows.js';
import { okxStream } from './okx-stream.js';
import { cancelRefusal, lookupRefusal, placeRefusal, readAnswer, rowsRefusal } from './order-answers.js';
import type {
  CancelAnswer,
  ExchangeAnswer,
  FeeRate,
  OrderAnswer,
  OrderEntry,
  OrderReference,
  PrivateCall,
  RowsAnswer,
} from './order-entry.js';
import {
  askedFor,
  callWith,
  clientIdAt,
  countedIdAt,
  isAbsent,
  negated,
  signedTextAt,
} from './order-fields.js';
import { isNamed, orderByFills } from './order-lists.js';
import { encodedQuery, hmacBase64, jsonBody, wholeMs, withQuery, type Parameters } from './order-signing.js';
import type { Costs } from './rate-limiter.js';
import { okxNetworks, WALLET_BODY_BYTES } from './signed-wallets.js';

/**
 * Order entry of OKX in spot mode (PROTOCOLS §1.1, §4). Placing answers with a receipt; `expTime` in the header is the fence, and
 * fences nothing but placing [O]. The single look-up forgets, so that the lists of finished orders and of fills are asked
 * beside it (PROTOCOLS §2 rule 3).
 */

const ROWS = 100;

const call = (
  method: PrivateCall['method'],
  path: string,
  costs: Costs,
  parameters: Parameters,
  more: Partial<PrivateCall> = {},
): PrivateCall => ({
  method,
  path: `/api/v5/${path}`,
  parameters,
  expires: false,
  costs,
  timeoutMs: 10_000,
  maxBodyBytes: 1 << 20,
  ...more,
});

const named = (order: OrderReference): Parameters => [
  ['instId', order.symbol],
  order.exchangeOrderId === null ? ['clOrdId', order.clientOrderId] : ['ordId', order.exchangeOrderId],
];

const sign: OrderEntry['sign'] = (asked, { apiKey, secret, passphrase }, moment) => {
  const { timeMs, validForMs } = wholeMs(moment);
  const isPost = asked.method === 'POST';
  const path = isPost ? asked.path : withQuery(asked.path, encodedQuery(asked.parameters));
  const body = isPost ? jsonBody(asked.parameters) : null;
  const stamp = new Date(timeMs).toISOString();
  return {
    method: asked.method,
    path,
    headers: {
      'OK-ACCESS-KEY': apiKey,
      'OK-ACCESS-SIGN': hmacBase64(secret, stamp + asked.method + path + (body ?? '')),
      'OK-ACCESS-TIMESTAMP': stamp,
      'OK-ACCESS-PASSPHRASE': passphrase ?? '',
      ...(asked.expires && validForMs !== null && { expTime: String(timeMs + validForMs) }),
      ...(isPost && { 'Content-Type': 'application/json' }),
    },
    body,
  };
};

const rows = <Row>(
  answer: ExchangeAnswer,
  read: (data: readonly f.Fields[]) => Extract<RowsAnswer<Row>, { kind: 'rows' }>,
): RowsAnswer<Row> =>
  readAnswer<RowsAnswer<Row>>(answer, OKX_ENVELOPE, (value) => read(dataOf(value)), rowsRefusal);

const readRows = <Row>(
  data: readonly f.Fields[],
  read: (row: f.Fields, path: string) => Row,
  isWanted: (row: f.Fields) => boolean = () => true,
): Row[] => data.flatMap((row, index) => (isWanted(row) ? [read(row, `data[${index}].`)] : []));

/** Lists come newest first; `after` asks for older ones than an id [O]. */
function olderThan(asked: PrivateCall, data: readonly f.Fields[], idField: string): readonly PrivateCall[] {
  const last = data.length - 1;
  return data.length < ROWS
    ? []
    : [callWith(asked, { after: countedIdAt(data[last]!, idField, `data[${last}].`) })];
}

/** When it can have been placed: however many orders have ended since, those of this time are few. */
function momentsOf({ placedAtMs, placedUntilMs }: OrderReference): [string, number][] {
  return [
    ...(placedAtMs === undefined ? [] : [['begin', placedAtMs] satisfies [string, number]]),
    ...(placedUntilMs === undefined ? [] : [['end', placedUntilMs] satisfies [string, number]]),
  ];
}

const finishedCall = (order: OrderReference): PrivateCall =>
  call('GET', 'trade/orders-history', { finished: 1 }, [
    ['instType', 'SPOT'],
    ['instId', order.symbol],
    ...momentsOf(order),
    ['limit', ROWS],
  ]);

/** Of an IOC order: it fills when it is placed, or never. */
const fillsLookup = (order: OrderReference): PrivateCall =>
  call('GET', 'trade/fills', { fills: 1 }, [
    ['instType', 'SPOT'],
    ['instId', order.symbol],
    ...(order.exchangeOrderId === null
      ? momentsOf(order)
      : [['ordId', order.exchangeOrderId] satisfies [string, string]]),
    ['limit', ROWS],
  ]);

/** Lists come newest first: a full page without the order proves something only of what is as young as the page. */
function notOnPage(
  data: readonly f.Fields[],
  { placedAtMs = -Infinity }: OrderReference,
  olderThanPage: () => readonly PrivateCall[],
): OrderAnswer {
  const oldestMs = Math.min(...data.map((row, at) => f.timeTextAt(row, timeOf(row), `data[${at}].`)));
  const next = oldestMs < placedAtMs ? undefined : olderThanPage()[0];
  return next === undefined ? { kind: 'notFound', code: 'not in the list' } : { kind: 'more', next };
}

const timeOf = (row: f.Fields): string => (isAbsent(row, 'cTime') ? 'ts' : 'cTime');

/** The order in a list of finished ones. */
function foundInList(data: readonly f.Fields[], reference: OrderReference): OrderAnswer {
  const found = readRows(data, readOrder, isSpot).find(isNamed(reference));
  if (found !== undefined) return { kind: 'found', order: askedFor(found, reference) };
  return notOnPage(data, reference, () => olderThan(finishedCall(reference), data, 'ordId'));
}

/** The order by its fills, when no list of orders has it. */
function foundInFills(data: readonly f.Fields[], reference: OrderReference): OrderAnswer {
  const { symbol } = reference;
  const trades = readRows(data, readFill, (row) => f.member(row, 'instId') === symbol);
  const order = orderByFills(trades, reference);
  return order === null
    ? notOnPage(data, reference, () => olderThan(fillsLookup(reference), data, 'billId'))
    : { kind: 'found', order: askedFor(order, reference) };
}

/** The receipt of one order. @throws FrameError when it is of another one. */
function receiptOf(data: readonly f.Fields[], clientOrderId: string | null): string {
  const row = data[0];
  if (row === undefined || data.length > 1) throw new FrameError('data', 'one receipt', data);
  const echo = clientIdAt(row, 'clOrdId', 'data[0].');
  if (clientOrderId !== null && echo !== clientOrderId)
    throw new FrameError('data[0].clOrdId', `'${clientOrderId}'`, echo);
  if (f.textAt(row, 'sCode', 'data[0].') !== '0')
    throw new FrameError('data[0].sCode', "'0'", f.member(row, 'sCode'));
  return countedIdAt(row, 'ordId', 'data[0].');
}

/** Negative = charged [O]. Where the rates are told by group of markets, there has to be one [D]. */
function readFeeRate(row: f.Fields): FeeRate {
  const groups = Object.hasOwn(row, 'feeGroup') ? f.listAt(row, 'feeGroup', 'data[0].', 100) : [];
  const grouped = isAbsent(row, 'taker') && groups.length === 1;
  const fields = grouped ? f.asFields(groups[0], 'data[0].feeGroup[0]') : row;
  const path = grouped ? 'data[0].feeGroup[0].' : 'data[0].';
  return {
    takerFeeRate: negated(signedTextAt(fields, 'taker', path)),
    makerFeeRate: negated(signedTextAt(fields, 'maker', path)),
  };
}

const accepted = (): CancelAnswer => ({ kind: 'accepted' });
const twoSeconds = (name: string, capacity: number) =>
  ({ kind: 'window', name, capacity, windowMs: 2000 }) as const;

export const OKX_ORDERS: OrderEntry = {
  // Per account and, for placing and cancelling, per instrument [O]: one budget for all instruments is the careful reading.
  limits: [
    twoSeconds('place', 60),
    twoSeconds('cancel', 60),
    twoSeconds('order', 60),
    twoSeconds('pending', 60),
    twoSeconds('finished', 40),
    twoSeconds('fills', 60),
    twoSeconds('balance', 10),
    // 6 a second [O], and 5 in two seconds [C].
    { kind: 'window', name: 'funding', capacity: 6, windowMs: 1000 },
    twoSeconds('feeRate', 5),
    twoSeconds('account', 5),
    // One a second [O].
    { kind: 'window', name: 'deadMan', capacity: 2, windowMs: 2000 },
  ],
  sign,

  place: ({ symbol, side, quantity, limitPrice, clientOrderId }) =>
    call(
      'POST',
      'trade/order',
      { place: 1 },
      [
        ['instId', symbol],
        ['tdMode', 'cash'],
        ['clOrdId', clientOrderId],
        ['side', side],
        ['ordType', 'ioc'],
        ['px', limitPrice],
        ['sz', quantity],
        ['stpMode', 'cancel_taker'],
      ],
      { expires: true, timeoutMs: 5000, maxBodyBytes: 64 << 10 },
    ),
  parsePlace: (answer, { clientOrderId }) =>
    readAnswer(
      answer,
      OKX_ENVELOPE,
      (value) => ({
        kind: 'accepted',
        exchangeOrderId: receiptOf(dataOf(value), clientOrderId),
        report: null,
      }),
      placeRefusal,
    ),

  cancel: (order) =>
    call('POST', 'trade/cancel-order', { cancel: 1 }, named(order), {
      timeoutMs: 5000,
      maxBodyBytes: 64 << 10,
    }),
  parseCancel: (answer) =>
    readAnswer<CancelAnswer>(
      answer,
      OKX_ENVELOPE,
      (value) => {
        receiptOf(dataOf(value), null);
        return accepted();
      },
      cancelRefusal,
    ),

  lookups: (order) => [
    call('GET', 'trade/order', { order: 1 }, named(order)),
    finishedCall(order),
    fillsLookup(order),
  ],
  parseLookup: (answer, reference, position) =>
    readAnswer<OrderAnswer>(
      answer,
      OKX_ENVELOPE,
      (value) => {
        const data = dataOf(value);
        if (position > 0)
          return position === 1 ? foundInList(data, reference) : foundInFills(data, reference);
        if (data.length !== 1) throw new FrameError('data', 'one order', data);
        return { kind: 'found', order: askedFor(readOrder(data[0]!, 'data[0].'), reference) };
      },
      lookupRefusal,
    ),

  openOrders: () =>
    call('GET', 'trade/orders-pending', { pending: 1 }, [
      ['instType', 'SPOT'],
      ['limit', ROWS],
    ]),
  parseOpenOrders: (answer, asked) =>
    rows(answer, (data) => ({
      kind: 'rows',
      rows: readRows(data, readOrder, isSpot),
      next: olderThan(asked, data, 'ordId'),
    })),

  // Three days back [O].
  fills: ({ symbol, sinceMs, exchangeOrderId }) =>
    call('GET', 'trade/fills', { fills: 1 }, [
      ['instType', 'SPOT'],
      ['instId', symbol],
      exchangeOrderId === null ? ['begin', Math.floor(sinceMs)] : ['ordId', exchangeOrderId],
      ['limit', ROWS],
    ]),
  parseFills: (answer, { symbol, exchangeOrderId }, asked) =>
    rows(answer, (data) => {
      const trades = readRows(data, readFill, (row) => f.member(row, 'instId') === symbol);
      return {
        kind: 'rows',
        rows: trades.filter((one) => exchangeOrderId === null || one.exchangeOrderId === exchangeOrderId),
        next: olderThan(asked, data, 'billId'),
      };
    }),

  balances: () => call('GET', 'account/balance', { balance: 1 }, []),
  parseBalances: (answer) =>
    rows(answer, (data) => {
      if (data.length !== 1) throw new FrameError('data', 'one account', data);
      const details = f.listAt(data[0]!, 'details', 'data[0].', 10_000);
      const read = details.map((row, index) => {
        const at = `data[0].details[${index}]`;
        return readBalance(f.asFields(row, at), `${at}.`);
      });
      return { kind: 'rows', rows: read, next: [] };
    }),

  // Both lists are paged by time: `before` = younger than [O].
  transfers: (sinceMs) =>
    ['asset/deposit-history', 'asset/withdrawal-history'].map((path) =>
      call('GET', path, { funding: 1 }, [
        ['before', Math.max(0, Math.floor(sinceMs) - 1)],
        ['limit', ROWS],
      ]),
    ),
  parseTransfers: (answer, _sinceMs, asked) =>
    rows(answer, (data) => {
      const read = asked.path.endsWith('/deposit-history') ? readDeposit : readWithdrawal;
      return {
        kind: 'rows',
        rows: readRows(data, read).filter((row) => row !== null),
        next: olderThan(asked, data, 'ts'),
      };
    }),

  feeRates: (symbol) =>
    call('GET', 'account/trade-fee', { feeRate: 1 }, [
      ['instType', 'SPOT'],
      ['instId', symbol],
    ]),
  parseFeeRates: (answer) =>
    rows(answer, (data) => {
      if (data.length !== 1 || !isSpot(data[0]!)) throw new FrameError('data', 'the rates of spot', data);
      return { kind: 'rows', rows: [readFeeRate(data[0]!)], next: [] };
    }),

  keyFacts: {
    call: () => call('GET', 'account/config', { account: 1 }, []),
    parse: (answer) =>
      readKeyFacts(answer, OKX_ENVELOPE, (value) => {
        const [row, ...more] = dataOf(value);
        if (row === undefined || more.length > 0) throw new FrameError('data', 'one row', value);
        return okxKeyFacts(row);
      }),
  },

  wallets: {
    call: () => call('GET', 'asset/currencies', { funding: 1 }, [], { maxBodyBytes: WALLET_BODY_BYTES }),
    parse: (answer, lookup) =>
      rows(answer, (data) => ({ kind: 'rows', rows: okxNetworks(data, lookup), next: [] })),
  },

  deadMan: {
    // Whole seconds, 10 to 120 [O].
    call: (timeoutMs) =>
      call(
        'POST',
        'trade/cancel-all-after',
        { deadMan: 1 },
        [
          [
            'timeOut',
            timeoutMs === 0 ? '0' : String(Math.min(120, Math.max(10, Math.ceil(timeoutMs / 1000)))),
          ],
        ],
        { timeoutMs: 5000, maxBodyBytes: 64 << 10 },
      ),
    parse: (answer) =>
      readAnswer<CancelAnswer>(
        answer,
        OKX_ENVELOPE,
        (value) => {
          if (dataOf(value).length !== 1) throw new FrameError('data', 'one timer', value);
          return accepted();
        },
        cancelRefusal,
      ),
  },
  stream: okxStream,
};
