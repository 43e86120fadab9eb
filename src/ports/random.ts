/** Randomness and identifiers as ports, so that one seed repeats a run. */

export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** `length` random bytes, for nonces. */
  bytes(length: number): Uint8Array;
}

export interface Ids {
  /** A new identifier, unique over processes and restarts: `<prefix>-<time-ordered part>`. */
  next(prefix: string): string;
}
