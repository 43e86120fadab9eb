import type { QuoteBoard } from './quote-board.js';

/** The arrays of the board that ages are read from; typed arrays so that a check costs no object. */
export type AgeSource = Pick<
  QuoteBoard,
  'exchangeTimeMs' | 'receiveTimeMs' | 'changedMonotonicMs' | 'aliveMonotonicMs'
>;

/** A larger difference of two clocks is no drift: one of them jumped, and no age by it is known until it is measured again. */
const MOST_EARLY_MS = 5_000;

/**
 * Age of a book in ms (TRADING §2): time since its connection last proved alive, plus the transit lag of its last frame.
 * Quiet pairs send nothing, so this is not the time since the last change.
 *
 * `clockOffsetMs` = exchange clock − local clock; a lag that comes out negative counts as 0, because a frame cannot
 * arrive before it was sent; one that came out so by more than clocks may differ tells of a clock that jumped, and the age is
 * Infinity. A frame without exchange time (0) adds no lag. Infinity for a slot never published. NaN from a
 * broken clock stays NaN, which no limit accepts.
 */
export function bookAgeMs(board: AgeSource, slot: number, monotonicMs: number, clockOffsetMs = 0): number {
  const receiveTimeMs = board.receiveTimeMs[slot]!;
  if (!(receiveTimeMs > 0)) return Infinity;
  const silence = monotonicMs - board.aliveMonotonicMs[slot]!;
  return (silence < 0 ? 0 : silence) + transitLagMs(board, slot, clockOffsetMs);
}

/** How long the newest frame was on its way, by the exchange's clock corrected with `clockOffsetMs`; never below 0. */
export function transitLagMs(board: AgeSource, slot: number, clockOffsetMs = 0): number {
  const exchangeTimeMs = board.exchangeTimeMs[slot]!;
  if (exchangeTimeMs === 0) return 0;
  const lag = board.receiveTimeMs[slot]! - (exchangeTimeMs - clockOffsetMs);
  if (lag < -MOST_EARLY_MS) return Infinity;
  return lag < 0 ? 0 : lag;
}

/** Ms since the book last changed: its own limit per symbol, wide for quiet pairs. Infinity when never published. */
export function sinceChangeMs(board: AgeSource, slot: number, monotonicMs: number): number {
  if (!(board.receiveTimeMs[slot]! > 0)) return Infinity;
  const since = monotonicMs - board.changedMonotonicMs[slot]!;
  return since < 0 ? 0 : since;
}
