import { adfStatistic, trendColumns, type LagChoice } from './adf.js';
import { degenerate, firstFault, type Outcome } from './degenerate.js';
import {
  mackinnonCritical,
  mackinnonP,
  MOST_SERIES,
  type CriticalValues,
  type Deterministics,
} from './mackinnon.js';
import { olsMany, residualsOf, totalSquares } from './regression.js';

/**
 * Cointegration in two steps (Engle & Granger, Econometrica 55 (1987) 251-276): y on the others and the deterministic terms, then a unit-root
 * test of what is left, without terms, against the critical values for that many series. The p-value belongs to ONE pair that was
 * looked at; whoever looks at many has to control for that (`false-discovery.ts`).
 */
export interface CointegrationQuestion {
  readonly trend: Deterministics;
  readonly maxLag: number | null;
  readonly autolag: LagChoice;
}

export interface CointegrationResult {
  readonly statistic: number;
  readonly pValue: number;
  /** Null without deterministic terms, for which none were published. */
  readonly critical: CriticalValues | null;
  readonly usedLag: number;
}

/**
 * From this r² on, nothing but rounding and ticks is left to test: two exchanges quoting the same coin get here. Told as `collinear`, where
 * others report "cointegrated, p = 0".
 */
const SAME_SERIES_R2 = 1 - 100 * Math.sqrt(Number.EPSILON);

/** `y` on `others`, 1 to 5 of them. */
export function engleGranger(
  y: Float64Array,
  others: readonly Float64Array[],
  { trend, maxLag, autolag }: CointegrationQuestion,
): Outcome<CointegrationResult> {
  const fault = firstFault([y, ...others], 4);
  if (fault !== null) return degenerate(fault);
  const series = 1 + others.length;
  if (others.length < 1 || series > MOST_SERIES) return degenerate('insufficient_data');
  const columns = [...others, ...trendColumns(trend, y.length)];
  const fit = olsMany(y, columns);
  if (fit.status !== 'ok') return fit;
  if (1 - fit.ssr / totalSquares(y, trend !== 'n') >= SAME_SERIES_R2) return degenerate('collinear');
  const found = adfStatistic(residualsOf(y, columns), { regression: 'n', maxLag, autolag });
  if (found.status !== 'ok') return found;
  return {
    status: 'ok',
    statistic: found.statistic,
    pValue: mackinnonP(found.statistic, trend, series),
    critical: trend === 'n' ? null : mackinnonCritical(trend, y.length - 1, series),
    usedLag: found.usedLag,
  };
}
