import { Decimal } from 'decimal.js';
import type { PlannedLeg } from '../../src/messages/signal.js';
import type { Listing } from '../../src/simulator/listings.js';

/** What a cycle of orders gives on books, by arithmetic of its own: nothing here is the detector's. */

export const Exact = Decimal.clone({ precision: 60 });

/** One trade of a cycle with the side of the book that it takes from, best first. */
export interface CycleLeg {
  readonly side: PlannedLeg['side'];
  /** Taker fee, out of what is bought or sold for, or on top of what is paid. */
  readonly fee: Decimal;
  readonly isFeeOfBase: boolean;
  readonly levels: readonly (readonly [price: Decimal, size: Decimal])[];
  readonly listing: Listing;
}

export interface Step {
  readonly quantity: Decimal;
  readonly used: Decimal;
  readonly received: Decimal;
}

/** Quote of the first so much of a side; null where it is thinner. */
function quoteOf({ levels }: CycleLeg, quantity: Decimal): Decimal | null {
  let [left, quote] = [quantity, new Exact(0)];
  for (const [price, size] of levels) {
    const taken = Exact.min(left, size);
    quote = quote.plus(taken.times(price));
    left = left.minus(taken);
    if (left.isZero()) return quote;
  }
  return null;
}

/** Null where the book is thinner. */
export function stepOf(leg: CycleLeg, quantity: Decimal): Step | null {
  const quote = quoteOf(leg, quantity);
  if (quote === null) return null;
  const { side, fee, isFeeOfBase } = leg;
  if (side === 'sell') return { quantity, used: quantity, received: quote.times(new Exact(1).minus(fee)) };
  return isFeeOfBase
    ? { quantity, used: quote, received: quantity.times(new Exact(1).minus(fee)) }
    : { quantity, used: quote.times(fee.plus(1)), received: quantity };
}

/** The most lots that so much pays for. */
function mostLots(leg: CycleLeg, amount: Decimal): Decimal {
  const { side, fee, isFeeOfBase, levels, listing } = leg;
  const lot = new Exact(listing.lot.text);
  if (side === 'sell') return amount.div(lot).floor();
  let [left, base] = [isFeeOfBase ? amount : amount.div(fee.plus(1)), new Exact(0)];
  for (const [price, size] of levels) {
    const taken = Exact.min(size, left.div(price));
    base = base.plus(taken);
    left = left.minus(taken.times(price));
    if (!left.gt(0)) break;
  }
  // A division may have lost the last digit of an exact multiple.
  const near = base.div(lot).floor();
  const above = stepOf(leg, near.plus(1).times(lot));
  return above !== null && above.used.lte(amount) ? near.plus(1) : near;
}

/** Whether an exchange takes an order of so many base. */
function isAllowed({ listing }: CycleLeg, { quantity, used, received }: Step, isBuy: boolean): boolean {
  const worth = isBuy ? used : received;
  return quantity.div(listing.lot.text).gte(listing.minLots) && worth.gte(listing.minNotional);
}

/** Each order as large as the one before pays for; null where one does not fit. */
export function fillForward(legs: readonly CycleLeg[], firstLots: number): readonly Step[] | null {
  const steps: Step[] = [];
  for (const leg of legs) {
    const before = steps.at(-1);
    const lots = before === undefined ? new Exact(firstLots) : mostLots(leg, before.received);
    const step = lots.gt(0) ? stepOf(leg, lots.times(leg.listing.lot.text)) : null;
    if (step === null || !isAllowed(leg, step, leg.side === 'buy')) return null;
    steps.push(step);
  }
  return steps;
}

/** The same in float64, for searching; −Infinity where it does not fit. Spent is written to `spent[0]`. */
export function earnedForward(legs: readonly FloatLeg[], firstLots: number, costRate: number): number {
  let [amount, spent] = [0, 0];
  for (const [at, leg] of legs.entries()) {
    const quantity = at === 0 ? firstLots * leg.lot : affordable(leg, amount);
    const quote = floatQuote(leg, quantity);
    if (!(quantity > 0) || !(quote > 0)) return -Infinity;
    if (at === 0) spent = leg.isBuy ? quote * leg.spend : quantity;
    amount = leg.isBuy ? quantity * leg.keep : quote * leg.yields;
  }
  return amount - spent * (1 + costRate);
}

export interface FloatLeg {
  readonly isBuy: boolean;
  readonly lot: number;
  readonly spend: number;
  readonly keep: number;
  readonly yields: number;
  readonly levels: readonly (readonly [number, number])[];
}

export function floatLeg({ side, fee, isFeeOfBase, levels, listing }: CycleLeg): FloatLeg {
  const rate = fee.toNumber();
  return {
    isBuy: side === 'buy',
    lot: listing.lot.value,
    spend: isFeeOfBase ? 1 : 1 + rate,
    keep: isFeeOfBase ? 1 - rate : 1,
    yields: 1 - rate,
    levels: levels.map(([price, size]) => [price.toNumber(), size.toNumber()]),
  };
}

function affordable({ isBuy, lot, spend, levels }: FloatLeg, amount: number): number {
  let [left, base] = [isBuy ? amount / spend : amount, 0];
  for (const [price, size] of levels) {
    const taken = Math.min(size, isBuy ? left / price : left);
    base += taken;
    left -= isBuy ? taken * price : taken;
    if (!(left > 0)) break;
  }
  return Math.floor(base / lot + 1e-9) * lot;
}

function floatQuote({ levels }: FloatLeg, quantity: number): number {
  let [left, quote] = [quantity, 0];
  for (const [price, size] of levels) {
    const taken = Math.min(left, size);
    quote += taken * price;
    left -= taken;
    if (left <= quantity * 1e-12) return quote;
  }
  return NaN;
}
