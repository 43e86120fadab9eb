/**
 * Why a series says nothing. A statistic of such input is rounding noise, and a p-value of 0 there has made others trade on a coin
 * paired with itself: it is told by name instead, and never as a number.
 */
export type Degenerate =
  /** A series has one value only. */
  | 'degenerate_constant'
  /** One series is (nearly) a linear function of the others: no spread is left to revert. */
  | 'collinear'
  /** Fewer observations than the parameters asked for. */
  | 'insufficient_data'
  /** A value is missing, NaN or infinite. */
  | 'not_finite';

/** A statistic, or the reason why there is none. */
export type Outcome<T> = ({ readonly status: 'ok' } & T) | { readonly status: Degenerate };

export const degenerate = (status: Degenerate): { readonly status: Degenerate } => ({ status });

/** What is wrong with a series before anything is computed of it; null = nothing. */
export function faultOf(series: ArrayLike<number>, least = 2): Degenerate | null {
  const first = series[0];
  let isConstant = true;
  for (let i = 0; i < series.length; i++) {
    if (!Number.isFinite(series[i])) return 'not_finite';
    if (series[i] !== first) isConstant = false;
  }
  if (series.length < least) return 'insufficient_data';
  return isConstant ? 'degenerate_constant' : null;
}

/** The first fault of several series; different lengths are `insufficient_data`. */
export function firstFault(series: readonly ArrayLike<number>[], least = 2): Degenerate | null {
  for (const one of series) {
    const fault = one.length === series[0]!.length ? faultOf(one, least) : 'insufficient_data';
    if (fault !== null) return fault;
  }
  return null;
}
