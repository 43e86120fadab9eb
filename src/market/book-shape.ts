import type { BookHalf, SortedHalf } from './sorted-half.js';
import { TickWindow } from './tick-window.js';

/** Which structure a side of a book gets, judged at each snapshot. */

/** A shallow side moves so few levels that sorting is cheaper than a window's indirection and memory. */
const MIN_WINDOW_LEVELS = 100;
/** Levels from the best that must lie dense; a window over sparse prices costs cache misses instead of moves. */
const JUDGED_LEVELS = 100;
/** Share of the ticks between them that have a level. */
const MIN_DENSITY = 1 / 16;
const MIN_SLOTS = 1 << 11;
/** Half a megabyte per book, with both sides (PERFORMANCE §4). */
const MAX_SLOTS = 1 << 15;
/** The window is so many times wider than the snapshot's levels. */
const WIDTH_FACTOR = 4;
const MAX_TICKS = 2 ** 30;
const MAX_DECIMALS = 10;

export interface Levels {
  readonly prices: Float64Array;
  readonly sizes: Float64Array;
  readonly count: number;
}

/** Fills a side from a snapshot: `current` or another structure; `sorted` is the side's own sorted one. */
export function loaded(current: BookHalf, sorted: SortedHalf, levels: Levels): BookHalf {
  const { prices, sizes, count } = levels;
  const wanted = windowFor(levels);
  if (wanted === null) {
    if (!sorted.load(prices, sizes, count)) sorted.setAll(prices, sizes, count);
    return sorted;
  }
  const fits =
    current instanceof TickWindow && current.scale === wanted.scale && current.slots >= wanted.slots;
  const half = fits ? current : new TickWindow(sorted.sign, sorted.maxLevels, wanted.scale, wanted.slots);
  half.clear();
  // The best comes first, so that the window lies where it belongs; that every price fits was just found.
  half.setAll(prices, sizes, count);
  return half;
}

/** The same levels in the sorted structure. */
export function asSorted(half: BookHalf, sorted: SortedHalf): SortedHalf {
  const { length } = half;
  const prices = new Float64Array(length);
  const sizes = new Float64Array(length);
  half.copyTop(length, prices, sizes, 0);
  sorted.load(prices, sizes, length);
  return sorted;
}

/** Ticks per unit and slots of a window for these levels, best first; null where a sorted side is better. */
export function windowFor({
  prices,
  count,
}: Levels): { readonly scale: number; readonly slots: number } | null {
  if (count < MIN_WINDOW_LEVELS) return null;
  const scale = scaleOf(prices, count);
  if (scale === 0) return null;
  const ticks = (level: number) => Math.round(prices[level]! * scale);
  const judged = Math.abs(ticks(JUDGED_LEVELS - 1) - ticks(0)) + 1;
  if (JUDGED_LEVELS < judged * MIN_DENSITY) return null;
  const wanted = (Math.abs(ticks(count - 1) - ticks(0)) + 1) * WIDTH_FACTOR;
  let slots = MIN_SLOTS;
  while (slots < wanted && slots < MAX_SLOTS) slots *= 2;
  return { scale, slots };
}

/** The smallest power of ten at which every price is a whole number; 0 when there is none. */
function scaleOf(prices: Float64Array, count: number): number {
  let scale = 1;
  let decimals = 0;
  for (let i = 0; i < count; i++) {
    const price = prices[i]!;
    while (Math.round(price * scale) / scale !== price) {
      scale *= 10;
      if (++decimals > MAX_DECIMALS) return 0;
    }
    if (price * scale > MAX_TICKS) return 0;
  }
  // An earlier price may have been judged at a smaller scale.
  for (let i = 0; i < count; i++) if (prices[i]! * scale > MAX_TICKS) return 0;
  return scale;
}
