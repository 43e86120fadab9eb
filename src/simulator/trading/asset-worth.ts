import type { SimulatedMarket } from '../market.js';

/** What one unit of an asset is worth in USDT by the last trade, for the display figures of accounts; 0 = not known. */
export function worthOf(asset: string, markets: Iterable<SimulatedMarket>): number {
  if (asset === 'USDT') return 1;
  for (const { listing, statistics } of markets) {
    if (listing.base === asset && listing.quote === 'USDT') return statistics.lastTicks * listing.tick.value;
  }
  return 0;
}
