import { bookAgeMs } from '../../market/book-age.js';
import { bookProblem, type BookProblem } from '../../market/book-problem.js';
import type { Instrument, InstrumentState } from '../../market/instrument.js';
import type { QuoteBoard } from '../../market/quote-board.js';
import type { CycleRoute } from './cycle-route.js';
import type { TriangularParameters } from './triangular-parameters.js';

/** Why a cycle may not be traded on the books that the board holds, and on which. */
export interface BooksProblem {
  readonly reason: BookProblem | 'NOT_TRADING' | 'BOOK_OPAQUE' | 'BOOK_AGES_DIFFER';
  readonly on: string;
}

/** Judges the books of a cycle: each by itself, and whether they are of one moment. */
export class CycleBooks {
  private readonly board: QuoteBoard;
  private readonly parameters: TriangularParameters;
  /** By slot; those that trade are left out. */
  private readonly stopped = new Map<number, InstrumentState>();

  constructor(board: QuoteBoard, parameters: TriangularParameters) {
    this.board = board;
    this.parameters = parameters;
  }

  noteStates(instruments: readonly Instrument[]): void {
    for (const { id, state } of instruments) {
      const slot = this.board.slotOf(id);
      if (state === 'trading') this.stopped.delete(slot);
      else this.stopped.set(slot, state);
    }
  }

  problemOf({ legs }: CycleRoute, monotonicMs: number): BooksProblem | null {
    const { board, parameters } = this;
    let [youngest, oldest] = [Infinity, 0];
    for (const { market } of legs) {
      const { slot, instrument } = market;
      const state = this.stopped.get(slot);
      if (state !== undefined) return { reason: 'NOT_TRADING', on: `${instrument.id} is ${state}` };
      // Asked each time: offsets are measured after the cycles are built, and again and again.
      const clockOffsetMs = parameters.clockOffsetMs?.(instrument.exchange) ?? 0;
      const reason = bookProblem(board, slot, monotonicMs, parameters, clockOffsetMs);
      if (reason !== null) return { reason, on: instrument.id };
      if (
        instrument.bookProof === 'opaque' &&
        parameters.acceptOpaqueBooks?.includes(instrument.exchange) !== true
      )
        return { reason: 'BOOK_OPAQUE', on: instrument.id };
      const ageMs = bookAgeMs(board, slot, monotonicMs, clockOffsetMs);
      youngest = Math.min(youngest, ageMs);
      oldest = Math.max(oldest, ageMs);
    }
    const gapMs = oldest - youngest;
    if (gapMs <= parameters.maxAgeGapMs) return null;
    return {
      reason: 'BOOK_AGES_DIFFER',
      on: `by ${Math.round(gapMs)} ms, limit ${parameters.maxAgeGapMs} ms`,
    };
  }
}
