import { adf, type LagChoice } from '../../statistics/adf.js';
import { engleGranger } from '../../statistics/engle-granger.js';
import { halfLifeOf } from '../../statistics/half-life.js';
import { hurst } from '../../statistics/hurst.js';
import { johansen } from '../../statistics/johansen.js';
import { KalmanHedge } from '../../statistics/kalman-hedge.js';
import { kpss } from '../../statistics/kpss.js';
import type { Deterministics } from '../../statistics/mackinnon.js';
import { meanOf, ols, olsMany, spreadOf, totalLeastSquares } from '../../statistics/regression.js';
import { EwmaZ, fullZ, rollingZ } from '../../statistics/z-scores.js';
import type { Difference } from './compare.js';
import type { SeriesCase } from './series.js';
import { Comparison } from './tolerances.js';

/**
 * Our statistics against the reference's, by its tolerances. Where it says that a number is rounding noise or that a configuration is
 * impossible, we must say so too: by a status, never by a number.
 */

type Json = Readonly<Record<string, unknown>>;

/** One question of the reference with its answer. */
const rowsOf = (value: unknown): Json[] => (Array.isArray(value) ? (value as Json[]) : []);
const objectOf = (value: unknown): Json =>
  typeof value === 'object' && value !== null ? (value as Json) : {};
const isNoise = (row: Json): boolean => row['comparable'] === false || 'error' in row;

const T = { relative: 1e-9 };
const TIGHT = { relative: 1e-10 };

/** Everything that differs in one case. */
export function compareSeries(one: SeriesCase): { readonly compared: number; readonly found: Difference[] } {
  const to = new Comparison();
  const { expected, tags } = one;
  const isGapped = one.columns.some((column) => column.some((value) => Number.isNaN(value)));
  if (isGapped) compareGaps(one, to);
  const columns = isGapped ? withoutGaps(one.columns) : one.columns;
  const [y, x] = [columns[0]!, columns[1]!];
  if (tags.includes('constant')) {
    compareConstant(y, x, to);
    return to;
  }
  compareJohansen(columns, expected, tags, to);
  compareCointegration(columns, expected, to);
  if ('ols_multi' in expected) compareMany(columns, objectOf(expected['ols_multi']), to);
  if (!('ols' in expected)) return to;
  const spread = compareRegressions(y, x, objectOf(expected['ols']), to);
  const named = new Map([['y', y], ['x', x], ...(spread === null ? [] : ([['spread', spread]] as const))]);
  for (const [name, series] of named) compareOne(name, series, expected, to);
  if (spread !== null) compareZ(spread, objectOf(expected['zscore_spread']), to);
  if (!isGapped) compareKalman(y, x, objectOf(expected['kalman']), to);
  return to;
}

function withoutGaps(columns: readonly Float64Array[]): Float64Array[] {
  const isWhole = (_: number, row: number) => columns.every((column) => Number.isFinite(column[row]));
  return columns.map((column) => column.filter(isWhole));
}

/** Raw input with holes is refused by name; only the filter takes it, by predicting. */
function compareGaps({ columns, expected }: SeriesCase, to: Comparison): void {
  const [y, x] = [columns[0]!, columns[1]!];
  const question = { maxLag: null, autolag: 'AIC' as const };
  to.same('gaps.adf', 'not_finite', adf(y, { regression: 'c', ...question }).status);
  to.same('gaps.coint', 'not_finite', engleGranger(y, [x], { trend: 'c', ...question }).status);
  to.same('gaps.ols', 'not_finite', ols(y, x).status);
  compareKalman(y, x, { gaps: expected['kalman_with_gaps'] }, to);
}

function compareConstant(y: Float64Array, x: Float64Array, to: Comparison): void {
  const question = { maxLag: null, autolag: 'AIC' as const };
  const status = 'degenerate_constant';
  to.same('ols', status, ols(y, x).status);
  to.same('tls', status, totalLeastSquares(y, x).status);
  to.same('coint', status, engleGranger(y, [x], { trend: 'c', ...question }).status);
  to.same('johansen', status, johansen([y, x], 0, 1).status);
  const constant = y.every((value) => value === y[0]) ? y : x;
  to.same('adf', status, adf(constant, { regression: 'c', ...question }).status);
  to.same('kpss', status, kpss(constant, 'c').status);
  to.same('half-life', status, halfLifeOf(constant).status);
}

