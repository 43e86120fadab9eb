import { gate } from '../../../../src/connectors/gate.js';
import * as g from '../../../connectors/fixtures-gate.js';
import type { Subject } from '../subject.js';

const common: Omit<Subject, 'exchange' | 'connector' | 'snapshot' | 'delta' | 'ack' | 'refusal'> = {
  symbol: g.SYMBOL,
  others: ['ETH_USDT', 'XRP_USDT'],
  pair: 'BTC-USDT',
  simulatedPairs: ['BTC-USDT', 'DOGE-USDT'],
  amounts: 'text',
  sample: g.GATE_SAMPLE,
  quote: (n, [b, B], [a, A]) => g.quote(n, b, a, { B, A }),
  restBook: (n, bids, asks) => g.snapshot(n, bids, asks),
  trade: (id) =>
    JSON.stringify(g.trade({ id: 1, price: '100.50', amount: '0.0150' })).replace('"id":1,', `"id":${id},`),
  timeOf: (n) => g.T + n,
  pong: g.PONG,
  foreign: g.FOREIGN.map((frame) => JSON.stringify(frame)),
  rest: {
    instruments: (state, withBroken = false) => [
      g.pair({ trade_status: state === 'trading' ? 'tradable' : 'buyable' }),
      ...(withBroken ? [g.pair({ id: 'ETH_USDT', base: 'ETH', precision: -1 })] : []),
    ],
    rules: { tickSize: '0.1', lotSize: '0.000001' },
    errors: [
      { body: { label: 'INVALID_CURRENCY_PAIR', message: 'no such pair' }, tooFast: false },
      { body: { label: 'TOO_MANY_REQUESTS', message: 'slow down' }, tooFast: true },
    ],
    time: { body: { server_time: 1_790_000_000_123 } },
  },
};

/** Books of `spot.obu`. */
export const GATE: Subject = {
  ...common,
  exchange: 'gate',
  connector: () => gate(),
  snapshot: (n, bids, asks) => g.full(n, bids, asks),
  delta: (n, bids, asks, symbol = g.SYMBOL) => g.delta(n, n, bids, asks, { s: `ob.${symbol}.400` }),
  ack: g.ack(),
  refusal: { frame: g.refusal('unknown currency pair: BTC_USDT'), symbol: g.SYMBOL },
};

/** Diffs of `spot.order_book_update`, with the same face behind them. */
export const GATE_DIFFS: Subject = {
  ...common,
  exchange: 'gate',
  connector: () => gate({ bookChannel: 'spot.order_book_update' }),
  snapshot: (n, bids, asks) => g.snapshot(n, bids, asks),
  delta: (n, bids, asks, s = g.SYMBOL) => g.diff(n, n, bids, asks, { s }),
  ack: g.ack('spot.order_book_update', [g.SYMBOL, '100ms']),
  refusal: {
    frame: g.refusal('unknown currency pair: BTC_USDT', 'spot.order_book_update', [g.SYMBOL, '100ms']),
    symbol: g.SYMBOL,
  },
};
