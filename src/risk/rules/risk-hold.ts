import { assetsOfLeg, legsOf, NO_REFUSALS, refuse, type Rule } from '../question.js';

const MOST_TOLD = 4;

/**
 * A part that money depends on (ledger, journal, an account that is reconciled) cannot do its work: no risk is added where it
 * said so until it is back (TRADING §4).
 */
export const riskHoldRule: Rule = (question) => {
  const { holds, exposure } = question;
  if (holds.isEmpty && exposure.holdingsKnown) return NO_REFUSALS;
  const standing = new Set(
    legsOf(question).flatMap((leg) => holds.on(leg.exchange, assetsOfLeg(question, leg))),
  );
  const refusals = [...standing].map(({ source, reason }) =>
    refuse('RISK_HOLD', 'none', reason, 'reason', source),
  );
  if (!exposure.holdingsKnown) refusals.push(refuse('RISK_HOLD', 'known', 'unknown', 'holdings', 'ledger'));
  return refusals.slice(0, MOST_TOLD);
};
