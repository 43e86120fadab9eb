import { ceilToStep, Decimal, floorToStep, ONE, ZERO } from '../market/decimal.js';
import type { Instrument } from '../market/instrument.js';
import { violationsOf, orderRulesOf } from '../market/order-rules.js';
import type { DecimalText, ExchangeId, Side } from '../messages/primitives.js';
import type { PlannedLeg } from '../messages/signal.js';

/** How much slower an exchange has to be to lead for that alone. */
const SLOWER = 2;

/** What decides which leg leads. */
export interface ExchangeFacts {
  /** The exchange refuses a request that comes too late; without, an order may arrive long after. */
  readonly requestExpiry: boolean;
  /** Typical time from sending to acknowledgement, ms; null = not known. */
  readonly latencyMs: number | null;
}

/**
 * The leg that goes first: that of the exchange which is slower by far, else the thinner one, whose fill is the less certain.
 * Null for what is not a pair of orders.
 */
export function leadOf(
  legs: readonly PlannedLeg[],
  facts: ReadonlyMap<ExchangeId, ExchangeFacts>,
): number | null {
  const [first, second] = legs;
  if (legs.length !== 2 || first === undefined || second === undefined) return null;
  const [a, b] = [first, second].map((leg) => facts.get(leg.exchange)?.latencyMs ?? null);
  if (typeof a === 'number' && typeof b === 'number') {
    if (a > b * SLOWER) return 0;
    if (b > a * SLOWER) return 1;
  }
  return coverOf(first).lte(coverOf(second)) ? 0 : 1;
}

/** A lead is answered within so many times its typical latency, both ways. */
const ANSWERED_WITHIN = 4;

/** What has to be left of a verdict's life when the first leg leaves, so that the follower may leave under it too, ms. */
export function planLifeMs(
  lead: { readonly exchange: ExchangeId } | null,
  facts: ReadonlyMap<ExchangeId, ExchangeFacts>,
  { legLifeMs, followLifeMs }: { readonly legLifeMs: number; readonly followLifeMs: number },
): number {
  if (lead === null) return legLifeMs;
  const latencyMs = facts.get(lead.exchange)?.latencyMs ?? 0;
  return legLifeMs + Math.max(followLifeMs, latencyMs * ANSWERED_WITHIN);
}

/** The same where several legs wait, each for the one before. */
export function chainLifeMs(
  legs: readonly { readonly exchange: ExchangeId }[],
  follows: readonly number[],
  facts: ReadonlyMap<ExchangeId, ExchangeFacts>,
  policy: { readonly legLifeMs: number; readonly followLifeMs: number },
): number {
  const waits = follows.map((index) => planLifeMs(legs[index - 1]!, facts, policy) - policy.legLifeMs);
  // Time for one of them is kept for certain: a leg that comes too late for its verdict is completed like any that is missing.
  return policy.legLifeMs + Math.max(0, ...waits);
}

/** How many times the book within the limit holds what is wanted of it. */
function coverOf(leg: PlannedLeg): Decimal {
  const held = leg.levels.reduce((sum, [, size]) => sum.plus(size), ZERO);
  return held.div(leg.quantity);
}

/**
 * An order that trades a signed residue away on one market, on its lot. Where a fee is taken from the coin bought, more is
 * bought than is missing, so that what is kept leaves at most one lot; never more than `most`.
 */
export function quantityAgainst(
  residue: Decimal,
  instrument: Pick<Instrument, 'lotSize' | 'takerFeeRate' | 'feeMode'>,
  most: Decimal,
): Decimal {
  const { lotSize, takerFeeRate, feeMode } = instrument;
  const lot = new Decimal(lotSize);
  const size = residue.abs();
  const missing =
    residue.isPositive() || feeMode !== 'received'
      ? floorToStep(size, lot)
      : ceilToStep(size.div(ONE.minus(takerFeeRate)), lot);
  // A finer lot than the first order's would ask for a little more than was approved, and the last gate refuses it whole.
  return Decimal.min(missing, floorToStep(Decimal.max(most, ZERO), lot));
}

/** The follower's size for what its lead came to, or the rule that forbids such an order. */
export function followerQuantity(
  residue: Decimal,
  leg: { readonly instrument: Instrument; readonly side: Side },
  planned: { readonly quantity: DecimalText; readonly limitPrice: DecimalText },
): Decimal | string {
  if (residue.isZero() || (leg.side === 'sell') !== residue.isPositive()) return 'LEAD_NOT_FILLED';
  const quantity = quantityAgainst(residue, leg.instrument, new Decimal(planned.quantity));
  const order = { side: leg.side, quantity, price: new Decimal(planned.limitPrice) };
  const broken = violationsOf(order, orderRulesOf(leg.instrument), leg.instrument.state)[0];
  return broken === undefined ? quantity : broken.rule;
}
