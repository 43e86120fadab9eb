import { ArbotError } from '../messages/errors.js';
import type { AssetId, DecimalText, ExchangeId, PairId } from '../messages/primitives.js';
import { stepUnit, type StepUnit } from './exact-units.js';

/** The exchanges that have a face. */
export const SIMULATED_EXCHANGES = [
  'binance',
  'okx',
  'bybit',
  'gate',
  'bitget',
  'kucoin',
  'upbit',
  'bithumb',
] as const;
export type SimulatedExchange = (typeof SIMULATED_EXCHANGES)[number];

/** The exchanges of a world that names none: one for each way in which books follow one another. */
export const DEFAULT_EXCHANGES: readonly SimulatedExchange[] = ['binance', 'okx', 'bybit'];

/** Pairs that are simulated when nothing else is asked for. */
export const DEFAULT_PAIRS: readonly PairId[] = ['BTC-USDT', 'ETH-USDT', 'SOL-USDT', 'XRP-USDT', 'DOGE-USDT'];

/** The won markets of the Korean exchanges; a world has them when it is asked for them. */
export const WON_PAIRS: readonly PairId[] = [
  'BTC-KRW',
  'ETH-KRW',
  'SOL-KRW',
  'XRP-KRW',
  'DOGE-KRW',
  'USDT-KRW',
];

/** Markets between coins: what makes a cycle with their dollar markets. A world has them when it is asked for them. */
export const CROSS_PAIRS: readonly PairId[] = ['ETH-BTC', 'SOL-BTC'];

/** Won for one USDT at the start, premium included: what KRW amounts are larger by. */
export const WON_PER_USDT = 1_390;

/** One market of one simulated exchange, with its rules as the exchange publishes them. */
export interface Listing {
  readonly exchange: SimulatedExchange;
  readonly pair: PairId;
  readonly base: AssetId;
  readonly quote: AssetId;
  /** The exchange's own name: `BTCUSDT`, `BTC-USDT`. */
  readonly symbol: string;
  readonly tick: StepUnit;
  readonly lot: StepUnit;
  readonly minLots: number;
  /** Least price × size in quote; 0 where the exchange only has a least size (OKX). */
  readonly minNotional: number;
}

/** How a pair behaves, the same on every exchange. */
export interface PairModel {
  readonly pair: PairId;
  /** Price at the start, to which it is drawn back over hours. */
  readonly referencePrice: number;
  /** Standard deviation of a 100 ms return, basis points. */
  readonly volatilityBps: number;
  /** Typical notional of one book level, quote units. */
  readonly levelNotional: number;
}

const PAIR_MODELS: readonly PairModel[] = [
  { pair: 'BTC-USDT', referencePrice: 84_000, volatilityBps: 0.25, levelNotional: 14_000 },
  { pair: 'ETH-USDT', referencePrice: 2_650, volatilityBps: 0.3, levelNotional: 9_000 },
  { pair: 'SOL-USDT', referencePrice: 148, volatilityBps: 0.4, levelNotional: 6_000 },
  { pair: 'XRP-USDT', referencePrice: 2.35, volatilityBps: 0.4, levelNotional: 5_000 },
  { pair: 'DOGE-USDT', referencePrice: 0.182, volatilityBps: 0.45, levelNotional: 4_000 },
];

/** A won pair behaves as its asset does in dollars; `PriceWorld` moves both together. */
function wonModel(pair: PairId): PairModel | undefined {
  const base = pair.slice(0, pair.indexOf('-'));
  if (!WON_PAIRS.includes(pair)) return undefined;
  const dollar = PAIR_MODELS.find((candidate) => candidate.pair === `${base}-USDT`);
  return {
    pair,
    referencePrice: (dollar?.referencePrice ?? 1) * WON_PER_USDT,
    volatilityBps: dollar?.volatilityBps ?? 0,
    levelNotional: (dollar?.levelNotional ?? 20_000) * WON_PER_USDT,
  };
}

