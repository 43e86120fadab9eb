import { SortedHalf, type BookHalf } from './sorted-half.js';

/**
 * One side of a dense, deep book: sizes indexed by tick in a window around the best level, a bit per slot that has one, and a sorted
 * side for what is worse than the window. A change costs the same at any depth, where a sorted side moves levels; on full-depth
 * feeds nine of ten changes insert or delete far from the best (PERFORMANCE §4).
 *
 * Exact for prices that are a whole number of ticks: `price = ticks / scale` is one correctly rounded division, the same that read the
 * price. A price between ticks is refused, and the book goes over to a sorted side.
 */

/** The best level is put here, in quarters of the window: most levels are worse, and prices move both ways. */
const BEST_AT_QUARTER = 3;
/** Below this part of the window the best has moved so far that levels behind it would lie outside. */
const LOW_PART = 8;

export class TickWindow implements BookHalf {
  readonly scale: number;
  readonly slots: number;
  private readonly sign: 1 | -1;
  private readonly maxLevels: number;
  /** 0 = no level. A slot further is one tick better. */
  private readonly sizes: Float64Array;
  private readonly bits: Int32Array;
  /** Better-is-higher tick of slot 0. */
  private base = 0;
  /** Slot of the best level; -1 = none in the window, and then none at all. */
  private best = -1;
  private inside = 0;
  /** The level that was read last and its slot; -1 = the levels have changed since. */
  private readLevel = -1;
  private readSlot = -1;
  private readonly far: SortedHalf;

  /** `scale`: ticks per unit of price, a power of ten. `slots`: a power of two from 64. */
  constructor(sign: 1 | -1, maxLevels: number, scale: number, slots: number) {
    this.sign = sign;
    this.maxLevels = maxLevels;
    this.scale = scale;
    this.slots = slots;
    this.sizes = new Float64Array(slots);
    this.bits = new Int32Array(slots >> 5);
    this.far = new SortedHalf(sign, maxLevels);
  }

  get length(): number {
    return this.inside + this.far.length;
  }

  get bestPrice(): number {
    return this.best < 0 ? 0 : this.priceAt(this.best);
  }

  get bestSize(): number {
    return this.best < 0 ? 0 : this.sizes[this.best]!;
  }

  clear(): void {
    const { bits, sizes } = this;
    for (let word = 0; word < bits.length; word++) {
      for (let set = bits[word]!; set !== 0; set &= set - 1)
        sizes[(word << 5) | (31 - Math.clz32(set & -set))] = 0;
      bits[word] = 0;
    }
    this.far.clear();
    this.best = -1;
    this.inside = 0;
    this.readLevel = -1;
  }

  set(price: number, size: number): boolean {
    const { scale } = this;
    // Wraps beyond 2^31 ticks, and then differs from the price.
    const ticks = (price * scale + 0.5) | 0;
    if (ticks / scale !== price) return false;
    const slot = (this.sign * ticks - this.base) | 0;
    if (slot >= 0 && slot < this.slots && this.best >= 0) this.put(slot, size);
    else this.setOutside(slot, price, size);
    return true;
  }

  setAll(prices: Float64Array, sizes: Float64Array, count: number): number {
    for (let i = 0; i < count; i++) if (!this.set(prices[i]!, sizes[i]!)) return i;
    return count;
  }

  price(level: number): number {
    const slot = this.slotOf(level);
    return slot < 0 ? this.far.price(level - this.inside) : this.priceAt(slot);
  }

  size(level: number): number {
    const slot = this.slotOf(level);
    return slot < 0 ? this.far.size(level - this.inside) : this.sizes[slot]!;
  }

  copyTop(count: number, prices: Float64Array, sizes: Float64Array, offset: number): number {
    const { scale, sign, base, bits } = this;
    const inside = count < this.inside ? count : this.inside;
    let at = offset;
    const end = offset + inside;
    for (let word = this.best >> 5; at < end; word--) {
      let set = bits[word]!;
      while (set !== 0 && at < end) {
        const bit = 31 - Math.clz32(set);
        set &= ~(1 << bit);
        const slot = (word << 5) | bit;
        prices[at] = (sign * (slot + base)) / scale;
        sizes[at++] = this.sizes[slot]!;
      }
    }
    if (inside === count) return count;
    return inside + this.far.copyTop(count - inside, prices, sizes, end);
  }

