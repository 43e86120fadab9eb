import { binance } from '../../../../src/connectors/binance.js';
import { SAMPLES } from '../../../connectors/frames.js';
import type { Subject } from '../subject.js';

const T = 1_790_000_000_000;
const filters = [
  { filterType: 'PRICE_FILTER', tickSize: '0.01' },
  { filterType: 'LOT_SIZE', minQty: '0.00001', maxQty: '9000', stepSize: '0.00001' },
  { filterType: 'NOTIONAL', minNotional: '5' },
];
const market = (symbol: string, baseAsset: string, status: string) => ({
  symbol,
  status,
  baseAsset,
  quoteAsset: 'USDT',
  isSpotTradingAllowed: true,
  filters,
});

export const BINANCE: Subject = {
  exchange: 'binance',
  connector: () => binance(),
  symbol: 'BTCUSDT',
  others: ['ETHUSDT', 'XRPUSDT'],
  pair: 'BTC-USDT',
  simulatedPairs: ['BTC-USDT', 'DOGE-USDT'],
  amounts: 'text',
  sample: SAMPLES.find(({ name }) => name === 'binance')!,
  snapshot: (lastUpdateId, bids, asks) => ({ lastUpdateId, bids, asks }),
  restBook: (lastUpdateId, bids, asks) => ({ lastUpdateId, bids, asks }),
  delta: (n, b, a, s = 'BTCUSDT') => ({
    stream: `${s.toLowerCase()}@depth@100ms`,
    data: { e: 'depthUpdate', E: T + n, s, U: n, u: n, b, a },
  }),
  quote: (u, [b, B], [a, A]) => ({ stream: 'btcusdt@bookTicker', data: { u, s: 'BTCUSDT', b, B, a, A } }),
  trade: (id) =>
    `{"stream":"btcusdt@trade","data":{"e":"trade","E":${T},"s":"BTCUSDT","t":${id},"p":"100.50","q":"0.0150","T":${T},"m":true,"M":true}}`,
  timeOf: (n) => T + n,
  ack: { result: null, id: 1 },
  refusal: { frame: { error: { code: 2, msg: 'Invalid request: unknown stream' }, id: 1 }, symbol: '' },
  pong: null,
  foreign: [
    { stream: 'btcusdt@kline_1m', data: { e: 'kline', s: 'BTCUSDT' } },
    '[{"e":"24hrTicker","s":"BTCUSDT"}]',
    { e: 'outboundAccountPosition', E: T },
    {
      stream: 'btcusdt@depth@100ms',
      data: { e: 'depthUpdate', E: T, s: 'BTCUSDT', pu: 1, U: 1, u: 2, b: [], a: [] },
    },
  ],
  rest: {
    instruments: (state, withBroken = false) => ({
      symbols: [
        market('BTCUSDT', 'BTC', state === 'trading' ? 'TRADING' : 'HALT'),
        ...(withBroken ? [{ ...market('ETHUSDT', 'ETH', 'TRADING'), filters: [] }] : []),
      ],
    }),
    rules: { tickSize: '0.01', lotSize: '0.00001' },
    errors: [
      { body: { code: -1121, msg: 'Invalid symbol.' }, tooFast: false },
      { body: { code: -1003, msg: 'Too much request weight used.' }, tooFast: true },
    ],
    time: { body: { serverTime: 1_790_000_000_123 } },
  },
};
