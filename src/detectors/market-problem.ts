import { bookProblem, type BookLimits, type BookProblem } from '../market/book-problem.js';
import type { Instrument, InstrumentState } from '../market/instrument.js';
import type { QuoteBoard } from '../market/quote-board.js';
import type { ExchangeId } from '../messages/primitives.js';

export interface MarketTerms extends BookLimits {
  readonly acceptOpaqueBooks?: readonly ExchangeId[];
  /** Exchange clock − local clock, ms. Absent = 0. */
  readonly clockOffsetMs?: (exchange: ExchangeId) => number;
}

export interface MarketProblem {
  readonly reason: BookProblem | 'NOT_TRADING' | 'BOOK_OPAQUE';
  readonly on: string;
}

/** Why nothing may be bought or sold on a market now; null = it may. `stopped`: the state of those that do not trade, by slot. */
export function marketProblem(
  { instrument, slot }: { readonly instrument: Instrument; readonly slot: number },
  monotonicMs: number,
  ground: {
    readonly board: QuoteBoard;
    readonly terms: MarketTerms;
    readonly stopped: ReadonlyMap<number, InstrumentState>;
  },
): MarketProblem | null {
  const { board, terms, stopped } = ground;
  const state = stopped.get(slot);
  if (state !== undefined) return { reason: 'NOT_TRADING', on: `${instrument.id} is ${state}` };
  // Asked each time: offsets are measured again and again.
  const clockOffsetMs = terms.clockOffsetMs?.(instrument.exchange) ?? 0;
  const reason = bookProblem(board, slot, monotonicMs, terms, clockOffsetMs);
  if (reason !== null) return { reason, on: instrument.id };
  const isOpaque = instrument.bookProof === 'opaque';
  const isAccepted = terms.acceptOpaqueBooks?.includes(instrument.exchange) === true;
  return isOpaque && !isAccepted ? { reason: 'BOOK_OPAQUE', on: instrument.id } : null;
}
