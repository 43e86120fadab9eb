import { refuse, type Rule } from '../question.js';

/**
 * Least profit, edge and sizes are in the reporting currency, so that another quote would be judged by the wrong numbers: 0.5
 * of a dollar is not 0.5 won. Refused until each has limits of its own and a bridge between them.
 */
export const quoteCurrencyRule: Rule = ({ signal, limits }) =>
  signal.quote === limits.reportingCurrency
    ? []
    : [refuse('QUOTE_CURRENCY', limits.reportingCurrency, signal.quote, 'quote', signal.pair)];
