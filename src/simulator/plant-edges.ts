import type { PairId } from '../messages/primitives.js';
import { WON_PER_USDT, type SimulatedExchange } from './listings.js';
import type { SimulatedMarket } from './market.js';
import type { Plant } from './oracle.js';
import { pairAt, type PlantBridge } from './plant-sites.js';

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
  const pair = pairAt(plant, exchange);
  const coarse = isCoarse(grounds, exchange, pair);
  if (!coarse && plant.bridge === undefined) return edgeBps + QUOTE_COST_BPS;
  const { tick } = grounds.market(exchange, pair).listing;
  const fair = grounds.fair(exchange, pair);
  const isSell = exchange === plant.sellExchange;
  const best = bestOfPartner(grounds, plant, exchange);
  const sign = isSell ? 1 : -1;
  const exact = best * (1 + (sign * edgeBps) / 10_000);
  const ticks = round((sign * exact) / tick.value) * sign;
  const wanted = coarse ? (ticks + sign / 2) * tick.value : exact;
  return MAKER_QUOTE_BPS + sign * (wanted / fair - 1) * 10_000;
}

/** What the other side of a plant quotes, in the quote of the disturbed exchange. */
function bestOfPartner(grounds: PlantGrounds, plant: Plant, exchange: SimulatedExchange): number {
  const isSell = exchange === plant.sellExchange;
  const other = (isSell ? plant.buyExchange : plant.sellExchange) as SimulatedExchange;
  const partner = grounds.market(other, pairAt(plant, other));
  const { bids, asks } = partner.ladder();
  const best = (isSell ? asks : bids).prices[0]! * partner.listing.tick.value;
  const { bridge } = plant;
  if (bridge === undefined) return best;
  const rate = rateOf(grounds, plant, bridge);
  return bridge.exchange === exchange ? best * rate : best / rate;
}

/** Won for a dollar, as whoever trades the plant gets it: dollars are bought with won where the coin is sold for won. */
function rateOf(grounds: PlantGrounds, plant: Plant, { exchange, rate }: PlantBridge): number {
  const market = grounds.market(exchange as SimulatedExchange, rate);
  const { bids, asks } = market.ladder();
  return (exchange === plant.sellExchange ? asks : bids).prices[0]! * market.listing.tick.value;
}

/** What a price on either side of a plant is in dollars, or as it is where both have one quote. */
export function inOneQuote(grounds: PlantGrounds, plant: Plant) {
  const { bridge } = plant;
  const same = (price: number): number => price;
  if (bridge === undefined) return { cost: same, yielded: same };
  const rate = rateOf(grounds, plant, bridge);
  const inDollars = (price: number): number => price / rate;
  return bridge.exchange === plant.sellExchange
    ? { cost: same, yielded: inDollars }
    : { cost: inDollars, yielded: same };
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
