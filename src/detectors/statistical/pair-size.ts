import type { Level } from '../depth.js';

/** One side of a book in float64, best first. */
export interface FloatLevels {
  readonly prices: Float64Array;
  readonly sizes: Float64Array;
}

export function floatLevels(levels: readonly Level[]): FloatLevels {
  return {
    prices: Float64Array.from(levels, ([price]) => price.toNumber()),
    sizes: Float64Array.from(levels, ([, size]) => size.toNumber()),
  };
}

/** Quote of the first `base` of a side; NaN where it is thinner. */
export function quoteOf({ prices, sizes }: FloatLevels, base: number): number {
  let left = base;
  let quote = 0;
  for (let i = 0; i < prices.length; i++) {
    const taken = Math.min(left, sizes[i]!);
    quote += taken * prices[i]!;
    left -= taken;
    if (!(left > base * 1e-12)) return quote;
  }
  return base > 0 ? NaN : 0;
}

/** A market of a pair as sizing needs it. `asks` and `bids` in canonical units. */
export interface SizedSide {
  readonly asks: FloatLevels;
  readonly bids: FloatLevels;
  /** Share of what is bought that is kept; 1 unless the fee is taken out of it. */
  readonly keep: number;
  /** Fee of a purchase on top of its quote, and of a sale out of it. */
  readonly feeOnTop: number;
  readonly feeOfSale: number;
  readonly mid: number;
}

export interface PairSizeQuestion {
  readonly buy: SizedSide;
  readonly sell: SizedSide;
  /** Base sold for each base bought and kept. */
  readonly ratio: number;
  /** What one base bought, with its hedge, gains on the way back. */
  readonly gainPerBase: number;
  /** Further cost per quote of the purchase. */
  readonly costRate: number;
  /** Most base bought and kept. */
  readonly maxBase: number;
}

export interface PairSize {
  readonly q: number;
  /** After the whole way in and out, at the books as they are. */
  readonly net: number;
  /** Net of the first unit as a share of what it costs. */
  readonly bestReturn: number;
}

/** Net of buying `q` and selling q · ratio now and doing the opposite later at the same books; NaN where one is too thin. */
export function netOfPair(question: PairSizeQuestion, q: number): number {
  const { buy, sell, ratio, gainPerBase, costRate } = question;
  const sold = q * ratio;
  const paid = quoteOf(buy.asks, q / buy.keep) * (1 + buy.feeOnTop);
  const got = quoteOf(sell.bids, sold) * (1 - sell.feeOfSale);
  const back = quoteOf(buy.bids, q) * (1 - buy.feeOfSale);
  const returned = quoteOf(sell.asks, sold / sell.keep) * (1 + sell.feeOnTop);
  // Both legs are worth their mids; what they cost beyond is lost on the way in and again on the way out.
  return q * gainPerBase - (paid - back) - (returned - got) - quoteOf(buy.asks, q) * costRate;
}

/**
 * The size that nets most. Costs are convex and piecewise linear in the size and the gain is linear, so that the best is where one of the four
 * sides begins its next level, or at the largest size; of equal ones the smallest.
 */
export function bestPairSize(question: PairSizeQuestion): PairSize {
  const { maxBase, buy } = question;
  let best = { q: 0, net: 0 };
  for (const q of breakpoints(question)) {
    if (q > maxBase) continue;
    const net = netOfPair(question, q);
    if (net > best.net) best = { q, net };
  }
  const first = Math.min(maxBase, ...breakpoints(question)) / 1_000;
  const bestReturn = netOfPair(question, first) / (quoteOf(buy.asks, first) || NaN);
  return { ...best, bestReturn };
}

/** Sizes at which a side begins its next level, and the largest. */
function breakpoints({ buy, sell, ratio, maxBase }: PairSizeQuestion): number[] {
  const found = [maxBase];
  const add = ({ sizes }: FloatLevels, scale: number): void => {
    let sum = 0;
    for (const size of sizes) found.push((sum += size) * scale);
  };
  add(buy.asks, buy.keep);
  add(buy.bids, 1);
  add(sell.bids, 1 / ratio);
  add(sell.asks, sell.keep / ratio);
  return found.filter((q) => q > 0 && Number.isFinite(q));
}

/** Base that both ways of a pair can take within the depth. */
export function depthOf({ buy, sell, ratio }: Omit<PairSizeQuestion, 'maxBase'>): number {
  const sum = ({ sizes }: FloatLevels) => sizes.reduce((total, size) => total + size, 0);
  return Math.min(
    sum(buy.asks) * buy.keep,
    sum(buy.bids),
    sum(sell.bids) / ratio,
    (sum(sell.asks) * sell.keep) / ratio,
  );
}
