import type { QuoteBoard } from '../../market/quote-board.js';
import type { CycleRoute } from './cycle-route.js';
import { ceilLots, FastLeg, fastLegTerms, floorLots, type FastLegTerms } from './fast-leg.js';

/** A route in float64. */
export interface FastRoute {
  readonly legs: readonly FastLegTerms[];
  readonly maxStart: number;
  /** What one unit of the start asset costs, proportional costs included. */
  readonly cost: number;
}

export const fastRouteOf = (route: CycleRoute): FastRoute => ({
  legs: route.legs.map(fastLegTerms),
  maxStart: route.limits.maxNotional.toNumber(),
  cost: 1 + route.costRate.toNumber(),
});

/** Which sizes deserve exact arithmetic: lots of one leg, and how good float64 finds them. */
export interface Candidates {
  /** The leg with the coarsest lot; the quantities of the others follow from its own. */
  readonly pivot: number;
  /** Counts of its lots, the smallest first; none = no size fits. */
  readonly lots: readonly number[];
}

const MAX_LEGS = 4;
/** Sizes tried on each side of the optimum without rounding. Where that many differ by less than the rounding, so does what they earn. */
const MAX_TRIES = 4_096;
const MAX_CANDIDATES = 16;
/** Objectives this close in share of what is spent may be in another order exactly. */
const TIE = 1e-11;
/** What float64 leaves of a level that two legs use up at once, in share of it. */
const CRUMB = 1e-12;

/**
 * The best amount to send around a cycle, in float64 over the board: first without rounding (the walk of `cycleSize`), then on the
 * lattice. On the lattice a quantity of one leg decides the others: those before it buy no more than it needs, those after it use all
 * that they can. What rounding loses only lowers the profit without rounding, which is concave: around its top all sizes are tried until
 * even unrounded they earn less than the best.
 */
export class FastCycle {
  /** Of the optimum without rounding, in the start asset: what is sent, and what it earns after fees and costs. */
  start = 0;
  profit = 0;
  /** Base of each leg. */
  readonly base = new Float64Array(MAX_LEGS);
  private readonly board: QuoteBoard;
  private readonly legs = Array.from({ length: MAX_LEGS }, () => new FastLeg());
  private count = 0;
  private readonly level = new Int32Array(MAX_LEGS);
  private readonly left = new Float64Array(MAX_LEGS);
  private readonly rates = new Float64Array(MAX_LEGS);

  constructor(board: QuoteBoard) {
    this.board = board;
  }

  /** Reads the books of a route and finds the optimum without rounding. `hurdle` ≥ 0: what each unit must earn on top. */
  walk(route: FastRoute, depth: number, hurdle = 0): void {
    this.load(route, depth);
    const { legs, count, level, left, base } = this;
    let [start, final] = [0, 0];
    for (let i = 0; i < count; i++) {
      level[i] = 0;
      left[i] = legs[i]!.base[1]!;
      base[i] = 0;
    }
    while (this.isInside()) {
      const { step, rate, leg } = this.nextStep(route.maxStart - start);
      if (!(rate > route.cost + hurdle) || !(step > 0)) break;
      start += step;
      final += step * rate;
      this.advance(step, leg);
      if (leg < 0) break;
    }
    this.start = start;
    this.profit = final - start * route.cost;
  }

  private load({ legs }: FastRoute, depth: number): void {
    this.count = legs.length;
    for (let i = 0; i < legs.length; i++) this.legs[i]!.load(legs[i]!, this.board, depth);
  }

  private isInside(): boolean {
    for (let i = 0; i < this.count; i++) if (this.level[i]! >= this.legs[i]!.levels) return false;
    return true;
  }

  /** How far the rates of now hold, and which leg's level ends it; −1 = the balance. */
  private nextStep(balance: number): { readonly step: number; readonly rate: number; readonly leg: number } {
    let [step, rate, leg] = [balance, 1, -1];
    for (let i = 0; i < this.count; i++) {
      const one = this.legs[i]!;
      const { isBuy, spend, keep, yieldFactor } = one.terms;
      const price = one.prices[this.level[i]!]!;
      const reach = (isBuy ? this.left[i]! * price * spend : this.left[i]!) / rate;
      if (reach < step) [step, leg] = [reach, i];
      this.rates[i] = isBuy ? keep / (price * spend) : price * yieldFactor;
      rate *= this.rates[i]!;
    }
    return { step, rate, leg };
  }

  private advance(step: number, exhausted: number): void {
    let flow = step;
    for (let i = 0; i < this.count; i++) {
      const one = this.legs[i]!;
      const at = this.level[i]!;
      const taken = one.terms.isBuy ? flow / (one.prices[at]! * one.terms.spend) : flow;
      this.base[i]! += taken;
      flow *= this.rates[i]!;
      const rest = i === exhausted ? 0 : this.left[i]! - taken;
      if (rest > CRUMB * (one.base[at + 1]! - one.base[at]!)) {
        this.left[i] = rest;
        continue;
      }
      this.level[i] = at + 1;
      this.left[i] = at + 1 < one.levels ? one.base[at + 2]! - one.base[at + 1]! : 0;
    }
  }

