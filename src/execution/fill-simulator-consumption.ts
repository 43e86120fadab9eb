import type { Side } from '../messages/primitives.js';
import { type Decimal, ZERO } from '../market/decimal.js';

/** [price, quantity] */
export type SimulatedLevel = readonly [price: Decimal, quantity: Decimal];

interface Consumed {
  readonly displayed: Decimal;
  taken: Decimal;
}

/**
 * What our own orders took from displayed liquidity that the real market still shows, since it never saw them. It persists
 * while the displayed size is unchanged and is forgotten when the size changes or the level leaves (reference §4). Bounded
 * by the levels of the current book.
 */
export class OwnConsumption {
  private readonly bySide = { buy: new Map<string, Consumed>(), sell: new Map<string, Consumed>() };
  private displayed: Record<Side, ReadonlyMap<string, Decimal>> = { buy: new Map(), sell: new Map() };

  /** Taker buys consume asks, sells consume bids. */
  onBook(asks: readonly SimulatedLevel[], bids: readonly SimulatedLevel[]): void {
    this.displayed = { buy: sizesByPrice(asks), sell: sizesByPrice(bids) };
    for (const side of ['buy', 'sell'] as const) {
      for (const [price, consumed] of this.bySide[side]) {
        const now = this.displayed[side].get(price);
        if (now === undefined || !now.equals(consumed.displayed)) this.bySide[side].delete(price);
      }
    }
  }

  /** Already taken by our orders of this side at this price. */
  at(side: Side, price: Decimal): Decimal {
    return this.bySide[side].get(price.toString())?.taken ?? ZERO;
  }

  add(side: Side, price: Decimal, quantity: Decimal): void {
    const key = price.toString();
    const consumed = this.bySide[side].get(key);
    if (consumed !== undefined) {
      consumed.taken = consumed.taken.plus(quantity);
      return;
    }
    this.bySide[side].set(key, { displayed: this.displayed[side].get(key) ?? ZERO, taken: quantity });
  }
}

function sizesByPrice(levels: readonly SimulatedLevel[]): Map<string, Decimal> {
  return new Map(levels.map(([price, size]) => [price.toString(), size]));
}