/** A cross pair costs what its two dollar pairs say; `PriceWorld` keeps it there. */
function crossModel(pair: PairId): PairModel | undefined {
  if (!CROSS_PAIRS.includes(pair)) return undefined;
  const [base, quote] = dollarPairsOf(pair).map((dollar) => PAIR_MODELS.find((one) => one.pair === dollar)!);
  return {
    pair,
    referencePrice: base!.referencePrice / quote!.referencePrice,
    volatilityBps: base!.volatilityBps,
    levelNotional: base!.levelNotional / quote!.referencePrice,
  };
}

/** The dollar markets of a pair's two coins. */
export const dollarPairsOf = (pair: PairId): PairId[] => pair.split('-').map((coin) => `${coin}-USDT`);

/** tick, lot, least size, least notional */
type Rules = readonly [DecimalText, DecimalText, DecimalText, number];

/** PROTOCOLS §11.2; SOL and DOGE and rows marked [D] there are plausible defaults. */
const RULES: Readonly<Record<SimulatedExchange, Readonly<Record<string, Rules>>>> = {
  binance: {
    BTC: ['0.01', '0.00001', '0.00001', 5],
    ETH: ['0.01', '0.0001', '0.0001', 5],
    SOL: ['0.01', '0.001', '0.001', 5],
    XRP: ['0.0001', '0.1', '0.1', 5],
    DOGE: ['0.00001', '1', '1', 5],
  },
  okx: {
    BTC: ['0.1', '0.00000001', '0.00001', 0],
    ETH: ['0.01', '0.000001', '0.0001', 0],
    SOL: ['0.01', '0.000001', '0.01', 0],
    XRP: ['0.0001', '0.000001', '1', 0],
    DOGE: ['0.00001', '0.000001', '10', 0],
  },
  bybit: {
    BTC: ['0.1', '0.000001', '0.000001', 5],
    ETH: ['0.01', '0.00001', '0.00001', 5],
    SOL: ['0.01', '0.001', '0.001', 5],
    XRP: ['0.0001', '0.01', '0.01', 5],
    DOGE: ['0.00001', '0.1', '0.1', 5],
  },
  gate: {
    BTC: ['0.1', '0.000001', '0.000001', 3],
    ETH: ['0.01', '0.0001', '0.001', 3],
    SOL: ['0.01', '0.0001', '0.001', 3],
    XRP: ['0.0001', '0.01', '0.01', 3],
    DOGE: ['0.00001', '0.01', '0.1', 3],
  },
  bitget: {
    BTC: ['0.01', '0.000001', '0.000001', 1],
    ETH: ['0.01', '0.0001', '0.0001', 1],
    SOL: ['0.01', '0.0001', '0.0001', 1],
    XRP: ['0.0001', '0.0001', '0.0001', 1],
    DOGE: ['0.00001', '0.0001', '0.0001', 1],
  },
  kucoin: {
    BTC: ['0.1', '0.00000001', '0.00001', 0.1],
    ETH: ['0.01', '0.0000001', '0.0001', 0.1],
    SOL: ['0.001', '0.0001', '0.01', 0.1],
    XRP: ['0.00001', '0.0001', '0.1', 0.1],
    DOGE: ['0.00001', '0.0001', '10', 0.1],
  },
  upbit: {},
  bithumb: {},
};

/**
 * Markets quoted in won (PROTOCOLS §11.3): ticks of the bands in which the reference prices lie. USDT has a finer one on Upbit
 * [O]. Bithumb's lot is what its books show.
 */
const WON_RULES: Readonly<Partial<Record<SimulatedExchange, Readonly<Record<string, Rules>>>>> = {
  upbit: {
    BTC: ['1000', '0.00000001', '0.00000001', 5_000],
    ETH: ['1000', '0.00000001', '0.00000001', 5_000],
    SOL: ['100', '0.00000001', '0.00000001', 5_000],
    XRP: ['1', '0.00000001', '0.00000001', 5_000],
    DOGE: ['1', '0.00000001', '0.00000001', 5_000],
    USDT: ['0.5', '0.00000001', '0.00000001', 5_000],
  },
  bithumb: {
    BTC: ['1000', '0.0001', '0.0001', 5_000],
    ETH: ['1000', '0.0001', '0.0001', 5_000],
    SOL: ['100', '0.0001', '0.0001', 5_000],
    XRP: ['1', '0.0001', '0.0001', 5_000],
    DOGE: ['1', '0.0001', '0.0001', 5_000],
    USDT: ['1', '0.0001', '0.0001', 5_000],
  },
};

