/** Exponential back-off of a retry, without jitter: one actor alone retries its own store. */
export interface RetryBackoff {
  readonly minMs: number;
  readonly maxMs: number;
}

/** Delay before try number `tries` (0 = the first repeat), ms. */
export function backoffMs({ minMs, maxMs }: RetryBackoff, tries: number): number {
  return Math.min(maxMs, minMs * 2 ** Math.min(tries, 30));
}