/** The spread of the regression with an intercept; null when the two are one series. */
function compareRegressions(
  y: Float64Array,
  x: Float64Array,
  expected: Json,
  to: Comparison,
): Float64Array | null {
  const scale = meanOf(y.map(Math.abs));
  for (const [name, hasIntercept] of [
    ['const', true],
    ['noconst', false],
  ] as const) {
    const row = objectOf(expected[name]);
    const fit = ols(y, x, hasIntercept);
    if (fit.status !== 'ok') {
      // Exactly one line: every error is a rounding error then.
      to.same(`ols.${name}.rsquared`, true, Math.abs(1 - Number(row['rsquared'])) < 1e-12);
      continue;
    }
    if (hasIntercept)
      to.near(`ols.${name}.intercept`, row['intercept'], fit.intercept, { absolute: 1e-10 * scale });
    to.near(`ols.${name}.beta`, row['beta'], fit.beta, TIGHT);
    to.near(`ols.${name}.se_beta`, row['se_beta'], fit.betaError, TIGHT);
    to.near(`ols.${name}.se_intercept`, row['se_intercept'], fit.interceptError, TIGHT);
    to.near(`ols.${name}.ssr`, row['ssr'], fit.ssr, TIGHT);
    to.near(`ols.${name}.rsquared`, row['rsquared'], fit.r2, TIGHT);
    to.same(`ols.${name}.df_resid`, row['df_resid'], fit.degreesOfFreedom);
  }
  const line = totalLeastSquares(y, x);
  if (line.status === 'ok') to.near('ols.tls.beta', objectOf(expected['tls'])['beta'], line.beta, TIGHT);
  const fit = ols(y, x);
  return fit.status === 'ok' ? spreadOf(y, x, fit) : null;
}

function compareMany(columns: readonly Float64Array[], expected: Json, to: Comparison): void {
  const y = columns.at(-1)!;
  const fit = olsMany(y, [new Float64Array(y.length).fill(1), ...columns.slice(0, -1)]);
  if (fit.status !== 'ok') return to.same('ols_multi', 'ok', fit.status);
  const list = (name: string) => (expected[name] as number[] | undefined) ?? [];
  list('params_const_first').forEach((value, at) =>
    to.near(`ols_multi.params[${at}]`, value, fit.coefficients[at]!, { relative: 1e-9, absolute: 1e-9 }),
  );
  list('bse').forEach((value, at) => to.near(`ols_multi.bse[${at}]`, value, fit.errors[at]!, TIGHT));
  to.near('ols_multi.ssr', expected['ssr'], fit.ssr, TIGHT);
}

/** What is said of one series. */
function compareOne(name: string, series: Float64Array, expected: Json, to: Comparison): void {
  for (const row of rowsOf(objectOf(expected['adf'])[name])) compareAdf(`adf.${name}`, series, row, to);
  for (const row of rowsOf(objectOf(expected['kpss'])[name])) compareKpss(`kpss.${name}`, series, row, to);
  const half = objectOf(objectOf(expected['halflife'])[name]);
  if (typeof half['lambda_'] === 'number' && !isNoise(half)) compareHalfLife(name, series, half, to);
  const exponents = objectOf(objectOf(expected['hurst'])[name]);
  for (const [key, value] of Object.entries(exponents)) {
    const lags = /^lag(\d+)_(\d+)$/.exec(key);
    if (lags !== null)
      to.near(`hurst.${name}.${key}`, value, hurst(series, Number(lags[1]), Number(lags[2])), {
        absolute: 1e-9,
      });
  }
}

function compareAdf(name: string, series: Float64Array, row: Json, to: Comparison): void {
  const regression = row['regression'] as Deterministics;
  const [maxLag, autolag] = [row['maxlag'] as number | null, row['autolag'] as LagChoice];
  const field = `${name}[${regression},${maxLag},${autolag}]`;
  const found = adf(series, { regression, maxLag, autolag });
  if (isNoise(row)) return to.same(`${field}.status`, true, found.status !== 'ok');
  if (found.status !== 'ok') return to.same(`${field}.status`, 'ok', found.status);
  to.near(`${field}.stat`, row['stat'], found.statistic, T);
  comparePValue(field, row['pvalue'], found.pValue, to);
  to.same(`${field}.usedlag`, row['usedlag'], found.usedLag);
  to.same(`${field}.nobs`, row['nobs'], found.observations);
  to.near(`${field}.icbest`, row['icbest'], found.bestCriterion, T);
  const critical = objectOf(row['crit']);
  to.near(`${field}.1%`, critical['1%'], found.critical.p01, { relative: 1e-12 });
  to.near(`${field}.5%`, critical['5%'], found.critical.p05, { relative: 1e-12 });
  to.near(`${field}.10%`, critical['10%'], found.critical.p10, { relative: 1e-12 });
}

