import { ceilToStep, Decimal, floorToStep, ONE, ZERO } from '../../market/decimal.js';
import type { Level } from '../depth.js';
import { takeBase } from '../two-books.js';
import { isBridgeProfitable, type BridgeTerms } from './bridge-terms.js';

/** The sides that a direction takes from; best first, levels of size 0 are skipped. */
export interface BridgeBooks {
  readonly dollar: readonly Level[];
  readonly local: readonly Level[];
  /** Sizes in dollars, prices in local money. */
  readonly rate: readonly Level[];
}

export interface BridgeQuery {
  readonly terms: BridgeTerms;
  readonly books: BridgeBooks;
  /** Margin that each coin must earn on top, as a share of its cost; sizes the trade, is no cost. */
  readonly hurdle: Decimal;
  /** Most dollars that the trade may begin with, fees included. */
  readonly maxQuote: Decimal;
  /** Most coins; null = no limit. */
  readonly maxBase: Decimal | null;
  /** Lattice of the coin that suits both of its legs. */
  readonly lot: Decimal;
  readonly minBase: Decimal;
  /** Least traded amounts: dollars of the dollar leg, local money of the local leg and of the conversion. */
  readonly minDollar: Decimal;
  readonly minLocal: Decimal;
  readonly minRate: Decimal;
}

/** What trading q coins means; Σ price × kept on both coin books, and what flows through the conversion. */
export interface BridgedSize {
  readonly q: Decimal;
  readonly dollarQuote: Decimal;
  readonly localQuote: Decimal;
  /** Local money that has to be converted, after fees of the local leg. */
  readonly local: Decimal;
  /** Dollars that the conversion yields or takes, its fees included. */
  readonly dollars: Decimal;
  /** Σ price × size of the conversion, without fees. */
  readonly rateQuote: Decimal;
}

export type BridgeObstacle = 'NO_EDGE' | 'LOT_SIZE' | 'MIN_SIZE';

export interface BridgeSize {
  /** The smallest q that earns the most, without a lattice. */
  readonly continuous: Decimal;
  /** The best on the lattice; null = none is admissible and earns. */
  readonly size: BridgedSize | null;
  readonly obstacle: BridgeObstacle | null;
}

/** Sizes whose earnings differ by less are equal: what a division may round. */
const TIE = new Decimal('1e-60');

/**
 * The q that earns the most over three books. What one book makes of money is piecewise linear at falling rates, and so is what three make
 * one after the other: the walk goes on while one more coin strictly earns, and the lattice neighbours of its end are compared exactly.
 */
export function bridgeSize(query: BridgeQuery): BridgeSize {
  const continuous = walkWhileEdge(query);
  const none = (obstacle: BridgeObstacle): BridgeSize => ({ continuous, size: null, obstacle });
  if (!continuous.greaterThan(0)) return none('NO_EDGE');
  const below = floorToStep(continuous, query.lot);
  const [lower, upper] = [admit(query, below), admit(query, below.plus(query.lot))];
  // Concave: when both neighbours are below a minimum, the smallest admissible size is the best one.
  const best = better(query, lower, upper) ?? smallestAdmissible(query, below);
  if (best === null || !earnedOf(query, best).greaterThan(0))
    return none(below.isZero() ? 'LOT_SIZE' : 'MIN_SIZE');
  return { continuous, size: best, obstacle: null };
}

/** What sizing maximises: dollars earned, less the hurdle on what is paid. */
export function earnedOf({ terms, hurdle }: BridgeQuery, size: BridgedSize): Decimal {
  const traded = size.dollarQuote.times(terms.dollarTop).div(terms.dollarKeep);
  const factor = ONE.plus(hurdle);
  return terms.direction === 'sell-local'
    ? size.dollars.minus(traded.times(factor))
    : traded.minus(size.dollars.times(factor));
}

/** The dollars that the trade begins with. */
export function startOf(terms: BridgeTerms, { dollarQuote, dollars }: BridgedSize): Decimal {
  return terms.direction === 'sell-local' ? dollarQuote.times(terms.spendTop).div(terms.dollarKeep) : dollars;
}

/** Walks all three books to q; null when one is too thin for it. */
export function priceBridge(
  { terms, books }: Pick<BridgeQuery, 'terms' | 'books'>,
  q: Decimal,
): BridgedSize | null {
  if (!q.greaterThan(0)) return null;
  const dollar = takeBase(books.dollar, q, terms.dollarKeep);
  const local = dollar === null ? null : takeBase(books.local, q, terms.localKeep);
  if (dollar === null || local === null) return null;
  const flowing = local.quote.times(terms.localTop).div(terms.localKeep);
  const converted = convert(books.rate, flowing, terms);
  if (converted === null) return null;
  return { q, dollarQuote: dollar.quote, localQuote: local.quote, local: flowing, ...converted };
}

/** `local` money through the conversion book, fees included; null when the book is too thin. Divides once. */
export function convert(
  levels: readonly Level[],
  local: Decimal,
  { rateTop, rateKeep }: Pick<BridgeTerms, 'rateTop' | 'rateKeep'>,
): { readonly dollars: Decimal; readonly rateQuote: Decimal } | null {
  let left = local;
  let [dollars, rateQuote] = [ZERO, ZERO];
  for (const [price, size] of levels) {
    const quote = size.times(price);
    const room = quote.times(rateTop);
    if (room.greaterThanOrEqualTo(left)) {
      return {
        dollars: dollars.plus(left.times(rateKeep).div(price.times(rateTop))),
        rateQuote: rateQuote.plus(left.div(rateTop)),
      };
    }
    dollars = dollars.plus(size.times(rateKeep));
    rateQuote = rateQuote.plus(quote);
    left = left.minus(room);
  }
  return null;
}

