/** One of KuCoin's weight pools: so much in each half minute, told by headers of every answer that drew on it (PROTOCOLS §8 [O]). */
export class KucoinPool {
  private readonly capacity: number;
  private readonly now: () => number;
  private window = -1;
  private used = 0;

  /** `now` in Unix ms. */
  constructor(capacity: number, now: () => number) {
    this.capacity = capacity;
    this.now = now;
  }

  /** True when the call does not fit any more. */
  charge(weight: number): boolean {
    const window = Math.floor(this.now() / WINDOW_MS);
    if (window !== this.window) {
      this.window = window;
      this.used = 0;
    }
    if (this.used + weight > this.capacity) return true;
    this.used += weight;
    return false;
  }

  headers(): Readonly<Record<string, string>> {
    const resetMs = (this.window + 1) * WINDOW_MS - this.now();
    return {
      'gw-ratelimit-limit': `${this.capacity}`,
      'gw-ratelimit-remaining': `${this.capacity - this.used}`,
      'gw-ratelimit-reset': `${Math.ceil(resetMs)}`,
    };
  }
}

const WINDOW_MS = 30_000;
