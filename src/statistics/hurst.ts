import { ols, standardDeviation } from './regression.js';

/**
 * The Hurst exponent by the scaling of differences: the slope of ln sd(s[t+l] − s[t]) on ln l for l = `from` … `to` (ddof 0). 0.5 wanders, less reverts,
 * more trends. Null when the series is too short or a deviation is 0.
 */
export function hurst(series: Float64Array, from: number, to: number): number | null {
  if (series.length < to + 2) return null;
  const lags = Array.from({ length: to - from + 1 }, (_, at) => from + at);
  const deviations = lags.map((lag) =>
    standardDeviation(
      Float64Array.from({ length: series.length - lag }, (_, t) => series[t + lag]! - series[t]!),
      0,
    ),
  );
  if (!deviations.every((deviation) => deviation > 0)) return null;
  const fit = ols(Float64Array.from(deviations, Math.log), Float64Array.from(lags, Math.log));
  return fit.status === 'ok' ? fit.beta : null;
}
