import type { TradeEvent } from '../../src/connectors/base.js';
import { gate } from '../../src/connectors/gate.js';
import type { SampleExchange } from './frames.js';

/** Hand-written frames and answers of Gate, in the shapes of the wire. */

export const T = 1_790_000_000_000;
export const SYMBOL = 'BTC_USDT';

export type Levels = readonly (readonly [string, string])[];

/** A whole book of `spot.obu`. */
export const full = (u: number, b: Levels, a: Levels, extra: object = {}, levels = 400) => ({
  channel: 'spot.obu',
  result: { t: T + u, full: true, s: `ob.${SYMBOL}.${levels}`, u, b, a, ...extra },
  time_ms: T + u + 3,
  event: 'update',
});

/** A delta of `spot.obu`. */
export const delta = (U: number, u: number, b: Levels, a: Levels, extra: object = {}, levels = 400) => ({
  channel: 'spot.obu',
  result: { t: T + u, s: `ob.${SYMBOL}.${levels}`, u, U, b, a, ...extra },
  time_ms: T + u + 3,
  event: 'update',
});

/** A diff of `spot.order_book_update`. */
export const diff = (U: number, u: number, b: Levels, a: Levels, extra: object = {}) => ({
  time: Math.floor(T / 1000),
  time_ms: T + u + 3,
  channel: 'spot.order_book_update',
  event: 'update',
  result: { t: T + u, e: 'depthUpdate', E: Math.floor(T / 1000), s: SYMBOL, U, u, b, a, ...extra },
});

export const quote = (u: number, b: string, a: string, extra: object = {}) => ({
  time: Math.floor(T / 1000),
  time_ms: T + u + 3,
  channel: 'spot.book_ticker',
  event: 'update',
  result: { t: T + u, u, s: SYMBOL, b, B: '2', a, A: '3', ...extra },
});

export const trade = (extra: object = {}) => ({
  time: Math.floor(T / 1000),
  time_ms: T + 5,
  channel: 'spot.trades',
  event: 'update',
  result: {
    id: 8_000_000_001,
    id_market: 77,
    create_time: Math.floor(T / 1000),
    create_time_ms: `${T}.4578`,
    side: 'sell',
    currency_pair: SYMBOL,
    amount: '0.0150000000',
    price: '100.5000000000',
    range: '77-77',
    ...extra,
  },
});

const answer = (event: string, channel: string, payload: readonly string[] | null, more: object) => ({
  time: Math.floor(T / 1000),
  time_ms: T,
  id: 1,
  conn_id: '06a3248d8f02479a',
  trace_id: '1dc9df8b7bf583c0d0e9e18079d504ec',
  channel,
  event,
  ...(payload !== null && { payload }),
  ...more,
  requestId: '1dc9df8b7bf583c0d0e9e18079d504ec',
});

export const ack = (channel = 'spot.obu', payload: readonly string[] | null = [`ob.${SYMBOL}.400`]) =>
  answer('subscribe', channel, payload, { result: { status: 'success' } });

export const refusal = (
  message: string,
  channel = 'spot.obu',
  payload: readonly string[] | null = [`ob.${SYMBOL}.400`],
) => answer('subscribe', channel, payload, { error: { code: 2, message }, result: { status: 'fail' } });

export const PONG = {
  time: Math.floor(T / 1000),
  time_ms: T,
  conn_id: '3e2ed73842f9228b',
  channel: 'spot.pong',
  event: '',
  result: null,
  requestId: '591b14399528dc8711dbe13910a3ceb4',
};

/** Frames that are no business of ours: channels of other markets and the protocol of 2021. */
export const FOREIGN: readonly unknown[] = [
  { method: 'depth.update', params: [true, { asks: [], bids: [] }, 'BTC_USDT'], id: null },
  { current: 1, update: 1, asks: [], bids: [] },
  [{ long_liq_size: 0 }],
  { time: 1, channel: 'spot.tickers', event: 'update', result: { currency_pair: 'BTC_USDT', last: '1' } },
  { time: 1, channel: 'futures.candlesticks', event: 'update', result: [{ t: 1, n: '1m_BTC_USDT' }] },
  { channel: 'futures.trades', event: 'update', result: [{ size: -7, contract: 'BTC_USDT' }] },
  { channel: 'spot.obu', event: 'snapshot', result: {} },
];

