import { Decimal, ONE } from '../market/decimal.js';
import { buyFactor, effectiveRate, sellFactor } from '../market/fees.js';
import type { SpatialMarket, SpatialRoute } from './spatial-route.js';

/**
 * What does not change about a route, in whole numbers: prices in `priceUnit`s (a power of ten that both ticks are multiples of),
 * base in `sizeUnit`s, rates in 10^-20. Sums and products of such numbers are exact and need no decimals.
 */
export interface WholeRoute {
  /** Units per 1, as float64 and as whole number. */
  readonly priceScale: number;
  readonly sizeScale: number;
  /** What a product of price and size has to be multiplied with to count 10^-20. */
  readonly quoteTo20: bigint;
  readonly sizeTo20: bigint;
  readonly priceTo20: bigint;
  readonly lot: bigint;
  readonly lotBase: number;
  readonly buyLot: bigint;
  readonly buyTick: bigint;
  readonly sellTick: bigint;
  /** Kept of each unit bought: keep ÷ keepOf. */
  readonly keep: bigint;
  readonly keepOf: bigint;
  /** Spent on a unit of asked quote, 10^-20; 1 where the fee is taken from what is received. */
  readonly numerator: bigint;
  readonly isReceived: boolean;
  readonly buyRate: bigint;
  readonly sellRate: bigint;
  /** A unit sold at `bid` and bought at `ask` earns bid × gain − ask × paid. */
  readonly gain: bigint;
  readonly paid: bigint;
  /** Quote in 10^-20. */
  readonly maxNotional: bigint;
  readonly minNetProfit: bigint;
  readonly minNotionalBuy: bigint;
  readonly minNotionalSell: bigint;
  readonly minBase: bigint;
  readonly maxBase: bigint | null;
  readonly buyBounds: OrderBounds;
  readonly sellBounds: OrderBounds;
  readonly latencyDecay: bigint;
  readonly transfer: bigint;
  readonly inventory: bigint;
}

/** What an exchange takes of one order: quantities in units, value in 10^-20. */
export interface OrderBounds {
  readonly minQuantity: bigint;
  readonly maxQuantity: bigint | null;
  readonly minNotional: bigint;
}

const DIGITS = 20;
/** A price times a size has so many digits behind the point at most. */
const MOST_DIGITS = 20;
/** Beyond this a power of ten, or a level in units of one, is no exact float64. */
const MOST_SCALE = 15;

const ten = (digits: number): bigint => 10n ** BigInt(digits);

/** The value times a power of ten; null where that is no whole number. */
function whole(value: Decimal, digits: number): bigint | null {
  const scaled = value.times(new Decimal(10).pow(digits));
  return scaled.isInteger() ? BigInt(scaled.toFixed(0)) : null;
}

/** Null for what is left to decimals: packs of an asset, and numbers with too many digits. */
export function wholeRouteOf(route: SpatialRoute): WholeRoute | null {
  const { buy, sell, limits, costs } = route;
  const isPlain = buy.units.equals(ONE) && sell.units.equals(ONE);
  if (!isPlain) return null;
  const priceDigits = Math.max(buy.rules.tick.decimalPlaces(), sell.rules.tick.decimalPlaces());
  const sizeDigits = Math.max(buy.rules.lot.decimalPlaces(), sell.rules.lot.decimalPlaces());
  const keepDigits = buy.fee.rate.decimalPlaces();
  if (priceDigits + sizeDigits > MOST_DIGITS || Math.max(priceDigits, sizeDigits) > MOST_SCALE) return null;
  const { numerator, keep } = buyFactor(buy.fee);
  const least = (market: SpatialMarket) => Decimal.max(market.rules.minNotional, limits.minNotional);
  const numbers = {
    lot: whole(route.lot, sizeDigits),
    buyLot: whole(buy.rules.lot, sizeDigits),
    buyTick: whole(buy.rules.tick, priceDigits),
    sellTick: whole(sell.rules.tick, priceDigits),
    keep: whole(keep, keepDigits),
    numerator: whole(numerator, DIGITS),
    buyRate: whole(effectiveRate(buy.fee), DIGITS),
    sellRate: whole(effectiveRate(sell.fee), DIGITS),
    gain: whole(sellFactor(sell.fee).times(keep), DIGITS * 2),
    paid: whole(numerator.plus(costs.rate.times(keep)), DIGITS * 2),
    maxNotional: whole(limits.maxNotional, DIGITS),
    minNetProfit: whole(limits.minNetProfit, DIGITS),
    minNotionalBuy: whole(least(buy), DIGITS),
    minNotionalSell: whole(least(sell), DIGITS),
    minBase: whole(route.minBase, sizeDigits),
    maxBase: route.maxBase === null ? -1n : whole(route.maxBase, sizeDigits),
    latencyDecay: whole(costs.latencyDecay, DIGITS),
    transfer: whole(costs.transfer, DIGITS),
    inventory: whole(costs.inventory, DIGITS),
  };
  const [buyBounds, sellBounds] = [boundsOf(buy, sizeDigits), boundsOf(sell, sizeDigits)];
  if (!areWhole(numbers) || buyBounds === null || sellBounds === null) return null;
  return {
    ...numbers,
    priceScale: 10 ** priceDigits,
    sizeScale: 10 ** sizeDigits,
    quoteTo20: ten(DIGITS - priceDigits - sizeDigits),
    sizeTo20: ten(DIGITS - sizeDigits),
    priceTo20: ten(DIGITS - priceDigits),
    lotBase: route.lot.toNumber(),
    keepOf: ten(keepDigits),
    isReceived: buy.fee.mode === 'received',
    maxBase: route.maxBase === null ? null : numbers.maxBase,
    ...{ buyBounds, sellBounds },
  };
}

function boundsOf({ rules }: SpatialMarket, sizeDigits: number): OrderBounds | null {
  const minQuantity = whole(rules.minQuantity, sizeDigits);
  const maxQuantity = rules.maxQuantity === null ? null : whole(rules.maxQuantity, sizeDigits);
  const minNotional = whole(rules.minNotional, DIGITS);
  if (minQuantity === null || minNotional === null) return null;
  return rules.maxQuantity !== null && maxQuantity === null
    ? null
    : { minQuantity, maxQuantity, minNotional };
}

type Whole<T> = { readonly [K in keyof T]: bigint };

const areWhole = <T extends Record<string, bigint | null>>(numbers: T): numbers is T & Whole<T> =>
  Object.values(numbers).every((value) => value !== null);
