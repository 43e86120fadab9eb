import { ceilToStep, Decimal, floorToStep, ZERO } from '../market/decimal.js';
import type { Level } from './depth.js';
import {
  baseForQuote,
  edgeTermsOf,
  isMarginallyProfitable,
  NOTHING,
  objectiveOf,
  priceSize,
  profitOf,
  receiveOf,
  spendOf,
  type EdgeTerms,
  type PricedSize,
  type TwoBooks,
} from './two-books.js';

export interface SizeQuery extends TwoBooks {
  /** Lattice that q must be on; null = any size. */
  readonly lot: Decimal | null;
  /** Least traded quote of each leg; obeyed on the lattice. */
  readonly minNotionalBuy: Decimal;
  readonly minNotionalSell: Decimal;
  /** Least q; obeyed on the lattice. Default 0. */
  readonly minBase?: Decimal;
  /** Paid once per trade, in quote. */
  readonly fixedCost: Decimal;
}

export type BindingConstraint = 'edge' | 'ask_depth' | 'bid_depth' | 'quote_balance' | 'base_balance';

/** One stretch of the walk at constant prices. */
export type Segment = readonly [ask: Decimal, bid: Decimal, size: Decimal];

/** Best size without a lattice. */
export interface ContinuousSize {
  readonly size: PricedSize;
  readonly spend: Decimal;
  readonly receive: Decimal;
  readonly profit: Decimal;
  readonly segments: readonly Segment[];
  readonly bindingConstraint: BindingConstraint;
}

/** Best size on the lattice. `size` is NOTHING when no admissible size earns more than the fixed cost. */
export interface LatticeSize {
  readonly size: PricedSize;
  readonly profitAfterFixed: Decimal;
  /** Why nothing trades; null when something does. */
  readonly obstacle: 'NO_EDGE' | 'LOT_SIZE' | 'MIN_SIZE' | 'FIXED_COST' | null;
}

/** q and its money, all of reference §2; see the README there. */
export interface OptimalSize {
  readonly continuous: ContinuousSize;
  /** Null when the query has no lot. */
  readonly lattice: LatticeSize | null;
}

/**
 * The q that maximises proceeds(q) − cost(q); both books are piecewise linear, so walking them while one more unit
 * strictly earns finds the smallest maximiser (reference §2). The lattice neighbours of it are then compared exactly.
 */
export function optimalSize(query: SizeQuery): OptimalSize {
  const terms = edgeTermsOf(query);
  const continuous = walkWhileEdge(query, terms);
  const lattice = query.lot === null ? null : onLattice(query, terms, continuous.size.q, query.lot);
  return { continuous, lattice };
}

/** Order quantity on the buying exchange so that q is kept: q/(1−f) in `received` mode. */
export function buyOrderQuantity(q: Decimal, terms: EdgeTerms): Decimal {
  return q.div(terms.keep);
}

function walkWhileEdge(query: SizeQuery, terms: EdgeTerms): ContinuousSize {
  const asks = query.asks.filter(([, size]) => size.greaterThan(0));
  const bids = query.bids.filter(([, size]) => size.greaterThan(0));
  const maxAsked = query.maxQuote === null ? null : query.maxQuote.times(terms.keep).div(terms.numerator);
  const segments: Segment[] = [];
  let [q, asked, bid] = [ZERO, ZERO, ZERO];
  let [a, b] = [0, 0];
  let leftAsk = asks[0]?.[1].times(terms.keep) ?? ZERO;
  let leftBid = bids[0]?.[1] ?? ZERO;
  let binding: BindingConstraint = 'edge';
  for (;;) {
    const [askLevel, bidLevel] = [asks[a], bids[b]];
    if (askLevel === undefined || bidLevel === undefined) {
      binding = askLevel === undefined ? 'ask_depth' : 'bid_depth';
      break;
    }
    if (!isMarginallyProfitable(askLevel[0], bidLevel[0], terms)) break;
    const depth = leftAsk.lessThan(leftBid) ? leftAsk : leftBid;
    const { step, by } = withinBalances(query, maxAsked, q, asked, askLevel, depth);
    if (step.greaterThan(0)) segments.push([askLevel[0], bidLevel[0], step]);
    q = q.plus(step);
    asked = asked.plus(step.times(askLevel[0]));
    bid = bid.plus(step.times(bidLevel[0]));
    if (by !== null) {
      binding = by;
      break;
    }
    leftAsk = leftAsk.minus(step);
    leftBid = leftBid.minus(step);
    if (leftAsk.isZero()) leftAsk = asks[++a]?.[1].times(terms.keep) ?? ZERO;
    if (leftBid.isZero()) leftBid = bids[++b]?.[1] ?? ZERO;
  }
  const last = segments.at(-1);
  const size = { q, asked, bid, limitBuy: last?.[0] ?? null, limitSell: last?.[1] ?? null };
  return { ...moneyOf(size, query, terms, binding), size, segments, bindingConstraint: binding };
}

