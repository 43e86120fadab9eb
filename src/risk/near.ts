/**
 * Float64 as a filter before exact decimals. Each number that goes in is the float64 next to an exact one, off by one part in
 * 2^53 at most; a handful of products and some hundred sums later the error is below a part in 10^13 of the sizes that were
 * added up. What is further from its limit than the tenfold of that is decided; everything else is left to the decimals.
 */
const NEAR_ERROR = 1e-12;

/** A sum of floats, and how large its terms were: the exact sum is closer to `value` than `size` × NEAR_ERROR. */
export class NearSum {
  value = 0;
  size = 0;

  plus(term: number): this {
    this.value += term;
    this.size += Math.abs(term);
    return this;
  }

  minus(term: number): this {
    return this.plus(-term);
  }

  /** Adds the larger absolute value of two sums `factor` times. */
  plusWorst(one: NearSum, other: NearSum, factor: number): this {
    this.value += Math.max(Math.abs(one.value), Math.abs(other.value)) * factor;
    this.size += Math.max(one.size, other.size) * Math.abs(factor);
    return this;
  }

  /** Adds another sum `factor` times. */
  plusSum(other: NearSum, factor: number): this {
    this.value += other.value * factor;
    this.size += other.size * Math.abs(factor);
    return this;
  }
}

/** True only when the exact sum is below the limit. NaN is certain of nothing. */
export function isCertainlyBelow(sum: NearSum, limit: number): boolean {
  return limit - sum.value > (sum.size + Math.abs(limit)) * NEAR_ERROR;
}

/** True only when the exact product or quotient that `value` came from is above the limit. NaN is certain of nothing. */
export function isCertainlyAbove(value: number, limit: number): boolean {
  return value - limit > (Math.abs(value) + Math.abs(limit)) * NEAR_ERROR;
}
