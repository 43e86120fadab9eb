/** Depth and spread against what they usually are (reference §5, `depth_spread`). */
export interface DepthLimits {
  /** Memory of the usual per sample, 0…1. */
  readonly lambda: number;
  /** At or below this share of the usual depth the book has collapsed. */
  readonly depthRatio: number;
  /** At or above this multiple of the usual spread it has blown out. */
  readonly spreadRatio: number;
}

export interface DepthReading {
  /** Against the usual before this sample; null for the first, and where the usual is nothing. */
  readonly depthRatio: number | null;
  readonly spreadRatio: number | null;
  readonly depthCollapse: boolean;
  readonly spreadBlowout: boolean;
}

export class DepthCollapse {
  private readonly limits: DepthLimits;
  private usualDepth: number | null = null;
  private usualSpread: number | null = null;

  constructor(limits: DepthLimits) {
    this.limits = limits;
  }

  add(depth: number, spreadBps: number): DepthReading {
    const depthRatio = ratioTo(depth, this.usualDepth);
    const spreadRatio = ratioTo(spreadBps, this.usualSpread);
    this.usualDepth = this.learn(depth, this.usualDepth);
    this.usualSpread = this.learn(spreadBps, this.usualSpread);
    return {
      depthRatio,
      spreadRatio,
      depthCollapse: depthRatio !== null && depthRatio <= this.limits.depthRatio,
      spreadBlowout: spreadRatio !== null && spreadRatio >= this.limits.spreadRatio,
    };
  }

  private learn(value: number, usual: number | null): number {
    return usual === null ? value : this.limits.lambda * usual + (1 - this.limits.lambda) * value;
  }
}

const ratioTo = (value: number, usual: number | null): number | null =>
  usual === null || usual <= 0 ? null : value / usual;
