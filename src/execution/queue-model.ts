import { Decimal, floorToStep, ONE, ZERO } from '../market/decimal.js';

/**
 * Where a resting order stands in the queue of its price level. Trades at the level take from the front; what else leaves
 * the level was ahead of us or behind us, and the model says which.
 */

/** Share of what leaves the level that was behind us, from the sizes behind and in front. */
export type QueueShare = (back: Decimal, front: Decimal) => Decimal;

const shareBy =
  (weight: (size: Decimal) => Decimal): QueueShare =>
  (back, front) => {
    const [b, f] = [weight(back), weight(front)];
    const sum = b.plus(f);
    // Nobody is there on either side: nothing of it was ahead.
    return sum.isZero() ? ONE : b.div(sum);
  };

/** Weights by a power of the size: the larger the power, the more the larger side is believed to shrink. */
export const powerShare = (power: number): QueueShare => shareBy((size) => size.pow(power));

export const logShare: QueueShare = shareBy((size) => size.plus(1).ln());

/** Everything that leaves without a trade was behind us, until the level is smaller than what is ahead. */
export const RISK_AVERSE = null;

export interface QueuePosition {
  /** Quantity ahead of us. */
  readonly front: Decimal;
  readonly filled: Decimal;
  readonly left: Decimal;
  /** Traded at the level since its size was last told: that part of a smaller size is explained. */
  readonly tradedSince: Decimal;
}

export const enterQueue = (front: Decimal, quantity: Decimal): QueuePosition => ({
  front,
  filled: ZERO,
  left: quantity,
  tradedSince: ZERO,
});

/** A trade at our level: first what is ahead, then us, in whole lots. */
export function onQueueTrade(position: QueuePosition, quantity: Decimal, lot: Decimal): QueuePosition {
  const front = position.front.minus(quantity);
  const tradedSince = position.tradedSince.plus(quantity);
  if (!front.isNegative()) return { ...position, front, tradedSince };
  // To the nearest lot, as sizes that are sums of floats need it.
  const beyond = floorToStep(front.negated().plus(lot.div(2)), lot);
  const taken = Decimal.min(beyond, position.left);
  return {
    front: ZERO,
    filled: position.filled.plus(taken),
    left: position.left.minus(taken),
    tradedSince,
  };
}

/** A new size of our level. */
export function onQueueDepth(
  position: QueuePosition,
  change: { readonly before: Decimal; readonly after: Decimal },
  share: QueueShare | null,
): QueuePosition {
  const left = change.before.minus(change.after).minus(position.tradedSince);
  const told = { ...position, tradedSince: ZERO };
  const cap = (front: Decimal): Decimal => Decimal.max(Decimal.min(front, change.after), ZERO);
  // Larger, or explained by trades: what came is behind us.
  if (left.lte(0) || share === null) return { ...told, front: cap(position.front) };
  const back = Decimal.max(change.before.minus(position.front), ZERO);
  const behind = share(back, position.front).times(left);
  const ahead = left.minus(behind);
  const short = Decimal.min(back.minus(behind), ZERO);
  return { ...told, front: cap(position.front.minus(ahead).plus(short)) };
}

/**
 * The stricter rule: only trades move us forward, and of the trade that clears what is ahead only its excess fills us; a level
 * that vanished leaves nobody ahead.
 */
export function onStrictTrade(position: QueuePosition, quantity: Decimal): QueuePosition {
  const front = Decimal.max(position.front.minus(quantity), ZERO);
  const excess = Decimal.max(quantity.minus(position.front), ZERO);
  const taken = Decimal.min(excess, position.left);
  return { ...position, front, filled: position.filled.plus(taken), left: position.left.minus(taken) };
}

export const onStrictDelete = (position: QueuePosition): QueuePosition => ({ ...position, front: ZERO });
