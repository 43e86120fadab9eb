import type { Side } from '../../messages/primitives.js';
import type { SimulatedMarket } from '../market.js';
import { stepsIn, times, unitsOf, type Atoms, type MarketUnits } from './atoms.js';
import type { DeskRules } from './desk-rules.js';
import type { OrderRequest, Refusal } from './desk-types.js';

/** A request whose price and size lie on the steps of its market. */
export interface SteppedOrder {
  /** 0 for market orders. */
  readonly priceTicks: number;
  /** 0 for a market order that is sized in quote. */
  readonly lots: number;
}

const units = new WeakMap<SimulatedMarket, MarketUnits>();

export function marketUnits(market: SimulatedMarket): MarketUnits {
  let known = units.get(market);
  if (known === undefined) units.set(market, (known = unitsOf(market.listing)));
  return known;
}

/** The filters of a market in the order in which exchanges apply them: price, size, value. */
export function checkFilters(request: OrderRequest, rules: DeskRules): SteppedOrder | Refusal {
  const { market, price, quantity } = request;
  const { tick, lot } = marketUnits(market);
  const priceTicks = price === null ? 0 : stepsIn(price, tick);
  if (priceTicks === null || (price !== null && priceTicks === 0)) return 'price_tick';
  if (price !== null && !isInBand(request.side, priceTicks, market, rules)) return 'price_band';
  if (quantity === null) return checkQuoteAmount(request);
  const lots = stepsIn(quantity, lot);
  if (lots === null) return 'lot';
  if (lots < market.listing.minLots || lots === 0) return 'min_quantity';
  if (lots > rules.maxLots) return 'max_quantity';
  const reference = price ?? tick * BigInt(market.statistics.lastTicks);
  if (times(reference, quantity) < minNotional(market)) return 'min_notional';
  return { priceTicks, lots };
}

function checkQuoteAmount({ market, quoteAmount }: OrderRequest): SteppedOrder | Refusal {
  if (quoteAmount === null || quoteAmount <= 0n) return 'min_quantity';
  return quoteAmount < minNotional(market) ? 'min_notional' : { priceTicks: 0, lots: 0 };
}

/** The listing has it as a number of few digits. */
function minNotional({ listing }: SimulatedMarket): Atoms {
  return BigInt(Math.round(listing.minNotional * 1e8)) * 10n ** 10n;
}

function isInBand(side: Side, ticks: number, market: SimulatedMarket, { priceBand }: DeskRules): boolean {
  if (priceBand === null) return true;
  const last = market.statistics.lastTicks;
  const [least, most] =
    side === 'buy' ? [priceBand.buyMin, priceBand.buyMax] : [priceBand.sellMin, priceBand.sellMax];
  return ticks >= last * least && ticks <= last * most;
}
