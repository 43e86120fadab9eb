/**
 * The standard normal distribution. p-values of unit-root tests are small, so the tail is computed by itself and never as one minus
 * something: erfc by its Taylor series near 0 and by its continued fraction beyond (Abramowitz & Stegun 7.1.5, 7.1.14). Relative error
 * below 1e-13 down to the smallest double. The popular polynomial 7.1.26 is good to 1.5e-7 only.
 */

const SERIES_BELOW = 2;
const FRACTION_TERMS = 120;

/** erf by its series, for |x| < 2. */
function erfSeries(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum) && n < 200; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

/** erfc for x >= 2: exp(-x²)/√π · 1/(x + (1/2)/(x + (2/2)/(x + (3/2)/(x + …)))), from the innermost term outwards. */
function erfcFraction(x: number): number {
  let denominator = x;
  for (let n = FRACTION_TERMS; n > 0; n--) denominator = x + n / 2 / denominator;
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / denominator;
}

/** The complementary error function; NaN for NaN. */
export function erfc(x: number): number {
  if (x >= SERIES_BELOW) return erfcFraction(x);
  if (x <= -SERIES_BELOW) return 2 - erfcFraction(-x);
  return 1 - erfSeries(x);
}

/** P(Z <= x). */
export const normalCdf = (x: number): number => erfc(-x / Math.SQRT2) / 2;

/** Density at x. */
export const normalPdf = (x: number): number => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);

/** Steps of Newton on the tail, which is convex; more than a start from a crude guess needs. */
const QUANTILE_STEPS = 100;

/** x with P(Z <= x) = p; -Infinity at 0, Infinity at 1, NaN outside. By Newton on the smaller tail. */
export function normalQuantile(p: number): number {
  if (!(p >= 0 && p <= 1)) return NaN;
  if (p === 0 || p === 1) return p === 0 ? -Infinity : Infinity;
  if (p > 0.5) return -normalQuantile(1 - p);
  // Newton on ln P, nearly a parabola in the tail: it comes from the left without overshooting.
  let x = p === 0.5 ? 0 : -Math.sqrt(-2 * Math.log(2 * p));
  for (let step = 0; step < QUANTILE_STEPS; step++) {
    const cdf = normalCdf(x);
    const change = (Math.log(cdf / p) * cdf) / normalPdf(x);
    x -= change;
    if (Math.abs(change) <= 1e-16 * Math.max(1, Math.abs(x))) break;
  }
  return x;
}
