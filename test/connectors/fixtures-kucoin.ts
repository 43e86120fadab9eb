import { kucoin } from '../../src/connectors/kucoin.js';
import type { SampleExchange } from './frames.js';

/** Hand-written frames and answers of KuCoin, one of each kind; prices and numbers are made up. */

const T = 1_790_000_000_000;
export const KUCOIN_SYMBOL = 'BTC-USDT';
/** As JSON numbers they have 19 digits; these are exact in float64, so that JSON.stringify spells them in full. */
const NS = T * 1e6;

type Levels = readonly (readonly string[])[];

/** A book frame of the Pro socket; numbers `first`..`last` are covered. */
export function obu(
  kind: string,
  first: number,
  last: number,
  bids: Levels,
  asks: Levels,
  dp = 'increment@10ms',
) {
  const d = { a: asks, b: bids, s: KUCOIN_SYMBOL, C: last, M: NS + last * 1e6, O: first };
  return { T: 'obu.SPOT', dp, t: kind, P: NS, d };
}

/** A delta of the classic socket; entries are [price, size, number]. */
export function level2(start: number, end: number, bids: Levels, asks: Levels) {
  const data = {
    changes: { asks, bids },
    sequenceEnd: end,
    sequenceStart: start,
    symbol: KUCOIN_SYMBOL,
    time: T + (end % 1000),
  };
  return { type: 'message', topic: `/market/level2:${KUCOIN_SYMBOL}`, subject: 'trade.l2update', data };
}

export function level2Snapshot(sequence: number, bids: Levels, asks: Levels) {
  return { code: '200000', data: { time: T, sequence: String(sequence), bids, asks } };
}

export function depth50(timestamp: number, bids: Levels, asks: Levels) {
  const topic = `/spotMarket/level2Depth50:${KUCOIN_SYMBOL}`;
  return { type: 'message', topic, subject: 'level2', data: { asks, bids, timestamp } };
}

export function levelOne(timestamp: number, bid: readonly string[], ask: readonly string[]) {
  const topic = `/spotMarket/level1:${KUCOIN_SYMBOL}`;
  return { type: 'message', topic, subject: 'level1', data: { asks: ask, bids: bid, timestamp } };
}

const BIDS = [
  ['100.5', '2'],
  ['100.4', '5'],
];
const ASKS = [
  ['101.5', '3'],
  ['101.6', '6'],
];

export const PRO = {
  welcome: { sessionId: '0b1c2d3e', message: 'welcome', pingInterval: 18_000 },
  ack: { id: 's1.obu.depth.BTC-USDT', result: true },
  refusal: { id: 's2.obu.quote.BTC-USDT', result: false, message: 'invalid request data' },
  error: { type: 'error', code: 400, data: 'ping timeout' },
  pong: { type: 'pong', id: 'ping', ts: NS },
  snapshot: obu('snapshot', 50, 50, BIDS, ASKS),
  /** Each follows the one before it, and the first the snapshot. */
  deltas: [
    obu('delta', 51, 53, [['100.5', '1']], []),
    obu('delta', 54, 54, [], [['101.5', '0']]),
    obu('delta', 55, 58, [['100.45', '4']], [['101.55', '2']]),
  ],
  bestQuote: obu('snapshot', 60, 60, [['100.5', '7']], [['101.6', '8']], '1'),
  trade: {
    T: 'trade.SPOT',
    P: NS,
    d: {
      E: 11_067_996_711_960_577,
      M: NS,
      S: 'sell',
      p: '100.5',
      q: '2',
      s: KUCOIN_SYMBOL,
      ti: '11067996711960577',
    },
  },
  foreign: { T: 'kline.SPOT', P: NS, d: { s: KUCOIN_SYMBOL, i: '1min' } },
  futures: { ...obu('snapshot', 1, 1, [['1', '1']], [['2', '1']]), T: 'obu.FUTURES' },
} as const;