function comparePValue(field: string, expected: unknown, actual: number, to: Comparison): void {
  to.near(`${field}.pvalue`, expected, actual, { absolute: 1e-9 });
  if (Number(expected) > 1e-12) to.near(`${field}.pvalue`, expected, actual, { relative: 1e-6 });
}

function compareKpss(name: string, series: Float64Array, row: Json, to: Comparison): void {
  const lags = row['nlags'] as 'auto' | 'legacy' | number;
  const regression = row['regression'] as 'c' | 'ct';
  const field = `${name}[${regression},${lags}]`;
  const found = kpss(series, regression, lags);
  if (isNoise(row)) return to.same(`${field}.status`, true, found.status !== 'ok');
  if (found.status !== 'ok') return to.same(`${field}.status`, 'ok', found.status);
  to.near(`${field}.stat`, row['stat'], found.statistic, T);
  to.near(`${field}.pvalue`, row['pvalue'], found.pValue, { absolute: 1e-9 });
  to.same(`${field}.lags`, row['lags'], found.lags);
}

function compareHalfLife(name: string, series: Float64Array, row: Json, to: Comparison): void {
  const field = `halflife.${name}`;
  const found = halfLifeOf(series);
  if (found.status !== 'ok') return to.same(field, 'ok', found.status);
  to.near(`${field}.lambda`, row['lambda_'], found.lambda, T);
  to.near(`${field}.t`, row['t_lambda'], found.lambdaT, T);
  to.near(`${field}.halflife`, row['halflife'], found.halfLife, T);
  to.near(`${field}.halflife_ar1`, row['halflife_ar1'], found.halfLifeAr1, T);
  const process = objectOf(row['ou']);
  to.near(`${field}.theta`, process['theta'] ?? null, found.process?.theta ?? null, T);
  to.near(`${field}.sigma`, process['sigma'] ?? null, found.process?.sigma ?? null, T);
  to.near(`${field}.sigma_eq`, process['sigma_eq'] ?? null, found.process?.sigmaEquilibrium ?? null, T);
}

function compareCointegration(columns: readonly Float64Array[], expected: Json, to: Comparison): void {
  const [first, second] = [columns[0]!, columns[1]!];
  const sides: Readonly<Record<string, readonly [Float64Array, readonly Float64Array[]]>> = {
    y_on_x: [first, [second]],
    x_on_y: [second, [first]],
    last_on_others: [columns.at(-1)!, columns.slice(0, -1)],
  };
  for (const [name, [y, others]] of Object.entries(sides))
    for (const row of rowsOf(objectOf(expected['coint'])[name])) {
      const [trend, maxLag] = [row['trend'] as Deterministics, row['maxlag'] as number | null];
      const autolag = lagChoiceOf(row['autolag']);
      const field = `coint.${name}[${trend},${maxLag},${autolag}]`;
      compareCoint(field, row, engleGranger(y, others, { trend, maxLag, autolag }), to);
    }
}

const lagChoiceOf = (name: unknown): LagChoice =>
  name === 't-stat' ? 't-stat' : name === 'aic' ? 'AIC' : name === 'bic' ? 'BIC' : null;

function compareCoint(
  field: string,
  row: Json,
  found: ReturnType<typeof engleGranger>,
  to: Comparison,
): void {
  if (row['stat'] === '-Infinity') return to.same(`${field}.status`, 'collinear', found.status);
  if (isNoise(row)) return to.same(`${field}.status`, true, found.status !== 'ok');
  if (found.status !== 'ok') return to.same(`${field}.status`, 'ok', found.status);
  to.near(`${field}.stat`, row['stat'], found.statistic, T);
  comparePValue(field, row['pvalue'], found.pValue, to);
  to.same(`${field}.usedlag`, row['usedlag'], found.usedLag);
  const critical = row['crit'] as (number | null)[];
  const { p01 = null, p05 = null, p10 = null } = found.critical ?? {};
  [p01, p05, p10].forEach((value, at) =>
    to.near(`${field}.crit[${at}]`, critical[at], value, { relative: 1e-12 }),
  );
}

