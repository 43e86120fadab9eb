import { invariant } from '../../messages/errors.js';

/**
 * Mid prices of several markets on one grid of time: bar n is what a market showed at (n + 1) · barMs. A bar in which a market showed nothing that may be
 * used is a gap and stays one; only where a whole window is asked for, gaps are bridged by the price before them, up to a share.
 */
export class MidBars {
  readonly barMs: number;
  readonly window: number;
  /** By market, a ring of logarithms; NaN = gap. */
  private readonly rings: Float64Array[];
  private readonly known: Int32Array;
  private newestBar = -1;

  constructor(markets: number, options: { readonly barMs: number; readonly window: number }) {
    invariant(options.barMs > 0 && options.window > 1, 'bars have a length and a window');
    this.barMs = options.barMs;
    this.window = options.window;
    this.rings = Array.from({ length: markets }, () => new Float64Array(options.window).fill(NaN));
    this.known = new Int32Array(markets);
  }

  /** The newest bar that is over at this time. */
  lastOver(nowMs: number): number {
    return Math.floor(nowMs / this.barMs) - 1;
  }

  get newest(): number {
    return this.newestBar;
  }

  /** When a bar ended, Unix ms. */
  endMs(bar: number): number {
    return (bar + 1) * this.barMs;
  }

  /** Begins a newer bar; what lies between it and the one before are gaps. False = it is not newer. */
  open(bar: number): boolean {
    if (bar <= this.newestBar) return false;
    const from = Math.max(this.newestBar + 1, bar - this.window + 1);
    for (let gap = from; gap <= bar; gap++)
      for (let at = 0; at < this.rings.length; at++) this.put(at, gap, NaN);
    this.newestBar = bar;
    return true;
  }

  /** The mid of a market in the newest bar; anything but a price above 0 is a gap. */
  set(market: number, mid: number): void {
    this.put(market, this.newestBar, mid > 0 ? Math.log(mid) : NaN);
  }

  /** A mid from before, where nothing is known; others are ignored. */
  fill(market: number, bar: number, mid: number): void {
    const isWithin = bar <= this.newestBar && bar > this.newestBar - this.window;
    if (isWithin && mid > 0 && Number.isNaN(this.at(market, bar))) this.put(market, bar, Math.log(mid));
  }

  /** Logarithm of a mid; NaN = a gap. */
  at(market: number, bar: number): number {
    return this.rings[market]![bar % this.window]!;
  }

  /** Bars of the window in which this market showed a price. */
  count(market: number): number {
    return this.known[market]!;
  }

  /** The whole window, oldest first, gaps bridged; null while more than `maxGapShare` of it is missing. */
  logPrices(market: number, maxGapShare: number): Float64Array | null {
    const { window } = this;
    if (this.count(market) < Math.ceil((1 - maxGapShare) * window)) return null;
    const first = this.newestBar - window + 1;
    const ring = this.rings[market]!;
    const turn = first % window;
    const prices = new Float64Array(window);
    prices.set(ring.subarray(turn));
    prices.set(ring.subarray(0, turn), window - turn);
    // A window that begins with a gap begins with the first price after it.
    const begin = prices.findIndex(Number.isFinite);
    prices.fill(prices[begin]!, 0, begin);
    for (let at = begin + 1; at < window; at++) if (Number.isNaN(prices[at])) prices[at] = prices[at - 1]!;
    return prices;
  }

  private put(market: number, bar: number, logPrice: number): void {
    const ring = this.rings[market]!;
    const at = bar % this.window;
    this.known[market]! += Number(!Number.isNaN(logPrice)) - Number(!Number.isNaN(ring[at]));
    ring[at] = logPrice;
  }
}
