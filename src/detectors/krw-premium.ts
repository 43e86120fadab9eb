import { BPS, type Decimal } from '../market/decimal.js';
import { buyFactor, sellFactor, type Fee } from '../market/fees.js';

/**
 * A coin in won against the same coin in dollars (reference §2, "KRW/USDT"). Only the KRW-USDT book of the same exchange can be traded; a bank's rate
 * tells a premium that nobody can take, so it is shown and never traded on. (1 + fx) = (1 + usdt)(1 + usdtPremium).
 */
export interface Quote {
  readonly bid: Decimal;
  readonly ask: Decimal;
}

export interface KrwMarkets {
  /** The coin in won. */
  readonly krw: Quote;
  /** The coin in USDT, elsewhere. */
  readonly usdt: Quote;
  /** USDT in won, on the won exchange. */
  readonly krwUsdt: Quote;
}

export interface KrwFees {
  readonly krw: Fee;
  readonly usdt: Fee;
  readonly krwUsdt: Fee;
}

export interface Premium {
  /** Of the coin against USDT at the executable rate; a fraction. */
  readonly vsUsdt: Decimal;
  /** Of the coin against a bank's rate; null without one. */
  readonly vsFx: Decimal | null;
  /** Of USDT itself against that rate. */
  readonly usdt: Decimal | null;
}

const mid = ({ bid, ask }: Quote): Decimal => bid.plus(ask).div(2);

/** At mids; `fx` in won per dollar, null when none is known. */
export function premiumOf({ krw, usdt, krwUsdt }: KrwMarkets, fx: Decimal | null): Premium {
  const [coinKrw, coinUsdt, rate] = [mid(krw), mid(usdt), mid(krwUsdt)];
  return {
    vsUsdt: coinKrw.div(coinUsdt.times(rate)).minus(1),
    vsFx: fx === null ? null : coinKrw.div(coinUsdt.times(fx)).minus(1),
    usdt: fx === null ? null : rate.div(fx).minus(1),
  };
}

export interface KrwEdges {
  /** Buy the coin for USDT, sell it for won, buy USDT back with them. */
  readonly sellKoreaBps: Decimal;
  /** Sell USDT for won, buy the coin with them, sell it for USDT. */
  readonly buyKoreaBps: Decimal;
  /** The won bid at which selling there breaks even. */
  readonly breakEvenKrwBid: Decimal;
}

/** At best prices, with fees; both directions by the executable book only. */
export function krwEdges({ krw, usdt, krwUsdt }: KrwMarkets, fees: KrwFees): KrwEdges {
  const coinForUsdt = buyFactor(fees.usdt);
  const usdtForWon = buyFactor(fees.krwUsdt);
  const coinForWon = buyFactor(fees.krw);
  // One division each, last: a product that is exactly 1 stays exactly 1.
  const cost = usdt.ask.times(coinForUsdt.numerator).times(krwUsdt.ask).times(usdtForWon.numerator);
  const sold = krw.bid.times(sellFactor(fees.krw)).times(coinForUsdt.keep).times(usdtForWon.keep);
  const paid = krw.ask.times(coinForWon.numerator);
  const bought = krwUsdt.bid
    .times(sellFactor(fees.krwUsdt))
    .times(usdt.bid.times(sellFactor(fees.usdt)))
    .times(coinForWon.keep);
  return {
    sellKoreaBps: sold.minus(cost).times(BPS).div(cost),
    buyKoreaBps: bought.minus(paid).times(BPS).div(paid),
    breakEvenKrwBid: cost.div(coinForUsdt.keep.times(usdtForWon.keep).times(sellFactor(fees.krw))),
  };
}
