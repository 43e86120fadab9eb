import { ArbotError, invariant } from '../messages/errors.js';

/**
 * One order book in typed arrays. Levels are kept sorted with the best LAST, because most updates fall near the best and
 * then only a few slots move (PERFORMANCE §4). Prices and sizes are float64; the exact text stays with the exchange.
 *
 * The book does not know protocols: continuity, checksums and ages are judged by its owner, which sets `trust`.
 */
export type BookTrust = 'empty' | 'syncing' | 'trusted' | 'untrusted';
export type BookSide = 'bid' | 'ask';

const INITIAL_LEVELS = 64;

function isLevel(price: number, size: number): boolean {
  return price > 0 && price < Infinity && size >= 0 && size < Infinity;
}

function refuseLevel(price: number, size: number): never {
  throw new ArbotError('ARB_INVARIANT', `a level of price ${price} and size ${size} reached a book`);
}

/** One side: ascending `keys`, where key = price for bids and −price for asks, so that the best is always last. */
class Half {
  keys = new Float64Array(INITIAL_LEVELS);
  sizes = new Float64Array(INITIAL_LEVELS);
  length = 0;

  set(key: number, size: number, maxLevels: number): void {
    const at = this.find(key);
    const present = at < this.length && this.keys[at] === key;
    if (size === 0) {
      if (present) this.removeAt(at);
    } else if (present) {
      this.sizes[at] = size;
    } else {
      this.insertAt(at, key, size, maxLevels);
    }
  }

  /** First index whose key is not below `key`: probe the best eight, then binary search. */
  private find(key: number): number {
    const keys = this.keys;
    let high = this.length;
    const floor = high > 8 ? high - 8 : 0;
    while (high > floor && keys[high - 1]! >= key) high--;
    if (high > floor || floor === 0) return high;
    let low = 0;
    while (low < high) {
      const mid = (low + high) >>> 1;
      if (keys[mid]! < key) low = mid + 1;
      else high = mid;
    }
    return low;
  }

  private insertAt(at: number, key: number, size: number, maxLevels: number): void {
    if (this.length === maxLevels) {
      // Full: the worst level (index 0) makes room; a level worse than all of them is not kept.
      if (at === 0) return;
      this.keys.copyWithin(0, 1, at);
      this.sizes.copyWithin(0, 1, at);
      this.keys[at - 1] = key;
      this.sizes[at - 1] = size;
      return;
    }
    if (this.length === this.keys.length) this.grow();
    this.keys.copyWithin(at + 1, at, this.length);
    this.sizes.copyWithin(at + 1, at, this.length);
    this.keys[at] = key;
    this.sizes[at] = size;
    this.length++;
  }

  private removeAt(at: number): void {
    this.keys.copyWithin(at, at + 1, this.length);
    this.sizes.copyWithin(at, at + 1, this.length);
    this.length--;
  }

  private grow(): void {
    const keys = new Float64Array(this.keys.length * 2);
    const sizes = new Float64Array(this.sizes.length * 2);
    keys.set(this.keys);
    sizes.set(this.sizes);
    this.keys = keys;
    this.sizes = sizes;
  }
}

export class OrderBook {
  private readonly bids = new Half();
  private readonly asks = new Half();
  private readonly maxLevels: number;
  trust: BookTrust = 'empty';
  /** Last sequence number applied, by the exchange's own counting. */
  sequence = 0;

  /** `maxLevels` bounds each side; the worst levels fall out first. */
  constructor(maxLevels = 10_000) {
    invariant(Number.isInteger(maxLevels) && maxLevels > 0, 'a book keeps at least one level per side');
    this.maxLevels = maxLevels;
  }

  clear(): void {
    this.bids.length = 0;
    this.asks.length = 0;
  }

  /**
   * Sets the absolute size of a level; 0 removes it. Price must be finite and above 0, size finite and not negative: the
   * decoder refuses the rest, and one NaN would break the order of the arrays, so that it is an invariant here.
   */
  setBid(price: number, size: number): void {
    if (!isLevel(price, size)) refuseLevel(price, size);
    this.bids.set(price, size, this.maxLevels);
  }

  setAsk(price: number, size: number): void {
    if (!isLevel(price, size)) refuseLevel(price, size);
    this.asks.set(-price, size, this.maxLevels);
  }

  get bidCount(): number {
    return this.bids.length;
  }

  get askCount(): number {
    return this.asks.length;
  }

  /** 0 when the side is empty. */
  get bestBid(): number {
    return this.bids.length === 0 ? 0 : this.bids.keys[this.bids.length - 1]!;
  }

  get bestBidSize(): number {
    return this.bids.length === 0 ? 0 : this.bids.sizes[this.bids.length - 1]!;
  }

  get bestAsk(): number {
    return this.asks.length === 0 ? 0 : -this.asks.keys[this.asks.length - 1]!;
  }

  get bestAskSize(): number {
    return this.asks.length === 0 ? 0 : this.asks.sizes[this.asks.length - 1]!;
  }

  /** Crossed or locked: a state no exchange trades in, so the book is wrong. */
  get isCrossed(): boolean {
    return this.bids.length > 0 && this.asks.length > 0 && this.bestBid >= this.bestAsk;
  }

  /** Price of the n-th level, 0 = best; 0 beyond the end. */
  price(side: BookSide, level: number): number {
    const half = side === 'bid' ? this.bids : this.asks;
    if (level >= half.length) return 0;
    const key = half.keys[half.length - 1 - level]!;
    return side === 'bid' ? key : -key;
  }

  size(side: BookSide, level: number): number {
    const half = side === 'bid' ? this.bids : this.asks;
    return level >= half.length ? 0 : half.sizes[half.length - 1 - level]!;
  }

  /** Copies up to `count` best levels to `prices` and `sizes` from `offset`; returns how many there were. */
  copyTop(side: BookSide, count: number, prices: Float64Array, sizes: Float64Array, offset: number): number {
    const half = side === 'bid' ? this.bids : this.asks;
    const sign = side === 'bid' ? 1 : -1;
    const levels = count < half.length ? count : half.length;
    for (let i = 0, at = half.length - 1; i < levels; i++, at--) {
      prices[offset + i] = sign * half.keys[at]!;
      sizes[offset + i] = half.sizes[at]!;
    }
    return levels;
  }
}
