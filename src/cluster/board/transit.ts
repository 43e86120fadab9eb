/** How long the smallest difference of the clocks counts: longer than two clocks drift apart by a millisecond. */
const WINDOW_MS = 30_000;

/**
 * How long a batch was on its way, from the clocks of both nodes. Wall clocks tell it only as well as they agree, so what they say
 * is raised to how much longer than the fastest recent batch this one took by the monotonic clocks: a batch that waited somewhere
 * is never taken for a fast one, however wrong the wall clocks are. What stays unseen when the receiver's wall clock is behind
 * is at most the way of the fastest batch.
 */
export class TransitMeter {
  private least = Infinity;
  private leastBefore = Infinity;
  private windowFromMs = -Infinity;
  /** Of the newest batch, ms. */
  lastMs = 0;

  /** Monotonic times of both ends, and the difference of the wall clocks. Never below 0. */
  measure(sentMonotonicMs: number, nowMonotonicMs: number, wallMs: number): number {
    const apart = nowMonotonicMs - sentMonotonicMs;
    if (nowMonotonicMs - this.windowFromMs > WINDOW_MS) {
      this.windowFromMs = nowMonotonicMs;
      this.leastBefore = this.least;
      this.least = apart;
    }
    if (apart < this.least) this.least = apart;
    const waited = apart - Math.min(this.least, this.leastBefore);
    return (this.lastMs = Math.max(0, wallMs, waited));
  }
}
