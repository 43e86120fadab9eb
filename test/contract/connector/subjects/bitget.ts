import { bitget } from '../../../../src/connectors/bitget.js';
import * as b from '../../../connectors/fixtures-bitget.js';
import type { Levels, Subject } from '../subject.js';

const book = (
  action: 'snapshot' | 'update',
  n: number,
  bids: Levels,
  asks: Levels,
  { symbol = 'BTCUSDT', ...more }: { symbol?: string | undefined; checksum?: number } = {},
) => {
  const pseq = action === 'snapshot' ? 0 : n - 1;
  return b.book(action, { symbol, bids, asks, atMs: b.T + n, more: { seq: n, pseq, ...more } });
};
const market = (symbol: string, baseCoin: string, extra: object = {}) => ({
  ...b.symbolRow,
  symbol,
  baseCoin,
  ...extra,
});

export const BITGET: Subject = {
  exchange: 'bitget',
  connector: () => bitget(),
  symbol: 'BTCUSDT',
  others: ['ETHUSDT', 'XRPUSDT'],
  pair: 'BTC-USDT',
  simulatedPairs: ['BTC-USDT', 'DOGE-USDT'],
  amounts: 'text',
  sample: b.BITGET_SAMPLES.find(({ name }) => name === 'bitget')!,
  snapshot: (n, bids, asks) => book('snapshot', n, bids, asks),
  delta: (n, bids, asks, symbol) => book('update', n, bids, asks, { symbol }),
  quote: (n, bid, ask) =>
    b.book('snapshot', {
      channel: 'books1',
      bids: [bid],
      asks: [ask],
      atMs: b.T + n,
      more: { seq: n, pseq: 0 },
    }),
  restBook: (n, bids, asks) => b.envelope({ asks, bids, ts: String(b.T + n) }),
  checked: (n, bids, asks, checksum) => book('snapshot', n, bids, asks, { checksum }),
  trade: (id) =>
    JSON.stringify({
      action: 'update',
      arg: { instType: 'SPOT', channel: 'trade', instId: 'BTCUSDT' },
      data: [{ ts: String(b.T), price: '100.50', size: '0.0150', side: 'sell', tradeId: id }],
      ts: b.T + 3,
    }),
  timeOf: (n) => b.T + n,
  ack: b.acknowledgement,
  refusal: { frame: b.refusal, symbol: 'BTCUSDT' },
  pong: 'pong',
  foreign: [b.foreign, b.futuresBook, { table: 'sp/depth', data: [] }],
  rest: {
    instruments: (state, withBroken = false) =>
      b.envelope([
        market('BTCUSDT', 'BTC', { status: state === 'trading' ? 'online' : 'halt' }),
        ...(withBroken ? [market('ETHUSDT', 'ETH', { pricePrecision: '-2' })] : []),
      ]),
    rules: { tickSize: '0.01', lotSize: '0.000001' },
    errors: [
      { body: { code: '40034', msg: 'Parameter does not exist', data: null }, tooFast: false },
      { body: { code: '429', msg: 'Too Many Requests', data: null }, tooFast: true },
    ],
    time: { body: b.envelope({ serverTime: '1790000000123' }) },
  },
};
