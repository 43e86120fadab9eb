/** Tokens that come back one by one. Times are monotonic ms. */
export class TokenBucket {
  private readonly burst: number;
  private readonly everyMs: number;
  private tokens: number;
  private filledMs: number;

  constructor({ burst, everyMs }: { readonly burst: number; readonly everyMs: number }, nowMs: number) {
    this.burst = burst;
    this.everyMs = everyMs;
    this.tokens = burst;
    this.filledMs = nowMs;
  }

  has(nowMs: number): boolean {
    this.fill(nowMs);
    return this.tokens >= 1;
  }

  take(nowMs: number): void {
    this.fill(nowMs);
    this.tokens = Math.max(0, this.tokens - 1);
  }

  private fill(nowMs: number): void {
    this.tokens = Math.min(this.burst, this.tokens + (nowMs - this.filledMs) / this.everyMs);
    this.filledMs = nowMs;
  }
}
