/**
 * What decides that there is something to trade, as a library: net edges with fees, exact sizes over two books and around three legs, cycles, won
 * premiums, pairs. Pure functions and machines; prices and sizes in `Decimal`, float64 where a market is only judged.
 */
export * from './amortisation.js';
export * from './bridge/bridge-size.js';
export * from './bridge/bridge-terms.js';
export * from './depth.js';
export * from './krw-premium.js';
export * from './optimal-size.js';
export * from './spread.js';
export * from './statistical/pair-discovery.js';
export * from './statistical/pair-trader.js';
export * from './triangular/cycle-depth.js';
export * from './triangular/cycle-fill.js';
export * from './triangular/cycle-graph.js';
export * from './triangular/cycle-rates.js';