export const CLASSIC = {
  welcome: { id: 'a1', type: 'welcome' },
  ack: { id: 's1.level2.depth', type: 'ack' },
  refusal: { id: 's3.level2Depth50.quote.BTC-USDT', type: 'error', code: 404, data: 'topic does not exist' },
  pong: { id: 'ping', type: 'pong', timestamp: T * 1000 },
  snapshot: level2Snapshot(50, BIDS, ASKS),
  deltas: [
    level2(
      49,
      52,
      [
        ['100.5', '9', '49'],
        ['100.4', '9', '50'],
        ['100.5', '1', '51'],
      ],
      [['0', '0', '52']],
    ),
    level2(53, 53, [], [['101.5', '0', '53']]),
    level2(54, 55, [['100.45', '4', '55']], [['101.55', '2', '54']]),
  ],
  whole: depth50(T, BIDS, ASKS),
  bestQuote: levelOne(T + 5, ['100.5', '7'], ['101.6', '8']),
  ticker: {
    type: 'message',
    topic: `/market/ticker:${KUCOIN_SYMBOL}`,
    subject: 'trade.ticker',
    data: {
      bestAsk: '101.6',
      bestAskSize: '8',
      bestBid: '100.5',
      bestBidSize: '7',
      price: '100.6',
      sequence: '60',
      size: '1',
      time: T,
    },
  },
  trade: {
    type: 'message',
    topic: `/market/match:${KUCOIN_SYMBOL}`,
    subject: 'trade.l3match',
    data: {
      makerOrderId: '6711960577',
      price: '100.5',
      sequence: '11067996711960577',
      side: 'sell',
      size: '2',
      symbol: KUCOIN_SYMBOL,
      takerOrderId: '6711960578',
      time: `${T}000000`,
      tradeId: '11067996711960577',
      type: 'match',
    },
  },
  state: {
    type: 'message',
    topic: `/market/snapshot:${KUCOIN_SYMBOL}`,
    subject: 'trade.snapshot',
    data: { sequence: '60', data: { symbol: KUCOIN_SYMBOL, trading: false, datetime: T } },
  },
  foreign: { type: 'message', topic: `/market/candles:${KUCOIN_SYMBOL}_1hour`, subject: 'candle', data: {} },
} as const;

export const ANSWERS = {
  ticket: {
    code: '200000',
    data: {
      token: '2neAiu+/Q==.x',
      instanceServers: [
        {
          endpoint: 'wss://ws-api-spot.kucoin.com/',
          encrypt: true,
          protocol: 'websocket',
          pingInterval: 18_000,
          pingTimeout: 10_000,
        },
      ],
    },
  },
  market: {
    symbol: 'BTC-USDT',
    name: 'BTC-USDT',
    baseCurrency: 'BTC',
    quoteCurrency: 'USDT',
    feeCurrency: 'USDT',
    market: 'USDS',
    baseMinSize: '0.00001',
    quoteMinSize: '0.1',
    baseMaxSize: '10000000000',
    quoteMaxSize: '99999999',
    baseIncrement: '0.00000001',
    quoteIncrement: '0.000001',
    priceIncrement: '0.1',
    priceLimitRate: '0.1',
    minFunds: '0.1',
    isMarginEnabled: true,
    enableTrading: true,
    feeCategory: 1,
    makerFeeCoefficient: '1.00',
    takerFeeCoefficient: '1.00',
    st: false,
  },
  currency: {
    currency: 'BTC',
    name: 'BTC',
    fullName: 'Bitcoin',
    precision: 8,
    chains: [
      {
        chainName: 'BTC',
        withdrawalMinFee: '0.0005',
        withdrawalMinSize: '0.001',
        withdrawFeeRate: '0',
        depositMinSize: null,
        isWithdrawEnabled: true,
        isDepositEnabled: false,
        preConfirms: 1,
        contractAddress: '',
        chainId: 'btc',
        confirms: 3,
      },
    ],
  },
} as const;

