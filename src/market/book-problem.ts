import { bookAgeMs, sinceChangeMs } from './book-age.js';
import { BOARD_DEPTH, TRUST_OK, type QuoteBoard } from './quote-board.js';

/** Why a book may not be used (TRADING §2). */
export type BookProblem = 'NO_QUOTE' | 'BOOK_CROSSED' | 'BOOK_UNTRUSTED' | 'BOOK_AGE' | 'BOOK_UNCHANGED';

export interface BookLimits {
  /** Oldest book that may be used, ms. */
  readonly maxBookAgeMs: number;
  /** Longest time without any change, ms. */
  readonly maxUnchangedMs: number;
}

/**
 * The first problem of a slot's book, or null when it may be used. Crossing is named before missing trust, since the board
 * never trusts a crossed book and the reader wants the cause. No allocation.
 */
export function bookProblem(
  board: QuoteBoard,
  slot: number,
  monotonicMs: number,
  limits: BookLimits,
  clockOffsetMs = 0,
): BookProblem | null {
  const at = slot * BOARD_DEPTH;
  const bids = board.bidLevels[slot]!;
  const asks = board.askLevels[slot]!;
  if (bids > 0 && asks > 0 && board.bidPrices[at]! >= board.askPrices[at]!) return 'BOOK_CROSSED';
  if (board.trust[slot] !== TRUST_OK) return 'BOOK_UNTRUSTED';
  if (bids === 0 && asks === 0) return 'NO_QUOTE';
  // Written so that NaN fails.
  if (!(bookAgeMs(board, slot, monotonicMs, clockOffsetMs) <= limits.maxBookAgeMs)) return 'BOOK_AGE';
  return sinceChangeMs(board, slot, monotonicMs) <= limits.maxUnchangedMs ? null : 'BOOK_UNCHANGED';
}
