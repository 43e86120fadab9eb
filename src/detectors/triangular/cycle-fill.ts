import { BPS, Decimal, floorToStep, ONE, ZERO } from '../../market/decimal.js';
import { buyFactor, effectiveRate, sellFactor, type Fee } from '../../market/fees.js';
import type { Side } from '../../messages/primitives.js';

/**
 * A cycle as it is traded: every leg rounds down to its lot, every fee is charged, and what a leg cannot use stays behind as dust of its asset
 * (reference §2, "triangular"). The profit that counts is the realised one, in the start asset; dust is told apart, at a mark.
 */
export interface FillLeg {
  readonly side: Side;
  readonly price: Decimal;
  readonly lot: Decimal;
  readonly fee: Fee;
  readonly minNotional: Decimal;
  /** Digits after the point that the exchange credits; null = all. */
  readonly receivedDecimals: number | null;
}

export interface FillStep {
  readonly qty: Decimal;
  /** Of the incoming asset. */
  readonly used: Decimal;
  /** Left over of the incoming asset. */
  readonly dust: Decimal;
  readonly received: Decimal;
}

export interface CycleFill {
  /** Product of prices and fees, without any rounding of sizes. */
  readonly rate: Decimal;
  readonly rateBps: Decimal;
  /** The leg that an exchange would refuse, 0-based, and why; null = all go. */
  readonly rejectedLeg: number | null;
  readonly reason?: 'LOT_SIZE' | 'MIN_NOTIONAL';
  readonly steps: readonly FillStep[];
  readonly result: CycleResult | null;
}

export interface CycleResult {
  readonly final: Decimal;
  readonly spentStart: Decimal;
  readonly profitRealised: Decimal;
  /** With the dust of later legs at its marks. The unspent part of the start asset is no profit. */
  readonly profitMarked: Decimal;
  readonly realisedReturnBps: Decimal;
}

/** `dustMarks`: worth of one unit of each leg's incoming asset in the start asset. */
export function fillCycle(
  legs: readonly FillLeg[],
  amount: Decimal,
  dustMarks: readonly Decimal[],
): CycleFill {
  const rate = legs.reduce((product, leg) => product.times(rateOf(leg)), ONE);
  const steps: FillStep[] = [];
  const head = { rate, rateBps: rate.minus(1).times(BPS), steps };
  let held = amount;
  for (const [index, leg] of legs.entries()) {
    const step = stepOf(leg, held);
    const reason = refusalOf(leg, step.qty);
    if (reason !== null) return { ...head, rejectedLeg: index, reason, result: null };
    steps.push(step);
    held = step.received;
  }
  return { ...head, rejectedLeg: null, result: resultOf(steps, dustMarks) };
}

function rateOf({ side, price, fee }: FillLeg): Decimal {
  if (side === 'sell') return price.times(sellFactor(fee));
  const { numerator, keep } = buyFactor(fee);
  return keep.div(price.times(numerator));
}

function stepOf(leg: FillLeg, held: Decimal): FillStep {
  const { side, price, lot, fee } = leg;
  if (side === 'sell') {
    const qty = floorToStep(held, lot);
    return {
      qty,
      used: qty,
      dust: held.minus(qty),
      received: credited(leg, qty.times(price).times(sellFactor(fee))),
    };
  }
  const unit = fee.mode === 'received' ? price : price.times(ONE.plus(effectiveRate(fee)));
  const qty = floorToStep(held.div(unit), lot);
  const used = qty.times(unit);
  const kept = fee.mode === 'received' ? qty.times(ONE.minus(fee.rate)) : qty;
  return { qty, used, dust: held.minus(used), received: credited(leg, kept) };
}

const credited = ({ receivedDecimals }: FillLeg, amount: Decimal): Decimal =>
  receivedDecimals === null ? amount : amount.toDecimalPlaces(receivedDecimals, Decimal.ROUND_DOWN);

function refusalOf({ price, minNotional }: FillLeg, qty: Decimal): 'LOT_SIZE' | 'MIN_NOTIONAL' | null {
  if (!qty.greaterThan(0)) return 'LOT_SIZE';
  return qty.times(price).lessThan(minNotional) ? 'MIN_NOTIONAL' : null;
}

function resultOf(steps: readonly FillStep[], dustMarks: readonly Decimal[]): CycleResult {
  const [first, last] = [steps[0]!, steps.at(-1)!];
  const profitRealised = last.received.minus(first.used);
  const dust = steps.reduce(
    (sum, step, leg) => (leg === 0 ? sum : sum.plus(step.dust.times(dustMarks[leg]!))),
    ZERO,
  );
  return {
    final: last.received,
    spentStart: first.used,
    profitRealised,
    profitMarked: profitRealised.plus(dust),
    realisedReturnBps: profitRealised.times(BPS).div(first.used),
  };
}
