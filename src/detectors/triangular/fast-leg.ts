import { BOARD_DEPTH, type QuoteBoard } from '../../market/quote-board.js';
import type { RouteLeg } from './cycle-route.js';

/** A leg in float64: it only decides which sizes are worth an exact look. */
export interface FastLegTerms {
  readonly isBuy: boolean;
  readonly slot: number;
  readonly units: number;
  readonly lot: number;
  readonly minBase: number;
  /** +Infinity = no limit. */
  readonly maxBase: number;
  readonly minNotional: number;
  readonly spend: number;
  readonly keep: number;
  readonly yieldFactor: number;
}

export const fastLegTerms = (leg: RouteLeg): FastLegTerms => ({
  isBuy: leg.side === 'buy',
  slot: leg.market.slot,
  units: leg.market.units.toNumber(),
  lot: leg.lot.toNumber(),
  minBase: leg.minBase.toNumber(),
  maxBase: leg.maxBase?.toNumber() ?? Infinity,
  minNotional: leg.minNotional.toNumber(),
  spend: leg.spend.toNumber(),
  keep: leg.keep.toNumber(),
  yieldFactor: leg.yieldFactor.toNumber(),
});

/** Counts of lots this close to a whole number are that number: what float64 makes of exact multiples. */
const NEAR_LOT = 1e-9;
const NEAR_SHARE = 1e-12;

const isNear = (lots: number, whole: number): boolean =>
  Math.abs(lots - whole) <= NEAR_LOT + whole * NEAR_SHARE;

export function floorLots(base: number, lot: number): number {
  const [lots, whole] = [base / lot, Math.round(base / lot)];
  return isNear(lots, whole) ? whole : Math.floor(lots);
}

export function ceilLots(base: number, lot: number): number {
  const [lots, whole] = [base / lot, Math.round(base / lot)];
  return isNear(lots, whole) ? whole : Math.ceil(lots);
}

/** The side of a book that a leg takes from, as running sums; base in canonical units. */
export class FastLeg {
  terms!: FastLegTerms;
  /** Levels that offer something, within the largest order. */
  levels = 0;
  /** At place i + 1: all of the first i + 1 levels together. */
  readonly base = new Float64Array(BOARD_DEPTH + 1);
  readonly quote = new Float64Array(BOARD_DEPTH + 1);
  readonly prices = new Float64Array(BOARD_DEPTH);
  /** Least order in base; NaN where the book does not hold it. */
  least = NaN;

  load(terms: FastLegTerms, board: QuoteBoard, depth: number): void {
    this.terms = terms;
    const { slot, units, isBuy, maxBase } = terms;
    const at = slot * BOARD_DEPTH;
    const prices = isBuy ? board.askPrices : board.bidPrices;
    const sizes = isBuy ? board.askSizes : board.bidSizes;
    const shown = isBuy ? board.askLevels[slot]! : board.bidLevels[slot]!;
    let [count, base, quote] = [0, 0, 0];
    for (let i = 0; i < shown && i < depth && base < maxBase; i++) {
      const price = prices[at + i]! / units;
      const size = Math.min(sizes[at + i]! * units, maxBase - base);
      if (!(size > 0)) continue;
      this.prices[count++] = price;
      this.base[count] = base += size;
      this.quote[count] = quote += size * price;
    }
    this.levels = count;
    this.least = Math.max(terms.minBase, terms.lot, this.baseFor(terms.minNotional));
  }

  /** Base that the book offers. */
  get depth(): number {
    return this.base[this.levels]!;
  }

  /** Quote of so much base; NaN beyond the book. */
  quoteOf(base: number): number {
    const { levels } = this;
    for (let i = 0; i < levels; i++)
      if (base <= this.base[i + 1]!) return this.quote[i]! + (base - this.base[i]!) * this.prices[i]!;
    return levels > 0 && base <= this.depth * (1 + NEAR_SHARE) ? this.quote[levels]! : NaN;
  }

  /** Base that trades for so much quote; NaN beyond the book. */
  baseFor(quote: number): number {
    const { levels } = this;
    for (let i = 0; i < levels; i++)
      if (quote <= this.quote[i + 1]!) return this.base[i]! + (quote - this.quote[i]!) / this.prices[i]!;
    return levels > 0 && quote <= this.quote[levels]! * (1 + NEAR_SHARE) ? this.depth : NaN;
  }

  /** What an order of so much base takes from the account, and what it brings. */
  used(base: number): number {
    return this.terms.isBuy ? this.quoteOf(base) * this.terms.spend : base;
  }

  received(base: number): number {
    return this.terms.isBuy ? base * this.terms.keep : this.quoteOf(base) * this.terms.yieldFactor;
  }

  /** The largest order that so much pays for, within the book. */
  affordable(amount: number): number {
    if (!this.terms.isBuy) return Math.min(amount, this.depth);
    const base = this.baseFor(amount / this.terms.spend);
    return base === base ? base : this.depth;
  }

  /** The order that brings so much; NaN where the book does not. */
  needed(amount: number): number {
    if (!this.terms.isBuy) return this.baseFor(amount / this.terms.yieldFactor);
    const base = amount / this.terms.keep;
    return base <= this.depth * (1 + NEAR_SHARE) ? base : NaN;
  }
}