function compareJohansen(
  columns: readonly Float64Array[],
  expected: Json,
  tags: readonly string[],
  to: Comparison,
): void {
  const isCollinear = tags.includes('collinear');
  const allowed = { relative: isCollinear ? 1e-4 : 1e-7 };
  for (const row of rowsOf(expected['johansen'])) {
    const [order, lags] = [row['det_order'] as -1 | 0 | 1, row['k_ar_diff'] as number];
    const field = `johansen[${order},${lags}]`;
    const found = johansen(columns, order, lags);
    if (isNoise(row)) {
      to.same(`${field}.status`, true, found.status !== 'ok');
      continue;
    }
    if (found.status !== 'ok') {
      to.same(`${field}.status`, 'ok', found.status);
      continue;
    }
    const list = (name: string) => (row[name] as number[] | undefined) ?? [];
    list('eig').forEach((value, at) =>
      to.near(`${field}.eig[${at}]`, value, found.eigenvalues[at]!, allowed),
    );
    list('trace').forEach((value, at) => to.near(`${field}.trace[${at}]`, value, found.trace[at]!, allowed));
    list('maxeig').forEach((value, at) =>
      to.near(`${field}.maxeig[${at}]`, value, found.maxEigenvalue[at]!, allowed),
    );
    to.same(`${field}.rank_trace`, row['rank_trace_95'], found.rankByTrace);
    to.same(`${field}.rank_maxeig`, row['rank_maxeig_95'], found.rankByMaxEigenvalue);
    to.same(`${field}.nobs`, row['nobs'], found.observations);
    if (isCollinear) continue;
    (row['evec_columns'] as number[][]).forEach((vector, at) =>
      compareVector(`${field}.evec[${at}]`, vector, found.vectors[at]!, to),
    );
  }
}

/** The sign is arbitrary. */
function compareVector(
  field: string,
  expected: readonly number[],
  actual: Float64Array,
  to: Comparison,
): void {
  const sign = Math.sign(expected.reduce((sum, value, at) => sum + value * actual[at]!, 0));
  const absolute = 1e-6 * Math.hypot(...expected);
  expected.forEach((value, at) => to.near(`${field}[${at}]`, value, sign * actual[at]!, { absolute }));
}

function compareZ(spread: Float64Array, expected: Json, to: Comparison): void {
  if (isNoise(expected)) return;
  const weighted = new EwmaZ(30);
  const ours: Readonly<Record<string, readonly (number | null)[]>> = {
    full: fullZ(spread),
    rolling20: rollingZ(spread, 20),
    rolling60: rollingZ(spread, 60),
    ewma_hl30: Array.from(spread, (value) => weighted.observe(value)),
  };
  const index = (expected['index'] as number[] | undefined) ?? [];
  for (const [name, values] of Object.entries(ours)) {
    const wanted = expected[name] as (number | null)[] | undefined;
    index.forEach((at, position) =>
      to.near(`zscore.${name}[${at}]`, wanted?.[position] ?? null, values[at]!, { absolute: 1e-9 }),
    );
  }
}

/** Each state against its own uncertainty, as the reference has it. */
function compareKalman(y: Float64Array, x: Float64Array, expected: Json, to: Comparison): void {
  for (const [name, value] of Object.entries(expected)) {
    const row = objectOf(value);
    if (row['index'] === undefined) continue;
    const [alpha, beta] = row['theta0'] as [number, number];
    const filter = new KalmanHedge({
      ...{ delta: row['delta'] as number, observationVariance: row['R'] as number },
      ...{ initialVariance: row['p0'] as number, alpha, beta },
    });
    const wanted = new Map((row['index'] as number[]).map((at, position) => [at, position]));
    y.forEach((observed, at) => {
      const seen = filter.observe(observed, x[at]!);
      const position = wanted.get(at);
      if (position !== undefined) compareState(`kalman.${name}[${at}]`, row, position, { filter, seen }, to);
    });
    to.near(`kalman.${name}.loglik`, row['loglik'], filter.logLikelihood, TIGHT);
    to.same(`kalman.${name}.n_updates`, row['n_updates'], filter.updates);
  }
}

function compareState(
  field: string,
  row: Json,
  position: number,
  { filter, seen }: { filter: KalmanHedge; seen: ReturnType<KalmanHedge['observe']> },
  to: Comparison,
): void {
  const at = (name: string) => (row[name] as (number | null)[])[position] ?? null;
  const { p00, p11 } = filter.covariance;
  to.near(`${field}.alpha`, at('alpha'), filter.alpha, around(at('alpha'), p00));
  to.near(`${field}.beta`, at('beta'), filter.beta, around(at('beta'), p11));
  to.near(`${field}.P00`, at('P00'), p00, T);
  to.near(`${field}.P11`, at('P11'), p11, T);
  if (seen === null) return;
  to.near(`${field}.innovation_var`, at('innovation_var'), seen.variance, T);
  const absolute = 1e-8 * Math.sqrt(seen.variance);
  to.near(`${field}.innovation`, at('innovation'), seen.innovation, { absolute });
}

const around = (value: number | null, variance: number) => ({
  absolute: 1e-8 * (Math.abs(value ?? 0) + Math.sqrt(variance)),
});
