import type { Level } from '../depth.js';
import { ceilToStep, Decimal, floorToStep, ONE, ZERO } from '../../market/decimal.js';
import { buyFactor, effectiveRate } from '../../market/fees.js';
import { takeBase } from '../two-books.js';
import type { BridgeBooks, BridgedSize } from './bridge-size.js';
import type { BridgeRoute } from './bridge-route.js';

/** What one order of a plan takes from its book. */
export interface Taken {
  /** In the base of its market. */
  readonly ordered: Decimal;
  /** Σ price × ordered. */
  readonly quote: Decimal;
  readonly worst: Decimal;
}

/** A size with what its orders trade. */
export interface BridgeOrders {
  readonly q: Decimal;
  readonly dollar: Taken;
  readonly local: Taken;
  /** The conversion; without a lattice where it is no order. */
  readonly rate: Taken;
  /** Σ price × q of the leg that buys the coin: `quote` is more where the fee is taken from what is bought. */
  readonly boughtQuote: Decimal;
  /** Coins that the larger buy order leaves over. */
  readonly coinResidue: Decimal;
  /** Local money that the lot of the conversion leaves over. */
  readonly localResidue: Decimal;
}

/** A buy order is rounded up where its fee is taken from the coin; when it overruns depth or limits, the trade is made one lot smaller. */
const TRIES = 3;

/** The orders of a size on all lots; null when no size near it fits depth, budget and maximums. */
export function bridgeOrders(route: BridgeRoute, books: BridgeBooks, best: BridgedSize): BridgeOrders | null {
  let q = best.q;
  for (let tries = 0; tries < TRIES && q.greaterThan(0); tries++, q = q.minus(route.lot)) {
    const orders = ordersFor(route, books, q);
    if (orders !== null && isWithin(route, orders)) return orders;
  }
  return null;
}

function ordersFor(route: BridgeRoute, books: BridgeBooks, q: Decimal): BridgeOrders | null {
  const sellsLocal = route.direction === 'sell-local';
  const bought = sellsLocal ? route.dollar : route.local;
  const [asks, bids] = sellsLocal ? [books.dollar, books.local] : [books.local, books.dollar];
  const { keep } = buyFactor(bought.fee);
  const ordered = ceilToStep(q.div(keep), bought.rules.lot.times(bought.units));
  const buy = takenOf(asks, ordered);
  const kept = ordered.equals(q) ? buy : takenOf(asks, q);
  const sell = takenOf(bids, q);
  if (buy === null || kept === null || sell === null) return null;
  const [dollar, local] = sellsLocal ? [buy, sell] : [sell, buy];
  const converted = sellsLocal
    ? dollarsBought(route, books, sell.quote)
    : dollarsSold(route, books, buy.quote);
  if (converted === null) return null;
  const coinResidue = ordered.times(keep).minus(q);
  const { rate, localResidue } = converted;
  return { q, dollar, local, rate, boughtQuote: kept.quote, coinResidue, localResidue };
}

function takenOf(levels: readonly Level[], ordered: Decimal): Taken | null {
  const found = takeBase(levels, ordered);
  return found === null ? null : { ordered, ...found };
}

interface Converted {
  readonly rate: Taken;
  readonly localResidue: Decimal;
}

/** As many dollars as the local money buys, fee included, on the lot of their market. */
function dollarsBought(
  { local, rate, kind }: BridgeRoute,
  { rate: levels }: BridgeBooks,
  sold: Decimal,
): Converted | null {
  const money = sold.minus(sold.times(effectiveRate(local.fee)));
  const top = buyFactor(rate.fee).numerator;
  const exact = sizeFor(levels, money.div(top));
  if (exact === null) return null;
  const ordered = kind === 'leg' ? floorToStep(exact, rate.rules.lot) : exact;
  const taken = takenOf(levels, ordered);
  if (taken === null) return null;
  return { rate: taken, localResidue: kind === 'leg' ? money.minus(taken.quote.times(top)) : ZERO };
}

/** As few dollars as bring the local money that the coin costs, on the lot of their market. */
function dollarsSold(
  { local, rate, kind }: BridgeRoute,
  { rate: levels }: BridgeBooks,
  bought: Decimal,
): Converted | null {
  const needed = bought.times(buyFactor(local.fee).numerator);
  const share = ONE.minus(effectiveRate(rate.fee));
  const exact = sizeFor(levels, needed.div(share));
  if (exact === null) return null;
  let ordered = kind === 'leg' ? ceilToStep(exact, rate.rules.lot) : exact;
  let taken = takenOf(levels, ordered);
  // The division above may have been off by its last digit.
  if (kind === 'leg' && taken?.quote.times(share).lessThan(needed) === true) {
    ordered = ordered.plus(rate.rules.lot);
    taken = takenOf(levels, ordered);
  }
  if (taken === null) return null;
  return { rate: taken, localResidue: kind === 'leg' ? taken.quote.times(share).minus(needed) : ZERO };
}

/** Size whose Σ price × size is `quote`; null when the book is too thin. */
function sizeFor(levels: readonly Level[], quote: Decimal): Decimal | null {
  let [left, size] = [quote, ZERO];
  for (const [price, offered] of levels) {
    const worth = offered.times(price);
    if (worth.greaterThanOrEqualTo(left)) return size.plus(left.div(price));
    size = size.plus(offered);
    left = left.minus(worth);
  }
  return null;
}

/** Budget, and the most that each exchange takes of one order. */
function isWithin(
  { direction, dollar, local, rate, limits, kind }: BridgeRoute,
  orders: BridgeOrders,
): boolean {
  const start =
    direction === 'sell-local'
      ? orders.dollar.quote.times(buyFactor(dollar.fee).numerator)
      : orders.rate.ordered;
  if (start.greaterThan(limits.maxNotional)) return false;
  const maximums = [
    [dollar, orders.dollar],
    [local, orders.local],
    ...(kind === 'leg' ? ([[rate, orders.rate]] as const) : []),
  ] as const;
  return maximums.every(
    ([{ rules, units }, { ordered }]) =>
      rules.maxQuantity === null || !ordered.greaterThan(rules.maxQuantity.times(units)),
  );
}
