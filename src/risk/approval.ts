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
