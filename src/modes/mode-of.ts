import type { ModeName } from '../messages/primitives.js';

/** Where market data comes from. Every number a node shows belongs to exactly one of these. */
export type MarketName = 'simulated' | 'replay' | 'live';

/** Paper on public market data is PAPER; LIVE, with real orders, is a later step and has its own switch. */
export const MODE_OF: Readonly<Record<MarketName, ModeName>> = {
  simulated: 'SIMULATED',
  replay: 'REPLAY',
  live: 'PAPER',
};