/** Coins of a level that are kept, or local money that a level of the conversion takes. */
interface Walk {
  readonly levels: readonly Level[];
  at: number;
  left: Decimal;
  readonly roomOf: (level: Level) => Decimal;
}

function walkOf(levels: readonly Level[], roomOf: (level: Level) => Decimal): Walk {
  const filled = levels.filter(([, size]) => size.greaterThan(0));
  return { levels: filled, at: 0, left: filled[0] === undefined ? ZERO : roomOf(filled[0]), roomOf };
}

function take(walk: Walk, amount: Decimal, isExhausted: boolean): void {
  const level = walk.levels[walk.at]!;
  const rest = isExhausted ? ZERO : walk.left.minus(amount);
  // What divisions leave of a level that two books use up at once is nothing.
  if (rest.greaterThan(walk.roomOf(level).times(TIE))) {
    walk.left = rest;
    return;
  }
  const next = walk.levels[++walk.at];
  walk.left = next === undefined ? ZERO : walk.roomOf(next);
}

function walkWhileEdge(query: BridgeQuery): Decimal {
  const { terms, books, maxBase, maxQuote } = query;
  const hurdleFactor = ONE.plus(query.hurdle);
  const dollar = walkOf(books.dollar, ([, size]) => size.times(terms.dollarKeep));
  const local = walkOf(books.local, ([, size]) => size.times(terms.localKeep));
  const rate = walkOf(books.rate, ([price, size]) => size.times(price).times(terms.rateTop));
  let [q, spent] = [ZERO, ZERO];
  for (;;) {
    const [atDollar, atLocal, atRate] = [dollar, local, rate].map(({ levels, at }) => levels[at]);
    if (atDollar === undefined || atLocal === undefined || atRate === undefined) return q;
    const prices = { dollar: atDollar[0], local: atLocal[0], rate: atRate[0] };
    if (!isBridgeProfitable(prices, terms, hurdleFactor)) return q;
    const localEach = prices.local.times(terms.localTop).div(terms.localKeep);
    const byRate = rate.left.div(localEach);
    const depth = Decimal.min(dollar.left, local.left, byRate);
    const spentEach =
      terms.direction === 'sell-local'
        ? prices.dollar.times(terms.spendTop).div(terms.dollarKeep)
        : localEach.times(terms.rateKeep).div(prices.rate.times(terms.rateTop));
    const byQuote = Decimal.max(maxQuote.minus(spent).div(spentEach), ZERO);
    const byBase = maxBase === null ? byQuote : Decimal.max(maxBase.minus(q), ZERO);
    const room = Decimal.min(byQuote, byBase);
    if (room.lessThanOrEqualTo(depth)) return q.plus(room);
    q = q.plus(depth);
    spent = spent.plus(depth.times(spentEach));
    take(dollar, depth, depth.equals(dollar.left));
    take(local, depth, depth.equals(local.left));
    take(rate, depth.times(localEach), depth.equals(byRate));
  }
}

/** The priced size when it is inside depth and budget and above every minimum. */
function admit(query: BridgeQuery, q: Decimal): BridgedSize | null {
  if (!q.greaterThan(0) || (query.maxBase !== null && q.greaterThan(query.maxBase))) return null;
  const size = priceBridge(query, q);
  if (size === null || startOf(query.terms, size).minus(query.maxQuote).greaterThan(TIE)) return null;
  return isSmall(query, size) ? null : size;
}

const isSmall = ({ minBase, minDollar, minLocal, minRate, terms }: BridgeQuery, size: BridgedSize): boolean =>
  size.q.lessThan(minBase) ||
  size.dollarQuote.lessThan(minDollar.times(terms.dollarKeep)) ||
  size.localQuote.lessThan(minLocal.times(terms.localKeep)) ||
  size.rateQuote.lessThan(minRate);

/** The one that earns more; the smaller size on a tie. */
function better(
  query: BridgeQuery,
  lower: BridgedSize | null,
  upper: BridgedSize | null,
): BridgedSize | null {
  if (lower === null || upper === null) return lower ?? upper;
  return earnedOf(query, upper).minus(earnedOf(query, lower)).greaterThan(TIE) ? upper : lower;
}

/** Minimums only rule out what is too small, depth and budget what is too large: halving finds where they stop. */
function smallestAdmissible(query: BridgeQuery, from: Decimal): BridgedSize | null {
  const { lot, books, terms } = query;
  const depth = books.dollar.reduce((sum, [, size]) => sum.plus(size.times(terms.dollarKeep)), ZERO);
  let low = from.div(lot);
  let high = ceilToStep(Decimal.max(depth, from), lot).div(lot);
  const isTooSmall = (lots: Decimal): boolean => {
    const size = priceBridge(query, lots.times(lot));
    return size !== null && isSmall(query, size);
  };
  if (isTooSmall(high)) return null;
  while (high.minus(low).greaterThan(1)) {
    const middle = low.plus(high).divToInt(2);
    if (middle.isZero() || isTooSmall(middle)) low = middle;
    else high = middle;
  }
  return admit(query, high.times(lot));
}
