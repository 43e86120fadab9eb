import type { AssetId, ExchangeId } from '../messages/primitives.js';
import type { Amounts } from './holdings.js';

/**
 * Signed inventory price (TRADING §3). Holdings are measured against targets: u = holding ÷ target − 1, between −1 and 1, of each of
 * the four piles that a trade moves. Buying the base on A and selling it on B is worth
 *
 *   limit × ( (u(base, B) − u(base, A)) + (u(quote, A) − u(quote, B)) ) ÷ 4
 *
 * of its notional: most where B drowns in the base and A in the quote, and a cost where the trade drains what is short already.
 */
export interface InventoryTerms {
  /** What should be held where; a pile without a target has no price. */
  readonly targets: Amounts;
  /** The largest credit and the largest cost, bps of the buy notional. */
  readonly limitBps: number;
}

export interface InventoryMove {
  readonly base: AssetId;
  readonly quote: AssetId;
  readonly buyOn: ExchangeId;
  readonly sellOn: ExchangeId;
  /** Quote per base. */
  readonly price: number;
  /** Of the largest trade that is priced by it, in quote. */
  readonly notional: number;
}

/** Prices move in steps of this share of the limit, so that a route need not be worked out anew at each tick. */
const STEPS = 64;

/**
 * Credit (positive) or cost of a move in bps of its notional. The four piles are taken as they are halfway through the largest trade:
 * that is the average price of such a trade, and for a smaller one that restores it says less than is true, never more. Rounded
 * down to a step, bounded by the limit.
 */
export function inventoryPriceBps(terms: InventoryTerms, holdings: Amounts, move: InventoryMove): number {
  const { base, quote, buyOn, sellOn, price, notional } = move;
  const { targets, limitBps } = terms;
  if (!(limitBps > 0) || !(price > 0)) return 0;
  const halfQuote = notional / 2;
  const halfBase = halfQuote / price;
  const away = (exchange: ExchangeId, asset: AssetId, change: number): number => {
    const target = targets.nearOf(exchange, asset);
    return target > 0 ? bounded((holdings.nearOf(exchange, asset) + change) / target - 1) : 0;
  };
  const ofBase = away(sellOn, base, -halfBase) - away(buyOn, base, halfBase);
  const ofQuote = away(buyOn, quote, -halfQuote) - away(sellOn, quote, halfQuote);
  const step = limitBps / STEPS;
  return Math.max(-limitBps, Math.floor(((ofBase + ofQuote) / 4) * STEPS) * step);
}

const bounded = (value: number): number => Math.min(1, Math.max(-1, value));
