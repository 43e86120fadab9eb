import { BPS, Decimal, ONE, ZERO } from '../../market/decimal.js';
import { buyFactor, sellFactor, type Fee } from '../../market/fees.js';
import type { Side } from '../../messages/primitives.js';
import type { Level } from '../depth.js';

/**
 * The best amount to send around a cycle. Each leg turns money into money piecewise linearly and at falling rates, and so does their composition
 * (reference §2, "cycle over depth"): advance by the most that keeps every leg inside its present level, while the product of the present
 * rates is strictly above 1. Exact; nothing is rounded to lots here.
 */
export interface DepthLeg {
  readonly side: Side;
  /** Asks for `buy`, bids for `sell`; best first. */
  readonly levels: readonly Level[];
  readonly fee: Fee;
}

export interface CycleSize {
  /** The smallest amount of the start asset that earns the most. */
  readonly start: Decimal;
  /** What comes back for it. */
  readonly final: Decimal;
  readonly profit: Decimal;
  /** Null when nothing is worth sending. */
  readonly returnBps: Decimal | null;
  /** Stretches of constant rate: the rate, and how much of the start asset goes at it. */
  readonly segments: readonly (readonly [rate: Decimal, amount: Decimal])[];
  /** What ends it: no edge left, the start balance, or the end of a leg's book. */
  readonly bindingConstraint: 'edge' | 'balance' | 'depth';
}

/** A level as what it takes in and gives out: capacity in the incoming asset, rate as the fraction out / in. */
interface Stretch {
  readonly capacity: Decimal;
  readonly out: Decimal;
  readonly in: Decimal;
}

/** `maxStart`: most of the start asset; null = any amount. Levels of size 0 are skipped. */
export function cycleSize(legs: readonly DepthLeg[], maxStart: Decimal | null): CycleSize {
  const stretches = legs.map(stretchesOf);
  const at = legs.map(() => 0);
  const left = stretches.map((leg) => leg[0]?.capacity ?? ZERO);
  const segments: [Decimal, Decimal][] = [];
  let [start, final] = [ZERO, ZERO];
  for (;;) {
    const present = stretches.map((leg, i) => leg[at[i]!]);
    if (present.some((one) => one === undefined)) return summed(start, final, segments, 'depth');
    const known = present as Stretch[];
    const [out, into] = [productOf(known, 'out'), productOf(known, 'in')];
    if (!out.greaterThan(into)) return summed(start, final, segments, 'edge');
    const step = largestStep(known, left, maxStart === null ? null : maxStart.minus(start));
    if (!step.amount.greaterThan(0)) return summed(start, final, segments, 'balance');
    segments.push([out.div(into), step.amount]);
    start = start.plus(step.amount);
    final = final.plus(step.amount.times(out).div(into));
    if (step.leg === null) return summed(start, final, segments, 'balance');
    advance(step, { known, left, at, stretches });
  }
}

interface Step {
  readonly amount: Decimal;
  /** The leg whose level is used up first; null = the balance. */
  readonly leg: number | null;
}

/** In the start asset, how far the first exhausted level lets us go. */
function largestStep(known: readonly Stretch[], left: readonly Decimal[], balance: Decimal | null): Step {
  let [out, into] = [ONE, ONE];
  let best: Step | null = balance === null ? null : { amount: balance, leg: null };
  known.forEach((stretch, leg) => {
    const amount = left[leg]!.times(into).div(out);
    if (best === null || amount.lessThan(best.amount)) best = { amount, leg };
    [out, into] = [out.times(stretch.out), into.times(stretch.in)];
  });
  return best!;
}

/** Uses up what the step takes of every level; the one that ends is left exactly, whatever a division rounded. */
function advance(
  { amount, leg: exhausted }: Step,
  state: {
    readonly known: readonly Stretch[];
    readonly left: Decimal[];
    readonly at: number[];
    readonly stretches: readonly (readonly Stretch[])[];
  },
): void {
  let flowing = amount;
  state.known.forEach((stretch, leg) => {
    const rest = leg === exhausted ? ZERO : state.left[leg]!.minus(flowing);
    flowing = flowing.times(stretch.out).div(stretch.in);
    if (rest.greaterThan(NEGLIGIBLE.times(stretch.capacity))) {
      state.left[leg] = rest;
      return;
    }
    state.at[leg]!++;
    state.left[leg] = state.stretches[leg]![state.at[leg]!]?.capacity ?? ZERO;
  });
}

/** Of a level's capacity: what divisions leave of a level that two legs use up at once. */
const NEGLIGIBLE = new Decimal('1e-60');

function stretchesOf({ side, levels, fee }: DepthLeg): Stretch[] {
  const { numerator, keep } = buyFactor(fee);
  return levels
    .filter(([, size]) => size.greaterThan(0))
    .map(([price, size]) =>
      side === 'sell'
        ? { capacity: size, out: price.times(sellFactor(fee)), in: ONE }
        : { capacity: size.times(price).times(buyQuoteFactor(fee)), out: keep, in: price.times(numerator) },
    );
}

/** Quote spent for one quote traded: the fee is on top of it unless the base pays it. */
const buyQuoteFactor = (fee: Fee): Decimal => (fee.mode === 'received' ? ONE : buyFactor(fee).numerator);

const productOf = (stretches: readonly Stretch[], part: 'out' | 'in'): Decimal =>
  stretches.reduce((product, one) => product.times(one[part]), ONE);

function summed(
  start: Decimal,
  final: Decimal,
  segments: readonly (readonly [Decimal, Decimal])[],
  bindingConstraint: CycleSize['bindingConstraint'],
): CycleSize {
  const profit = final.minus(start);
  const returnBps = start.isZero() ? null : profit.times(BPS).div(start);
  return { start, final, profit, returnBps, segments, bindingConstraint };
}
