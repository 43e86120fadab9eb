import { normalCdf, normalQuantile } from './normal.js';

/**
 * How much a Sharpe ratio proves (Bailey & López de Prado, "The Sharpe Ratio Efficient Frontier", Journal of Risk 15 (2012); "The Deflated Sharpe
 * Ratio", Journal of Portfolio Management 40 (2014)). Ratios are per period, not a year; moments are the population's, the kurtosis not in
 * excess of 3.
 */
export interface SharpeSample {
  readonly sharpe: number;
  /** Number of returns. */
  readonly count: number;
  readonly skew: number;
  readonly kurtosis: number;
}

const EULER_GAMMA = 0.5772156649015329;
const CONFIDENCE = 0.95;

/** Variance of the estimate, times the number of returns less one. */
const spreadOfEstimate = ({ sharpe, skew, kurtosis }: SharpeSample): number =>
  1 - skew * sharpe + ((kurtosis - 1) / 4) * sharpe ** 2;

/** How many deviations of the estimate lie between it and the benchmark. */
export function sharpeZ(sample: SharpeSample, benchmark = 0): number {
  return ((sample.sharpe - benchmark) * Math.sqrt(sample.count - 1)) / Math.sqrt(spreadOfEstimate(sample));
}

/** Probability that the true ratio is above the benchmark. */
export const probabilisticSharpe = (sample: SharpeSample, benchmark = 0): number =>
  normalCdf(sharpeZ(sample, benchmark));

/** Returns needed before the ratio is above the benchmark with 95 %; null when it is not above it. */
export function minimumTrackRecord(sample: SharpeSample, benchmark = 0): number | null {
  if (!(sample.sharpe > benchmark)) return null;
  return 1 + spreadOfEstimate(sample) * (normalQuantile(CONFIDENCE) / (sample.sharpe - benchmark)) ** 2;
}

/** The best ratio that so many trials without any skill would show; `variance` (ddof 1) of their ratios, `trials` ≥ 2. */
export function expectedMaxSharpe(variance: number, trials: number): number {
  const [some, most] = [normalQuantile(1 - 1 / trials), normalQuantile(1 - 1 / (trials * Math.E))];
  return Math.sqrt(variance) * ((1 - EULER_GAMMA) * some + EULER_GAMMA * most);
}

/** The probabilistic ratio against what the trials alone would have shown. */
export const deflatedSharpe = (sample: SharpeSample, variance: number, trials: number): number =>
  probabilisticSharpe(sample, expectedMaxSharpe(variance, trials));
