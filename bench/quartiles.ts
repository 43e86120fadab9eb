/** Median and quartiles of a sample. */
export interface Quartiles {
  readonly low: number;
  readonly median: number;
  readonly high: number;
}

/** Linear interpolation between ranks. The sample must not be empty. */
export function quartilesOf(sample: readonly number[]): Quartiles {
  if (sample.length === 0) throw new Error('quartiles of an empty sample');
  const sorted = [...sample].sort((a, b) => a - b);
  return { low: at(sorted, 0.25), median: at(sorted, 0.5), high: at(sorted, 0.75) };
}

function at(sorted: readonly number[], share: number): number {
  const rank = share * (sorted.length - 1);
  const below = Math.floor(rank);
  const [a, b] = [sorted[below]!, sorted[Math.min(below + 1, sorted.length - 1)]!];
  return a + (b - a) * (rank - below);
}
