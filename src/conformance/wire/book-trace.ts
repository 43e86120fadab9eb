import { createHash, type Hash } from 'node:crypto';
import { plainText } from '../../connectors/level-texts.js';
import type { BookSide, OrderBook } from '../../market/order-book.js';

/** The best prices of a book after each applied frame, as the answers hash them. */
export class BookTrace {
  private readonly hash: Hash = createHash('sha256');
  private readonly head: string[] = [];
  private lines = 0;
  private last = '';
  firstFrame = -1;
  lastFrame = -1;

  add(frame: number, book: OrderBook): void {
    if (this.firstFrame < 0) this.firstFrame = frame;
    this.lastFrame = frame;
    if (book.bidCount === 0 || book.askCount === 0) return;
    this.last = `${frame},${topText(book)}`;
    this.hash.update(`${this.last}\n`);
    if (this.head.length < 3) this.head.push(this.last);
    this.lines++;
  }

  /** Ends the trace. */
  describe(): Record<string, unknown> {
    return {
      firstFrame: this.firstFrame,
      lastFrame: this.lastFrame,
      bboTraceLines: this.lines,
      bboTraceSha256: this.hash.digest('hex'),
      bboTraceHead: this.head,
      bboTraceLast: this.last,
    };
  }
}

/** `bidPx,bidQty,askPx,askQty` in plain notation. */
export function topText(book: OrderBook): string {
  return [book.bestBid, book.bestBidSize, book.bestAsk, book.bestAskSize].map(plainText).join(',');
}

/** The best levels of a side as `[price, size]` in plain notation. */
export function topLevels(book: OrderBook, side: BookSide, count: number): string[][] {
  const present = Math.min(count, side === 'bid' ? book.bidCount : book.askCount);
  return Array.from({ length: present }, (_, level) => [
    plainText(book.price(side, level)),
    plainText(book.size(side, level)),
  ]);
}
