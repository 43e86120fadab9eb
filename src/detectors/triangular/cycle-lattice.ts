import { ceilToStep, Decimal, floorToStep, ONE, ZERO } from '../../market/decimal.js';
import type { Level } from '../depth.js';
import { baseForQuote, takeBase } from '../two-books.js';
import type { RouteLeg } from './cycle-route.js';

/** A leg with the side of its book, best first and exact; no level beyond the largest order. */
export interface BookedLeg {
  readonly leg: RouteLeg;
  readonly levels: readonly Level[];
}

/** An order of a cycle: base on its lot, and what the book gives for it. */
export interface FilledLeg {
  readonly quantity: Decimal;
  /** Σ price × taken, and the worst level needed. */
  readonly quote: Decimal;
  readonly worst: Decimal;
  /** Taken from the account, and brought to it, fees included. */
  readonly used: Decimal;
  readonly received: Decimal;
}

export type CycleObstacle = 'LOT_SIZE' | 'MIN_QUANTITY' | 'MIN_NOTIONAL' | 'NO_DEPTH' | 'MAX_NOTIONAL';

/** Which leg stands in the way, 0-based. */
export interface Obstructed {
  readonly obstacle: CycleObstacle;
  readonly leg: number;
}

export function bookedLeg(leg: RouteLeg, levels: readonly Level[]): BookedLeg {
  const { maxBase } = leg;
  if (maxBase === null) return { leg, levels };
  let left = maxBase;
  const within = levels.flatMap(([price, size]): Level[] => {
    const taken = Decimal.min(size, left);
    left = left.minus(taken);
    return taken.greaterThan(0) ? [[price, taken]] : [];
  });
  return { leg, levels: within };
}

/**
 * The orders of a cycle in which leg `pivot` has so much base, exactly: those before it as small as they can be, those after it as
 * large. `maxStart` = most of the start asset.
 */
export function fillFrom(
  legs: readonly BookedLeg[],
  pivot: number,
  quantity: Decimal,
  maxStart: Decimal,
): readonly FilledLeg[] | Obstructed {
  const filled: FilledLeg[] = [];
  const put = (at: number, base: Decimal | null): Obstructed | null => {
    const one = base === null ? 'NO_DEPTH' : fillOf(legs[at]!, base);
    if (typeof one === 'string') return { obstacle: one, leg: at };
    filled[at] = one;
    return null;
  };
  let problem = put(pivot, quantity);
  for (let at = pivot - 1; at >= 0 && problem === null; at--)
    problem = put(at, leastFor(legs[at]!, filled[at + 1]!.used));
  for (let at = pivot + 1; at < legs.length && problem === null; at++)
    problem = put(at, mostFor(legs[at]!, filled[at - 1]!.received));
  if (problem !== null) return problem;
  return filled[0]!.used.greaterThan(maxStart) ? { obstacle: 'MAX_NOTIONAL', leg: 0 } : filled;
}

function fillOf({ leg, levels }: BookedLeg, quantity: Decimal): FilledLeg | CycleObstacle {
  if (!quantity.greaterThan(0)) return 'LOT_SIZE';
  if (quantity.lessThan(leg.minBase)) return 'MIN_QUANTITY';
  const taken = takeBase(levels, quantity);
  if (taken === null) return 'NO_DEPTH';
  if (taken.quote.lessThan(leg.minNotional)) return 'MIN_NOTIONAL';
  const isBuy = leg.side === 'buy';
  return {
    quantity,
    ...taken,
    used: isBuy ? taken.quote.times(leg.spend) : quantity,
    received: isBuy ? quantity.times(leg.keep) : taken.quote.times(leg.yieldFactor),
  };
}

/** The smallest order that brings so much and is allowed; null where the book does not hold it. */
function leastFor({ leg, levels }: BookedLeg, amount: Decimal): Decimal | null {
  const brings =
    leg.side === 'buy'
      ? onLotFrom(leg.lot, amount.div(leg.keep), (q) => q.times(leg.keep).greaterThanOrEqualTo(amount))
      : leastOfWorth(leg, levels, amount, leg.yieldFactor);
  const isWorth = leastOfWorth(leg, levels, leg.minNotional, ONE);
  if (brings === null || isWorth === null) return null;
  return Decimal.max(brings, isWorth, ceilToStep(leg.minBase, leg.lot));
}

/** The smallest order of which `share` of the quote is at least `amount`. */
function leastOfWorth(
  { lot }: RouteLeg,
  levels: readonly Level[],
  amount: Decimal,
  share: Decimal,
): Decimal | null {
  const base = baseForQuote(levels, amount.div(share), ONE);
  if (base === null) return null;
  const isEnough = (q: Decimal) =>
    takeBase(levels, q)?.quote.times(share).greaterThanOrEqualTo(amount) ?? q.isZero();
  return onLotFrom(lot, base, isEnough);
}

/** The smallest multiple that is enough; a division may have rounded `near`, which is hence off by one lot at most. */
function onLotFrom(lot: Decimal, near: Decimal, isEnough: (q: Decimal) => boolean): Decimal {
  const above = ceilToStep(near, lot);
  const below = above.minus(lot);
  if (below.greaterThan(0) && isEnough(below)) return below;
  return isEnough(above) ? above : above.plus(lot);
}

/** The largest order that so much pays for, within the book. */
function mostFor({ leg, levels }: BookedLeg, amount: Decimal): Decimal {
  const depth = levels.reduce((sum, [, size]) => sum.plus(size), ZERO);
  if (leg.side === 'sell') return floorToStep(Decimal.min(amount, depth), leg.lot);
  const near = floorToStep(baseForQuote(levels, amount.div(leg.spend), ONE) ?? depth, leg.lot);
  const isPaid = (q: Decimal) => {
    const taken = takeBase(levels, q);
    return taken !== null && taken.quote.times(leg.spend).lessThanOrEqualTo(amount);
  };
  const above = near.plus(leg.lot);
  if (isPaid(above)) return above;
  return near.isZero() || isPaid(near) ? near : near.minus(leg.lot);
}
