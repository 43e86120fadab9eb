/** Buckets per doubling of the duration; 4 keep a percentile within 19 %. */
const PER_OCTAVE = 4;
const BUCKETS = 128;
/** Half of everything is forgotten at this many samples, so that the figures follow the present. */
const FORGET_AT = 16_384;
const RATE_WINDOW_MS = 1_000;

/** Handling times in fixed logarithmic buckets from 1 µs to an hour, and the rate of messages. Recording allocates nothing. */
export class HandlingTimes {
  private readonly buckets = new Uint32Array(BUCKETS);
  private samples = 0;
  private windowStartMs: number | null = null;
  private windowCount = 0;
  private rate = 0;

  record(durationMs: number): void {
    this.buckets[bucketOf(durationMs)]! += 1;
    this.samples += 1;
    this.windowCount += 1;
    if (this.samples >= FORGET_AT) this.forgetHalf();
  }

  /** Closes the window of the rate when it has lasted long enough; called once per turn and before reading. */
  roll(nowMs: number): void {
    this.windowStartMs ??= nowMs;
    const elapsedMs = nowMs - this.windowStartMs;
    if (elapsedMs < RATE_WINDOW_MS) return;
    this.rate = (this.windowCount * 1000) / elapsedMs;
    this.windowStartMs = nowMs;
    this.windowCount = 0;
  }

  /** Messages per second over the last closed window. */
  perSecond(): number {
    return this.rate;
  }

  /** Upper edge, in ms, of the bucket in which the share of all samples is reached; 0 without samples. */
  percentileMs(share: number): number {
    if (this.samples === 0) return 0;
    let left = Math.ceil(share * this.samples);
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      left -= this.buckets[bucket] ?? 0;
      if (left <= 0) return upperEdgeMs(bucket);
    }
    return upperEdgeMs(BUCKETS - 1);
  }

  private forgetHalf(): void {
    this.samples = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      this.buckets[bucket] = (this.buckets[bucket] ?? 0) >>> 1;
      this.samples += this.buckets[bucket] ?? 0;
    }
  }
}

function bucketOf(durationMs: number): number {
  const micros = durationMs * 1000;
  if (!(micros > 1)) return 0;
  return Math.min(BUCKETS - 1, Math.floor(Math.log2(micros) * PER_OCTAVE) + 1);
}

function upperEdgeMs(bucket: number): number {
  return 2 ** (bucket / PER_OCTAVE) / 1000;
}
