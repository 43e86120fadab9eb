/**
 * A hedge ratio that may drift: y[t] = α + β x[t] + v, with (α, β) a random walk (Chan, Algorithmic Trading (2013), ch. 3; Kalman 1960). The innovation e
 * and its variance S use what was known before the observation, so z = e / √S looks at nothing that comes later.
 */
export interface KalmanParameters {
  /** How much the state may walk: Q = δ / (1 − δ) · I, 0 < δ < 1. */
  readonly delta: number;
  /** Variance of an observation. */
  readonly observationVariance: number;
  /** Variance of the first guess. */
  readonly initialVariance: number;
  readonly alpha: number;
  readonly beta: number;
}

export interface Innovation {
  readonly innovation: number;
  readonly variance: number;
  readonly z: number;
}

export class KalmanHedge {
  alpha: number;
  beta: number;
  /** Covariance of (α, β): variances and covariance. */
  readonly covariance: { p00: number; p01: number; p11: number };
  /** Sum of the log likelihoods of all observations. */
  logLikelihood = 0;
  updates = 0;
  private readonly walk: number;
  private readonly noise: number;

  constructor(parameters: KalmanParameters) {
    this.alpha = parameters.alpha;
    this.beta = parameters.beta;
    this.walk = parameters.delta / (1 - parameters.delta);
    this.noise = parameters.observationVariance;
    this.covariance = { p00: parameters.initialVariance, p01: 0, p11: parameters.initialVariance };
  }

  /** One observation. A missing one (not finite) only lets the state walk; null is answered then. */
  observe(y: number, x: number): Innovation | null {
    const p = this.covariance;
    p.p00 += this.walk;
    p.p11 += this.walk;
    if (!Number.isFinite(y) || !Number.isFinite(x)) return null;
    const [h0, h1] = [p.p00 + p.p01 * x, p.p01 + p.p11 * x];
    const innovation = y - this.alpha - this.beta * x;
    const variance = h0 + h1 * x + this.noise;
    const [k0, k1] = [h0 / variance, h1 / variance];
    this.alpha += k0 * innovation;
    this.beta += k1 * innovation;
    p.p00 -= k0 * h0;
    p.p01 -= k0 * h1;
    p.p11 -= k1 * h1;
    this.updates++;
    this.logLikelihood -= (Math.log(2 * Math.PI) + Math.log(variance) + innovation ** 2 / variance) / 2;
    return { innovation, variance, z: innovation / Math.sqrt(variance) };
  }
}
