import type { Side } from '../messages/primitives.js';
import { BPS, Decimal, ZERO } from '../market/decimal.js';

/** [price, size] in base, best first. */
export type Level = readonly [price: Decimal, size: Decimal];

export interface DepthQuery {
  /** `buy` walks asks, `sell` walks bids. */
  readonly side: Side;
  readonly levels: readonly Level[];
  /** Best price of the other side, for the mid; null when that side is empty. */
  readonly bestOpposite: Decimal | null;
  /** Whether `amount` is base to trade or quote to spend (or to raise). */
  readonly amountIn: 'base' | 'quote';
  readonly amount: Decimal;
}

/** What taking that amount out of the book does. Averages are null when nothing fills. */
export interface DepthWalk {
  readonly filledBase: Decimal;
  readonly quote: Decimal;
  readonly levelsTouched: number;
  readonly worstPrice: Decimal | null;
  /** False when the book runs out first. */
  readonly complete: boolean;
  readonly vwap: Decimal | null;
  readonly slippageVsBestBps: Decimal | null;
  readonly mid: Decimal | null;
  readonly slippageVsMidBps: Decimal | null;
  /** How far the worst level touched is from the best. */
  readonly impactBps: Decimal | null;
}

/** Takes min(size, remaining) level by level (reference §2). Levels of size 0 fill nothing and are not counted. */
export function walkDepth(query: DepthQuery): DepthWalk {
  const { levels, amountIn } = query;
  let remaining = query.amount;
  let filledBase = ZERO;
  let quote = ZERO;
  let levelsTouched = 0;
  let worstPrice: Decimal | null = null;
  for (const [price, size] of levels) {
    if (!remaining.greaterThan(0)) break;
    if (!size.greaterThan(0)) continue;
    const whole = amountIn === 'base' ? size : size.times(price);
    const taken = Decimal.min(whole, remaining);
    // The last quote-sized level divides; its quote is taken as asked, so that the spend stays exact.
    filledBase = filledBase.plus(amountIn === 'base' ? taken : taken.equals(whole) ? size : taken.div(price));
    quote = quote.plus(amountIn === 'base' ? taken.times(price) : taken);
    remaining = remaining.minus(taken);
    levelsTouched++;
    worstPrice = price;
  }
  const complete = !remaining.greaterThan(0);
  return {
    filledBase,
    quote,
    levelsTouched,
    worstPrice,
    complete,
    ...averages(query, filledBase, quote, worstPrice),
  };
}

function averages(
  { side, levels, bestOpposite }: DepthQuery,
  filledBase: Decimal,
  quote: Decimal,
  worst: Decimal | null,
): Pick<DepthWalk, 'vwap' | 'slippageVsBestBps' | 'mid' | 'slippageVsMidBps' | 'impactBps'> {
  const best = levels[0]?.[0];
  if (worst === null || best === undefined) {
    return { vwap: null, slippageVsBestBps: null, mid: null, slippageVsMidBps: null, impactBps: null };
  }
  const sign = side === 'buy' ? 1 : -1;
  // (quote/base)/reference − 1 with one division.
  const slippage = (reference: Decimal) => {
    const atReference = filledBase.times(reference);
    return quote.minus(atReference).times(BPS).times(sign).div(atReference);
  };
  const mid = bestOpposite === null ? null : best.plus(bestOpposite).div(2);
  return {
    vwap: quote.div(filledBase),
    slippageVsBestBps: slippage(best),
    mid,
    slippageVsMidBps: mid === null ? null : slippage(mid),
    impactBps: worst.minus(best).times(BPS).times(sign).div(best),
  };
}
