import type { FrameSet } from '../frame-sets.js';

/** Another library on the same frames: bytes in, its own book kept, best bid and ask read. It verifies less than ArBot does. */
export interface Peer {
  readonly name: string;
  /** What the row leaves out, for the reader. */
  readonly leavesOut: string;
  /** Forgets everything. */
  begin(): void;
  /** One frame. Answers best bid + best ask of its market, as consumption. */
  step(index: number): number;
  top(symbol: string, side: 'bids' | 'asks', count: number): readonly (readonly [number, number])[];
}

/** A peer, or why there is none for these frames. */
export type PeerOrReason = Peer | string;

/** Answers grouped by the frame before which they arrived. */
export function answersByFrame(set: FrameSet): readonly (FrameSet['answers'] | undefined)[] {
  const groups: FrameSet['answers'][number][][] = [];
  for (const answer of set.answers)
    (groups[Math.min(answer.beforeFrame, set.frames.length - 1)] ??= []).push(answer);
  return groups;
}

export function isDerived(set: FrameSet): boolean {
  return set.origin.includes('derived');
}