/** Markets quoted in BTC: plausible steps; exchanges without a least notional elsewhere have none here. */
const CROSS_RULES: Readonly<Record<string, Rules>> = {
  ETH: ['0.00001', '0.0001', '0.0001', 0.0001],
  SOL: ['0.0000001', '0.001', '0.001', 0.0001],
};
const CROSS_LISTERS: ReadonlySet<SimulatedExchange> = new Set(['binance', 'okx', 'bybit', 'gate', 'kucoin']);

function crossRulesOf(exchange: SimulatedExchange, base: AssetId): Rules | undefined {
  const rules = CROSS_LISTERS.has(exchange) ? CROSS_RULES[base] : undefined;
  if (rules === undefined || exchange !== 'okx') return rules;
  const [tick, lot] = rules;
  return [tick, lot, '0.01', 0];
}

function rulesOf(exchange: SimulatedExchange, pair: PairId): Rules | undefined {
  const [base = '', quote] = pair.split('-');
  if (quote === 'BTC') return crossRulesOf(exchange, base);
  return quote === 'KRW' ? WON_RULES[exchange]?.[base] : RULES[exchange][base];
}

/** True when the exchange has a market of this pair. */
export const lists = (exchange: SimulatedExchange, pair: PairId): boolean =>
  rulesOf(exchange, pair) !== undefined;

/** What stands between base and quote in an exchange's own names. */
const SEPARATORS: Readonly<Partial<Record<SimulatedExchange, string>>> = { okx: '-', gate: '_', kucoin: '-' };

/** The exchange ids that can be simulated, checked. Throws ARB_CONFIG_INVALID naming the unknown one. */
export function simulatedExchange(exchange: ExchangeId): SimulatedExchange {
  const known = SIMULATED_EXCHANGES.find((id) => id === exchange);
  if (known !== undefined) return known;
  throw new ArbotError(
    'ARB_CONFIG_INVALID',
    `exchange ${exchange} cannot be simulated; known: ${SIMULATED_EXCHANGES.join(', ')}`,
  );
}

/** How a pair behaves. Throws ARB_CONFIG_INVALID for a pair that has no model. */
export function pairModel(pair: PairId): PairModel {
  const model =
    PAIR_MODELS.find((candidate) => candidate.pair === pair) ?? wonModel(pair) ?? crossModel(pair);
  if (model !== undefined) return model;
  throw new ArbotError(
    'ARB_CONFIG_INVALID',
    `pair ${pair} cannot be simulated; known: ${[...DEFAULT_PAIRS, ...WON_PAIRS, ...CROSS_PAIRS].join(', ')}`,
  );
}

/** The listing of a pair on an exchange. Throws ARB_CONFIG_INVALID when there is none. */
export function listingOf(exchange: SimulatedExchange, pair: PairId): Listing {
  const model = pairModel(pair);
  const [base = '', quote = ''] = model.pair.split('-');
  const rules = rulesOf(exchange, pair);
  if (rules === undefined) {
    throw new ArbotError('ARB_CONFIG_INVALID', `${exchange} does not list ${pair}`);
  }
  const lot = stepUnit(rules[1]);
  return {
    exchange,
    pair,
    base,
    quote,
    symbol: symbolOf(exchange, base, quote),
    tick: stepUnit(rules[0]),
    lot,
    minLots: Math.round(Number(rules[2]) / lot.value),
    minNotional: rules[3],
  };
}

function symbolOf(exchange: SimulatedExchange, base: AssetId, quote: AssetId): string {
  if (exchange === 'upbit' || exchange === 'bithumb') return `${quote}-${base}`;
  return `${base}${SEPARATORS[exchange] ?? ''}${quote}`;
}
