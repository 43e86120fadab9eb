/** A histogram of delays in tenths of a millisecond up to ten seconds; constant memory. */
export class Delays {
  private readonly counts = new Uint32Array(100_001);
  private total = 0;

  add(ms: number): void {
    this.counts[Math.max(0, Math.min(100_000, Math.floor(ms * 10)))]!++;
    this.total++;
  }

  reset(): void {
    this.counts.fill(0);
    this.total = 0;
  }

  get count(): number {
    return this.total;
  }

  /** Upper edge of the bucket that holds this share; NaN without values. */
  at(share: number): number {
    if (this.total === 0) return NaN;
    let left = Math.ceil(this.total * share);
    for (let bucket = 0; bucket < this.counts.length; bucket++) {
      left -= this.counts[bucket]!;
      if (left <= 0) return (bucket + 1) / 10;
    }
    return Infinity;
  }

  /** Adds the values of another. */
  join(other: Delays): void {
    for (let bucket = 0; bucket < this.counts.length; bucket++) this.counts[bucket]! += other.counts[bucket]!;
    this.total += other.total;
  }
}
