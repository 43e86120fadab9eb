/** Small bounded measurements of a feed, on the caller's clock. */

/** Events per second over the last full ten seconds; before those are over, over what there was. */
export class RateMeter {
  private count = 0;
  private startedMs = NaN;
  /** Of the last whole window; null before the first one is over. */
  private rate: number | null = null;

  add(nowMs: number, events = 1): void {
    this.roll(nowMs);
    this.count += events;
  }

  perSecond(nowMs: number): number {
    this.roll(nowMs);
    if (this.rate !== null) return this.rate;
    const passed = nowMs - this.startedMs;
    return passed < 1_000 ? 0 : (this.count * 1_000) / passed;
  }

  private roll(nowMs: number): void {
    if (Number.isNaN(this.startedMs)) this.startedMs = nowMs;
    const passed = nowMs - this.startedMs;
    if (passed < 10_000) return;
    this.rate = (this.count * 1000) / passed;
    this.count = 0;
    this.startedMs = nowMs;
  }
}

/** The last values, for percentiles on demand. */
export class RecentValues {
  private readonly values: Float64Array;
  private at = 0;
  private filled = 0;

  constructor(capacity = 256) {
    this.values = new Float64Array(capacity);
  }

  add(value: number): void {
    this.values[this.at] = value;
    this.at = this.at + 1 === this.values.length ? 0 : this.at + 1;
    if (this.filled < this.values.length) this.filled++;
  }

  /** `share` 0..1; null before the first value. */
  percentile(share: number): number | null {
    return percentileOf([this], share);
  }

  /** Those that are kept, in no order. */
  kept(): Float64Array {
    return this.values.subarray(0, this.filled);
  }
}

/** Over the last values of several; `share` 0..1; null before the first value. */
export function percentileOf(recent: readonly RecentValues[], share: number): number | null {
  const sorted = Float64Array.from(recent.flatMap((one) => [...one.kept()])).sort();
  if (sorted.length === 0) return null;
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
}

/** Counts bad frames; tells when they come too fast to be accidents. */
export class StormMeter {
  private readonly limit: number;
  private readonly windowMs: number;
  private count = 0;
  private startedMs = -Infinity;

  constructor(limit: number, windowMs: number) {
    this.limit = limit;
    this.windowMs = windowMs;
  }

  /** True once each time the limit is reached within the window. */
  add(nowMs: number): boolean {
    if (nowMs - this.startedMs > this.windowMs) {
      this.startedMs = nowMs;
      this.count = 0;
    }
    this.count++;
    if (this.count < this.limit) return false;
    this.count = 0;
    return true;
  }
}
