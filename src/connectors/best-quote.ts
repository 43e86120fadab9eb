import { BOARD_DEPTH, type QuoteBoard } from '../market/quote-board.js';
import type { OrderBook } from '../market/order-book.js';
import type { BestQuoteEvent } from './base.js';

/** The newest best quote of a symbol, from the exchange's fastest channel. */
export class BestQuote {
  valid = false;
  order = NaN;
  exchangeTimeMs = 0;
  bid = 0;
  bidSize = 0;
  ask = 0;
  askSize = 0;

  clear(): void {
    this.valid = false;
    this.order = NaN;
    this.exchangeTimeMs = 0;
  }

  /** Takes a quote unless it is older than the one held. An order that fell while time moved on is a restart. */
  take(event: BestQuoteEvent): boolean {
    if (this.valid && event.order < this.order && event.exchangeTimeMs <= this.exchangeTimeMs) return false;
    this.set(event.order, event.exchangeTimeMs, event.bid, event.bidSize, event.ask, event.askSize);
    return true;
  }

  /** The top of a level-1 book that is kept like any other book. */
  takeTop(book: OrderBook, order: number, exchangeTimeMs: number): void {
    this.set(order, exchangeTimeMs, book.bestBid, book.bestBidSize, book.bestAsk, book.bestAskSize);
  }

  private set(
    order: number,
    timeMs: number,
    bid: number,
    bidSize: number,
    ask: number,
    askSize: number,
  ): void {
    this.order = order;
    this.exchangeTimeMs = timeMs;
    this.bid = bid;
    this.bidSize = bidSize;
    this.ask = ask;
    this.askSize = askSize;
    // A one-sided or crossed quote cannot be laid over a book.
    this.valid = bid > 0 && ask > 0 && bidSize > 0 && askSize > 0 && bid < ask;
  }

  /** True when the quote is strictly newer than a book frame of this order, so that it may correct the book's top. */
  isNewerThan(order: number): boolean {
    return this.valid && this.order > order;
  }

  agreesWith(book: OrderBook): boolean {
    return (
      book.bestBid === this.bid &&
      book.bestBidSize === this.bidSize &&
      book.bestAsk === this.ask &&
      book.bestAskSize === this.askSize
    );
  }
}

/**
 * Lays a newer best quote over the published top of a book: levels better than the quote are gone, the quote's own level has
 * the quote's size, everything behind it stays as the depth channel said. Both sides together can then not cross.
 */
export function layOver(board: QuoteBoard, slot: number, quote: BestQuote): void {
  board.bidLevels[slot] = mergeSide(board.bidPrices, board.bidSizes, slot, board.bidLevels[slot]!, quote, 1);
  board.askLevels[slot] = mergeSide(board.askPrices, board.askSizes, slot, board.askLevels[slot]!, quote, -1);
}

/** `sign` 1: bids, where larger prices are better. Returns how many levels the side has afterwards. */
function mergeSide(
  prices: Float64Array,
  sizes: Float64Array,
  slot: number,
  levels: number,
  quote: BestQuote,
  sign: 1 | -1,
): number {
  const price = sign === 1 ? quote.bid : quote.ask;
  const offset = slot * BOARD_DEPTH;
  let better = 0;
  while (better < levels && (prices[offset + better]! - price) * sign > 0) better++;
  const present = better < levels && prices[offset + better] === price;
  const from = present ? better + 1 : better;
  const kept = Math.min(levels - from, BOARD_DEPTH - 1);
  // Most quotes change the best level only, which moves nothing.
  if (from !== 1) {
    prices.copyWithin(offset + 1, offset + from, offset + from + kept);
    sizes.copyWithin(offset + 1, offset + from, offset + from + kept);
  }
  prices[offset] = price;
  sizes[offset] = sign === 1 ? quote.bidSize : quote.askSize;
  return kept + 1;
}
