/**
 * One side of a book. Levels are addressed by price; the side knows which prices are better (higher bids, lower asks). Prices are
 * above 0 and finite, sizes not negative and finite: the book's owner has checked both.
 */
export interface BookHalf {
  readonly length: number;
  /** 0 when the side is empty. */
  readonly bestPrice: number;
  readonly bestSize: number;
  /** Absolute size of a level; 0 removes it. False when this kind of side cannot hold the price: nothing has changed. */
  set(price: number, size: number): boolean;
  /** As `set` for each, in order. Answers how many were set before one that cannot be held; `count` when all were. */
  setAll(prices: Float64Array, sizes: Float64Array, count: number): number;
  clear(): void;
  /** Price of the n-th level, 0 = best; 0 beyond the end. */
  price(level: number): number;
  size(level: number): number;
  /** Copies up to `count` best levels to `prices` and `sizes` from `offset`; returns how many there were. */
  copyTop(count: number, prices: Float64Array, sizes: Float64Array, offset: number): number;
}

const INITIAL_LEVELS = 64;
/** Levels near the best that are probed before the binary search. */
const PROBES = 8;
/** Below this distance a loop moves levels faster than `copyWithin`, whose call alone costs some forty moves. */
const SHORT_MOVE = 48;
/** From so many levels in order on they are merged into the side, when this passes no more of its levels than so many for each. */
const MIN_MERGED = 4;
const MERGED_SHARE = 16;
/** Where a merge keeps the levels that it writes over; for all sides, which merge one after the other. */
let keptKeys = new Float64Array(INITIAL_LEVELS);
let keptSizes = new Float64Array(INITIAL_LEVELS);

/**
 * Ascending `keys`, where key = price for bids and −price for asks, so that the best is always last: most updates fall near the best
 * and then only a few slots move (PERFORMANCE §4).
 */
export class SortedHalf implements BookHalf {
  readonly sign: 1 | -1;
  readonly maxLevels: number;
  private keys = new Float64Array(INITIAL_LEVELS);
  private sizes = new Float64Array(INITIAL_LEVELS);
  length = 0;

  /** `sign` 1 for bids, −1 for asks. Beyond `maxLevels` the worst levels fall out. */
  constructor(sign: 1 | -1, maxLevels: number) {
    this.sign = sign;
    this.maxLevels = maxLevels;
  }

  get bestPrice(): number {
    return this.length === 0 ? 0 : this.sign * this.keys[this.length - 1]!;
  }

  get bestSize(): number {
    return this.length === 0 ? 0 : this.sizes[this.length - 1]!;
  }

  clear(): void {
    this.length = 0;
  }

  set(price: number, size: number): boolean {
    this.setKey(this.sign * price, size);
    return true;
  }

  setAll(prices: Float64Array, sizes: Float64Array, count: number): number {
    if (this.mergeAll(prices, sizes, count)) return count;
    for (let i = 0; i < count; i++) this.setKey(this.sign * prices[i]!, sizes[i]!);
    return count;
  }

  /**
   * Many levels that are strictly ordered best first, as most exchanges send them, in one pass from the worst of them to the best; where
   * each moved the levels behind it, a frame of forty would move them forty times. False when they are few, not ordered, or fewer
   * moves are to be had one by one; then nothing has changed.
   */
  private mergeAll(prices: Float64Array, sizes: Float64Array, count: number): boolean {
    const { sign, length } = this;
    // A full side drops its worst levels one by one.
    if (count < MIN_MERGED || length + count > this.maxLevels) return false;
    for (let i = 1; i < count; i++) if (!(sign * prices[i]! < sign * prices[i - 1]!)) return false;
    const from = this.find(sign * prices[count - 1]!);
    const kept = length - from;
    if (kept > count * MERGED_SHARE) return false;
    while (this.keys.length < length + count) this.grow();
    this.keep(from, kept);
    const { keys } = this;
    let out = from;
    let at = 0;
    for (let i = count - 1; i >= 0; i--) {
      const key = sign * prices[i]!;
      for (; at < kept && keptKeys[at]! < key; at++) {
        keys[out] = keptKeys[at]!;
        this.sizes[out++] = keptSizes[at]!;
      }
      if (at < kept && keptKeys[at] === key) at++;
      if (sizes[i] === 0) continue;
      keys[out] = key;
      this.sizes[out++] = sizes[i]!;
    }
    for (; at < kept; at++) {
      keys[out] = keptKeys[at]!;
      this.sizes[out++] = keptSizes[at]!;
    }
    this.length = out;
    return true;
  }

