/** Proof that an approval is the gate's own: an order gateway takes no verdict without it (I7). */
export interface VerdictSeal {
  /** The seal of a text, 64 hexadecimal digits. */
  sign(text: string): string;
  /** True only for the seal that `sign` gives for exactly this text under the same key. */
  verify(text: string, seal: string): boolean;
}