/** For the tests that put a wrong value into every field. */
export const KUCOIN_SAMPLES: readonly SampleExchange[] = [
  {
    name: 'kucoin',
    connector: () => kucoin(),
    symbol: KUCOIN_SYMBOL,
    frames: [
      {
        name: 'snapshot',
        frame: PRO.snapshot,
        fields: {
          T: 'word',
          t: 'word',
          d: 'object',
          'd.s': 'symbol',
          'd.O': 'counter',
          'd.C': 'counter',
          'd.M': 'nanoseconds',
          'd.b': 'list',
          'd.a': 'list',
          'd.b[0][0]': 'price',
          'd.b[0][1]': 'size',
          'd.a[1][0]': 'price',
          'd.a[1][1]': 'size',
        },
      },
      {
        name: 'delta',
        frame: PRO.deltas[0],
        fields: { t: 'word', 'd.O': 'counter', 'd.C': 'counter', 'd.M': 'nanoseconds', 'd.b[0][1]': 'size' },
      },
      {
        name: 'best quote',
        frame: PRO.bestQuote,
        fields: { t: 'word', 'd.s': 'symbol', 'd.C': 'counter', 'd.M': 'nanoseconds', 'd.b[0][0]': 'price' },
      },
      {
        name: 'trade',
        frame: PRO.trade,
        fields: {
          'd.s': 'symbol',
          'd.ti': 'id',
          'd.p': 'positive',
          'd.q': 'positive',
          'd.S': 'word',
          'd.M': 'nanoseconds',
        },
      },
      { name: 'answer', frame: PRO.ack, fields: { result: 'verdict' } },
      { name: 'error', frame: PRO.error, fields: { code: 'counter' } },
    ],
  },
  {
    name: 'kucoin level2',
    connector: () => kucoin({ bookChannel: 'level2' }),
    symbol: KUCOIN_SYMBOL,
    frames: [
      {
        name: 'delta',
        frame: CLASSIC.deltas[0],
        fields: {
          topic: 'word',
          data: 'object',
          'data.symbol': 'symbol',
          'data.sequenceStart': 'counter',
          'data.sequenceEnd': 'counter',
          'data.time': 'time',
          'data.changes': 'object',
          'data.changes.bids': 'list',
          'data.changes.asks': 'list',
          'data.changes.bids[0][0]': 'size',
          'data.changes.bids[0][1]': 'size',
          'data.changes.bids[1][2]': 'counterText',
          'data.changes.asks[0][2]': 'counterText',
        },
      },
      {
        name: 'trade',
        frame: CLASSIC.trade,
        fields: {
          'data.symbol': 'symbol',
          'data.tradeId': 'id',
          'data.price': 'positive',
          'data.size': 'positive',
          'data.side': 'word',
          'data.time': 'nanoseconds',
        },
      },
      {
        name: 'ticker',
        frame: CLASSIC.ticker,
        fields: {
          'data.sequence': 'counterText',
          'data.time': 'time',
          'data.bestBid': 'size',
          'data.bestBidSize': 'size',
          'data.bestAsk': 'size',
          'data.bestAskSize': 'size',
        },
      },
      {
        name: 'state',
        frame: CLASSIC.state,
        fields: { 'data.data.symbol': 'symbol', 'data.data.trading': 'flag' },
      },
    ],
  },
  {
    name: 'kucoin level2Depth50',
    connector: () => kucoin({ bookChannel: 'level2Depth50' }),
    symbol: KUCOIN_SYMBOL,
    frames: [
      {
        name: 'whole book',
        frame: CLASSIC.whole,
        fields: {
          data: 'object',
          'data.timestamp': 'time',
          'data.bids': 'list',
          'data.asks': 'list',
          'data.bids[0][0]': 'price',
          'data.bids[0][1]': 'size',
          'data.asks[0][0]': 'price',
          'data.asks[0][1]': 'size',
        },
      },
      {
        name: 'best quote',
        frame: CLASSIC.bestQuote,
        fields: {
          'data.timestamp': 'time',
          'data.bids[0]': 'price',
          'data.bids[1]': 'size',
          'data.asks[0]': 'price',
        },
      },
      { name: 'trade', frame: CLASSIC.trade, fields: { 'data.price': 'positive' } },
      { name: 'error', frame: CLASSIC.refusal, fields: { code: 'counter' } },
    ],
  },
];
