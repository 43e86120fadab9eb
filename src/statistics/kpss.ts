import { trendColumns } from './adf.js';
import { degenerate, faultOf, type Outcome } from './degenerate.js';
import { residualsOf } from './regression.js';

/**
 * The KPSS test, whose hypothesis is the reverse of ADF's: the series is stationary around a level (`c`) or a trend (`ct`)
 * (Kwiatkowski, Phillips, Schmidt & Shin, Journal of Econometrics 54 (1992) 159-178). The long-run variance has a Bartlett kernel; lags by
 * Hobijn, Franses & Ooms (1998), by ⌈12 (n/100)^¼⌉ (`legacy`), or as given.
 */
export interface KpssResult {
  readonly statistic: number;
  /** Between 0.01 and 0.10: beyond, only the bound is known. */
  readonly pValue: number;
  readonly lags: number;
}

const CRITICAL: Readonly<Record<'c' | 'ct', readonly number[]>> = {
  c: [0.347, 0.463, 0.574, 0.739],
  ct: [0.119, 0.146, 0.176, 0.216],
};
const P_VALUES: readonly number[] = [0.1, 0.05, 0.025, 0.01];

export function kpss(
  series: Float64Array,
  regression: 'c' | 'ct',
  lags: 'auto' | 'legacy' | number = 'auto',
): Outcome<KpssResult> {
  const fault = faultOf(series, 4);
  if (fault !== null) return degenerate(fault);
  const n = series.length;
  const residuals = residualsOf(series, trendColumns(regression, n));
  const used = Math.min(
    n - 1,
    typeof lags === 'number'
      ? lags
      : lags === 'legacy'
        ? Math.ceil(12 * (n / 100) ** 0.25)
        : hobijnLags(residuals),
  );
  let [partial, squares] = [0, 0];
  for (const residual of residuals) squares += (partial += residual) ** 2;
  const variance = longRunVariance(residuals, used);
  if (!(variance > 0)) return degenerate('collinear');
  const statistic = squares / (n * n) / variance;
  return { status: 'ok', statistic, pValue: interpolated(statistic, CRITICAL[regression]), lags: used };
}

function autocovariance(residuals: Float64Array, lag: number): number {
  let sum = 0;
  for (let t = lag; t < residuals.length; t++) sum += residuals[t]! * residuals[t - lag]!;
  return sum;
}

function longRunVariance(residuals: Float64Array, lags: number): number {
  let sum = autocovariance(residuals, 0);
  for (let lag = 1; lag <= lags; lag++) sum += 2 * autocovariance(residuals, lag) * (1 - lag / (lags + 1));
  return sum / residuals.length;
}

/** The data's own order for a Bartlett kernel. */
function hobijnLags(residuals: Float64Array): number {
  const n = residuals.length;
  let s0 = autocovariance(residuals, 0) / n;
  let s1 = 0;
  for (let lag = 1; lag <= Math.floor(n ** (2 / 9)); lag++) {
    const product = autocovariance(residuals, lag) / (n / 2);
    s0 += product;
    s1 += lag * product;
  }
  const gamma = 1.1447 * ((s1 / s0) ** 2) ** (1 / 3);
  return Math.floor(gamma * n ** (1 / 3));
}

function interpolated(statistic: number, critical: readonly number[]): number {
  const above = critical.findIndex((value) => statistic < value);
  if (above === 0) return P_VALUES[0]!;
  if (above < 0) return P_VALUES.at(-1)!;
  const [left, right] = [critical[above - 1]!, critical[above]!];
  const [from, to] = [P_VALUES[above - 1]!, P_VALUES[above]!];
  return from + ((to - from) * (statistic - left)) / (right - left);
}
