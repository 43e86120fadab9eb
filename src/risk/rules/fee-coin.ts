import { perLeg, refuse, type Rule } from '../question.js';

/**
 * A fee in a third coin needs that coin's balance, price and discount (TRADING §3). None of them is known yet, so what such
 * a trade really costs cannot be told and it is refused.
 */
export const feeCoinRule: Rule = (question) =>
  perLeg(question, (leg) => {
    const mode = question.instruments.get(leg.instrument)?.feeMode ?? leg.feeMode;
    if (leg.feeMode !== 'third' && mode !== 'third') return null;
    return refuse('FEE_COIN', 'quote or received', 'third', 'fee mode', leg.instrument);
  });
