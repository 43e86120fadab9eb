import type { Instrument } from '../market/instrument.js';
import type { OpportunityEvent, Signal } from '../messages/signal.js';
import type { AmountAt } from './holdings.js';
import type { OpportunityLife } from './opportunity-life.js';

/** What a detector wants done; its actor sends them. */
export type DetectorEffect =
  | { readonly kind: 'opportunity'; readonly event: OpportunityEvent }
  | { readonly kind: 'signal'; readonly signal: Signal };

/**
 * A machine that reads the board and finds opportunities. Pure: equal calls in equal order give equal effects. `nowMs` is wall
 * clock, `monotonicMs` the clock of the board's ages.
 */
export interface Detector {
  /** The board's slots that it reads. */
  readonly slots: readonly number[];
  readonly openLives: number;
  /** The open lives. */
  current(): readonly OpportunityLife[];
  /** A book changed or lost trust. */
  onSlotDirty(slot: number, nowMs: number, monotonicMs: number): readonly DetectorEffect[];
  /** Looks at every open life again, since books also age when nothing arrives. */
  sweep(nowMs: number, monotonicMs: number): readonly DetectorEffect[];
  /** Other rules, fees or markets: every open life closes, and what follows from the instruments is built anew. */
  replaceInstruments(instruments: readonly Instrument[], nowMs: number): readonly DetectorEffect[];
  /** An exchange changed the state or the rules of an instrument; what is not followed is ignored. */
  instrumentChanged(instrument: Instrument, nowMs: number, monotonicMs: number): readonly DetectorEffect[];
  /** What is held has changed; absent where nothing hangs on it. */
  holdingsChanged?(holdings: readonly AmountAt[]): void;
  /** It was traded: it is not offered again in this life. */
  markExecuted(opportunityId: string, nowMs: number): readonly DetectorEffect[];
  /** The gate refused it: it may be offered again after a cool-down or when its profit has grown. */
  markRefused(id: string, reason: string, detail: string, nowMs: number): readonly DetectorEffect[];
  /** Nothing filled: as refused. */
  markMissed(id: string, reason: string, detail: string, nowMs: number): readonly DetectorEffect[];
}