  private keep(from: number, count: number): void {
    if (keptKeys.length < count) {
      keptKeys = new Float64Array(count * 2);
      keptSizes = new Float64Array(count * 2);
    }
    const { keys, sizes } = this;
    for (let i = 0; i < count; i++) {
      keptKeys[i] = keys[from + i]!;
      keptSizes[i] = sizes[from + i]!;
    }
  }

  /**
   * Replaces everything by levels that are strictly ordered best first; those of size 0 do not count. False when they are not ordered:
   * the side is empty then.
   */
  load(prices: Float64Array, sizes: Float64Array, count: number): boolean {
    while (this.keys.length < count) this.grow();
    const { keys, sign } = this;
    // Backwards, so that the best of them is written last; the worst may prove to be too many.
    let length = 0;
    let last = -Infinity;
    this.length = 0;
    for (let i = count - 1; i >= 0; i--) {
      const key = sign * prices[i]!;
      if (!(key > last)) return false;
      last = key;
      if (sizes[i] === 0) continue;
      keys[length] = key;
      this.sizes[length++] = sizes[i]!;
    }
    this.length = length;
    if (length > this.maxLevels) this.dropWorst(length - this.maxLevels);
    return true;
  }

  dropWorst(count: number): void {
    this.keys.copyWithin(0, count, this.length);
    this.sizes.copyWithin(0, count, this.length);
    this.length -= count;
  }

  price(level: number): number {
    return level >= this.length ? 0 : this.sign * this.keys[this.length - 1 - level]!;
  }

  size(level: number): number {
    return level >= this.length ? 0 : this.sizes[this.length - 1 - level]!;
  }

  copyTop(count: number, prices: Float64Array, sizes: Float64Array, offset: number): number {
    const { keys, sign } = this;
    const levels = count < this.length ? count : this.length;
    for (let i = 0, at = this.length - 1; i < levels; i++, at--) {
      prices[offset + i] = sign * keys[at]!;
      sizes[offset + i] = this.sizes[at]!;
    }
    return levels;
  }

  private setKey(key: number, size: number): void {
    const at = this.find(key);
    const present = at < this.length && this.keys[at] === key;
    if (present) {
      if (size === 0) this.removeAt(at);
      else this.sizes[at] = size;
    } else if (size !== 0) {
      this.insertAt(at, key, size);
    }
  }

  /** First index whose key is not below `key`: probe the best, then binary search. */
  private find(key: number): number {
    const keys = this.keys;
    let high = this.length;
    const floor = high > PROBES ? high - PROBES : 0;
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

  private insertAt(at: number, key: number, size: number): void {
    if (this.length === this.maxLevels) {
      // Full: the worst level (index 0) makes room; a level worse than all of them is not kept.
      if (at === 0) return;
      this.dropWorst(1);
      at--;
    }
    if (this.length === this.keys.length) this.grow();
    const { keys, sizes, length } = this;
    if (length - at < SHORT_MOVE) {
      for (let i = length; i > at; i--) {
        keys[i] = keys[i - 1]!;
        sizes[i] = sizes[i - 1]!;
      }
    } else {
      keys.copyWithin(at + 1, at, length);
      sizes.copyWithin(at + 1, at, length);
    }
    keys[at] = key;
    sizes[at] = size;
    this.length = length + 1;
  }

  private removeAt(at: number): void {
    const { keys, sizes, length } = this;
    if (length - at < SHORT_MOVE) {
      for (let i = at + 1; i < length; i++) {
        keys[i - 1] = keys[i]!;
        sizes[i - 1] = sizes[i]!;
      }
    } else {
      keys.copyWithin(at, at + 1, length);
      sizes.copyWithin(at, at + 1, length);
    }
    this.length = length - 1;
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