/** As much of a step as the balances leave room for, and the balance that ends the walk. Divides only where quote binds. */
function withinBalances(
  query: SizeQuery,
  maxAsked: Decimal | null,
  q: Decimal,
  asked: Decimal,
  [ask]: Level,
  depth: Decimal,
): { readonly step: Decimal; readonly by: BindingConstraint | null } {
  const byBase = query.maxBase?.minus(q) ?? null;
  const baseBinds = byBase !== null && byBase.lessThanOrEqualTo(depth);
  const step = baseBinds ? Decimal.max(byBase, 0) : depth;
  if (maxAsked !== null) {
    const over = asked.plus(step.times(ask)).comparedTo(maxAsked);
    if (over > 0 || (over === 0 && !baseBinds)) {
      return { step: Decimal.max(maxAsked.minus(asked).div(ask), 0), by: 'quote_balance' };
    }
  }
  return { step, by: baseBinds ? 'base_balance' : null };
}

function moneyOf(size: PricedSize, query: SizeQuery, terms: EdgeTerms, binding: BindingConstraint) {
  // Where the quote balance binds, the spend is that balance: walking back through a division would lose the last digit.
  const whole = binding === 'quote_balance' && query.maxQuote !== null && size.q.greaterThan(0);
  const spend = whole ? query.maxQuote : spendOf(size, terms);
  const receive = receiveOf(size, terms);
  return { spend, receive, profit: receive.minus(spend).minus(size.asked.times(terms.costRate)) };
}

function onLattice(query: SizeQuery, terms: EdgeTerms, qStar: Decimal, lot: Decimal): LatticeSize {
  const none = (obstacle: LatticeSize['obstacle']): LatticeSize => ({
    size: NOTHING,
    profitAfterFixed: ZERO,
    obstacle,
  });
  if (!qStar.greaterThan(0)) return none('NO_EDGE');
  const below = floorToStep(qStar, lot);
  const candidates = [below, below.plus(lot)].map((q) => admit(query, terms, q));
  let best = better(candidates[0] ?? null, candidates[1] ?? null, terms);
  // The profit is concave: when both neighbours are below a minimum, the smallest admissible size is the best one.
  best ??= smallestAdmissible(query, terms, lot, below);
  if (best === null) return none(below.isZero() ? 'LOT_SIZE' : 'MIN_SIZE');
  if (!objectiveOf(best, terms).greaterThan(0)) return none(below.isZero() ? 'LOT_SIZE' : 'MIN_SIZE');
  const profitAfterFixed = profitOf(best, terms).minus(query.fixedCost);
  return profitAfterFixed.greaterThan(0)
    ? { size: best, profitAfterFixed, obstacle: null }
    : none('FIXED_COST');
}

/** The priced size when it is above 0, inside depth and balances, and above the minimums of both legs. */
function admit(query: SizeQuery, terms: EdgeTerms, q: Decimal): PricedSize | null {
  if (!q.greaterThan(0) || q.lessThan(query.minBase ?? ZERO)) return null;
  if (query.maxBase !== null && q.greaterThan(query.maxBase)) return null;
  const size = priceSize(query, terms, q);
  if (size === null) return null;
  const overspent =
    query.maxQuote !== null &&
    size.asked.times(terms.numerator).greaterThan(query.maxQuote.times(terms.keep));
  const belowMinimum =
    size.asked.lessThan(query.minNotionalBuy.times(terms.keep)) || size.bid.lessThan(query.minNotionalSell);
  return overspent || belowMinimum ? null : size;
}

/** The more profitable of two; the smaller size on a tie, so `lower` must be the smaller. */
function better(lower: PricedSize | null, upper: PricedSize | null, terms: EdgeTerms): PricedSize | null {
  if (lower === null || upper === null) return lower ?? upper;
  return objectiveOf(upper, terms).greaterThan(objectiveOf(lower, terms)) ? upper : lower;
}

function smallestAdmissible(
  query: SizeQuery,
  terms: EdgeTerms,
  lot: Decimal,
  from: Decimal,
): PricedSize | null {
  const forBuy = baseForQuote(query.asks, query.minNotionalBuy.times(terms.keep), terms.keep);
  const forSell = baseForQuote(query.bids, query.minNotionalSell, new Decimal(1));
  if (forBuy === null || forSell === null) return null;
  const least = Decimal.max(forBuy, forSell, query.minBase ?? ZERO);
  const q = ceilToStep(least, lot);
  // Nothing admissible lies at or below `from`; the division above may have been off by its last digit, hence neighbours.
  for (const candidate of [q.minus(lot), q, q.plus(lot)]) {
    const size = candidate.greaterThan(from) ? admit(query, terms, candidate) : null;
    if (size !== null) return size;
  }
  return null;
}
