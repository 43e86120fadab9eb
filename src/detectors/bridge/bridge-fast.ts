import { BOARD_DEPTH, type QuoteBoard } from '../../market/quote-board.js';
import type { BridgeRoute } from './bridge-route.js';

/** The walk of `bridge-size.ts` in float64 over the board, without lattices: it decides whether the exact one is worth running. */
export class FastBridge {
  /** Coins, and dollars earned after fees and proportional costs. */
  q = 0;
  profit = 0;
  private readonly board: QuoteBoard;
  private readonly depth: number;
  private readonly factors = new WeakMap<BridgeRoute, Factors>();

  constructor(board: QuoteBoard, depth: number) {
    this.board = board;
    this.depth = depth;
  }

  walk(route: BridgeRoute): void {
    const { board, depth } = this;
    const { askPrices, askSizes, bidPrices, bidSizes, askLevels, bidLevels } = board;
    const sellsLocal = route.fast.isSellLocal;
    const f = this.factorsOf(route);
    const [dollarPrices, dollarSizes] = sellsLocal ? [askPrices, askSizes] : [bidPrices, bidSizes];
    const [localPrices, localSizes] = sellsLocal ? [bidPrices, bidSizes] : [askPrices, askSizes];
    const counts = (slot: number, isAsk: boolean) => Math.min((isAsk ? askLevels : bidLevels)[slot]!, depth);
    const dollars = counts(route.dollar.slot, sellsLocal);
    const locals = counts(route.local.slot, !sellsLocal);
    const rates = counts(route.rate.slot, sellsLocal);
    const [dollarAt, localAt, rateAt] = [route.dollar.slot, route.local.slot, route.rate.slot].map(
      (slot) => slot * BOARD_DEPTH,
    ) as [number, number, number];
    const [a, b, c] = [
      { at: -1, left: 0 },
      { at: -1, left: 0 },
      { at: -1, left: 0 },
    ];
    let [q, profit, spent] = [0, 0, 0];
    for (;;) {
      if (a.left <= 0 && ++a.at < dollars) a.left = dollarSizes[dollarAt + a.at]! * f.dollarRoom;
      if (b.left <= 0 && ++b.at < locals) b.left = localSizes[localAt + b.at]! * f.localRoom;
      if (c.left <= 0 && ++c.at < rates) {
        const at = rateAt + c.at;
        c.left = dollarPrices[at]! * dollarSizes[at]! * f.rateTop;
      }
      if (a.at >= dollars || b.at >= locals || c.at >= rates) break;
      const local = localPrices[localAt + b.at]! * f.local;
      const converted = local / (dollarPrices[rateAt + c.at]! * f.rate);
      const traded = dollarPrices[dollarAt + a.at]! * f.dollar;
      const each = sellsLocal ? converted - traded : traded - converted;
      if (!(each > 0)) break;
      const spentEach = sellsLocal ? dollarPrices[dollarAt + a.at]! * f.spend : converted;
      const byRate = c.left / local;
      const step = Math.min(a.left, b.left, byRate, (f.maxQuote - spent) / spentEach, f.maxBase - q);
      if (!(step > 0)) break;
      q += step;
      spent += step * spentEach;
      profit += step * each;
      // Compared before subtracting: a rounding crumb must not leave a level open.
      a.left = step >= a.left ? 0 : a.left - step;
      b.left = step >= b.left ? 0 : b.left - step;
      c.left = step >= byRate ? 0 : c.left - step * local;
      if (a.left > 0 && b.left > 0 && c.left > 0) break;
    }
    this.q = q;
    this.profit = profit;
  }

  private factorsOf(route: BridgeRoute): Factors {
    const known = this.factors.get(route);
    if (known !== undefined) return known;
    const factors = factorsOf(route);
    this.factors.set(route, factors);
    return factors;
  }
}

interface Factors {
  /** Money per coin, times an exchange's price; packs of a coin are folded in. */
  readonly dollar: number;
  readonly spend: number;
  readonly local: number;
  readonly rate: number;
  readonly rateTop: number;
  /** Coins kept per unit of an exchange's size. */
  readonly dollarRoom: number;
  readonly localRoom: number;
  readonly maxQuote: number;
  readonly maxBase: number;
}

function factorsOf({ terms, dollar, local, limits, maxBase }: BridgeRoute): Factors {
  return {
    dollar: terms.dollarTop.div(terms.dollarKeep).div(dollar.units).toNumber(),
    spend: terms.spendTop.div(terms.dollarKeep).div(dollar.units).toNumber(),
    local: terms.localTop.div(terms.localKeep).div(local.units).toNumber(),
    rate: terms.rateTop.div(terms.rateKeep).toNumber(),
    rateTop: terms.rateTop.toNumber(),
    dollarRoom: dollar.units.times(terms.dollarKeep).toNumber(),
    localRoom: local.units.times(terms.localKeep).toNumber(),
    maxQuote: limits.maxNotional.toNumber(),
    maxBase: maxBase?.toNumber() ?? Infinity,
  };
}
