import { Decimal, ZERO } from '../market/decimal.js';

/** What was acquired of one asset and is still there, over all accounts, and what it cost. */

/** `fifo`: the oldest lot goes first. `average`: everything held costs the same per unit. */
export type CostBasis = 'fifo' | 'average';

export interface Lot {
  readonly quantity: Decimal;
  /** In the reporting currency, fees included; null = not known. */
  readonly cost: Decimal | null;
  readonly acquiredAtMs: number;
  /** Where it came from, for the reader of an unknown cost. */
  readonly source: string;
}

/** A part of what was taken out. The parts of one taking sum up to its quantity, exactly. */
export interface Taken {
  readonly quantity: Decimal;
  readonly cost: Decimal | null;
  /** Null when it belongs to no single lot. */
  readonly acquiredAtMs: number | null;
  readonly source: string;
}

export interface Holding {
  /** Everything acquired less everything taken; below 0 when more was taken. */
  readonly quantity: Decimal;
  acquire(lot: Lot): void;
  /** `quantity` above 0. What is not there is taken at an unknown cost. */
  take(quantity: Decimal): Taken[];
  /** What is left, oldest first. */
  residual(): Taken[];
}

export const openHolding = (basis: CostBasis): Holding =>
  basis === 'fifo' ? new FifoHolding() : new AverageHolding();

const NOTHING_LEFT = 'more disposed of than acquired';
const COST_DIGITS = 20;

/** The part of a sum that goes with a part of a quantity, cut at the twentieth decimal; the rest stays, so that nothing is lost. */
export function proRata(total: Decimal, part: Decimal, whole: Decimal): Decimal {
  return part.eq(whole)
    ? total
    : total.times(part).div(whole).toDecimalPlaces(COST_DIGITS, Decimal.ROUND_DOWN);
}

/** What was taken without being there: the next acquisitions fill it first, at the cost they had. */
class Shortage {
  quantity = ZERO;

  add(quantity: Decimal): Taken[] {
    if (quantity.isZero()) return [];
    this.quantity = this.quantity.plus(quantity);
    return [{ quantity, cost: null, acquiredAtMs: null, source: NOTHING_LEFT }];
  }

  /** What is left of a lot after it. */
  fill(lot: Lot): Lot | null {
    const covered = Decimal.min(lot.quantity, this.quantity);
    this.quantity = this.quantity.minus(covered);
    const quantity = lot.quantity.minus(covered);
    if (quantity.isZero()) return null;
    return { ...lot, quantity, cost: lot.cost === null ? null : proRata(lot.cost, quantity, lot.quantity) };
  }
}

class FifoHolding implements Holding {
  private lots: Lot[] = [];
  private first = 0;
  private held = ZERO;
  private readonly shortage = new Shortage();

  get quantity(): Decimal {
    return this.held.minus(this.shortage.quantity);
  }

  acquire(lot: Lot): void {
    const left = this.shortage.fill(lot);
    if (left === null) return;
    this.lots.push(left);
    this.held = this.held.plus(left.quantity);
  }

  take(quantity: Decimal): Taken[] {
    const parts: Taken[] = [];
    let wanted = quantity;
    while (wanted.gt(0) && this.first < this.lots.length) {
      const part = this.takeFromFirst(wanted);
      parts.push(part);
      wanted = wanted.minus(part.quantity);
    }
    this.held = this.held.minus(quantity.minus(wanted));
    if (this.first > 1_024 && this.first * 2 > this.lots.length) {
      this.lots = this.lots.slice(this.first);
      this.first = 0;
    }
    return [...parts, ...this.shortage.add(wanted)];
  }

  private takeFromFirst(wanted: Decimal): Taken {
    const lot = this.lots[this.first]!;
    if (lot.quantity.lte(wanted)) {
      this.first++;
      return lot;
    }
    const cost = lot.cost === null ? null : proRata(lot.cost, wanted, lot.quantity);
    this.lots[this.first] = {
      ...lot,
      quantity: lot.quantity.minus(wanted),
      cost: lot.cost === null || cost === null ? null : lot.cost.minus(cost),
    };
    return { ...lot, quantity: wanted, cost };
  }

  residual(): Taken[] {
    return this.lots.slice(this.first);
  }
}

/** Lots without a known cost stay apart from the average, and are taken in their share of what is held. */
class AverageHolding implements Holding {
  private known = ZERO;
  private cost = ZERO;
  private unknown = ZERO;
  private source = '';
  private readonly shortage = new Shortage();

  get quantity(): Decimal {
    return this.known.plus(this.unknown).minus(this.shortage.quantity);
  }

  acquire(lot: Lot): void {
    const left = this.shortage.fill(lot);
    if (left === null) return;
    if (left.cost === null) {
      this.unknown = this.unknown.plus(left.quantity);
      this.source = left.source;
    } else {
      this.known = this.known.plus(left.quantity);
      this.cost = this.cost.plus(left.cost);
    }
  }

  take(quantity: Decimal): Taken[] {
    const held = this.known.plus(this.unknown);
    const taken = Decimal.min(quantity, held);
    const unpriced = held.isZero()
      ? ZERO
      : Decimal.min(taken.minus(proRata(taken, this.known, held)), this.unknown);
    const parts = this.parts(taken.minus(unpriced), unpriced);
    this.known = this.known.minus(taken.minus(unpriced));
    this.unknown = this.unknown.minus(unpriced);
    for (const { cost } of parts) if (cost !== null) this.cost = this.cost.minus(cost);
    return [...parts, ...this.shortage.add(quantity.minus(taken))];
  }

  private parts(priced: Decimal, unpriced: Decimal): Taken[] {
    const parts: Taken[] = [];
    if (priced.gt(0))
      parts.push({
        quantity: priced,
        cost: proRata(this.cost, priced, this.known),
        acquiredAtMs: null,
        source: '',
      });
    if (unpriced.gt(0))
      parts.push({ quantity: unpriced, cost: null, acquiredAtMs: null, source: this.source });
    return parts;
  }

  residual(): Taken[] {
    return this.parts(this.known, this.unknown);
  }
}
