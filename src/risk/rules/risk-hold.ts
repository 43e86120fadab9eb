import { NO_REFUSALS, refuse, type Rule } from '../question.js';

const MOST_TOLD = 4;

/**
 * A part that money depends on (ledger, journal, an account that is reconciled) cannot do its work: no risk is added where it
 * said so until it is back (TRADING §4).
 */
export const riskHoldRule: Rule = ({ holds, exposure, buy, sell, signal }) => {
  if (holds.isEmpty && exposure.holdingsKnown) return NO_REFUSALS;
  const standing = new Set(
    [buy, sell].flatMap(({ exchange }) => holds.on(exchange, [signal.base, signal.quote])),
  );
  const refusals = [...standing].map(({ source, reason }) =>
    refuse('RISK_HOLD', 'none', reason, 'reason', source),
  );
  if (!exposure.holdingsKnown) refusals.push(refuse('RISK_HOLD', 'known', 'unknown', 'holdings', 'ledger'));
  return refusals.slice(0, MOST_TOLD);
};
