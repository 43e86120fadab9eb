import type { WholeLevels } from './whole-levels.js';
import type { WholeRoute } from './whole-route.js';

/** Both sides of the books of a route, and what taking base out of them costs and brings, in whole units. */
export interface WholeBooks {
  readonly asks: WholeLevels;
  readonly bids: WholeLevels;
}

/** Σ price × taken, and the worst price needed. */
export interface Taken {
  readonly quote: bigint;
  readonly worst: bigint;
}

/**
 * Takes `base` units out of levels that offer size × `keep` ÷ `keepOf` each; null where the book is too thin. The quote counts
 * 1 ÷ keepOf of a unit.
 */
export function takeUnits(levels: WholeLevels, base: bigint, keep: bigint, keepOf: bigint): Taken | null {
  let left = base * keepOf;
  let quote = 0n;
  for (let i = 0; levels.has(i); i++) {
    const offered = levels.sizes[i]! * keep;
    const price = levels.prices[i]!;
    if (offered >= left) return { quote: quote + left * price, worst: price };
    quote += offered * price;
    left -= offered;
  }
  return null;
}

const ONE_20 = 10n ** 20n;
/** The guess is off by its rounding and by what a lattice takes away. */
const TRIES = 3;

/**
 * The lattice size that `optimalSize` answers, in lots, found near `guess`; null where it has to be asked. A size is proven best
 * by its neighbours: what both books bring is concave, so that one lot less earning less and one lot more earning no more, or
 * being too much, is the answer. Sizes near a minimum are left to `optimalSize`.
 */
export function bestLots(route: WholeRoute, books: WholeBooks, guess: number): bigint | null {
  if (!(guess >= 2) || guess > Number.MAX_SAFE_INTEGER) return null;
  let lots = BigInt(Math.round(guess));
  for (let tried = 0; tried < TRIES && lots > 1n; tried++) {
    const here = tradeOf(route, books, lots);
    const below = tradeOf(route, books, lots - 1n);
    if (books.asks.isBroken || books.bids.isBroken || below?.isSmall === true) return null;
    if (here === null || below === null || here.earned <= below.earned) {
      lots -= 1n;
      continue;
    }
    const above = tradeOf(route, books, lots + 1n);
    if (books.asks.isBroken || books.bids.isBroken) return null;
    if (above === null || above.earned <= here.earned) return lots;
    lots += 1n;
  }
  return null;
}

interface LatticeTrade {
  /** In a measure that only compares. */
  readonly earned: bigint;
  /** Below a minimum of either leg. */
  readonly isSmall: boolean;
}

/** So many lots; null where depth, balance or maximum forbid them. */
function tradeOf(route: WholeRoute, { asks, bids }: WholeBooks, lots: bigint): LatticeTrade | null {
  const base = lots * route.lot;
  if (route.maxBase !== null && base > route.maxBase) return null;
  const sold = takeUnits(bids, base, 1n, 1n);
  const bought = sold === null ? null : takeUnits(asks, base, route.keep, route.keepOf);
  if (sold === null || bought === null) return null;
  const asked = bought.quote * route.quoteTo20;
  // asked × numerator ≤ maxNotional × keep; both sides times keepOf and 10^40.
  if (asked * route.numerator > route.maxNotional * route.keep * ONE_20) return null;
  return {
    earned: sold.quote * route.keepOf * route.gain - bought.quote * route.paid,
    isSmall:
      base < route.minBase ||
      sold.quote * route.quoteTo20 < route.minNotionalSell ||
      asked < route.minNotionalBuy * route.keep,
  };
}
