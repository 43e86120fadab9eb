import { kucoin } from '../../../../src/connectors/kucoin.js';
import * as k from '../../../connectors/fixtures-kucoin.js';
import type { Levels, Subject } from '../subject.js';

const T = 1_790_000_000_000;
/** Spelled with 19 digits, as on the wire. */
const nanoseconds = (ms: number) => ms * 1e6;
const sampleOf = (wanted: string) => k.KUCOIN_SAMPLES.find(({ name }) => name === wanted)!;
const market = (symbol: string, baseCurrency: string, extra: object = {}) => ({
  ...k.ANSWERS.market,
  symbol,
  name: symbol,
  baseCurrency,
  ...extra,
});

type Common = Omit<
  Subject,
  'connector' | 'sample' | 'snapshot' | 'delta' | 'quote' | 'trade' | 'ack' | 'refusal' | 'pong' | 'foreign'
>;
const common: Common = {
  exchange: 'kucoin',
  symbol: k.KUCOIN_SYMBOL,
  others: ['ETH-USDT', 'XRP-USDT'],
  pair: 'BTC-USDT',
  simulatedPairs: ['BTC-USDT', 'DOGE-USDT'],
  amounts: 'text',
  restBook: (n, bids, asks) => k.level2Snapshot(n, bids, asks),
  timeOf: (n) => T + n,
  rest: {
    instruments: (state, withBroken = false) => ({
      code: '200000',
      data: [
        market('BTC-USDT', 'BTC', { enableTrading: state === 'trading' }),
        ...(withBroken ? [market('ETH-USDT', 'ETH', { priceIncrement: '0' })] : []),
      ],
    }),
    rules: { tickSize: '0.1', lotSize: '0.00000001' },
    errors: [
      { body: { code: '400100', msg: 'symbol not exists' }, tooFast: false },
      { body: { code: '429000', msg: 'Too Many Requests' }, tooFast: true },
    ],
    time: { body: { code: '200000', data: 1_790_000_000_123 } },
  },
};

const obu = (
  kind: string,
  n: number,
  bids: Levels,
  asks: Levels,
  s: string = k.KUCOIN_SYMBOL,
  dp?: string,
) => {
  const frame = k.obu(kind, n, n, bids, asks, dp);
  return { ...frame, d: { ...frame.d, s, M: nanoseconds(T + n) } };
};

/** Books of `obu` on the Pro socket. */
export const KUCOIN: Subject = {
  ...common,
  connector: () => kucoin(),
  sample: sampleOf('kucoin'),
  snapshot: (n, bids, asks) => obu('snapshot', n, bids, asks),
  delta: (n, bids, asks, symbol) => obu('delta', n, bids, asks, symbol),
  quote: (n, bid, ask) => obu('snapshot', n, [bid], [ask], k.KUCOIN_SYMBOL, '1'),
  trade: (id) =>
    JSON.stringify({
      ...k.PRO.trade,
      d: { ...k.PRO.trade.d, p: '100.50', q: '0.0150', S: 'sell', ti: id },
    }),
  ack: k.PRO.ack,
  refusal: {
    frame: { id: 's2.obu.depth.BTC-USDT', result: false, message: 'invalid request data' },
    symbol: k.KUCOIN_SYMBOL,
  },
  pong: k.PRO.pong,
  foreign: [k.PRO.foreign, k.PRO.futures, { T: 'obu.SPOT', dp: '5', t: 'snapshot', d: {} }],
};

const classic = {
  trade: (id: string) =>
    JSON.stringify({
      ...k.CLASSIC.trade,
      data: { ...k.CLASSIC.trade.data, price: '100.50', size: '0.0150', tradeId: id },
    }),
  pong: k.CLASSIC.pong,
  notice: (trading: boolean) => {
    const { state } = k.CLASSIC;
    return { ...state, data: { ...state.data, data: { ...state.data.data, trading } } };
  },
} as const;

const numbered = (levels: Levels, n: number) => levels.map(([price, size]) => [price, size, String(n)]);

/** Deltas of the classic `level2`, bridged onto a REST book. */
export const KUCOIN_LEVEL2: Subject = {
  ...common,
  ...classic,
  connector: () => kucoin({ bookChannel: 'level2' }),
  sample: sampleOf('kucoin level2'),
  snapshot: (n, bids, asks) => k.level2Snapshot(n, bids, asks),
  delta: (n, bids, asks, symbol = k.KUCOIN_SYMBOL) => {
    const frame = k.level2(n, n, numbered(bids, n), numbered(asks, n));
    return { ...frame, topic: `/market/level2:${symbol}`, data: { ...frame.data, symbol, time: T + n } };
  },
  quote: null,
  ack: k.CLASSIC.ack,
  refusal: {
    frame: { id: 's3.level2.depth.BTC-USDT', type: 'error', code: 404, data: 'topic does not exist' },
    symbol: k.KUCOIN_SYMBOL,
  },
  foreign: [k.CLASSIC.foreign, { ...k.CLASSIC.ticker, topic: '/market/ticker:all' }],
};

/** Whole books of the classic `level2Depth50`. */
export const KUCOIN_DEPTH50: Subject = {
  ...common,
  ...classic,
  connector: () => kucoin({ bookChannel: 'level2Depth50' }),
  sample: sampleOf('kucoin level2Depth50'),
  snapshot: (n, bids, asks, symbol = k.KUCOIN_SYMBOL) => ({
    ...k.depth50(T + n, bids, asks),
    topic: `/spotMarket/level2Depth50:${symbol}`,
  }),
  delta: null,
  quote: (n, bid, ask) => k.levelOne(T + n, bid, ask),
  ack: { ...k.CLASSIC.ack, id: 's1.level2Depth50.depth' },
  refusal: {
    frame: { id: 's3.level2Depth50.depth.BTC-USDT', type: 'error', code: 404, data: 'topic does not exist' },
    symbol: k.KUCOIN_SYMBOL,
  },
  foreign: [k.CLASSIC.foreign, { ...k.CLASSIC.ticker, topic: '/market/ticker:all' }],
};
