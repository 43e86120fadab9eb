import type { Instrument } from '../market/instrument.js';
import type { PairId } from '../messages/primitives.js';

/** Which pairs; `all` = every one that is followed. */
export type PairChoice = 'all' | readonly PairId[];

/** What of the market is kept. */
export interface RecordingLimits {
  readonly books: {
    readonly pairs: PairChoice;
    /** At most one row per instrument within this, ms. */
    readonly intervalMs: number;
    /** Levels per side. */
    readonly depth: number;
  };
  readonly trades: { readonly pairs: PairChoice };
  readonly spreads: { readonly pairs: PairChoice };
}

export function chooses(choice: PairChoice, { pair }: Pick<Instrument, 'pair'>): boolean {
  return choice === 'all' || choice.includes(pair);
}
