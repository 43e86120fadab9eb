import { okx } from '../../../../src/connectors/okx.js';
import { SAMPLES } from '../../../connectors/frames.js';
import type { Levels, Subject } from '../subject.js';

const T = 1_790_000_000_000;
const four = (levels: Levels) => levels.map(([price, size]) => [price, size, '0', size === '0' ? '0' : '1']);
const book = (action: string, n: number, bids: Levels, asks: Levels, instId: string, extra: object) => ({
  arg: { channel: 'books', instId },
  action,
  data: [{ asks: four(asks), bids: four(bids), ts: String(T + n), seqId: n, ...extra }],
});
const market = (instId: string, baseCcy: string, state: string, tickSz: string) => ({
  instType: 'SPOT',
  instId,
  baseCcy,
  quoteCcy: 'USDT',
  tickSz,
  lotSz: '0.00000001',
  minSz: '0.00001',
  maxLmtSz: '9999999999',
  state,
});

export const OKX: Subject = {
  exchange: 'okx',
  connector: () => okx(),
  symbol: 'BTC-USDT',
  others: ['ETH-USDT', 'XRP-USDT'],
  pair: 'BTC-USDT',
  simulatedPairs: ['BTC-USDT', 'DOGE-USDT'],
  amounts: 'text',
  sample: SAMPLES.find(({ name }) => name === 'okx')!,
  snapshot: (n, bids, asks) => book('snapshot', n, bids, asks, 'BTC-USDT', { checksum: 0, prevSeqId: -1 }),
  delta: (n, bids, asks, instId = 'BTC-USDT') =>
    book('update', n, bids, asks, instId, { checksum: 0, prevSeqId: n - 1 }),
  quote: (n, bid, ask) => ({
    arg: { channel: 'bbo-tbt', instId: 'BTC-USDT' },
    data: [{ asks: four([ask]), bids: four([bid]), ts: String(T + n), seqId: n }],
  }),
  restBook: (n, bids, asks) => ({
    code: '0',
    msg: '',
    data: [{ asks: four(asks), bids: four(bids), ts: String(T + n), seqId: n }],
  }),
  checked: (n, bids, asks, checksum) =>
    book('snapshot', n, bids, asks, 'BTC-USDT', { checksum, prevSeqId: -1 }),
  trade: (id) =>
    `{"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","tradeId":"${id}","px":"100.50","sz":"0.0150","side":"sell","ts":"${T}"}]}`,
  timeOf: (n) => T + n,
  ack: { event: 'subscribe', arg: { channel: 'books', instId: 'BTC-USDT' }, connId: 'a' },
  refusal: {
    frame: {
      event: 'error',
      code: '60018',
      msg: 'wrong channel',
      arg: { channel: 'books', instId: 'BTC-USDT' },
      connId: 'a',
    },
    symbol: 'BTC-USDT',
  },
  pong: 'pong',
  foreign: [
    { arg: { channel: 'candle1m', instId: 'BTC-USDT' }, data: [['1']] },
    { table: 'spot/depth', data: [] },
    { arg: { channel: 'books5', instId: 'BTC-USDT' }, data: [] },
  ],
  rest: {
    instruments: (state, withBroken = false) => ({
      code: '0',
      msg: '',
      data: [
        market('BTC-USDT', 'BTC', state === 'trading' ? 'live' : 'suspend', '0.1'),
        ...(withBroken ? [market('ETH-USDT', 'ETH', 'live', '')] : []),
      ],
    }),
    rules: { tickSize: '0.1', lotSize: '0.00000001' },
    errors: [
      { body: { code: '51001', msg: "Instrument ID doesn't exist.", data: [] }, tooFast: false },
      { body: { code: '50011', msg: 'Too Many Requests', data: [] }, tooFast: true },
    ],
    time: { body: { code: '0', msg: '', data: [{ ts: '1790000000123' }] } },
  },
};
