import { bithumb } from '../../../../src/connectors/bithumb.js';
import * as b from '../../../connectors/fixtures-bithumb.js';
import type { SampleExchange } from '../../../connectors/frames.js';
import type { Subject } from '../subject.js';
import { WHOLE_BOOK_FIELDS } from './upbit.js';

const T = 1_790_000_000_000;
const parsed = (text: string) => JSON.parse(text) as object;
const shown = (market: string, ask: number, bid: number) => ({
  market,
  timestamp: T,
  orderbook_units: [{ ask_price: ask, bid_price: bid, ask_size: 1, bid_size: 1 }],
  level: 1,
});

const SAMPLE: SampleExchange = {
  name: 'bithumb',
  connector: () => bithumb(),
  symbol: b.SYMBOL,
  frames: [
    {
      name: 'book',
      frame: parsed(b.book([['3714000', '3']], [['3715000', '8.4592']])),
      fields: WHOLE_BOOK_FIELDS,
    },
    { name: 'trade', frame: parsed(b.TRADE), fields: { trade_price: 'positive', trade_volume: 'positive' } },
    { name: 'ticker', frame: parsed(b.ticker()), fields: {} },
    { name: 'error', frame: parsed(b.REFUSAL), fields: {} },
  ],
};

export const BITHUMB: Subject = {
  exchange: 'bithumb',
  connector: () => bithumb(),
  symbol: b.SYMBOL,
  others: ['KRW-BTC', 'KRW-XRP'],
  pair: 'ETH-KRW',
  simulatedPairs: ['BTC-KRW', 'DOGE-KRW'],
  amounts: 'number',
  sample: SAMPLE,
  // Microseconds.
  snapshot: (n, bids, asks, symbol) =>
    b.book(bids, asks, `${T + n}000`, symbol === undefined ? {} : { symbol }),
  delta: null,
  quote: null,
  restBook: (n, bids, asks) => {
    const { orderbook_units } = parsed(b.book(bids, asks)) as { orderbook_units: object[] };
    return [{ market: b.SYMBOL, timestamp: T + n, orderbook_units, level: 1 }];
  },
  trade: (id) => b.trade(id, { price: '100.5', volume: '0.015', side: 'ASK' }),
  timeOf: (n) => T + n,
  ack: null,
  refusal: { frame: b.REFUSAL, symbol: '' },
  pong: b.STATUS,
  notice: (trading) => b.ticker({ suspended: !trading }),
  foreign: [b.FOREIGN, '{"status":"0000","resmsg":"Connected Successfully"}'],
  rest: {
    instruments: (state, withBroken = false) => [
      { market: 'KRW-ETH', market_warning: state === 'trading' ? 'NONE' : 'CAUTION' },
      ...(withBroken ? [{ market: 'KRW-BTC', market_warning: 7 }] : []),
    ],
    details: [[shown('KRW-ETH', 3_715_000, 3_714_000), shown('KRW-BTC', 116_208_000, 116_204_000)]],
    rules: { tickSize: '1000', lotSize: '0.0001' },
    errors: [
      { body: b.REST_ERROR, tooFast: false },
      { body: { error: { name: 429, message: 'Too many requests' } }, tooFast: true },
    ],
    time: { body: '[]', headers: { date: 'Mon, 21 Sep 2026 14:13:20 GMT' } },
  },
};
