import { ArbotError, invariant } from '../messages/errors.js';
import { asSorted, loaded } from './book-shape.js';
import { SortedHalf, type BookHalf } from './sorted-half.js';

/**
 * One order book in typed arrays; nothing is allocated per update. A side is a sorted array, or a tick window where the snapshot shows a
 * dense and deep book (`book-shape.ts`). Prices and sizes are float64; the exact text stays with the exchange.
 *
 * The book does not know protocols: continuity, checksums and ages are judged by its owner, which sets `trust`.
 */
export type BookTrust = 'empty' | 'syncing' | 'trusted' | 'untrusted';
export type BookSide = 'bid' | 'ask';

function isLevel(price: number, size: number): boolean {
  return price > 0 && price < Infinity && size >= 0 && size < Infinity;
}

function refuseLevel(price: number, size: number): never {
  throw new ArbotError('ARB_INVARIANT', `a level of price ${price} and size ${size} reached a book`);
}

function checkLevels(prices: Float64Array, sizes: Float64Array, count: number): void {
  for (let i = 0; i < count; i++) if (!isLevel(prices[i]!, sizes[i]!)) refuseLevel(prices[i]!, sizes[i]!);
}

export class OrderBook {
  private bids: BookHalf;
  private asks: BookHalf;
  private readonly sortedBids: SortedHalf;
  private readonly sortedAsks: SortedHalf;
  trust: BookTrust = 'empty';
  /** Last sequence number applied, by the exchange's own counting. */
  sequence = 0;

  /** `maxLevels` bounds each side; the worst levels fall out first. */
  constructor(maxLevels = 10_000) {
    invariant(Number.isInteger(maxLevels) && maxLevels > 0, 'a book keeps at least one level per side');
    this.sortedBids = new SortedHalf(1, maxLevels);
    this.sortedAsks = new SortedHalf(-1, maxLevels);
    this.bids = this.sortedBids;
    this.asks = this.sortedAsks;
  }

  clear(): void {
    this.bids.clear();
    this.asks.clear();
  }

  /**
   * Sets the absolute size of a level; 0 removes it. Price must be finite and above 0, size finite and not negative: the
   * decoder refuses the rest, and one NaN would break the order of the arrays, so that it is an invariant here.
   */
  setBid(price: number, size: number): void {
    if (!isLevel(price, size)) refuseLevel(price, size);
    if (this.bids.set(price, size)) return;
    this.bids = asSorted(this.bids, this.sortedBids);
    this.bids.set(price, size);
  }

  setAsk(price: number, size: number): void {
    if (!isLevel(price, size)) refuseLevel(price, size);
    if (this.asks.set(price, size)) return;
    this.asks = asSorted(this.asks, this.sortedAsks);
    this.asks.set(price, size);
  }

  /** As `setBid` for the first `count` levels of both arrays, in order. */
  setBids(prices: Float64Array, sizes: Float64Array, count: number): void {
    checkLevels(prices, sizes, count);
    const held = this.bids.setAll(prices, sizes, count);
    for (let i = held; i < count; i++) this.setBid(prices[i]!, sizes[i]!);
  }

  setAsks(prices: Float64Array, sizes: Float64Array, count: number): void {
    checkLevels(prices, sizes, count);
    const held = this.asks.setAll(prices, sizes, count);
    for (let i = held; i < count; i++) this.setAsk(prices[i]!, sizes[i]!);
  }

  /** Replaces one side, and chooses its structure; levels best first are taken in one copy. */
  loadBids(prices: Float64Array, sizes: Float64Array, count: number): void {
    checkLevels(prices, sizes, count);
    this.bids = loaded(this.bids, this.sortedBids, { prices, sizes, count });
  }

  loadAsks(prices: Float64Array, sizes: Float64Array, count: number): void {
    checkLevels(prices, sizes, count);
    this.asks = loaded(this.asks, this.sortedAsks, { prices, sizes, count });
  }

  get bidCount(): number {
    return this.bids.length;
  }

  get askCount(): number {
    return this.asks.length;
  }

  /** 0 when the side is empty. */
  get bestBid(): number {
    return this.bids.bestPrice;
  }

  get bestBidSize(): number {
    return this.bids.bestSize;
  }

  get bestAsk(): number {
    return this.asks.bestPrice;
  }

  get bestAskSize(): number {
    return this.asks.bestSize;
  }

  /** Crossed or locked: a state no exchange trades in, so the book is wrong. */
  get isCrossed(): boolean {
    const bid = this.bids.bestPrice;
    const ask = this.asks.bestPrice;
    return bid >= ask && bid > 0 && ask > 0;
  }

  /** Price of the n-th level, 0 = best; 0 beyond the end. */
  price(side: BookSide, level: number): number {
    return side === 'bid' ? this.bids.price(level) : this.asks.price(level);
  }

  size(side: BookSide, level: number): number {
    return side === 'bid' ? this.bids.size(level) : this.asks.size(level);
  }

  /** Copies up to `count` best levels to `prices` and `sizes` from `offset`; returns how many there were. */
  copyTop(side: BookSide, count: number, prices: Float64Array, sizes: Float64Array, offset: number): number {
    const half = side === 'bid' ? this.bids : this.asks;
    return half.copyTop(count, prices, sizes, offset);
  }
}
