import { Decimal, ONE } from '../../market/decimal.js';
import { buyFactor, sellFactor, type Fee } from '../../market/fees.js';

/**
 * A coin in a local currency meets the same coin in dollars through the executable book of dollars in that currency on the same exchange
 * (TRADING §3; "dollar" is the reporting currency, as USDT is, "local" is one like KRW). `sell-local`: the coin is bought for dollars, sold for
 * local money, and dollars are bought with it. `buy-local`: dollars are sold for local money, the coin is bought with it and sold for dollars.
 */
export type BridgeDirection = 'sell-local' | 'buy-local';

/** `leg`: the conversion is an order of the trade. `inventory`: local money is kept and converted later; the book only tells its worth. */
export type BridgeKind = 'leg' | 'inventory';

/**
 * Prices become money that moves, as fractions so that edges compare without division. Per coin kept: dollars = price × dollarTop / dollarKeep,
 * local money = price × localTop / localKeep; per dollar: local money = price × rateTop / rateKeep. Fees and proportional costs are in them.
 */
export interface BridgeTerms {
  readonly direction: BridgeDirection;
  readonly dollarTop: Decimal;
  readonly dollarKeep: Decimal;
  readonly localTop: Decimal;
  readonly localKeep: Decimal;
  readonly rateTop: Decimal;
  readonly rateKeep: Decimal;
  /** As `dollarTop`, without the proportional costs: what is really paid. */
  readonly spendTop: Decimal;
}

export interface BridgeFees {
  readonly dollar: Fee;
  readonly local: Fee;
  readonly rate: Fee;
}

/** `costRate`: further cost as a share of what the coin trades for in dollars: latency decay, moving inventory, inventory price. */
export function bridgeTerms(direction: BridgeDirection, fees: BridgeFees, costRate: Decimal): BridgeTerms {
  if (direction === 'sell-local') {
    const [bought, converted] = [buyFactor(fees.dollar), buyFactor(fees.rate)];
    return {
      direction,
      dollarTop: bought.numerator.plus(costRate.times(bought.keep)),
      dollarKeep: bought.keep,
      localTop: sellFactor(fees.local),
      localKeep: ONE,
      rateTop: converted.numerator,
      rateKeep: converted.keep,
      spendTop: bought.numerator,
    };
  }
  const bought = buyFactor(fees.local);
  return {
    direction,
    dollarTop: sellFactor(fees.dollar).minus(costRate),
    dollarKeep: ONE,
    localTop: bought.numerator,
    localKeep: bought.keep,
    rateTop: sellFactor(fees.rate),
    rateKeep: ONE,
    spendTop: sellFactor(fees.dollar),
  };
}

/** Both ways around at these prices, as products that compare exactly: `local` is what the coin is worth there, `dollar` what it is here. */
function waysAround(
  terms: BridgeTerms,
  { dollar, local, rate }: BridgePrices,
): { readonly local: Decimal; readonly dollar: Decimal } {
  return {
    local: local.times(terms.localTop).times(terms.rateKeep).times(terms.dollarKeep),
    dollar: dollar.times(terms.dollarTop).times(rate).times(terms.rateTop).times(terms.localKeep),
  };
}

export interface BridgePrices {
  readonly dollar: Decimal;
  readonly local: Decimal;
  readonly rate: Decimal;
}

/** Whether one more coin at these prices earns strictly more than `hurdleFactor` times what it costs. */
export function isBridgeProfitable(prices: BridgePrices, terms: BridgeTerms, hurdleFactor: Decimal): boolean {
  const { local, dollar } = waysAround(terms, prices);
  return terms.direction === 'sell-local'
    ? local.greaterThan(dollar.times(hurdleFactor))
    : dollar.greaterThan(local.times(hurdleFactor));
}
