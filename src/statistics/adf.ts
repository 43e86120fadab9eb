import { degenerate, faultOf, type Outcome } from './degenerate.js';
import { LeastSquares } from './least-squares.js';
import {
  mackinnonCritical,
  mackinnonP,
  TREND_COLUMNS,
  type CriticalValues,
  type Deterministics,
} from './mackinnon.js';

/**
 * The augmented Dickey-Fuller test for a unit root (Dickey & Fuller 1979; Said & Dickey 1984). With d[t] = x[t+1] − x[t] it regresses
 * d[t] on [deterministic terms, x[t], d[t−1] … d[t−L]] for t = L … N−2; the statistic is the coefficient of x[t] over its standard error.
 * Far below 0: the series reverts. The lag order is chosen on the rows that every order can use, so that orders are comparable.
 */

export type LagChoice = 'AIC' | 'BIC' | 't-stat' | null;

export interface AdfQuestion {
  readonly regression: Deterministics;
  /** Null = min(⌊N/2⌋ − terms − 1, ⌈12 (N/100)^¼⌉), after Schwert. */
  readonly maxLag: number | null;
  /** Null = exactly `maxLag` lags. */
  readonly autolag: LagChoice;
}

export interface AdfStatistic {
  readonly statistic: number;
  readonly usedLag: number;
  readonly observations: number;
  /** The criterion of the lag chosen: AIC, BIC, or |t| of its last lag; null without a choice. */
  readonly bestCriterion: number | null;
}

export interface AdfResult extends AdfStatistic {
  readonly pValue: number;
  readonly critical: CriticalValues;
}

/** |t| of the last lag that keeps it: the 95 % quantile of a normal variable. */
const LAST_LAG_T = 1.6448536269514722;

/** p-value and critical values are MacKinnon's, for one series. */
export function adf(series: Float64Array, question: AdfQuestion): Outcome<AdfResult> {
  const found = adfStatistic(series, question);
  if (found.status !== 'ok') return found;
  const { regression } = question;
  return {
    ...found,
    pValue: mackinnonP(found.statistic, regression),
    critical: mackinnonCritical(regression, found.observations)!,
  };
}

/** The statistic alone: what it means depends on where the series comes from (a residual has other critical values). */
export function adfStatistic(series: Float64Array, question: AdfQuestion): Outcome<AdfStatistic> {
  const fault = faultOf(series, 4);
  if (fault !== null) return degenerate(fault);
  const { regression, autolag } = question;
  const terms = TREND_COLUMNS[regression];
  const most = Math.floor(series.length / 2) - terms - 1;
  const schwert = Math.ceil(12 * (series.length / 100) ** 0.25);
  const maxLag = question.maxLag ?? Math.min(most, schwert);
  if (maxLag < 0 || maxLag > most) return degenerate('insufficient_data');
  if (autolag === null) return fitted(series, regression, maxLag);
  const chosen = chooseLag(series, regression, maxLag, autolag);
  if (chosen.status !== 'ok') return chosen;
  const fit = fitted(series, regression, chosen.lag);
  return fit.status === 'ok' ? { ...fit, bestCriterion: chosen.criterion } : fit;
}

function fitted(series: Float64Array, regression: Deterministics, lag: number): Outcome<AdfStatistic> {
  const { columns, target } = design(series, regression, lag);
  // The level last: then its t statistic needs no inverse.
  const level = columns.splice(TREND_COLUMNS[regression], 1);
  columns.push(...level);
  if (target.length <= columns.length) return degenerate('insufficient_data');
  const squares = new LeastSquares(columns, target);
  if (squares.dependentColumn() !== null) return degenerate('collinear');
  const statistic = squares.lastT();
  if (!Number.isFinite(statistic)) return degenerate('collinear');
  return { status: 'ok', statistic, usedLag: lag, observations: target.length, bestCriterion: null };
}

function chooseLag(
  series: Float64Array,
  regression: Deterministics,
  maxLag: number,
  autolag: 'AIC' | 'BIC' | 't-stat',
): Outcome<{ readonly lag: number; readonly criterion: number }> {
  const { columns, target } = design(series, regression, maxLag);
  if (target.length <= columns.length) return degenerate('insufficient_data');
  const squares = new LeastSquares(columns, target);
  if (squares.dependentColumn() !== null) return degenerate('collinear');
  const fixed = TREND_COLUMNS[regression] + 1;
  return autolag === 't-stat' ? byLastLag(squares, fixed, maxLag) : byCriterion(squares, fixed, autolag);
}

/** From the longest down, the first whose last lag counts. */
function byLastLag(squares: LeastSquares, fixed: number, maxLag: number) {
  for (let lag = maxLag; ; lag--) {
    const criterion = Math.abs(squares.lastT(fixed + lag));
    if (lag === 0 || criterion >= LAST_LAG_T) return { status: 'ok' as const, lag, criterion };
  }
}

/** Ties go to the smaller order. */
function byCriterion(squares: LeastSquares, fixed: number, kind: 'AIC' | 'BIC') {
  const { rows, columns } = squares;
  const perParameter = kind === 'AIC' ? 2 : Math.log(rows);
  let best = { status: 'ok' as const, lag: 0, criterion: Infinity };
  for (let k = fixed; k <= columns; k++) {
    const logLikelihood = (-rows / 2) * (Math.log(2 * Math.PI) + Math.log(squares.rss(k) / rows) + 1);
    const criterion = -2 * logLikelihood + perParameter * k;
    if (criterion < best.criterion) best = { status: 'ok', lag: k - fixed, criterion };
  }
  return best;
}

/** Columns [deterministic terms, level, lag 1 … lag L] over the rows t = L … N−2. */
function design(series: Float64Array, regression: Deterministics, lag: number) {
  const differences = differencesOf(series);
  const rows = differences.length - lag;
  const columns = trendColumns(regression, rows);
  columns.push(series.slice(lag, lag + rows));
  for (let back = 1; back <= lag; back++) columns.push(differences.slice(lag - back, lag - back + rows));
  return { columns, target: differences.slice(lag) };
}

/** x[t+1] − x[t]. */
export function differencesOf(series: Float64Array): Float64Array {
  const differences = new Float64Array(Math.max(0, series.length - 1));
  for (let t = 0; t < differences.length; t++) differences[t] = series[t + 1]! - series[t]!;
  return differences;
}

/** 1, t, t² with t from 1. */
export function trendColumns(regression: Deterministics, rows: number): Float64Array[] {
  return Array.from({ length: TREND_COLUMNS[regression] }, (_, power) =>
    Float64Array.from({ length: rows }, (_, row) => (row + 1) ** power),
  );
}
