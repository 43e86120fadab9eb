/** How unusual the last return is against the usual ones (reference §5, `ewma_return_z`). */
export interface ReturnLimits {
  /** Memory of the variance per sample, 0…1. */
  readonly lambda: number;
  /** The score at which it triggers, either way. */
  readonly k: number;
  /** Returns that must be known before anything is judged. */
  readonly warmup: number;
  /** Least standard deviation assumed, so that a market that stood still does not make each tick an outlier. */
  readonly sigmaFloor: number;
}

export interface ReturnReading {
  /** Log return; null for the first price. */
  readonly r: number | null;
  /** Null while there are too few returns. */
  readonly z: number | null;
  /** What the next return is judged by. */
  readonly sigmaNext: number | null;
  readonly trigger: boolean;
}

export class ReturnScore {
  private readonly limits: ReturnLimits;
  private price: number | null = null;
  private variance: number | null = null;
  private returns = 0;

  constructor(limits: ReturnLimits) {
    this.limits = limits;
  }

  add(price: number): ReturnReading {
    const before = this.price;
    this.price = price;
    if (before === null) return { r: null, z: null, sigmaNext: null, trigger: false };
    const { lambda, k, warmup, sigmaFloor } = this.limits;
    const r = Math.log(price / before);
    const sigma = Math.max(Math.sqrt(this.variance ?? 0), sigmaFloor);
    const z = this.returns >= warmup ? r / sigma : null;
    // Learned always, or one jump would be judged by the calm before it for ever.
    this.variance = this.variance === null ? r * r : lambda * this.variance + (1 - lambda) * r * r;
    this.returns++;
    return { r, z, sigmaNext: Math.sqrt(this.variance), trigger: z !== null && Math.abs(z) >= k };
  }

  /** After a gap in the data the next price is the first again; what is usual stays known. */
  breakOff(): void {
    this.price = null;
  }
}
