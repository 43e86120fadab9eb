import { standardDeviation, meanOf } from './regression.js';

/** How far a spread is from where it usually is, in deviations. */

/** Over the whole series, ddof 1; null throughout when it does not vary. */
export function fullZ(spread: Float64Array): (number | null)[] {
  const [mean, deviation] = [meanOf(spread), standardDeviation(spread, 1)];
  return Array.from(spread, (value) => (deviation > 0 ? (value - mean) / deviation : null));
}

/**
 * Of the last value among the last `window`, itself included, ddof 1; null before there are so many, or when they do not vary. Each window
 * is computed anew: a variance that is carried along drifts.
 */
export function rollingZ(spread: Float64Array, window: number): (number | null)[] {
  return Array.from(spread, (value, t) => {
    if (t + 1 < window) return null;
    const last = spread.subarray(t + 1 - window, t + 1);
    const deviation = standardDeviation(last, 1);
    return deviation > 0 ? (value - meanOf(last)) / deviation : null;
  });
}

/**
 * Against an exponentially weighted mean and variance of what came before: α = 1 − exp(−ln 2 / halfLife); m = s[0], v = 0; z by m and v as they
 * stand, then d = s − m, m += α d, v = (1 − α)(v + α d²).
 */
export class EwmaZ {
  readonly alpha: number;
  mean: number | null = null;
  variance = 0;

  /** `halfLife` in observations. */
  constructor(halfLife: number) {
    this.alpha = 1 - Math.exp(-Math.LN2 / halfLife);
  }

  /** The z of this value by what came before; null for the first, and while nothing varied. A value that is not finite is not taken. */
  observe(value: number): number | null {
    if (!Number.isFinite(value)) return null;
    if (this.mean === null) {
      this.mean = value;
      return null;
    }
    const distance = value - this.mean;
    const z = this.variance > 0 ? distance / Math.sqrt(this.variance) : null;
    this.mean += this.alpha * distance;
    this.variance = (1 - this.alpha) * (this.variance + this.alpha * distance * distance);
    return z;
  }
}
