/** What a median hides: single frames and memory. */

export interface FrameProfile {
  readonly p50Ns: number;
  readonly p99Ns: number;
  /** Heap used per frame, collections kept out. */
  readonly bytesPerFrame: number;
}

const TIMED_PASSES = 3;
const MEMORY_PASSES = 5;

export interface Steps {
  readonly frames: number;
  begin(): void;
  step(index: number): number;
}

/** Wall time of every frame over three passes, and the median growth of the heap over five; warm up before. */
export function profileOf(steps: Steps): FrameProfile {
  const times = new Float64Array(TIMED_PASSES * steps.frames);
  let at = 0;
  for (let pass = 0; pass < TIMED_PASSES; pass++) {
    steps.begin();
    for (let index = 0; index < steps.frames; index++) {
      const startNs = process.hrtime.bigint();
      steps.step(index);
      times[at++] = Number(process.hrtime.bigint() - startNs);
    }
  }
  times.sort();
  const rank = (share: number) => times[Math.min(times.length - 1, Math.floor(share * times.length))]!;
  return { p50Ns: rank(0.5), p99Ns: rank(0.99), bytesPerFrame: bytesOf(steps) };
}

/** A chunk of frames is small enough for the young generation, so that nothing is collected between two readings. */
const MEMORY_FRAMES = 1500;

function bytesOf(steps: Steps): number {
  const growth: number[] = [];
  for (let pass = 0; pass < MEMORY_PASSES; pass++) {
    steps.begin();
    const from = Math.floor(steps.frames / 4);
    const to = Math.min(steps.frames, from + MEMORY_FRAMES);
    for (let index = 0; index < from; index++) steps.step(index);
    globalThis.gc?.();
    const before = process.memoryUsage().heapUsed;
    walk(steps, from, to);
    growth.push((process.memoryUsage().heapUsed - before) / (to - from));
  }
  return growth.sort((a, b) => a - b)[MEMORY_PASSES >> 1]!;
}

function walk(steps: Steps, from: number, to: number): number {
  let sum = 0;
  for (let index = from; index < to; index++) sum += steps.step(index);
  return sum;
}
