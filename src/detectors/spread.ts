import { buyFactor, sellFactor, type Fee } from '../market/fees.js';
import { BPS, type Decimal } from '../market/decimal.js';

/** The edge of one unit at best prices (reference §2). All money in quote per base; returns as fractions or bps. */
export interface Spread {
  readonly grossBps: Decimal;
  /** Cost of one base kept. */
  readonly effAsk: Decimal;
  /** Yield of one base sold. */
  readonly effBid: Decimal;
  readonly netPerUnit: Decimal;
  readonly netReturn: Decimal;
  readonly netBps: Decimal;
  /** Gross spread at which the fees are just paid. */
  readonly breakEvenGrossBps: Decimal;
  /** Strictly above break-even, decided without division. */
  readonly profitable: boolean;
}

/** Cost of one base KEPT when bought at `price`, in quote. */
export function effectiveAsk(price: Decimal, fee: Fee): Decimal {
  const { numerator, keep } = buyFactor(fee);
  return price.times(numerator).div(keep);
}

/** Quote received for one base sold at `price`. */
export function effectiveBid(price: Decimal, fee: Fee): Decimal {
  return price.times(sellFactor(fee));
}

/** True when selling at `bid` yields strictly more than buying at `ask` costs; exact in every fee mode. */
export function isProfitable(ask: Decimal, feeBuy: Fee, bid: Decimal, feeSell: Fee): boolean {
  const { numerator, keep } = buyFactor(feeBuy);
  return bid.times(sellFactor(feeSell)).times(keep).greaterThan(ask.times(numerator));
}

/** Buy at `ask` on one exchange, sell at `bid` on another. Prices above 0. */
export function spreadOf(ask: Decimal, feeBuy: Fee, bid: Decimal, feeSell: Fee): Spread {
  const { numerator, keep } = buyFactor(feeBuy);
  const yieldFactor = sellFactor(feeSell);
  const effAsk = effectiveAsk(ask, feeBuy);
  const effBid = effectiveBid(bid, feeSell);
  // One division each, last, so that the only rounding is the final one.
  const netReturn = effBid.times(keep).minus(ask.times(numerator)).div(ask.times(numerator));
  const breakEven = numerator.minus(yieldFactor.times(keep)).div(yieldFactor.times(keep));
  return {
    grossBps: bid.minus(ask).times(BPS).div(ask),
    effAsk,
    effBid,
    netPerUnit: effBid.minus(effAsk),
    netReturn,
    netBps: netReturn.times(BPS),
    breakEvenGrossBps: breakEven.times(BPS),
    profitable: isProfitable(ask, feeBuy, bid, feeSell),
  };
}
