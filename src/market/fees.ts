import { ArbotError } from '../messages/errors.js';
import type { DecimalText, ExchangeId, FeeMode, Side } from '../messages/primitives.js';
import { Decimal, ONE, parseDecimal } from './decimal.js';

/**
 * Taker fees (reference §2). `quote`: on top of or out of the quote amount. `received`: out of the asset received, so a
 * buy keeps q·(1−f). `third`: in another coin at f·(1−discount), valued in quote.
 */
export interface Fee {
  readonly rate: Decimal;
  readonly mode: FeeMode;
  /** Share taken off the rate in `third` mode, 0…1. */
  readonly discount: Decimal;
}

/** Reads a fee; a negative rate is a rebate. Throws ARB_DECIMAL_INVALID naming the field. */
export function feeOf(rate: DecimalText, mode: FeeMode, discount: DecimalText = '0'): Fee {
  const fee = {
    rate: parseDecimal(rate, 'fee rate'),
    mode,
    discount: parseDecimal(discount, 'fee discount'),
  };
  // A rate of 1 would make `received` divide by zero; no spot market is near it.
  if (fee.rate.abs().greaterThanOrEqualTo(1) || fee.discount.isNegative() || fee.discount.greaterThan(1)) {
    throw new ArbotError('ARB_DECIMAL_INVALID', `a fee of ${rate} with discount ${discount} is out of range`);
  }
  return fee;
}

/** The rate after the discount, which only `third` has. */
export function effectiveRate(fee: Fee): Decimal {
  return fee.mode === 'third' ? fee.rate.times(ONE.minus(fee.discount)) : fee.rate;
}

/**
 * What one base KEPT costs is price × numerator / keep. Kept as a fraction, since p/(1−f) has no finite decimal form and
 * comparisons of edges must be exact.
 */
export function buyFactor(fee: Fee): { readonly numerator: Decimal; readonly keep: Decimal } {
  if (fee.mode === 'received') return { numerator: ONE, keep: ONE.minus(fee.rate) };
  return { numerator: ONE.plus(effectiveRate(fee)), keep: ONE };
}

/** What one base sold yields is price × this. */
export function sellFactor(fee: Fee): Decimal {
  return ONE.minus(effectiveRate(fee));
}

/** The asset a fill's fee is charged in, and how much of it; `third` needs the coin's price in quote. */
export function feeOfFill(
  fee: Fee,
  side: Side,
  price: Decimal,
  quantity: Decimal,
  thirdPrice: Decimal | null = null,
): { readonly paidIn: 'base' | 'quote' | 'third'; readonly amount: Decimal } {
  const notional = price.times(quantity);
  if (fee.mode === 'third' && thirdPrice !== null) {
    return { paidIn: 'third', amount: notional.times(effectiveRate(fee)).div(thirdPrice) };
  }
  if (fee.mode !== 'quote' && side === 'buy') return { paidIn: 'base', amount: quantity.times(fee.rate) };
  return { paidIn: 'quote', amount: notional.times(fee.rate) };
}

export interface FeeTerms {
  readonly takerFeeRate: DecimalText;
  readonly makerFeeRate: DecimalText;
  readonly feeMode: FeeMode;
}

const terms = (takerFeeRate: DecimalText, makerFeeRate: DecimalText, feeMode: FeeMode): FeeTerms => ({
  takerFeeRate,
  makerFeeRate,
  feeMode,
});

/** Base tier of each exchange, to start with in paper (PROTOCOLS §11.1). LIVE takes only rates fetched from the account. */
const DEFAULTS: ReadonlyMap<ExchangeId, FeeTerms> = new Map([
  ['binance', terms('0.001', '0.001', 'received')],
  ['okx', terms('0.001', '0.0008', 'received')],
  ['bybit', terms('0.001', '0.001', 'received')],
  ['kucoin', terms('0.001', '0.001', 'quote')],
  ['gate', terms('0.002', '0.002', 'received')],
  ['bitget', terms('0.001', '0.001', 'received')],
  ['upbit', terms('0.0005', '0.0005', 'quote')],
  ['bithumb', terms('0.0025', '0.0025', 'quote')],
]);

const BITGET_MAJOR = terms('0.002', '0.002', 'received');
const UPBIT_COIN_MARKET = terms('0.0025', '0.0025', 'quote');
const BITHUMB_BTC_MARKET = terms('0', '0', 'quote');
/** For an exchange nobody described: dearer than any known base tier, so that ignorance never looks like profit. */
const UNKNOWN_EXCHANGE = terms('0.003', '0.003', 'quote');

/** Start-up default of a market, where the account's own rate is not known yet. */
export function defaultFeeTerms(exchange: ExchangeId, base: string, quote: string): FeeTerms {
  if (exchange === 'bitget' && quote === 'USDT' && ['BTC', 'ETH', 'XRP'].includes(base)) return BITGET_MAJOR;
  if (exchange === 'upbit' && quote !== 'KRW') return UPBIT_COIN_MARKET;
  if (exchange === 'bithumb' && quote === 'BTC') return BITHUMB_BTC_MARKET;
  return DEFAULTS.get(exchange) ?? UNKNOWN_EXCHANGE;
}

/** Rates by market: an override for the instrument wins over one for the exchange, and that over the default. */
export class FeeTable {
  private readonly overrides: ReadonlyMap<string, FeeTerms>;

  /** `overrides` is keyed by instrument id (`okx:BTC-USDT`) or exchange id (`okx`). Every rate is checked here. */
  constructor(overrides: ReadonlyMap<string, FeeTerms> = new Map()) {
    for (const [key, value] of overrides) {
      parseDecimal(value.takerFeeRate, `${key} taker fee`);
      parseDecimal(value.makerFeeRate, `${key} maker fee`);
    }
    this.overrides = new Map(overrides);
  }

  termsOf(exchange: ExchangeId, base: string, quote: string): FeeTerms {
    return (
      this.overrides.get(`${exchange}:${base}-${quote}`) ??
      this.overrides.get(exchange) ??
      defaultFeeTerms(exchange, base, quote)
    );
  }
}
