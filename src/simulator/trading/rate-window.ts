/** Counts calls within a moving window. */
export class RateWindow {
  readonly limit: number;
  readonly windowMs: number;
  private times: number[] = [];

  constructor(limit: number, windowMs: number) {
    this.limit = limit;
    this.windowMs = windowMs;
  }

  /** Calls in the window that ends now. */
  used(nowMs: number): number {
    let first = 0;
    while (first < this.times.length && this.times[first]! <= nowMs - this.windowMs) first++;
    if (first > 0) this.times.splice(0, first);
    return this.times.length;
  }

  isFull(nowMs: number): boolean {
    return this.used(nowMs) >= this.limit;
  }

  /** Counts one call. False, and nothing counted, when the window is full. */
  spend(nowMs: number): boolean {
    if (this.isFull(nowMs)) return false;
    this.times.push(nowMs);
    return true;
  }

  /** Ms until one more call fits; 0 = now. */
  waitMs(nowMs: number): number {
    return this.isFull(nowMs) ? this.times[0]! + this.windowMs - nowMs : 0;
  }
}
