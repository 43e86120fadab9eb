import { Decimal, ONE, ZERO } from '../market/decimal.js';

/**
 * Returns and what is said of them (reference §3), in decimals: equity on an even grid E_0..E_T, r_t = E_t / E_{t-1} − 1,
 * `periodsPerYear` periods a year. Null where the definition gives nothing, never an infinity.
 */

export interface ReturnsQuestion {
  readonly equity: readonly Decimal[];
  /** 365 for daily marks, 8760 for hourly ones. */
  readonly periodsPerYear: number;
  readonly riskFreeAnnual: Decimal;
  /** Minimum acceptable return a year, for the Sortino ratio. */
  readonly marAnnual: Decimal;
}

export interface ReturnsMetrics {
  readonly periods: number;
  readonly totalReturn: Decimal | null;
  readonly cagr: Decimal | null;
  readonly meanReturn: Decimal | null;
  readonly stdev: Decimal | null;
  readonly volatility: Decimal | null;
  readonly sharpePerPeriod: Decimal | null;
  readonly sharpe: Decimal | null;
  readonly downsideDeviation: Decimal | null;
  readonly sortino: Decimal | null;
  readonly maxDrawdown: Decimal;
  readonly maxDrawdownAbs: Decimal;
  readonly ddPeakIndex: number | null;
  readonly ddTroughIndex: number | null;
  readonly ddRecoveryIndex: number | null;
  readonly longestUnderwaterPeriods: number;
  readonly calmar: Decimal | null;
  readonly ulcerIndex: Decimal;
  readonly skew: Decimal | null;
  readonly kurtosis: Decimal | null;
}

/** Returns closer together than this differ by the rounding of divisions only. */
const SAME = new Decimal('1e-60');

const sum = (values: readonly Decimal[]): Decimal => values.reduce((total, one) => total.plus(one), ZERO);
const mean = (values: readonly Decimal[]): Decimal => sum(values).div(values.length);
const square = (value: Decimal): Decimal => value.times(value);

const allSame = (values: readonly Decimal[]): boolean =>
  values.every((value) =>
    value
      .minus(values[0] ?? ZERO)
      .abs()
      .lt(SAME),
  );

/** r_t of an equity series; every equity but the last must not be 0. */
export function returnsOf(equity: readonly Decimal[]): Decimal[] {
  return equity.slice(1).map((value, at) => value.div(equity[at]!).minus(1));
}

/** Sample deviation (ddof 1); null for fewer than two values, exactly 0 when all are the same. */
export function deviationOf(values: readonly Decimal[]): Decimal | null {
  if (values.length < 2) return null;
  if (allSame(values)) return ZERO;
  const centre = mean(values);
  return sum(values.map((value) => square(value.minus(centre))))
    .div(values.length - 1)
    .sqrt();
}

/** A yearly rate as the rate of one period. */
export const perPeriod = (annual: Decimal, periodsPerYear: number): Decimal =>
  annual.isZero() ? ZERO : annual.plus(1).pow(ONE.div(periodsPerYear)).minus(1);

/** Mean over deviation of the returns above the risk-free rate, not annualised; null below two returns or without any variation. */
export function sharpePerPeriod(returns: readonly Decimal[], riskFree: Decimal = ZERO): Decimal | null {
  const excess = returns.map((one) => one.minus(riskFree));
  const deviation = deviationOf(excess);
  return deviation === null || deviation.isZero() ? null : mean(excess).div(deviation);
}

/** The Sharpe ratio a year: per period times √P. */
export function sharpe(
  returns: readonly Decimal[],
  periodsPerYear: number,
  riskFree: Decimal = ZERO,
): Decimal | null {
  return sharpePerPeriod(returns, riskFree)?.times(new Decimal(periodsPerYear).sqrt()) ?? null;
}

/** Root of the mean over all periods of the squared shortfall below `mar`. */
export function downsideDeviation(returns: readonly Decimal[], mar: Decimal): Decimal | null {
  if (returns.length === 0) return null;
  return mean(returns.map((one) => square(Decimal.min(0, one.minus(mar))))).sqrt();
}

export interface Drawdown {
  /** At most 0. */
  readonly share: Decimal;
  readonly amount: Decimal;
  readonly peakIndex: number | null;
  readonly troughIndex: number | null;
  readonly recoveryIndex: number | null;
  readonly longestUnderwater: number;
  readonly ulcerIndex: Decimal;
}

