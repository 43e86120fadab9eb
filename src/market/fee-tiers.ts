import { ArbotError } from '../messages/errors.js';
import type { DecimalText, ExchangeId } from '../messages/primitives.js';
import { parseDecimal, parseUnsigned } from './decimal.js';
import { defaultFeeTerms } from './fees.js';

/**
 * What an exchange charges by the volume of the last 30 days. Tables age: they are where a trader starts from, and what the account
 * itself says (`FeeSource`) goes before them. Rates of the base tier are those of `defaultFeeTerms`.
 */
export interface FeeTier {
  /** As `exchanges.<id>.feeTier` names it. */
  readonly name: string;
  /** Least volume of 30 days in units of `FeeTierTable.volumeIn`; further conditions (coins held, assets) are not in here. */
  readonly minVolume: DecimalText;
  readonly takerFeeRate: DecimalText;
  readonly makerFeeRate: DecimalText;
}

export interface FeeTierTable {
  /** Where the figures come from, in the tags of the exchanges' pages: [O] read there, [C] maintained client, [D] dated. */
  readonly source: string;
  readonly volumeIn: 'USD' | 'BTC';
  /** Above the base tier, cheapest last. */
  readonly tiers: readonly FeeTier[];
}

const BASE_TIER = 'base';

type Row = readonly [name: string, minVolume: DecimalText, taker: DecimalText, maker: DecimalText];

const table = (source: string, volumeIn: 'USD' | 'BTC', rows: readonly Row[]): FeeTierTable => ({
  source,
  volumeIn,
  tiers: rows.map(([name, minVolume, takerFeeRate, makerFeeRate]) => ({
    ...{ name, minVolume, takerFeeRate, makerFeeRate },
  })),
});

const TABLES: ReadonlyMap<ExchangeId, FeeTierTable> = new Map([
  [
    'binance',
    table('[D] schedule of 2025, 25 % off in BNB not included', 'USD', [
      ['vip1', '1000000', '0.001', '0.0009'],
      ['vip2', '5000000', '0.001', '0.0008'],
      ['vip3', '20000000', '0.0006', '0.00042'],
      ['vip4', '75000000', '0.00054', '0.00042'],
      ['vip5', '150000000', '0.00048', '0.00036'],
      ['vip6', '400000000', '0.00042', '0.0003'],
      ['vip7', '800000000', '0.00036', '0.00024'],
      ['vip8', '2000000000', '0.0003', '0.00018'],
      ['vip9', '4000000000', '0.00024', '0.00012'],
    ]),
  ],
  [
    'okx',
    table('[O] fee page, undated copy: [D] today', 'USD', [
      ['vip1', '10000000', '0.0008', '0.0006'],
      ['vip2', '20000000', '0.0007', '0.0005'],
      ['vip3', '50000000', '0.0006', '0.0003'],
      ['vip4', '100000000', '0.0005', '0.0002'],
      ['vip5', '200000000', '0.0004', '0'],
      ['vip6', '500000000', '0.0003', '-0.00002'],
      ['vip7', '1000000000', '0.00025', '-0.00005'],
      ['vip8', '10000000000', '0.0002', '-0.00005'],
    ]),
  ],
  [
    'kucoin',
    table('[C] ccxt 4.5.84; times the coefficient of the market', 'BTC', [
      ['lv1', '50', '0.001', '0.0009'],
      ['lv2', '200', '0.0009', '0.0007'],
      ['lv3', '500', '0.0008', '0.0005'],
      ['lv4', '1000', '0.0007', '0.0003'],
      ['lv5', '2000', '0.0007', '0'],
      ['lv6', '4000', '0.0006', '0'],
      ['lv7', '8000', '0.0005', '0'],
      ['lv8', '15000', '0.00045', '-0.00005'],
      ['lv9', '25000', '0.0004', '-0.00005'],
      ['lv10', '40000', '0.00035', '-0.00005'],
      ['lv11', '60000', '0.0003', '-0.00005'],
      ['lv12', '80000', '0.00025', '-0.00005'],
    ]),
  ],
  [
    'gate',
    table('[C] ccxt 4.5.84', 'BTC', [
      ['vip1', '1.5', '0.00195', '0.00185'],
      ['vip2', '3', '0.00185', '0.00175'],
      ['vip3', '6', '0.00175', '0.00165'],
      ['vip4', '12.5', '0.00165', '0.00155'],
      ['vip5', '25', '0.00155', '0.00145'],
      ['vip6', '75', '0.00145', '0.00135'],
      ['vip7', '200', '0.00135', '0.00125'],
      ['vip8', '500', '0.00125', '0.00115'],
      ['vip9', '1250', '0.00115', '0.00105'],
      ['vip10', '2500', '0.00105', '0.00095'],
      ['vip11', '3000', '0.00095', '0.00085'],
      ['vip12', '6000', '0.00085', '0.00075'],
      ['vip13', '11000', '0.00075', '0.00065'],
      ['vip14', '20000', '0.00065', '0.00055'],
    ]),
  ],
  // The one tier that a trader applies for; it lapses after 30 days without a word [O 2026-08].
  ['bithumb', table('[O 2026-08] free application, 30 days', 'USD', [['coupon', '0', '0.0004', '0.0004']])],
]);

