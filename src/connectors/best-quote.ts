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

/**
 * As `layOver`, where the slot shows this book, with an older quote over it or none. A side whose best price is the quote's keeps its
 * levels, which are those of the book that are worse; only the size is new. That is most quotes, and spares copying the book.
 */
export function layOverAgain(board: QuoteBoard, slot: number, book: OrderBook, quote: BestQuote): void {
  const at = slot * BOARD_DEPTH;
  if (board.bidLevels[slot]! > 0 && board.bidPrices[at] === quote.bid) {
    board.bidSizes[at] = quote.bidSize;
  } else {
    const levels = book.copyTop('bid', BOARD_DEPTH, board.bidPrices, board.bidSizes, at);
    board.bidLevels[slot] = mergeSide(board.bidPrices, board.bidSizes, slot, levels, quote, 1);
  }
  if (board.askLevels[slot]! > 0 && board.askPrices[at] === quote.ask) {
    board.askSizes[at] = quote.askSize;
  } else {
    const levels = book.copyTop('ask', BOARD_DEPTH, board.askPrices, board.askSizes, at);
    board.askLevels[slot] = mergeSide(board.askPrices, board.askSizes, slot, levels, quote, -1);
  }
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
  if (from === 0) {
    for (let at = offset + kept; at > offset; at--) {
      prices[at] = prices[at - 1]!;
      sizes[at] = sizes[at - 1]!;
    }
  } else if (from !== 1) {
    for (let at = offset + 1; at <= offset + kept; at++) {
      prices[at] = prices[at + from - 1]!;
      sizes[at] = sizes[at + from - 1]!;
    }
  }
  prices[offset] = price;
  sizes[offset] = sign === 1 ? quote.bidSize : quote.askSize;
  return kept + 1;
}