  private put(slot: number, size: number): void {
    const word = slot >> 5;
    const mask = 1 << (slot & 31);
    if (size !== 0) {
      this.sizes[slot] = size;
      if ((this.bits[word]! & mask) !== 0) return;
      this.bits[word] = this.bits[word]! | mask;
      this.inside++;
      this.readLevel = -1;
      if (slot > this.best) this.best = slot;
      if (this.length > this.maxLevels) this.dropWorst();
    } else if ((this.bits[word]! & mask) !== 0) {
      this.sizes[slot] = 0;
      this.bits[word] = this.bits[word]! & ~mask;
      this.inside--;
      this.readLevel = -1;
      if (slot === this.best) this.bestRemoved();
    }
  }

  /** Above the window, below it, or while it is empty. */
  private setOutside(slot: number, price: number, size: number): void {
    if (this.best < 0) {
      if (size === 0) return;
      // Everything may lie anywhere: the window goes where the first level is.
      this.base = this.base + slot - (this.slots >> 2) * BEST_AT_QUARTER;
      this.put((this.slots >> 2) * BEST_AT_QUARTER, size);
    } else if (slot < 0) {
      this.far.set(price, size);
      if (this.length > this.maxLevels) this.dropWorst();
    } else if (size !== 0) {
      this.put(slot - this.moveTo(slot), size);
    }
  }

  private bestRemoved(): void {
    this.best = this.nextBelow(this.best);
    if (this.far.length === 0 || this.best >= this.slots / LOW_PART) return;
    if (this.best >= 0) this.moveTo(this.best);
    else this.moveTo((this.sign * Math.round(this.far.bestPrice * this.scale) - this.base) | 0);
  }

  /** Moves the window so that this slot, better than or equal to the best, lies where the best should. Rare. Answers the distance. */
  private moveTo(slot: number): number {
    const distance = slot - (this.slots >> 2) * BEST_AT_QUARTER;
    const levels = this.length;
    const prices = new Float64Array(levels);
    const sizes = new Float64Array(levels);
    this.copyTop(levels, prices, sizes, 0);
    this.clear();
    this.base += distance;
    // Worst first: each goes behind the one before, inside as well as outside.
    for (let i = levels - 1; i >= 0; i--) {
      const target = this.sign * Math.round(prices[i]! * this.scale) - this.base;
      if (target < 0) this.far.set(prices[i]!, sizes[i]!);
      else this.put(target, sizes[i]!);
    }
    return distance;
  }

  private dropWorst(): void {
    if (this.far.length > 0) return this.far.dropWorst(1);
    let word = 0;
    while (this.bits[word] === 0) word++;
    const set = this.bits[word]!;
    this.put((word << 5) | (31 - Math.clz32(set & -set)), 0);
  }

  /** Slot of the n-th best level; -1 when it is not inside. Levels read in order cost one step each. */
  private slotOf(level: number): number {
    if (level >= this.inside) return -1;
    let slot = this.readSlot;
    let at = this.readLevel;
    if (at < 0 || level < at) {
      slot = this.best;
      at = 0;
    }
    for (; at < level; at++) slot = this.nextBelow(slot);
    this.readLevel = level;
    this.readSlot = slot;
    return slot;
  }

  /** The best level worse than this slot; -1 = none. */
  private nextBelow(slot: number): number {
    let word = slot >> 5;
    let set = this.bits[word]! & ((1 << (slot & 31)) - 1);
    while (set === 0) {
      if (--word < 0) return -1;
      set = this.bits[word]!;
    }
    return (word << 5) | (31 - Math.clz32(set));
  }

  private priceAt(slot: number): number {
    return (this.sign * (slot + this.base)) / this.scale;
  }
}
