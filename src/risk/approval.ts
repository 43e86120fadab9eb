import { Decimal, ONE } from '../market/decimal.js';
import type { Side } from '../messages/primitives.js';
import type { ApprovedVerdict, Verdict } from '../messages/risk.js';

declare const approvedBrand: unique symbol;

/** Approval is a type: only `approve` (the gate) and `admitVerdict` (the receiving border) make it, and execution takes nothing else. */
export type Approved<T> = T & { readonly [approvedBrand]: true };

/** Marks what the gate's rules have passed. Called by the gate alone. */
export const approve = (verdict: ApprovedVerdict): Approved<ApprovedVerdict> =>
  verdict as Approved<ApprovedVerdict>;

/** The border check of a verdict that came over the bus: approved and not yet expired, or null. */
export function admitVerdict(verdict: Verdict, nowMs: number): Approved<ApprovedVerdict> | null {
  if (verdict.decision !== 'approved' || nowMs >= verdict.expiresAtMs) return null;
  return approve(verdict);
}

/** One verdict makes at most one arbitrage, so the one names the other. */
export const arbitrageIdOf = (verdictId: string): string => `arb-${verdictId}`;

/** No exchange takes more of what is bought as its fee. */
const LARGEST_FEE = 0.005;

/**
 * What all recovery orders of one side may trade together, where so much was approved: of what is bought an exchange may keep its
 * fee, and then a little more is bought than is missing.
 */
export const approvedFor = (approved: Decimal, side: Side): Decimal =>
  side === 'buy' ? approved.times(ONE.plus(LARGEST_FEE)) : approved;
