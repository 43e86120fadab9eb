import { buyFactor, sellFactor, type Fee } from '../market/fees.js';
import { Decimal, ONE, ZERO } from '../market/decimal.js';
import type { Level } from './depth.js';

/**
 * Buying on one book and selling on another, in exact decimals. q is the base sold = the base kept; in `received` fee mode
 * an ask level of size s keeps only s·(1−f), so the buy walks further than the sell.
 */
export interface TwoBooks {
  /** Best first; levels of size 0 are skipped. */
  readonly asks: readonly Level[];
  readonly bids: readonly Level[];
  readonly feeBuy: Fee;
  readonly feeSell: Fee;
  /** Further cost as a share of the traded ask quote: latency decay, moving inventory back, inventory price. Default 0. */
  readonly costRate?: Decimal;
  /** Margin that each unit must earn on top, as a share of its cost; sizes the trade, is no cost. Default 0. */
  readonly hurdle?: Decimal;
  /** Most quote to spend, fees included; null = no limit. */
  readonly maxQuote: Decimal | null;
  /** Most base to sell; null = no limit. */
  readonly maxBase: Decimal | null;
}

/** The fractions that turn traded quote into money paid and received, so that edges compare without division. */
export interface EdgeTerms {
  /** Spend = asked × numerator / keep. */
  readonly numerator: Decimal;
  readonly keep: Decimal;
  /** Receive = bid quote × yield. */
  readonly yieldFactor: Decimal;
  readonly costRate: Decimal;
  readonly hurdleFactor: Decimal;
  /** What a unit bought at `ask` must beat is ask × paidFactor, and what it brings is bid × gainFactor. */
  readonly paidFactor: Decimal;
  readonly gainFactor: Decimal;
}

export function edgeTermsOf(books: TwoBooks): EdgeTerms {
  const { numerator, keep } = buyFactor(books.feeBuy);
  const yieldFactor = sellFactor(books.feeSell);
  const costRate = books.costRate ?? ZERO;
  const hurdleFactor = ONE.plus(books.hurdle ?? ZERO);
  return {
    numerator,
    keep,
    yieldFactor,
    costRate,
    hurdleFactor,
    paidFactor: numerator.plus(costRate.times(keep)).times(hurdleFactor),
    gainFactor: yieldFactor.times(keep),
  };
}

/** What trading a certain q means. `asked` and `bid` are Σ price·kept and Σ price·sold. */
export interface PricedSize {
  readonly q: Decimal;
  readonly asked: Decimal;
  readonly bid: Decimal;
  /** Worst levels needed; null for q = 0. */
  readonly limitBuy: Decimal | null;
  readonly limitSell: Decimal | null;
}

export const NOTHING: PricedSize = { q: ZERO, asked: ZERO, bid: ZERO, limitBuy: null, limitSell: null };

/** Quote spent with fees. */
export function spendOf(size: PricedSize, terms: EdgeTerms): Decimal {
  return size.asked.times(terms.numerator).div(terms.keep);
}

/** Quote received after fees. */
export function receiveOf(size: PricedSize, terms: EdgeTerms): Decimal {
  return size.bid.times(terms.yieldFactor);
}

/** Money made: received − spent − proportional costs. */
export function profitOf(size: PricedSize, terms: EdgeTerms): Decimal {
  const costs = size.asked.times(terms.costRate);
  return receiveOf(size, terms).minus(spendOf(size, terms)).minus(costs);
}

/**
 * What the sizing maximises, times `keep` so that it is exact: profit less the hurdle on all that is paid. Only good for
 * comparing sizes of the same two books.
 */
export function objectiveOf(size: PricedSize, terms: EdgeTerms): Decimal {
  return size.bid.times(terms.gainFactor).minus(size.asked.times(terms.paidFactor));
}

/** Whether one more unit bought at `ask` and sold at `bid` earns strictly more than it costs. */
export function isMarginallyProfitable(ask: Decimal, bid: Decimal, terms: EdgeTerms): boolean {
  return bid.times(terms.gainFactor).greaterThan(ask.times(terms.paidFactor));
}

/** Walks both books to q; null when a book is too thin for it. */
export function priceSize(books: TwoBooks, terms: EdgeTerms, q: Decimal): PricedSize | null {
  if (!q.greaterThan(0)) return q.isZero() ? NOTHING : null;
  const buy = takeBase(books.asks, q, terms.keep);
  const sell = takeBase(books.bids, q);
  if (buy === null || sell === null) return null;
  return { q, asked: buy.quote, bid: sell.quote, limitBuy: buy.worst, limitSell: sell.worst };
}

/** Σ price·taken for `q` units where each level offers size × `share`, and the worst level needed; null when too thin. */
export function takeBase(
  levels: readonly Level[],
  q: Decimal,
  share: Decimal = ONE,
): { readonly quote: Decimal; readonly worst: Decimal } | null {
  let left = q;
  let quote = ZERO;
  // Whole levels need no product; comparisons with a kept zero would copy it.
  const whole = share.equals(ONE);
  for (const [price, size] of levels) {
    const offered = whole ? size : size.times(share);
    const taken = offered.lessThan(left) ? offered : left;
    if (taken.isZero() || taken.isNegative()) continue;
    quote = quote.plus(taken.times(price));
    left = left.minus(taken);
    if (left.isZero()) return { quote, worst: price };
  }
  return null;
}

/**
 * Base that trades for at least `quote`, where each level offers size × `share`; null when the book is too thin. Rounded
 * by one division at most: the caller puts it on a lattice and checks.
 */
export function baseForQuote(levels: readonly Level[], quote: Decimal, share: Decimal): Decimal | null {
  let left = quote;
  let base = ZERO;
  if (!left.greaterThan(0)) return ZERO;
  for (const [price, size] of levels) {
    const offered = size.times(share);
    const worth = offered.times(price);
    if (worth.greaterThanOrEqualTo(left)) return base.plus(left.div(price));
    base = base.plus(offered);
    left = left.minus(worth);
  }
  return null;
}
