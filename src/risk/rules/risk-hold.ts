import { refuse, type Rule } from '../question.js';

/** A part that money depends on (ledger, journal) is away: no risk is added until it is back (TRADING §4). */
export const riskHoldRule: Rule = ({ holds, exposure }) => {
  const refusals = [...holds].map(([source, reason]) =>
    refuse('RISK_HOLD', 'none', reason, 'reason', source),
  );
  if (!exposure.holdingsKnown) refusals.push(refuse('RISK_HOLD', 'known', 'unknown', 'holdings', 'ledger'));
  return refusals.slice(0, 4);
};
