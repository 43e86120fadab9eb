const NO_SEQUENCES = new Float64Array(0);

/** Price levels of one side of one frame, in typed arrays that are reused from frame to frame. */
export class LevelBuffer {
  readonly maxLevels: number;
  prices: Float64Array;
  sizes: Float64Array;
  /** The exchange's number of each change; of use only while `numbered`. */
  sequences: Float64Array = NO_SEQUENCES;
  /** True when every level came with a number of its own. */
  numbered = false;
  count = 0;

  /** `maxLevels` bounds what one frame may carry per side. */
  constructor(maxLevels = 10_000) {
    this.maxLevels = maxLevels;
    this.prices = new Float64Array(64);
    this.sizes = new Float64Array(64);
  }

  clear(): void {
    this.count = 0;
    this.numbered = false;
  }

  /** Appends one level. Price above 0, size not negative: the reader has checked both. */
  add(price: number, size: number): void {
    if (this.count === this.prices.length) this.grow();
    this.prices[this.count] = price;
    this.sizes[this.count] = size;
    this.count++;
  }

  /** Makes place for one more level at `count`; false when the frame has too many. */
  hasRoom(): boolean {
    if (this.count < this.prices.length) return true;
    if (this.count >= this.maxLevels) return false;
    this.grow();
    return true;
  }

  /** Appends a change that has a number of its own; a buffer holds only such changes, or none. */
  addNumbered(price: number, size: number, sequence: number): void {
    this.add(price, size);
    this.count--;
    this.keepNumbered(sequence);
  }

  /** Keeps what was written at `count` as a change with this number. */
  keepNumbered(sequence: number): void {
    if (this.sequences.length < this.prices.length) this.growSequences();
    this.sequences[this.count++] = sequence;
    this.numbered = true;
  }

  /** Puts numbered changes into the order in which they happened, so that of one price the last one holds. */
  orderBySequence(): void {
    const { prices, sizes, sequences, count } = this;
    let ordered = true;
    for (let i = 1; i < count && ordered; i++) ordered = sequences[i]! >= sequences[i - 1]!;
    if (ordered) return;
    const order = Array.from({ length: count }, (_, i) => i).sort((a, b) => sequences[a]! - sequences[b]!);
    for (const array of [prices, sizes, sequences]) {
      const before = array.slice(0, count);
      for (let i = 0; i < count; i++) array[i] = before[order[i]!]!;
    }
  }

  /** Leaves only numbered changes above this number. */
  skipUpTo(sequence: number): void {
    const { prices, sizes, sequences } = this;
    let kept = 0;
    for (let i = 0; i < this.count; i++) {
      if (!(sequences[i]! > sequence)) continue;
      prices[kept] = prices[i]!;
      sizes[kept] = sizes[i]!;
      sequences[kept++] = sequences[i]!;
    }
    this.count = kept;
  }

  /** Copies all columns to `into` from `start`; answers where they end. */
  write(into: Float64Array, start: number): number {
    const { prices, sizes, sequences, count } = this;
    for (let i = 0; i < count; i++) {
      into[start + i] = prices[i]!;
      into[start + count + i] = sizes[i]!;
    }
    if (!this.numbered) return start + 2 * count;
    for (let i = 0; i < count; i++) into[start + 2 * count + i] = sequences[i]!;
    return start + 3 * count;
  }

  /** Takes `count` levels back from what `write` wrote; answers where they end. */
  read(from: Float64Array, start: number, count: number, numbered: boolean): number {
    this.clear();
    while (this.prices.length < count) this.grow();
    for (let i = 0; i < count; i++) {
      this.prices[i] = from[start + i]!;
      this.sizes[i] = from[start + count + i]!;
    }
    this.count = count;
    if (!numbered) return start + 2 * count;
    if (this.sequences.length < this.prices.length) this.growSequences();
    for (let i = 0; i < count; i++) this.sequences[i] = from[start + 2 * count + i]!;
    this.numbered = true;
    return start + 3 * count;
  }

  private growSequences(): void {
    const sequences = new Float64Array(this.prices.length);
    sequences.set(this.sequences);
    this.sequences = sequences;
  }

  private grow(): void {
    const length = Math.min(this.prices.length * 4, this.maxLevels);
    const prices = new Float64Array(length);
    const sizes = new Float64Array(length);
    prices.set(this.prices);
    sizes.set(this.sizes);
    this.prices = prices;
    this.sizes = sizes;
  }
}