/** The deepest fall below a running peak; the first trough of equal ones, from the last mark at its peak. */
export function drawdownOf(equity: readonly Decimal[]): Drawdown {
  const peak = { value: equity[0] ?? ZERO, index: 0 };
  let deepest = { share: ZERO, amount: ZERO, peak: { ...peak }, trough: -1 };
  let [underwater, longest] = [0, 0];
  const shares: Decimal[] = [];
  equity.forEach((value, index) => {
    if (value.gte(peak.value)) Object.assign(peak, { value, index });
    underwater = value.lt(peak.value) ? underwater + 1 : 0;
    longest = Math.max(longest, underwater);
    const share = underwater === 0 ? ZERO : value.div(peak.value).minus(1);
    shares.push(share);
    if (share.lt(deepest.share))
      deepest = { share, amount: value.minus(peak.value), peak: { ...peak }, trough: index };
  });
  const { trough } = deepest;
  const recovery = equity.findIndex((value, index) => index > trough && value.gte(deepest.peak.value));
  return {
    share: deepest.share,
    amount: deepest.amount,
    peakIndex: trough < 0 ? null : deepest.peak.index,
    troughIndex: trough < 0 ? null : trough,
    recoveryIndex: trough < 0 || recovery < 0 ? null : recovery,
    longestUnderwater: longest,
    ulcerIndex: shares.length === 0 ? ZERO : mean(shares.map(square)).sqrt(),
  };
}

/** Population moments: m3 / m2^1.5 and m4 / m2², the kurtosis not in excess of 3; null without variation. */
export function shapeOf(returns: readonly Decimal[]): { skew: Decimal | null; kurtosis: Decimal | null } {
  if (returns.length < 2 || allSame(returns)) return { skew: null, kurtosis: null };
  const centre = mean(returns);
  const moment = (power: number) => mean(returns.map((one) => one.minus(centre).pow(power)));
  const variance = moment(2);
  return {
    skew: moment(3).div(variance.times(variance.sqrt())),
    kurtosis: moment(4).div(square(variance)),
  };
}

function growth({ equity, periodsPerYear }: ReturnsQuestion): {
  total: Decimal | null;
  cagr: Decimal | null;
} {
  const [first, last] = [equity[0], equity.at(-1)];
  if (first === undefined || last === undefined || equity.length < 2) return { total: null, cagr: null };
  const ratio = last.div(first);
  const years = new Decimal(equity.length - 1).div(periodsPerYear);
  return { total: ratio.minus(1), cagr: ratio.pow(ONE.div(years)).minus(1) };
}

/** Everything that is said of one equity series. Every mark must be above 0. */
export function returnsMetrics(question: ReturnsQuestion): ReturnsMetrics {
  const { equity, periodsPerYear, riskFreeAnnual, marAnnual } = question;
  const returns = returnsOf(equity);
  const root = new Decimal(periodsPerYear).sqrt();
  const stdev = deviationOf(returns);
  const perOne = sharpePerPeriod(returns, perPeriod(riskFreeAnnual, periodsPerYear));
  const mar = perPeriod(marAnnual, periodsPerYear);
  const downside = downsideDeviation(returns, mar);
  const average = returns.length === 0 ? null : mean(returns);
  const { total, cagr } = growth(question);
  const fall = drawdownOf(equity);
  const falls = !fall.share.isZero();
  const hasDownside = downside !== null && average !== null && !downside.isZero();
  return {
    periods: returns.length,
    totalReturn: total,
    cagr,
    meanReturn: average,
    stdev,
    volatility: stdev?.times(root) ?? null,
    sharpePerPeriod: perOne,
    sharpe: perOne?.times(root) ?? null,
    downsideDeviation: downside,
    sortino: hasDownside ? average.minus(mar).div(downside).times(root) : null,
    maxDrawdown: fall.share,
    maxDrawdownAbs: fall.amount,
    ddPeakIndex: fall.peakIndex,
    ddTroughIndex: fall.troughIndex,
    ddRecoveryIndex: fall.recoveryIndex,
    longestUnderwaterPeriods: fall.longestUnderwater,
    calmar: falls && cagr !== null ? cagr.div(fall.share.abs()) : null,
    ulcerIndex: fall.ulcerIndex,
    ...shapeOf(returns),
  };
}

const DAY_MS = 86_400_000;

/** Irregular marks as an even daily grid: the last mark of each UTC day, carried forward over days without one. Points in order of time. */
export function dailyMarks(points: readonly (readonly [atMs: number, equity: Decimal])[]): Decimal[] {
  const marks: Decimal[] = [];
  const firstDay = Math.floor((points[0]?.[0] ?? 0) / DAY_MS);
  for (const [atMs, equity] of points) {
    const at = Math.floor(atMs / DAY_MS) - firstDay;
    while (marks.length < at) marks.push(marks.at(-1) ?? equity);
    marks[at] = equity;
  }
  return marks;
}