/** A quiet day: a whole book, a delta of each kind, a quote, a trade. Every frame is good. */
export const DAY: readonly object[] = [
  full(
    100,
    [
      ['100', '5'],
      ['99', '6'],
    ],
    [
      ['101', '7'],
      ['102', '8'],
    ],
  ),
  ack(),
  delta(
    101,
    103,
    [
      ['98', '1'],
      ['100', '4'],
    ],
    [['102', '0']],
  ),
  delta(104, 104, [], []),
  quote(104, '100', '101', { B: '4', A: '7' }),
  delta(105, 105, [['99', '0']], [['103', '2']]),
  trade(),
  PONG,
];

export const TRADE: TradeEvent = {
  symbol: SYMBOL,
  channel: 'spot.trades',
  tradeId: '8000000001',
  price: '100.5000000000',
  quantity: '0.0150000000',
  side: 'sell',
  exchangeTimeMs: T,
};

/** `GET /api/v4/spot/order_book`. */
export const snapshot = (id: number, bids: Levels, asks: Levels) => ({
  id,
  current: T + 5,
  update: T + 4,
  asks,
  bids,
});

export const pair = (extra: object = {}) => ({
  id: 'BTC_USDT',
  base: 'BTC',
  quote: 'USDT',
  fee: '0.2',
  min_base_amount: '0.00001',
  min_quote_amount: '3',
  max_base_amount: null,
  max_quote_amount: '5000000',
  amount_precision: 6,
  precision: 1,
  trade_status: 'tradable',
  sell_start: 0,
  buy_start: 0,
  delisting_time: 0,
  type: 'normal',
  st_tag: false,
  ...extra,
});

/** The rows of the malformed-field test. */
export const GATE_SAMPLE: SampleExchange = {
  name: 'gate',
  connector: () => gate(),
  symbol: SYMBOL,
  frames: [
    {
      name: 'whole book',
      frame: full(10, [['100.5', '2']], [['101.5', '3']]),
      fields: {
        event: 'word',
        result: 'object',
        'result.t': 'time',
        'result.full': 'flag',
        'result.s': 'symbol',
        'result.u': 'counter',
        'result.b': 'list',
        'result.a': 'list',
        'result.b[0][0]': 'price',
        'result.b[0][1]': 'size',
        'result.a[0][0]': 'price',
        'result.a[0][1]': 'size',
      },
    },
    {
      name: 'delta',
      frame: delta(11, 12, [['100.5', '2']], [['101.5', '3']]),
      fields: {
        'result.t': 'time',
        'result.U': 'counter',
        'result.u': 'counter',
        'result.b': 'list',
        'result.a': 'list',
        'result.b[0][0]': 'price',
        'result.a[0][1]': 'size',
      },
    },
    {
      name: 'diff',
      frame: diff(11, 12, [['100.5', '2']], [['101.5', '3']]),
      fields: {
        'result.t': 'time',
        'result.s': 'symbol',
        'result.U': 'counter',
        'result.u': 'counter',
        'result.b': 'list',
        'result.a': 'list',
        'result.b[0][1]': 'size',
        'result.a[0][0]': 'price',
      },
    },
    {
      name: 'best quote',
      frame: quote(11, '100.5', '101.5'),
      fields: {
        result: 'object',
        'result.t': 'time',
        'result.u': 'counter',
        'result.s': 'symbol',
        'result.b': 'price',
        'result.B': 'size',
        'result.a': 'price',
        'result.A': 'size',
      },
    },
    {
      name: 'trade',
      frame: trade(),
      fields: {
        result: 'object',
        'result.id': 'id',
        'result.side': 'word',
        'result.currency_pair': 'symbol',
        'result.amount': 'positive',
        'result.price': 'positive',
      },
    },
    { name: 'answer', frame: ack(), fields: { result: 'object', 'result.status': 'word' } },
    { name: 'error', frame: refusal('no'), fields: { 'error.message': 'word' } },
  ],
};
