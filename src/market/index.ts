/** Books, instruments, exact decimals and fees as a library: what every decision stands on. Nothing here has I/O, a clock or chance. */
export * from './asset-registry.js';
export * from './decimal.js';
export * from './fees.js';
export * from './instrument.js';
export * from './order-book.js';
export * from './quote-board.js';
export * from './tick-bands.js';
