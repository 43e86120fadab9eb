import { TimeWindow } from './time-window.js';

/** Limit up, limit down: a band around a reference price that moves slowly (reference §5, `luld`). */
export interface BandLimits {
  /** Half width of the band, share of the reference. */
  readonly band: number;
  /** The reference is compared with the mean price of this time before the sample. */
  readonly windowMs: number;
  /** It moves only if the mean is this far away, share … */
  readonly referenceMove: number;
  /** … and the reference is this old. */
  readonly referenceHoldMs: number;
  /** So long at or outside the band, and the market pauses … */
  readonly limitStateMs: number;
  /** … for so long; the first price after it is the new reference. */
  readonly pauseMs: number;
}

export type BandState = 'NORMAL' | 'LIMIT' | 'PAUSED';

export interface BandReading {
  readonly ref: number;
  readonly lower: number;
  readonly upper: number;
  readonly outOfBand: boolean;
  readonly state: BandState;
}

export class PriceBand {
  private readonly limits: BandLimits;
  private readonly window = new TimeWindow();
  private reference: number | null = null;
  private referenceSinceMs = 0;
  private state: BandState = 'NORMAL';
  private stateSinceMs = 0;

  constructor(limits: BandLimits) {
    this.limits = limits;
  }

  add(timeMs: number, price: number): BandReading {
    const pauseIsOver = this.state === 'PAUSED' && timeMs >= this.stateSinceMs + this.limits.pauseMs;
    const reference =
      this.reference === null || pauseIsOver
        ? this.anchor(timeMs, price)
        : this.follow(timeMs, this.reference);
    // The window is [t − W, t): the sample itself is not part of the mean it is judged by.
    this.window.push(timeMs, price);
    const lower = reference * (1 - this.limits.band);
    const upper = reference * (1 + this.limits.band);
    const outOfBand = price <= lower || price >= upper;
    this.change(timeMs, outOfBand);
    return { ref: reference, lower, upper, outOfBand, state: this.state };
  }

  private anchor(timeMs: number, price: number): number {
    this.window.clear();
    this.state = 'NORMAL';
    return this.moveTo(timeMs, price);
  }

  private follow(timeMs: number, reference: number): number {
    const { windowMs, referenceMove, referenceHoldMs } = this.limits;
    this.window.dropWhile((at) => at < timeMs - windowMs);
    const mean = this.window.mean();
    const mayMove = this.state === 'NORMAL' && timeMs - this.referenceSinceMs >= referenceHoldMs;
    if (!mayMove || mean === null || Math.abs(mean / reference - 1) < referenceMove) return reference;
    return this.moveTo(timeMs, mean);
  }

  private moveTo(timeMs: number, reference: number): number {
    this.reference = reference;
    this.referenceSinceMs = timeMs;
    return reference;
  }

  private change(timeMs: number, outOfBand: boolean): void {
    if (this.state === 'PAUSED') return;
    if (!outOfBand) return this.enter('NORMAL', timeMs);
    if (this.state === 'NORMAL') return this.enter('LIMIT', timeMs);
    if (timeMs - this.stateSinceMs >= this.limits.limitStateMs) this.enter('PAUSED', timeMs);
  }

  private enter(state: BandState, timeMs: number): void {
    if (state === this.state) return;
    this.state = state;
    this.stateSinceMs = timeMs;
  }
}