  /** After `walk` with the same arguments: the sizes on the lattice among which the best is. */
  candidates(route: FastRoute, hurdle = 0): Candidates {
    const pivot = this.coarsest();
    const { lot } = this.legs[pivot]!.terms;
    const cost = route.cost + hurdle;
    const [lower, upper] = [this.lowest(pivot), this.highest(pivot, route.maxStart)];
    const tie = TIE * this.start;
    const found: { lots: number; value: number }[] = [];
    let best = -Infinity;
    const tries = (lots: number): boolean => {
      if (this.unrounded(pivot, lots * lot, cost) < best - tie) return false;
      const value = this.rounded(pivot, lots, { maxStart: route.maxStart, cost });
      if (value > -Infinity && value >= best - tie) found.push({ lots, value });
      if (value > best) best = value;
      return true;
    };
    const middle = Math.min(Math.max(floorLots(this.base[pivot]!, lot), lower), upper);
    for (let n = middle, i = 0; n >= lower && i < MAX_TRIES && tries(n); n--) i++;
    for (let n = middle + 1, i = 0; n <= upper && i < MAX_TRIES && tries(n); n++) i++;
    const lots = found.filter(({ value }) => value >= best - tie).map((one) => one.lots);
    return { pivot, lots: lots.sort((a, b) => a - b).slice(0, MAX_CANDIDATES) };
  }

  /** The leg whose lot is worth most. */
  private coarsest(): number {
    let [most, pivot, rate] = [-1, 0, 1];
    for (let i = 0; i < this.count; i++) {
      const { terms, prices } = this.legs[i]!;
      const { isBuy, lot, spend, keep, yieldFactor } = terms;
      const worth = (isBuy ? lot * prices[0]! * spend : lot) / rate;
      if (worth > most) [most, pivot] = [worth, i];
      rate *= isBuy ? keep / (prices[0]! * spend) : prices[0]! * yieldFactor;
    }
    return pivot;
  }

  /** Lots of the pivot below which a leg after it is too small; NaN when none is enough. */
  private lowest(pivot: number): number {
    let least = this.legs[this.count - 1]!.least;
    for (let i = this.count - 2; i >= pivot; i--) {
      const one = this.legs[i]!;
      least = Math.max(one.least, one.needed(this.legs[i + 1]!.used(least)));
    }
    return ceilLots(least, this.legs[pivot]!.terms.lot);
  }

  private highest(pivot: number, maxStart: number): number {
    let amount = maxStart;
    for (let i = 0; i < pivot; i++) amount = this.legs[i]!.received(this.legs[i]!.affordable(amount));
    return floorLots(this.legs[pivot]!.affordable(amount), this.legs[pivot]!.terms.lot);
  }

  /** What a quantity of the pivot earns when no other leg is rounded: never less than what it earns rounded. */
  private unrounded(pivot: number, base: number, cost: number): number {
    const { legs, count } = this;
    let first = base;
    for (let i = pivot - 1; i >= 0; i--) first = legs[i]!.needed(legs[i + 1]!.used(first));
    let last = base;
    for (let i = pivot + 1; i < count; i++) last = legs[i]!.affordable(legs[i - 1]!.received(last));
    return legs[count - 1]!.received(last) - legs[0]!.used(first) * cost;
  }

  /** −Infinity where it does not fit. */
  private rounded(
    pivot: number,
    lots: number,
    { maxStart, cost }: { readonly maxStart: number; readonly cost: number },
  ): number {
    const { legs, count } = this;
    let first = lots * legs[pivot]!.terms.lot;
    if (!(first >= legs[pivot]!.least * (1 - CRUMB))) return -Infinity;
    for (let i = pivot - 1; i >= 0; i--) {
      const one = legs[i]!;
      const needed = Math.max(one.least, one.needed(legs[i + 1]!.used(first)));
      first = ceilLots(needed, one.terms.lot) * one.terms.lot;
    }
    let last = lots * legs[pivot]!.terms.lot;
    for (let i = pivot + 1; i < count; i++) {
      const one = legs[i]!;
      last = floorLots(one.affordable(legs[i - 1]!.received(last)), one.terms.lot) * one.terms.lot;
      if (!(last >= one.least * (1 - CRUMB))) return -Infinity;
    }
    const spent = legs[0]!.used(first);
    if (!(spent <= maxStart * (1 + CRUMB))) return -Infinity;
    return legs[count - 1]!.received(last) - spent * cost;
  }
}
