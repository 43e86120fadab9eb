import { defineTrading } from './src/config/index.js';

/**
 * What ArBot trades, how large, and when not. Money is decimal text, so that nothing is rounded on the way.
 * These values fit the simulated exchanges of `npm start`; docs/configuration.md explains every key.
 */

// Prefunded inventory: ArBot buys on one exchange and sells on another at once, so each holds both sides of every pair.
const opening = { USDT: '100000', BTC: '1', ETH: '20', SOL: '400', XRP: '60000', DOGE: '400000' };
// Kept back on each exchange: only what is above trades.
const reserve = { USDT: '1000' };

const exchange = {
  enabled: true,
  takerFeeBps: 10,
  // Pretended latency of paper orders, from sending to the matching engine.
  paperLatency: { medianMs: 15, p99Ms: 60 },
  opening,
  reserve,
};

export default defineTrading({
  reportingCurrency: 'USDT',
  dayBoundary: 'UTC',

  // An asset may set its own `baseline` (held on purpose) and `maxExposure`.
  assets: { USDT: {}, BTC: {}, ETH: {}, SOL: {}, XRP: {}, DOGE: {} },

  // Every enabled exchange against every other, both ways, unless `directions` lists some.
  pairs: [
    { pair: 'BTC-USDT' },
    { pair: 'ETH-USDT' },
    { pair: 'SOL-USDT' },
    { pair: 'XRP-USDT' },
    { pair: 'DOGE-USDT' },
    // Between coins: no route of its own, but the middle of a cycle USDT > BTC > ETH > USDT and back.
    { pair: 'ETH-BTC' },
  ],

  // Cycles of three trades on one exchange begin and end with these assets; their least profit and size are those below.
  triangular: { startAssets: { USDT: {} } },

  exchanges: {
    binance: exchange,
    okx: { ...exchange, paperLatency: { medianMs: 20, p99Ms: 80 } },
    bybit: { ...exchange, paperLatency: { medianMs: 20, p99Ms: 80 } },
  },

  // `trade` offers what a detector finds to the risk gate, `watch` only shows it, `off` does not look.
  strategies: {
    spatial: 'trade',
    triangular: 'trade',
    // Shown and not offered: what npm start plants (DOGE belongs to XRP) is found after 480 bars of 10 s, or at once from recorded ticks.
    statistical: 'watch',
  },
  statistical: { barMs: 10_000, windowBars: 480, retestBars: 30 },

  edge: {
    // After fees of both legs, slippage at the exact size and every other named cost.
    minNetEdgeBps: 5,
    minNetProfit: '0.5',
    // A gross edge this large is taken for wrong data, not for luck.
    tooGoodToBeTrueBps: 500,
  },

  sizes: { minNotional: '10', maxNotional: '5000' },

  limits: {
    orderNotional: '5000',
    // Trading exposure: what is held or in flight beyond the baseline.
    assetNotional: '20000',
    totalNotional: '50000',
    // Everything held on one exchange, traded or not: what is lost if it fails.
    exchangeNotional: '2000000',
    bookAgeMaxMs: 1000,
    unchangedMaxMs: 60000,
    clockSkewMaxMs: 250,
    // What trading lost, without the revaluation of what is held on purpose: today, below its peak, in a row.
    dailyLoss: '500',
    drawdown: '1000',
    lossStreak: 10,
    // Breakers, health of exchanges and flash crashes: docs/risk.md.
  },

  // Names here never trade, whatever else is configured.
  blacklist: { assets: [], pairs: [], exchanges: [] },

  // Example: { from: '23:55', to: '00:05', timeZone: 'UTC', days: [], reason: 'funding and daily maintenance' }
  noTradeWindows: [],

  // 'leg' and 'inventory', for KRW pairs, come later.
  bridge: 'none',
});
