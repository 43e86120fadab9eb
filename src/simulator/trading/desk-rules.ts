import type { EngineTrade } from '../matching-engine.js';
import type { SimulatedMarket } from '../market.js';
import { atomsOf, type Atoms } from './atoms.js';

/** Exchanges on which one can trade in a simulation. */
export const TRADING_EXCHANGES = [
  'binance',
  'okx',
  'bybit',
  'upbit',
  'kucoin',
  'gate',
  'bithumb',
  'bitget',
] as const;
export type TradingExchange = (typeof TRADING_EXCHANGES)[number];

const HOUR_MS = 3_600_000;

export interface FeeRates {
  readonly takerFeeRate: Atoms;
  readonly makerFeeRate: Atoms;
}

/** What one exchange promises about orders, as data (PROTOCOLS §1.1, §2, §11.1). */
export interface DeskRules extends FeeRates {
  /** Where rates differ by market or change with time: those of the moment in which an order is taken hold for all of it. */
  readonly ratesOf?: (market: SimulatedMarket, nowMs: number) => FeeRates;
  /** `received`: the coin that comes in; `quote`: on top of a purchase, out of the proceeds of a sale. */
  readonly feeCoin: 'received' | 'quote';
  /** Decimals to which a fee is cut; null = exact. */
  readonly feePlaces: number | null;
  /**
   * When a client id is taken again: `open` = as soon as the earlier order has ended, `never` = not while an order ever had it,
   * `burned` = not even when the request that had it was refused.
   */
  readonly clientIdReuse: 'open' | 'never' | 'burned';
  /** How far a price may be from the last one: multiples of it. Null = not checked. */
  readonly priceBand: {
    readonly buyMax: number;
    readonly buyMin: number;
    readonly sellMax: number;
    readonly sellMin: number;
  } | null;
  readonly maxLots: number;
  readonly maxOpenOrders: number;
  /** Post-only orders that would take: refused with an error, or taken and cancelled at once. */
  readonly postOnly: 'refused' | 'cancelled';
  /** Orders that ended without a fill are not found any more after this; null = for ever. */
  readonly forgetsUnfilledAfterMs: number | null;
  readonly orderId: (number: number, random: () => string) => string;
  /** `print` is null for a trade that no engine made. */
  readonly tradeId: (number: number, market: SimulatedMarket, print: EngineTrade | null) => string;
}

/** 0.10 % but 0.20 % on the largest markets in dollars (PROTOCOLS §11.1 [P]). */
const BITGET_RATES = { takerFeeRate: atomsOf('0.001'), makerFeeRate: atomsOf('0.001') };
const BITGET_MAJOR_RATES = { takerFeeRate: atomsOf('0.002'), makerFeeRate: atomsOf('0.002') };
const BITGET_MAJORS = ['BTCUSDT', 'ETHUSDT', 'XRPUSDT'];

/** Rates without the coupon, and with the one that is free for 30 days [O]. */
export const BITHUMB_RATES = { plain: atomsOf('0.0025'), coupon: atomsOf('0.0004') };

const counted = (base: bigint, number: number): string => (base + BigInt(number)).toString();

