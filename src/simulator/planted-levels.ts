import type { LevelText } from '../messages/primitives.js';
import { plainText } from './exact-units.js';
import type { SimulatedMarket } from './market.js';

const PLANTED_LEVELS = 10;

/** The best published levels of one side of a market. */
export function levelTexts(market: SimulatedMarket, side: 'asks' | 'bids'): LevelText[] {
  const { tick, lot } = market.listing;
  const { prices, lots } = market.ladder()[side];
  return prices
    .slice(0, PLANTED_LEVELS)
    .map((price, i) => [plainText(tick, price), plainText(lot, lots[i]!)]);
}
