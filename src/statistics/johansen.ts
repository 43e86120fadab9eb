import { differencesOf } from './adf.js';
import { degenerate, firstFault, type Outcome } from './degenerate.js';
import { MAX_EIGENVALUE, TRACE, type DeterministicOrder, type JohansenCritical } from './johansen-tables.js';
import { LeastSquares } from './least-squares.js';
import { meanOf, residualsOf } from './regression.js';
import { leftSingular } from './small-svd.js';

/**
 * Johansen's test: how many independent mean-reverting combinations several series have, and which (Johansen, Econometrica 59 (1991) 1551-1580).
 * Its eigenvalues are squared canonical correlations between changes and levels, both cleared of the lagged changes. They are computed
 * from orthonormal bases (Björck & Golub, Mathematics of Computation 27 (1973) 579-594), never from products of the data, so that nearly equal
 * series do not lose half their digits.
 */
export interface JohansenResult {
  /** Descending. */
  readonly eigenvalues: readonly number[];
  /** One per eigenvalue: weights of the series, scaled to v' S v = 1 with S the residual product of the levels; the sign is arbitrary. */
  readonly vectors: readonly Float64Array[];
  /** By hypothesis: at most 0, 1, … combinations. */
  readonly trace: readonly number[];
  readonly maxEigenvalue: readonly number[];
  readonly traceCritical: readonly JohansenCritical[];
  readonly maxEigenvalueCritical: readonly JohansenCritical[];
  /** The first hypothesis that is not refused at 95 %. */
  readonly rankByTrace: number;
  readonly rankByMaxEigenvalue: number;
  readonly observations: number;
}

/** `lags` ≥ 1: lagged changes that are cleared away. At most 12 series. */
export function johansen(
  series: readonly Float64Array[],
  order: DeterministicOrder,
  lags: number,
): Outcome<JohansenResult> {
  const p = series.length;
  const fault = firstFault(series, 4);
  if (fault !== null) return degenerate(fault);
  const observations = series[0]!.length - 1 - lags;
  const isPossible = p >= 2 && p <= TRACE[order].length && lags >= 1;
  if (!isPossible || 2 * p > observations - p * lags - (order + 1)) return degenerate('insufficient_data');
  const cleared = clearedOfLags(series, order, lags);
  if (cleared === null) return degenerate('collinear');
  const [changes, levels] = [basisOf(cleared.changes), basisOf(cleared.levels)];
  if (changes === null || levels === null) return degenerate('collinear');
  const correlations = levels.columns.map((level) =>
    Float64Array.from(changes.columns, (change) => dot(level, change)),
  );
  const { values, vectors } = leftSingular(correlations);
  const eigenvalues = values.map((value) => value * value);
  if (eigenvalues[0]! >= 1 - Number.EPSILON) return degenerate('collinear');
  const scale = Math.sqrt(observations);
  return {
    status: 'ok',
    eigenvalues,
    vectors: vectors.map((vector) => levels.factor.solve(vector).map((weight) => weight * scale)),
    ...statisticsOf(eigenvalues, order, observations),
    observations,
  };
}

function statisticsOf(eigenvalues: readonly number[], order: DeterministicOrder, observations: number) {
  const p = eigenvalues.length;
  const maxEigenvalue = eigenvalues.map((value) => -observations * Math.log1p(-value));
  const trace = maxEigenvalue.map((_, rank) => maxEigenvalue.slice(rank).reduce((a, b) => a + b, 0));
  const criticalOf = (table: readonly JohansenCritical[]) =>
    eigenvalues.map((_, rank) => table[p - rank - 1]!);
  const traceCritical = criticalOf(TRACE[order]);
  const maxEigenvalueCritical = criticalOf(MAX_EIGENVALUE[order]);
  return {
    trace,
    maxEigenvalue,
    traceCritical,
    maxEigenvalueCritical,
    rankByTrace: rankOf(trace, traceCritical),
    rankByMaxEigenvalue: rankOf(maxEigenvalue, maxEigenvalueCritical),
  };
}

function rankOf(statistics: readonly number[], critical: readonly JohansenCritical[]): number {
  const rank = statistics.findIndex((statistic, at) => !(statistic > critical[at]![1]));
  return rank < 0 ? statistics.length : rank;
}

/** Changes and lagged levels in the coordinates that the lagged changes leave free; null when those depend on each other. */
function clearedOfLags(series: readonly Float64Array[], order: DeterministicOrder, lags: number) {
  const detrended = series.map((one) => detrendedBy(one, order));
  const rows = series[0]!.length - 1 - lags;
  const centred = (column: Float64Array) => (order >= 0 ? detrendedBy(column, 0) : column);
  const differences = detrended.map(differencesOf);
  const past: Float64Array[] = [];
  for (let back = 1; back <= lags; back++)
    for (const one of differences) past.push(centred(one.slice(lags - back, lags - back + rows)));
  const factor = new LeastSquares(past, new Float64Array(rows));
  if (factor.dependentColumn() !== null) return null;
  const free = (column: Float64Array) => factor.project(centred(column)).slice(past.length);
  return {
    changes: differences.map((one) => free(one.slice(lags))),
    // The level that lies `lags` changes back: rows 1 … N−1−lags.
    levels: detrended.map((one) => free(one.slice(1, 1 + rows))),
  };
}

/** Takes away nothing, the mean, or a straight line; a copy. */
function detrendedBy(series: Float64Array, order: DeterministicOrder): Float64Array {
  if (order < 0) return series.slice();
  if (order === 0) {
    const mean = meanOf(series);
    return series.map((value) => value - mean);
  }
  const rows = series.length;
  const line = Float64Array.from({ length: rows }, (_, t) => (2 * t) / (rows - 1) - 1);
  return residualsOf(series, [new Float64Array(rows).fill(1), line]);
}

/** An orthonormal basis of the columns' space; null when they depend on each other. */
function basisOf(columns: readonly Float64Array[]) {
  const rows = columns[0]!.length;
  const factor = new LeastSquares(
    columns.map((column) => column.slice()),
    new Float64Array(rows),
  );
  if (factor.dependentColumn() !== null) return null;
  return { factor, columns: columns.map((_, at) => factor.basis(at)) };
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
