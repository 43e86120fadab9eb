import { degenerate, firstFault, type Degenerate, type Outcome } from './degenerate.js';
import { LeastSquares } from './least-squares.js';

/** Ordinary and total least squares of one series on others. */

export interface Regression {
  /** 0 for a regression through the origin. */
  readonly intercept: number;
  readonly beta: number;
  readonly interceptError: number | null;
  readonly betaError: number;
  readonly betaT: number;
  /** Sum of squared residuals. */
  readonly ssr: number;
  /** Centred with an intercept, about 0 without. */
  readonly r2: number;
  readonly degreesOfFreedom: number;
  readonly sigma: number;
}

/** Units in the last place that a sum of products may be off. */
const ROUNDING = 16;

const ones = (rows: number): Float64Array => new Float64Array(rows).fill(1);

/** y = a + b x, or y = b x, by ordinary least squares. */
export function ols(y: Float64Array, x: Float64Array, hasIntercept = true): Outcome<Regression> {
  const fault = firstFault([y, x], hasIntercept ? 3 : 2);
  if (fault !== null) return degenerate(fault);
  const found = olsMany(y, hasIntercept ? [ones(y.length), x] : [x]);
  if (found.status !== 'ok') return found;
  const { coefficients, errors, ssr, degreesOfFreedom, sigma } = found;
  const at = hasIntercept ? 1 : 0;
  const [beta, betaError] = [coefficients[at]!, errors[at]!];
  return {
    status: 'ok',
    intercept: hasIntercept ? coefficients[0]! : 0,
    beta,
    interceptError: hasIntercept ? errors[0]! : null,
    betaError,
    betaT: beta / betaError,
    ssr,
    r2: 1 - ssr / totalSquares(y, hasIntercept),
    degreesOfFreedom,
    sigma,
  };
}

export interface ManyRegression {
  /** In the order of the columns. */
  readonly coefficients: Float64Array;
  readonly errors: Float64Array;
  readonly ssr: number;
  readonly degreesOfFreedom: number;
  readonly sigma: number;
}

/** y on the columns, which include the constant where one is wanted. Nothing is changed. */
export function olsMany(y: Float64Array, columns: readonly Float64Array[]): Outcome<ManyRegression> {
  const fault = faultOfColumns(y, columns);
  if (fault !== null) return degenerate(fault);
  const squares = new LeastSquares(
    columns.map((column) => column.slice()),
    y.slice(),
  );
  if (squares.dependentColumn() !== null) return degenerate('collinear');
  const ssr = squares.rss();
  if (isRounding(ssr, y)) return degenerate('collinear');
  const degreesOfFreedom = y.length - columns.length;
  return {
    status: 'ok',
    coefficients: squares.coefficients(),
    errors: squares.standardErrors(),
    ssr,
    degreesOfFreedom,
    sigma: Math.sqrt(ssr / degreesOfFreedom),
  };
}

/** Residuals no larger than the last digits of what was explained are not data. */
function isRounding(ssr: number, y: Float64Array): boolean {
  const largest = y.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return ssr <= y.length * (ROUNDING * Number.EPSILON * largest) ** 2;
}

/** A column of ones is a constant on purpose; any other constant says nothing beside it. */
function faultOfColumns(y: Float64Array, columns: readonly Float64Array[]): Degenerate | null {
  const said = columns.filter((column) => !column.every((value) => value === 1));
  return firstFault([y, ...said], columns.length + 1);
}

/** What the columns leave of y; columns that depend on others are left out by their coefficient 0. */
export function residualsOf(y: Float64Array, columns: readonly Float64Array[]): Float64Array {
  const squares = new LeastSquares(
    columns.map((column) => column.slice()),
    y.slice(),
  );
  const coefficients = squares.coefficients();
  const residuals = y.slice();
  columns.forEach((column, at) => {
    const coefficient = coefficients[at]!;
    if (Number.isFinite(coefficient))
      for (let row = 0; row < residuals.length; row++) residuals[row]! -= coefficient * column[row]!;
  });
  return residuals;
}

/** Around the mean (in two passes), or around 0. */
export function totalSquares(y: Float64Array, isCentred: boolean): number {
  const centre = isCentred ? meanOf(y) : 0;
  return y.reduce((sum, value) => sum + (value - centre) ** 2, 0);
}

export const meanOf = (values: Float64Array): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Sample deviation, divisor n − `ddof`. */
export function standardDeviation(values: Float64Array, ddof: 0 | 1): number {
  return Math.sqrt(totalSquares(values, true) / (values.length - ddof));
}

export interface Line {
  readonly intercept: number;
  readonly beta: number;
}

/**
 * Orthogonal regression: errors in both series, so that y on x and x on y give the same line. Of the two forms of its slope the one
 * that does not cancel is used: with D = √((Syy − Sxx)² + 4 Sxy²), (Syy − Sxx + D) / 2Sxy where Syy ≥ Sxx, else 2Sxy / (Sxx − Syy + D).
 */
export function totalLeastSquares(y: Float64Array, x: Float64Array): Outcome<Line> {
  const fault = firstFault([y, x], 3);
  if (fault !== null) return degenerate(fault);
  const [meanY, meanX] = [meanOf(y), meanOf(x)];
  let [sxx, sxy, syy] = [0, 0, 0];
  for (let t = 0; t < y.length; t++) {
    const [dy, dx] = [y[t]! - meanY, x[t]! - meanX];
    sxx += dx * dx;
    sxy += dx * dy;
    syy += dy * dy;
  }
  if (sxy === 0) return degenerate('collinear');
  const root = Math.hypot(syy - sxx, 2 * sxy);
  const beta = syy >= sxx ? (syy - sxx + root) / (2 * sxy) : (2 * sxy) / (sxx - syy + root);
  return { status: 'ok', beta, intercept: meanY - beta * meanX };
}

/** s[t] = y[t] − a − b x[t], evaluated in this order. */
export function spreadOf(y: Float64Array, x: Float64Array, { intercept, beta }: Line): Float64Array {
  return Float64Array.from(y, (value, t) => value - intercept - beta * x[t]!);
}
