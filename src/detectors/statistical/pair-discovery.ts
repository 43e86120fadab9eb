import { adf } from '../../statistics/adf.js';
import type { Degenerate } from '../../statistics/degenerate.js';
import { engleGranger } from '../../statistics/engle-granger.js';
import { discoveries } from '../../statistics/false-discovery.js';
import { halfLifeOf } from '../../statistics/half-life.js';
import { johansen } from '../../statistics/johansen.js';
import { ols, spreadOf, standardDeviation } from '../../statistics/regression.js';

/**
 * Which pairs of a universe belong together. A pair must stand in both directions of Engle and Granger (the weaker p counts), as one of all pairs that
 * were looked at (false discovery held over the universe), by Johansen's rank, with a hedge that can be held and a spread that returns in a
 * time worth waiting for. Of every pair that does not, the reason is told.
 */
export interface PricedSeries {
  readonly name: string;
  /** Logarithms of prices on one even grid, oldest first. */
  readonly logPrices: Float64Array;
}

export interface DiscoveryTerms {
  /** Share of chance finds held among the finds, 0 to 1. */
  readonly falseDiscoveryRate: number;
  /** In observations: faster is noise of the quotes, slower ties up money. */
  readonly minHalfLife: number;
  readonly maxHalfLife: number;
  /** Below this p of a unit-root test a series reverts by itself, and everything is "cointegrated" with it. */
  readonly stationaryP: number;
}

export const DISCOVERY_TERMS: DiscoveryTerms = {
  falseDiscoveryRate: 0.05,
  minHalfLife: 1,
  maxHalfLife: 200,
  stationaryP: 0.01,
};

export type RejectedPair =
  | Degenerate
  /** One of the two reverts by itself. */
  | 'stationary_input'
  | 'not_significant'
  | 'johansen_disagrees'
  /** The hedge would buy both or sell both. */
  | 'negative_hedge'
  | 'half_life';

export interface FoundPair {
  /** log y − intercept − beta · log x is the spread. */
  readonly y: string;
  readonly x: string;
  readonly intercept: number;
  readonly beta: number;
  readonly spreadDeviation: number;
  /** In observations. */
  readonly halfLife: number;
  /** The weaker of both directions. */
  readonly pValue: number;
}

export interface PairVerdict {
  readonly a: string;
  readonly b: string;
  readonly pValue: number | null;
  readonly found: FoundPair | null;
  readonly reason: RejectedPair | null;
}

interface Tested {
  readonly a: PricedSeries;
  readonly b: PricedSeries;
  /** Of both directions, y first; null when it could not be tested. */
  readonly p: { readonly ab: number; readonly ba: number } | null;
  readonly reason: RejectedPair | null;
}

const BY_AIC = { maxLag: null, autolag: 'AIC' as const };
/** Lagged changes that Johansen's test clears away. */
const JOHANSEN_LAGS = 1;

/** Indexes of the two series of a pair that may be traded. */
export type Candidate = readonly [a: number, b: number];

/** One verdict per pair, in the order of the series. */
export function discoverPairs(
  series: readonly PricedSeries[],
  terms: DiscoveryTerms = DISCOVERY_TERMS,
): PairVerdict[] {
  const all = series.flatMap((_, a) => series.slice(a + 1).map((__, at): Candidate => [a, a + 1 + at]));
  return discoverAmong(series, all, terms);
}

/** One verdict per candidate, in their order. Chance finds are counted over the candidates: what is not asked about costs nothing. */
export function discoverAmong(
  series: readonly PricedSeries[],
  candidates: readonly Candidate[],
  terms: DiscoveryTerms = DISCOVERY_TERMS,
): PairVerdict[] {
  const reverting = series.map(({ logPrices }) => revertsAlone(logPrices, terms));
  const tested = candidates.map(([a, b]) => testPair(series[a]!, series[b]!, reverting[a]! || reverting[b]!));
  const weaker = tested.map(({ p }) => (p === null ? NaN : Math.max(p.ab, p.ba)));
  // The pairs share their series, and the weaker of two p-values is larger than a p-value has to be.
  const standing = discoveries(weaker, terms.falseDiscoveryRate);
  return tested.map((one, at) => verdictOf(one, weaker[at]!, { isStanding: standing[at]!, terms }));
}

function revertsAlone(logPrices: Float64Array, { stationaryP }: DiscoveryTerms): boolean {
  const found = adf(logPrices, { regression: 'c', ...BY_AIC });
  return found.status === 'ok' && found.pValue < stationaryP;
}

function testPair(a: PricedSeries, b: PricedSeries, isReverting: boolean): Tested {
  const ab = engleGranger(a.logPrices, [b.logPrices], { trend: 'c', ...BY_AIC });
  if (ab.status !== 'ok') return { a, b, p: null, reason: ab.status };
  if (isReverting) return { a, b, p: null, reason: 'stationary_input' };
  const ba = engleGranger(b.logPrices, [a.logPrices], { trend: 'c', ...BY_AIC });
  if (ba.status !== 'ok') return { a, b, p: null, reason: ba.status };
  return { a, b, p: { ab: ab.pValue, ba: ba.pValue }, reason: null };
}

function verdictOf(
  { a, b, p, reason }: Tested,
  pValue: number,
  { isStanding, terms }: { readonly isStanding: boolean; readonly terms: DiscoveryTerms },
): PairVerdict {
  const head = { a: a.name, b: b.name, pValue: p === null ? null : pValue };
  const rejected = (why: RejectedPair): PairVerdict => ({ ...head, found: null, reason: why });
  if (p === null) return rejected(reason!);
  if (!isStanding) return rejected('not_significant');
  const rank = johansen([a.logPrices, b.logPrices], 0, JOHANSEN_LAGS);
  if (rank.status !== 'ok') return rejected(rank.status);
  // Rank 2 would say that both revert by themselves, which has been asked of each alone.
  if (rank.rankByTrace === 0) return rejected('johansen_disagrees');
  const [y, x] = p.ab <= p.ba ? [a, b] : [b, a];
  const found = hedged(y, x, pValue, terms);
  return typeof found === 'string' ? rejected(found) : { ...head, found, reason: null };
}

function hedged(
  y: PricedSeries,
  x: PricedSeries,
  pValue: number,
  { minHalfLife, maxHalfLife }: DiscoveryTerms,
): FoundPair | RejectedPair {
  const line = ols(y.logPrices, x.logPrices);
  if (line.status !== 'ok') return line.status;
  if (!(line.beta > 0)) return 'negative_hedge';
  const spread = spreadOf(y.logPrices, x.logPrices, line);
  const half = halfLifeOf(spread);
  if (half.status !== 'ok') return half.status;
  const halfLife = half.halfLifeAr1;
  if (halfLife === null || halfLife < minHalfLife || halfLife > maxHalfLife) return 'half_life';
  const { intercept, beta } = line;
  return {
    y: y.name,
    x: x.name,
    intercept,
    beta,
    spreadDeviation: standardDeviation(spread, 1),
    halfLife,
    pValue,
  };
}
