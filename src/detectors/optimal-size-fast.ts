import type { EdgeTerms } from './two-books.js';

/**
 * The sizing of `optimal-size.ts` in float64 over typed arrays, for every tick: no allocation, no lattice. It only decides
 * whether the exact sizing is worth running; orders are built from decimals.
 */
export interface FastTerms {
  readonly numerator: number;
  readonly keep: number;
  readonly yieldFactor: number;
  readonly costRate: number;
  /** Canonical units per exchange unit on each side. */
  readonly askUnits: number;
  readonly bidUnits: number;
  /** +Infinity = no limit. */
  readonly maxQuote: number;
  readonly maxBase: number;
}

/** One side of one book: levels of a slot in the board's arrays, best first. */
export interface SideView {
  readonly prices: Float64Array;
  readonly sizes: Float64Array;
}

/** The answer, written in place. Base in canonical units, money in quote. */
export class FastSize {
  q = 0;
  asked = 0;
  bid = 0;
  spend = 0;
  receive = 0;
  /** After fees and proportional costs. */
  profit = 0;
}

export function fastTermsOf(
  terms: EdgeTerms,
  units: { readonly ask: number; readonly bid: number },
  limits: { readonly maxQuote: number; readonly maxBase: number },
): FastTerms {
  return {
    numerator: terms.numerator.toNumber(),
    keep: terms.keep.toNumber(),
    yieldFactor: terms.yieldFactor.toNumber(),
    costRate: terms.costRate.toNumber(),
    askUnits: units.ask,
    bidUnits: units.bid,
    ...limits,
  };
}

/**
 * Net return of the first unit at best prices, all costs included, as a fraction; NaN when a price is missing. Positive
 * exactly when trading may pay at all.
 */
export function bestNetReturn(askPrice: number, bidPrice: number, terms: FastTerms): number {
  const paid = (askPrice / terms.askUnits) * (terms.numerator / terms.keep + terms.costRate);
  return ((bidPrice / terms.bidUnits) * terms.yieldFactor) / paid - 1;
}

/**
 * Walks both books from `askAt` and `bidAt` while one more unit earns and the limits leave room; fills `out`. Prices above 0
 * and finite, best first.
 */
export function fastOptimalSize(
  asks: SideView,
  askAt: number,
  askLevels: number,
  bids: SideView,
  bidAt: number,
  bidLevels: number,
  terms: FastTerms,
  out: FastSize,
): void {
  const { keep, askUnits, bidUnits, maxBase } = terms;
  const paidFactor = terms.numerator / keep + terms.costRate;
  const maxAsked = (terms.maxQuote * keep) / terms.numerator;
  let q = 0;
  let asked = 0;
  let bid = 0;
  let a = 0;
  let b = 0;
  let leftAsk = askLevels > 0 ? asks.sizes[askAt]! * askUnits * keep : 0;
  let leftBid = bidLevels > 0 ? bids.sizes[bidAt]! * bidUnits : 0;
  while (a < askLevels && b < bidLevels) {
    const askPrice = asks.prices[askAt + a]! / askUnits;
    const bidPrice = bids.prices[bidAt + b]! / bidUnits;
    if (!(bidPrice * terms.yieldFactor > askPrice * paidFactor)) break;
    const depth = leftAsk < leftBid ? leftAsk : leftBid;
    const byBase = maxBase - q;
    const byQuote = (maxAsked - asked) / askPrice;
    const room = byBase < byQuote ? byBase : byQuote;
    const step = depth < room ? depth : room;
    q += step;
    asked += step * askPrice;
    bid += step * bidPrice;
    if (room <= depth) break;
    // Compared before subtracting: a rounding crumb must not leave a level open.
    const askDone = leftAsk <= leftBid;
    const bidDone = leftBid <= leftAsk;
    leftAsk = askDone ? nextSize(asks, askAt, ++a, askLevels) * askUnits * keep : leftAsk - step;
    leftBid = bidDone ? nextSize(bids, bidAt, ++b, bidLevels) * bidUnits : leftBid - step;
  }
  out.q = q;
  out.asked = asked;
  out.bid = bid;
  out.spend = (asked * terms.numerator) / keep;
  out.receive = bid * terms.yieldFactor;
  out.profit = out.receive - out.spend - asked * terms.costRate;
}

function nextSize(side: SideView, at: number, level: number, levels: number): number {
  return level < levels ? side.sizes[at + level]! : 0;
}
