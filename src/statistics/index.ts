/**
 * ArBot's statistics as a library: unit roots and cointegration, hedge ratios, speed of return, and what a record of returns proves. Pure functions over
 * `Float64Array` (prices and spreads) or `Decimal` (money); nothing here knows of exchanges, clocks or files. What cannot be answered is told by a status
 * (`degenerate.ts`), never by a number.
 */
export * from './adf.js';
export * from './deflated-sharpe.js';
export * from './degenerate.js';
export * from './engle-granger.js';
export * from './exposure.js';
export * from './false-discovery.js';
export * from './half-life.js';
export * from './hurst.js';
export * from './johansen.js';
export * from './kalman-hedge.js';
export * from './kpss.js';
export * from './mackinnon.js';
export * from './normal.js';
export * from './regression.js';
export * from './returns.js';
export * from './trades.js';
export * from './walk-forward.js';
export * from './z-scores.js';
