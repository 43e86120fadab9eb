import { differencesOf } from './adf.js';
import { degenerate, faultOf, type Outcome } from './degenerate.js';
import { ols } from './regression.js';

/**
 * How fast a spread returns: s[t+1] − s[t] = c + λ s[t] + e. For short half-lives use `halfLifeAr1`, which is exact for the discrete process; Chan's
 * −ln 2 / λ (`halfLife`) is its limit for small λ and 39 % off at λ = −0.5.
 */
export interface HalfLife {
  readonly constant: number;
  readonly lambda: number;
  readonly lambdaError: number;
  readonly lambdaT: number;
  readonly observations: number;
  /** In observations; null where the spread does not return (λ ≥ 0). */
  readonly halfLife: number | null;
  /** In observations; null where it does not return, or swings over (1 + λ ≤ 0). */
  readonly halfLifeAr1: number | null;
  /** The Ornstein-Uhlenbeck process of the same AR(1), per observation; null where there is none. */
  readonly process: OrnsteinUhlenbeck | null;
}

export interface OrnsteinUhlenbeck {
  /** Speed of return. */
  readonly theta: number;
  /** Where to. */
  readonly mu: number;
  readonly sigma: number;
  /** Deviation once the process has forgotten its start. */
  readonly sigmaEquilibrium: number;
}

export function halfLifeOf(spread: Float64Array): Outcome<HalfLife> {
  const fault = faultOf(spread, 4);
  if (fault !== null) return degenerate(fault);
  const fit = ols(differencesOf(spread), spread.slice(0, -1));
  if (fit.status !== 'ok') return fit;
  const { intercept: constant, beta: lambda, betaError, betaT, ssr } = fit;
  const observations = spread.length - 1;
  const b = 1 + lambda;
  return {
    status: 'ok',
    constant,
    lambda,
    lambdaError: betaError,
    lambdaT: betaT,
    observations,
    halfLife: lambda < 0 ? -Math.LN2 / lambda : null,
    halfLifeAr1: b > 0 && b < 1 ? -Math.LN2 / Math.log(b) : null,
    process: b > 0 && b < 1 ? processOf(constant, lambda, ssr / observations) : null,
  };
}

function processOf(constant: number, lambda: number, variance: number): OrnsteinUhlenbeck {
  const b = 1 + lambda;
  const left = 1 - b * b;
  return {
    theta: -Math.log(b),
    mu: constant / -lambda,
    sigma: Math.sqrt((variance * -2 * Math.log(b)) / left),
    sigmaEquilibrium: Math.sqrt(variance / left),
  };
}
