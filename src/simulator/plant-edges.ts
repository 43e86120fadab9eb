import type { PairId } from '../messages/primitives.js';
import { WON_PER_USDT, type SimulatedExchange } from './listings.js';
import type { SimulatedMarket } from './market.js';
import type { Plant } from './oracle.js';

/** Where a disturbed exchange must quote for the edge that a plant wants, whatever the ticks and lots of its market. */

/** What is read of the world. */
export interface PlantGrounds {
  market(exchange: SimulatedExchange, pair: PairId): SimulatedMarket;
  fair(exchange: SimulatedExchange, pair: PairId): number;
}

/** Quotes stand 0.7 bps off the fair price on both sides, and ticks round away from it. */
const QUOTE_COST_BPS = 2.5;
/** The makers' distance from the fair price. */
export const MAKER_QUOTE_BPS = 0.7;
/** From here a tick is no longer lost in `QUOTE_COST_BPS`. */
const COARSE_TICK_BPS = 2;

/**
 * How far the disturbed exchange must be moved for an edge of `edgeBps`. Where ticks are coarse against it, as in won, the edge
 * is a whole number of ticks, and the quote that makes it lies in the middle of its tick.
 */
export function offsetFor(
  grounds: PlantGrounds,
  plant: Plant,
  edgeBps: number,
  round: (ticks: number) => number,
): number {
  const exchange = plant.disturbedExchange as SimulatedExchange;
  if (!isCoarse(grounds, exchange, plant.pair)) return edgeBps + QUOTE_COST_BPS;
  const { tick } = grounds.market(exchange, plant.pair).listing;
  const fair = grounds.fair(exchange, plant.pair);
  const isSell = exchange === plant.sellExchange;
  const partner = grounds.market(
    (isSell ? plant.buyExchange : plant.sellExchange) as SimulatedExchange,
    plant.pair,
  );
  const { bids, asks } = partner.ladder();
  const best = (isSell ? asks : bids).prices[0]! * partner.listing.tick.value;
  const sign = isSell ? 1 : -1;
  const ticks = round((sign * best * (1 + (sign * edgeBps) / 10_000)) / tick.value) * sign;
  const wanted = (ticks + sign / 2) * tick.value;
  return MAKER_QUOTE_BPS + sign * (wanted / fair - 1) * 10_000;
}

export function isCoarse(grounds: PlantGrounds, exchange: SimulatedExchange, pair: PairId): boolean {
  const { tick } = grounds.market(exchange, pair).listing;
  return (tick.value / grounds.fair(exchange, pair)) * 10_000 >= COARSE_TICK_BPS;
}

/** The least order of a market, in lots. */
export function leastLots(grounds: PlantGrounds, exchange: SimulatedExchange, pair: PairId): number {
  const { listing } = grounds.market(exchange, pair);
  if (listing.minNotional <= 0) return listing.minLots;
  return listing.minNotional / grounds.fair(exchange, pair) / listing.lot.value;
}

/** Whether an order below the exchange's least one can be placed at all: coarse lots may be larger. */
export const canBeSmall = (grounds: PlantGrounds, exchange: SimulatedExchange, pair: PairId): boolean =>
  leastLots(grounds, exchange, pair) > 2;

/** Quote units that are worth about a dollar. */
export const quoteUnits = (pair: PairId): number => (pair.endsWith('-KRW') ? WON_PER_USDT : 1);
