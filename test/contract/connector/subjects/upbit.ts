import { upbit } from '../../../../src/connectors/upbit.js';
import * as u from '../../../connectors/fixtures-upbit.js';
import type { SampleExchange } from '../../../connectors/frames.js';
import type { Subject } from '../subject.js';

const market = (name: string, warning: unknown) => ({ market: name, market_event: { warning, caution: {} } });
const error = (name: string, message: string) => ({ error: { name, message } });
const parsed = (text: string) => JSON.parse(text) as object;

/** Both Korean exchanges pad a side with price 0. */
export const WHOLE_BOOK_FIELDS = {
  'orderbook_units[0].ask_price': 'size',
  'orderbook_units[0].bid_price': 'size',
  'orderbook_units[0].ask_size': 'size',
  'orderbook_units[0].bid_size': 'size',
} as const;

const SAMPLE: SampleExchange = {
  name: 'upbit',
  connector: () => upbit(),
  symbol: u.SYMBOL,
  frames: [
    {
      name: 'book',
      frame: parsed(u.book([['116538000', '0.07']], [['116539000', '0.02054761']])),
      fields: WHOLE_BOOK_FIELDS,
    },
    {
      name: 'trade',
      frame: parsed(u.TRADE),
      fields: { trade_price: 'positive', trade_volume: 'positive' },
    },
    { name: 'ticker', frame: parsed(u.ticker()), fields: {} },
    { name: 'error', frame: parsed(u.REFUSAL), fields: {} },
  ],
};

export const UPBIT: Subject = {
  exchange: 'upbit',
  connector: () => upbit(),
  symbol: u.SYMBOL,
  others: ['KRW-ETH', 'KRW-XRP'],
  pair: 'BTC-KRW',
  simulatedPairs: ['BTC-KRW', 'DOGE-KRW'],
  amounts: 'number',
  sample: SAMPLE,
  snapshot: (n, bids, asks, symbol) => u.book(bids, asks, u.T + n, symbol === undefined ? {} : { symbol }),
  delta: null,
  quote: null,
  restBook: (n, bids, asks) => {
    const { orderbook_units } = parsed(u.book(bids, asks)) as { orderbook_units: object[] };
    return [{ market: u.SYMBOL, timestamp: u.T + n, orderbook_units, level: 1000 }];
  },
  trade: (id) => u.trade(id, { price: '100.5', volume: '0.015', side: 'ASK' }),
  timeOf: (n) => u.T + n,
  ack: null,
  refusal: { frame: u.REFUSAL, symbol: '' },
  pong: u.STATUS,
  notice: (trading) => u.ticker({ suspended: !trading }),
  foreign: [u.FOREIGN, '{"status":"DOWN"}'],
  rest: {
    instruments: (state, withBroken = false) => [
      market('KRW-BTC', state !== 'trading'),
      ...(withBroken ? [market('KRW-ETH', 'no')] : []),
    ],
    details: [
      [
        { market: 'KRW-BTC', tick_size: 1000 },
        { market: 'KRW-ETH', tick_size: 1000 },
      ],
    ],
    rules: { tickSize: '1000', lotSize: '0.00000001' },
    errors: [
      { body: error('invalid_parameter', 'no such market'), tooFast: false },
      { body: error('too_many_requests', 'slow down'), tooFast: true },
    ],
    time: { body: '[]', headers: { date: 'Mon, 21 Sep 2026 14:13:20 GMT' } },
  },
};
