import type { SideView } from './optimal-size-fast.js';

/** Larger whole numbers are no exact float64 any more. */
const MOST_UNITS = 1e15;

/** One side of a book in whole units, read from the board level by level as far as it is asked for. */
export class WholeLevels {
  readonly prices: bigint[] = [];
  readonly sizes: bigint[] = [];
  /** A level that was asked for is no whole number of units. */
  isBroken = false;
  private side: SideView = { prices: new Float64Array(0), sizes: new Float64Array(0) };
  private at = 0;
  private count = 0;
  private priceScale = 1;
  private sizeScale = 1;

  /** Reads `count` levels from `at` on, in these units. */
  begin(side: SideView, at: number, count: number, priceScale: number, sizeScale: number): void {
    this.prices.length = 0;
    this.sizes.length = 0;
    this.isBroken = false;
    this.side = side;
    this.at = at;
    this.count = count;
    this.priceScale = priceScale;
    this.sizeScale = sizeScale;
  }

  /** Makes sure that level `index` is read; false where there is none. */
  has(index: number): boolean {
    if (index < this.prices.length) return true;
    if (index >= this.count || this.isBroken) return false;
    const price = unitsOf(this.side.prices[this.at + index]!, this.priceScale);
    const size = unitsOf(this.side.sizes[this.at + index]!, this.sizeScale);
    this.isBroken = price === null || size === null;
    if (price === null || size === null) return false;
    this.prices.push(BigInt(price));
    this.sizes.push(BigInt(size));
    return true;
  }
}

/** The whole number of units that a float64 stands for; null when it stands for something in between. */
function unitsOf(value: number, scale: number): number | null {
  const units = Math.round(value * scale);
  return units / scale === value && units <= MOST_UNITS ? units : null;
}
