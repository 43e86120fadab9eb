/** How far a price fell or rose within a short window (reference §5, `velocity`). */
export interface VelocityLimits {
  readonly windowMs: number;
  /** Share of the highest price in the window, e.g. 0.05 = 5 %; equal is enough. */
  readonly drop: number;
  /** Share of the lowest price in the window. */
  readonly rise: number;
}

export interface VelocityReading {
  /** Price over the highest of the window − 1, at most 0. */
  readonly drop: number;
  /** Price over the lowest of the window − 1, at least 0. */
  readonly rise: number;
  readonly trigger: 'DOWN' | 'UP' | null;
}

const MAX_SAMPLES = 4_096;

interface Sample {
  readonly timeMs: number;
  readonly price: number;
}

/** The window (t − W, t] holds the sample itself; highest and lowest are kept in monotone queues, constant work a sample. */
export class Velocity {
  private readonly limits: VelocityLimits;
  private readonly highs: Sample[] = [];
  private readonly lows: Sample[] = [];

  constructor(limits: VelocityLimits) {
    this.limits = limits;
  }

  add(timeMs: number, price: number): VelocityReading {
    const sample = { timeMs, price };
    this.keep(this.highs, sample, (older) => older <= price);
    this.keep(this.lows, sample, (older) => older >= price);
    const drop = price / this.highs[0]!.price - 1;
    const rise = price / this.lows[0]!.price - 1;
    const trigger = drop <= -this.limits.drop ? 'DOWN' : rise >= this.limits.rise ? 'UP' : null;
    return { drop, rise, trigger };
  }

  private keep(queue: Sample[], sample: Sample, isBeaten: (price: number) => boolean): void {
    while (queue.length > 0 && isBeaten(queue.at(-1)!.price)) queue.pop();
    queue.push(sample);
    const oldestMs = sample.timeMs - this.limits.windowMs;
    while (queue[0]!.timeMs <= oldestMs || queue.length > MAX_SAMPLES) queue.shift();
  }
}