/** Null where only the base tier is known. */
export function feeTiersOf(exchange: ExchangeId): FeeTierTable | null {
  return TABLES.get(exchange) ?? null;
}

/** Names that `exchanges.<id>.feeTier` may have. */
export function feeTierNames(exchange: ExchangeId): readonly string[] {
  return [BASE_TIER, ...(TABLES.get(exchange)?.tiers ?? []).map(({ name }) => name)];
}

/** The tier that a volume of 30 days earns by itself; `base` below the first. Throws ARB_DECIMAL_INVALID. */
export function feeTierOfVolume(exchange: ExchangeId, volume: DecimalText): string {
  const traded = parseUnsigned(volume, 'volume of 30 days');
  const earned = (TABLES.get(exchange)?.tiers ?? []).filter(({ minVolume }) =>
    traded.greaterThanOrEqualTo(minVolume),
  );
  return earned.at(-1)?.name ?? BASE_TIER;
}

/** Shares of the quote traded in one market; negative = a rebate. */
export interface MarketRates {
  readonly takerFeeRate: DecimalText;
  readonly makerFeeRate: DecimalText;
}

/**
 * The rates of a market in a tier: those of the market itself scaled by what the tier lets off the exchange's base rates, so that a
 * dear market stays dear. A market that costs nothing stays so.
 * @throws ArbotError ARB_CONFIG_INVALID for a tier that the exchange has not.
 */
export function ratesInTier(exchange: ExchangeId, tier: string, market: MarketRates): MarketRates {
  if (tier === BASE_TIER) return market;
  const row = TABLES.get(exchange)?.tiers.find(({ name }) => name === tier);
  if (row === undefined)
    throw new ArbotError(
      'ARB_CONFIG_INVALID',
      `${exchange} has no fee tier ${tier}: one of ${feeTierNames(exchange).join(', ')}`,
    );
  const base = defaultFeeTerms(exchange, '', exchange === 'upbit' || exchange === 'bithumb' ? 'KRW' : '');
  return {
    takerFeeRate: scaled(market.takerFeeRate, row.takerFeeRate, base.takerFeeRate),
    makerFeeRate: scaled(market.makerFeeRate, row.makerFeeRate, base.makerFeeRate),
  };
}

const RATE_DIGITS = 12;

/** `rate` × tier ÷ base, rounded up: what is not known exactly is never cheaper than it is. */
function scaled(rate: DecimalText, tier: DecimalText, base: DecimalText): DecimalText {
  if (rate === base) return tier;
  const [own, wanted, usual] = [parseDecimal(rate), parseDecimal(tier), parseDecimal(base)];
  if (!own.greaterThan(0) || !usual.greaterThan(0)) return rate;
  return own.times(wanted).div(usual).toDecimalPlaces(RATE_DIGITS, 2).toFixed();
}

/** The terms of a market by what is known of the account, best word first. */
export interface AccountFees {
  /** The trader's own word of the taker rate. */
  readonly override?: DecimalText;
  readonly tier?: string;
  /** What the exchange says that this account pays in this market; null = it was not asked or did not say. */
  readonly account?: MarketRates | null;
}

/**
 * What a market charges this account. The trader's override goes before the tier, the tier before the default; where the account's
 * own rate is known it replaces tier and default, and an override only where it is dearer: nothing on paper may make a trade look
 * cheaper than the exchange will.
 * @throws ArbotError ARB_CONFIG_INVALID for an unknown tier, ARB_DECIMAL_INVALID for a rate that is none.
 */
export function accountTerms<T extends MarketRates>(
  exchange: ExchangeId,
  market: T,
  { override, tier, account = null }: AccountFees,
): T {
  const listed = tier === undefined ? market : ratesInTier(exchange, tier, market);
  const known = { ...market, takerFeeRate: listed.takerFeeRate, makerFeeRate: listed.makerFeeRate };
  if (account !== null) {
    // A rebate for taking is not counted on.
    known.takerFeeRate = account.takerFeeRate.startsWith('-') ? '0' : account.takerFeeRate;
    known.makerFeeRate = account.makerFeeRate;
  }
  if (override === undefined) return known;
  const isDearer = account !== null && parseDecimal(account.takerFeeRate, 'taker rate').greaterThan(override);
  return isDearer ? known : { ...known, takerFeeRate: override };
}
