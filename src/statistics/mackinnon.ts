import { CRITICAL, SURFACES, type Deterministics } from './mackinnon-tables.js';
import { normalCdf } from './normal.js';

/** Where a unit-root statistic stands in its distribution, by MacKinnon's response surfaces. */

export type { Deterministics } from './mackinnon-tables.js';

/** Deterministic columns of each kind. */
export const TREND_COLUMNS: Readonly<Record<Deterministics, number>> = { n: 0, c: 1, ct: 2, ctt: 3 };

/** Most series that the surfaces of p-values cover. */
export const MOST_SERIES = 6;

export interface CriticalValues {
  readonly p01: number;
  readonly p05: number;
  readonly p10: number;
}

const polynomial = (coefficients: readonly number[], x: number): number =>
  coefficients.reduceRight((sum, coefficient) => sum * x + coefficient, 0);

/**
 * p-value of a statistic under the hypothesis of a unit root (`series` = 1) or of no cointegration among `series` of them, 1 to 6.
 * Asymptotic: what a short sample says is in the critical values.
 */
export function mackinnonP(statistic: number, trend: Deterministics, series = 1): number {
  const surface = SURFACES[trend];
  const row = series - 1;
  if (Number.isNaN(statistic) || surface.star[row] === undefined) return NaN;
  if (statistic > surface.max[row]!) return 1;
  if (statistic < surface.min[row]!) return 0;
  const side = statistic <= surface.star[row] ? surface.left : surface.right;
  return normalCdf(polynomial(side[row]!, statistic));
}

/** Critical values for a sample of `observations`; null where none were published. */
export function mackinnonCritical(
  trend: Deterministics,
  observations: number,
  series = 1,
): CriticalValues | null {
  const levels = CRITICAL[trend][series - 1];
  if (levels === undefined) return null;
  const at = (level: number) => polynomial(levels[level]!, 1 / observations);
  return { p01: at(0), p05: at(1), p10: at(2) };
}
