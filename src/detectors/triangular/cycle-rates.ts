import type { Cycle } from './cycle-graph.js';

/**
 * What each cycle multiplies money by at best prices, kept in typed arrays. One quote changes two edges; only cycles over these are looked at, and
 * only those whose product can be above the limit are reported. Float64: what is reported is a candidate, which exact decimals then judge.
 */

/** Three or four roundings of relative size 2^-53 each; a product this close to the limit is reported, never dropped. */
const ROUNDING = 4e-16;

export class CycleRates {
  /** Rate of each edge: 2·market for selling, 2·market + 1 for buying; 0 = that direction is not there. */
  private readonly rates: Float64Array;
  /** Edges of all cycles, `length` for each. */
  private readonly edges: Int32Array;
  private readonly length: number;
  /** Cycles of edge e: `members[from[e]] … members[from[e + 1] − 1]`. */
  private readonly from: Int32Array;
  private readonly members: Int32Array;
  private readonly sellFactor: Float64Array;
  private readonly buyFactor: Float64Array;
  /** Of each cycle, the rate above which it is reported. */
  private readonly limits: Float64Array;

  /**
   * `cycles` all of one length over `fees.length` markets. A fee says what selling one base yields (1 − f), and what buying costs: `keep / numerator` of
   * a price, as floats. `minNetReturn`: of all cycles, or the least rate of each.
   */
  constructor(
    cycles: readonly Cycle[],
    fees: readonly { readonly sell: number; readonly keep: number; readonly numerator: number }[],
    minNetReturn: number | readonly number[] = 0,
  ) {
    this.length = cycles[0]?.legs.length ?? 0;
    this.rates = new Float64Array(2 * fees.length);
    this.sellFactor = Float64Array.from(fees, ({ sell }) => sell);
    this.buyFactor = Float64Array.from(fees, ({ keep, numerator }) => keep / numerator);
    this.edges = Int32Array.from(cycles.flatMap(({ legs }) => legs.map(edgeOf)));
    this.from = new Int32Array(2 * fees.length + 1);
    this.members = this.index(cycles.length);
    this.limits = new Float64Array(cycles.length);
    for (let cycle = 0; cycle < cycles.length; cycle++) {
      const least = typeof minNetReturn === 'number' ? 1 + minNetReturn : minNetReturn[cycle]!;
      this.limits[cycle] = least * (1 - ROUNDING);
    }
  }

  /** The most cycles that one update may report. */
  get mostFound(): number {
    let most = 0;
    for (let edge = 0; edge + 1 < this.from.length; edge += 2)
      most = Math.max(most, this.from[edge + 2]! - this.from[edge]!);
    return most;
  }

  /** Number of cycles. */
  get count(): number {
    return this.length === 0 ? 0 : this.edges.length / this.length;
  }

  /**
   * New best prices of a market; 0 or NaN = that side is empty or the book is not to be trusted. Writes the cycles that may now be worth a trade into
   * `found`, and returns how many; more than it holds are left out. Each at most once.
   */
  update(market: number, bid: number, ask: number, found: Int32Array): number {
    this.set(market, bid, ask);
    const sell = 2 * market;
    return this.scan(sell + 1, found, this.scan(sell, found, 0));
  }

  /** The same without a look at the cycles. */
  set(market: number, bid: number, ask: number): void {
    const sell = 2 * market;
    this.rates[sell] = bid > 0 ? bid * this.sellFactor[market]! : 0;
    this.rates[sell + 1] = ask > 0 ? this.buyFactor[market]! / ask : 0;
  }

  /** Product of a cycle's rates, without any rounding of sizes. */
  rateOf(cycle: number): number {
    let rate = 1;
    for (let at = cycle * this.length; at < (cycle + 1) * this.length; at++)
      rate *= this.rates[this.edges[at]!]!;
    return rate;
  }

  private scan(edge: number, found: Int32Array, count: number): number {
    const { rates, edges, members, length, limits } = this;
    if (rates[edge] === 0) return count;
    for (let at = this.from[edge]!; at < this.from[edge + 1]!; at++) {
      const cycle = members[at]!;
      const first = cycle * length;
      let rate = rates[edges[first]!]! * rates[edges[first + 1]!]! * rates[edges[first + 2]!]!;
      for (let leg = 3; leg < length; leg++) rate *= rates[edges[first + leg]!]!;
      if (rate > limits[cycle]! && count < found.length) found[count++] = cycle;
    }
    return count;
  }

  private index(cycles: number): Int32Array {
    const { edges, length, from } = this;
    for (const edge of edges) from[edge + 1]!++;
    for (let edge = 1; edge < from.length; edge++) from[edge]! += from[edge - 1]!;
    const next = from.slice();
    const members = new Int32Array(edges.length);
    for (let cycle = 0; cycle < cycles; cycle++)
      for (let leg = 0; leg < length; leg++) members[next[edges[cycle * length + leg]!]!++] = cycle;
    return members;
  }
}

const edgeOf = ({ market, side }: Cycle['legs'][number]): number => 2 * market + (side === 'buy' ? 1 : 0);
