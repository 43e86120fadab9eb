import type { OrderBook } from '../market/order-book.js';
import type { BookEvent } from './base.js';
import type { LevelBuffer } from './level-buffer.js';

/**
 * Is a book that has been silent still the exchange's? The REST book of the same symbol is the witness. Exchanges round sizes
 * differently on socket and REST (Bithumb prints four decimals on the socket [P]), so that small sizes are no evidence, and
 * one differing size is none; another best price is.
 */

const LEVELS = 10;
/** Levels of less are left out on both sides; sizes closer than this share are the same. */
const DUST = 1e-4;
const SAME_SHARE = 1e-3;
/** Share of the compared levels that may differ. */
const TOLERATED = 0.2;

/** True when the REST book shows other best prices, or differs in more than a fifth of the levels compared. */
export function differs(book: OrderBook, rest: BookEvent): boolean {
  const bids = compareSide(book, 'bid', rest.bids);
  const asks = compareSide(book, 'ask', rest.asks);
  if (bids.bestDiffers || asks.bestDiffers) return true;
  const compared = bids.compared + asks.compared;
  return compared > 0 && bids.different + asks.different > TOLERATED * compared;
}

interface SideComparison {
  readonly bestDiffers: boolean;
  readonly compared: number;
  readonly different: number;
}

function compareSide(book: OrderBook, side: 'bid' | 'ask', rest: LevelBuffer): SideComparison {
  const theirs = bestFirst(rest, side);
  const count = side === 'bid' ? book.bidCount : book.askCount;
  const ours = new Map<number, number>();
  for (let i = 0; i < count && ours.size < LEVELS; i++) {
    const size = book.size(side, i);
    if (size >= DUST) ours.set(book.price(side, i), size);
  }
  const [best] = ours.keys();
  const compared = Math.min(theirs.length, ours.size);
  const different = theirs
    .slice(0, compared)
    .filter(([price, size]) => !isSame(ours.get(price), size)).length;
  return { bestDiffers: best !== theirs[0]?.[0], compared, different };
}

/** The best levels of a REST answer, whatever order it came in. */
function bestFirst({ prices, sizes, count }: LevelBuffer, side: 'bid' | 'ask'): [number, number][] {
  const sign = side === 'bid' ? -1 : 1;
  const levels = Array.from({ length: count }, (_, i): [number, number] => [prices[i]!, sizes[i]!]);
  return levels
    .filter(([, size]) => size >= DUST)
    .sort(([a], [b]) => (a - b) * sign)
    .slice(0, LEVELS);
}

const isSame = (ours: number | undefined, theirs: number): boolean =>
  ours !== undefined && Math.abs(ours - theirs) <= Math.max(SAME_SHARE * theirs, DUST);
