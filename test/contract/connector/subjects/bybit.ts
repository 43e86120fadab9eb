import { bybit } from '../../../../src/connectors/bybit.js';
import { SAMPLES } from '../../../connectors/frames.js';
import type { Levels, Subject } from '../subject.js';

const T = 1_790_000_000_000;
const book = (type: string, depth: number, n: number, b: Levels, a: Levels, s = 'BTCUSDT') => ({
  topic: `orderbook.${depth}.${s}`,
  ts: T + n + 2,
  type,
  data: { s, b, a, u: n, seq: n },
  cts: T + n,
});
const market = (symbol: string, baseCoin: string, status: string, tickSize: string) => ({
  symbol,
  baseCoin,
  quoteCoin: 'USDT',
  status,
  lotSizeFilter: {
    basePrecision: '0.000001',
    minOrderQty: '0.000001',
    maxLimitOrderQty: '80',
    minOrderAmt: '5',
  },
  priceFilter: { tickSize },
});

export const BYBIT: Subject = {
  exchange: 'bybit',
  connector: () => bybit(),
  symbol: 'BTCUSDT',
  others: ['ETHUSDT', 'XRPUSDT'],
  pair: 'BTC-USDT',
  simulatedPairs: ['BTC-USDT', 'DOGE-USDT'],
  amounts: 'text',
  sample: SAMPLES.find(({ name }) => name === 'bybit')!,
  snapshot: (n, bids, asks) => book('snapshot', 50, n, bids, asks),
  delta: (n, bids, asks, symbol) => book('delta', 50, n, bids, asks, symbol),
  quote: (n, bid, ask) => book('snapshot', 1, n, [bid], [ask]),
  restBook: (n, b, a) => ({
    retCode: 0,
    retMsg: 'OK',
    result: { s: 'BTCUSDT', b, a, u: n, seq: n, ts: T + n, cts: T + n },
  }),
  trade: (id) =>
    `{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":${T},"data":[{"T":${T},"s":"BTCUSDT","S":"Sell","v":"0.0150","p":"100.50","i":"${id}","BT":false}]}`,
  timeOf: (n) => T + n,
  ack: { success: true, ret_msg: 'subscribe', conn_id: 'a', op: 'subscribe' },
  refusal: {
    frame: {
      success: false,
      ret_msg: 'error:handler not found,topic:orderbook.50.BTCUSDT',
      conn_id: 'a',
      op: 'subscribe',
    },
    symbol: 'BTCUSDT',
  },
  pong: { success: true, ret_msg: 'pong', conn_id: 'a', op: 'ping' },
  foreign: [
    { topic: 'tickers.BTCUSDT', ts: T, type: 'snapshot', data: {} },
    { topic: 'kline.1.BTCUSDT', data: [] },
    { id: 'x', e: 5 },
  ],
  rest: {
    instruments: (state, withBroken = false) => ({
      retCode: 0,
      retMsg: 'OK',
      result: {
        category: 'spot',
        list: [
          market('BTCUSDT', 'BTC', state === 'trading' ? 'Trading' : 'Closed', '0.1'),
          ...(withBroken ? [market('ETHUSDT', 'ETH', 'Trading', '0')] : []),
        ],
      },
    }),
    rules: { tickSize: '0.1', lotSize: '0.000001' },
    errors: [
      { body: { retCode: 10_001, retMsg: 'params error', result: {} }, tooFast: false },
      { body: { retCode: 10_006, retMsg: 'Too many visits.', result: {} }, tooFast: true },
    ],
    time: {
      body: {
        retCode: 0,
        retMsg: 'OK',
        result: { timeSecond: '1790000000', timeNano: '1790000000123456789' },
      },
    },
  },
};