export const DESK_RULES: Readonly<Record<TradingExchange, DeskRules>> = {
  binance: {
    takerFeeRate: atomsOf('0.001'),
    makerFeeRate: atomsOf('0.001'),
    feeCoin: 'received',
    feePlaces: 8,
    clientIdReuse: 'open',
    priceBand: { buyMax: 5, buyMin: 0.2, sellMax: 5, sellMin: 0.2 },
    maxLots: 900_000_000,
    maxOpenOrders: 200,
    postOnly: 'refused',
    forgetsUnfilledAfterMs: 90 * 24 * HOUR_MS,
    orderId: (number) => counted(28_000_000_000n, number),
    // Replaced by the face, whose public prints carry the same ids.
    tradeId: (number) => counted(4_000_000_000_000n, number),
  },
  okx: {
    takerFeeRate: atomsOf('0.001'),
    makerFeeRate: atomsOf('0.0008'),
    feeCoin: 'received',
    feePlaces: null,
    clientIdReuse: 'open',
    priceBand: { buyMax: 1.05, buyMin: 0, sellMax: Number.POSITIVE_INFINITY, sellMin: 0.95 },
    maxLots: 100_000_000_000_000,
    maxOpenOrders: 4_000,
    postOnly: 'cancelled',
    forgetsUnfilledAfterMs: 2 * HOUR_MS,
    orderId: (number) => counted(2_510_789_768_709_120_000n, number),
    tradeId: (number, _market, print) => (print === null ? counted(900_000_000n, number) : `${print.id}`),
  },
  bybit: {
    takerFeeRate: atomsOf('0.001'),
    makerFeeRate: atomsOf('0.001'),
    feeCoin: 'received',
    feePlaces: null,
    clientIdReuse: 'never',
    priceBand: { buyMax: 1.1, buyMin: 0, sellMax: Number.POSITIVE_INFINITY, sellMin: 0.9 },
    maxLots: 100_000_000_000,
    maxOpenOrders: 500,
    postOnly: 'cancelled',
    forgetsUnfilledAfterMs: 24 * HOUR_MS,
    orderId: (number) => counted(1_890_000_000_000_000_000n, number),
    tradeId: (number) => counted(2_290_000_000_000_000_000n, number),
  },
  upbit: {
    takerFeeRate: atomsOf('0.0005'),
    makerFeeRate: atomsOf('0.0005'),
    feeCoin: 'quote',
    feePlaces: null,
    clientIdReuse: 'burned',
    priceBand: null,
    maxLots: 1_000_000_000_000_000,
    maxOpenOrders: 1_000,
    postOnly: 'cancelled',
    forgetsUnfilledAfterMs: null,
    orderId: (_number, random) => random(),
    tradeId: (number) => uuidOf(number),
  },
  kucoin: {
    takerFeeRate: atomsOf('0.001'),
    makerFeeRate: atomsOf('0.001'),
    feeCoin: 'quote',
    feePlaces: null,
    clientIdReuse: 'never',
    priceBand: { buyMax: 1.1, buyMin: 0, sellMax: Number.POSITIVE_INFINITY, sellMin: 0.9 },
    maxLots: 1_000_000_000_000_000,
    maxOpenOrders: 2_000,
    postOnly: 'cancelled',
    // Three days [C].
    forgetsUnfilledAfterMs: 72 * HOUR_MS,
    orderId: (number) => `6742a1c0${number.toString(16).padStart(16, '0')}`,
    // Replaced by the face, whose public prints carry the same ids.
    tradeId: (number) => counted(21_000_000_000_000_000n, number),
  },
  gate: {
    takerFeeRate: atomsOf('0.002'),
    makerFeeRate: atomsOf('0.002'),
    feeCoin: 'received',
    feePlaces: null,
    clientIdReuse: 'open',
    priceBand: null,
    maxLots: 1_000_000_000_000,
    maxOpenOrders: 1_000,
    postOnly: 'refused',
    // A month, as far as its lists reach [C].
    forgetsUnfilledAfterMs: 30 * 24 * HOUR_MS,
    orderId: (number) => counted(852_454_420_000n, number),
    tradeId: (number) => counted(9_000_000_000n, number),
  },
  bithumb: {
    takerFeeRate: BITHUMB_RATES.plain,
    makerFeeRate: BITHUMB_RATES.plain,
    feeCoin: 'quote',
    feePlaces: null,
    // Reuse is not documented; an id names one order [D].
    clientIdReuse: 'never',
    priceBand: null,
    maxLots: 1_000_000_000_000_000,
    maxOpenOrders: 1_000,
    postOnly: 'cancelled',
    forgetsUnfilledAfterMs: null,
    orderId: (number) => `C0101${counted(3_152_350_309n, number).padStart(15, '0')}`,
    tradeId: (number) => `C0102${counted(1_744_207n, number).padStart(15, '0')}`,
  },
  bitget: {
    ...BITGET_RATES,
    ratesOf: ({ listing }) => (BITGET_MAJORS.includes(listing.symbol) ? BITGET_MAJOR_RATES : BITGET_RATES),
    feeCoin: 'received',
    feePlaces: 16,
    clientIdReuse: 'never',
    priceBand: { buyMax: 1.02, buyMin: 0, sellMax: Number.POSITIVE_INFINITY, sellMin: 0.98 },
    maxLots: 1_000_000_000_000_000,
    maxOpenOrders: 400,
    postOnly: 'cancelled',
    forgetsUnfilledAfterMs: 90 * 24 * HOUR_MS,
    orderId: (number) => counted(1_385_127_468_301_721_600n, number),
    tradeId: (number) => counted(1_385_127_468_519_825_400n, number),
  },
};

/** A counter in UUID form. */
function uuidOf(number: number): string {
  const hex = number.toString(16).padStart(12, '0');
  return `7a1c0de0-5eed-4000-8000-${hex}`;
}
