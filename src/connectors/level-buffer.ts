/** Price levels of one side of one frame, in typed arrays that are reused from frame to frame. */
export class LevelBuffer {
  readonly maxLevels: number;
  prices: Float64Array;
  sizes: Float64Array;
  count = 0;

  /** `maxLevels` bounds what one frame may carry per side. */
  constructor(maxLevels = 10_000) {
    this.maxLevels = maxLevels;
    this.prices = new Float64Array(64);
    this.sizes = new Float64Array(64);
  }

  clear(): void {
    this.count = 0;
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

  /** True when each price is above (1) or below (-1) the one before it. */
  isOrdered(direction: 1 | -1): boolean {
    for (let i = 1; i < this.count; i++)
      if (!((this.prices[i]! - this.prices[i - 1]!) * direction > 0)) return false;
    return true;
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
