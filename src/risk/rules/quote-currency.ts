import { refuse, type Rule } from '../question.js';

/**
 * Least profit is in the reporting currency, so that another quote would be judged by the wrong number: 0.5 of a dollar is not
 * 0.5 won. Refused unless that quote has a least profit of its own; exposures and sizes are judged by its price.
 */
export const quoteCurrencyRule: Rule = ({ signal, limits }) =>
  signal.quote === limits.reportingCurrency || limits.quoteProfits?.[signal.quote] !== undefined
    ? []
    : [refuse('QUOTE_CURRENCY', limits.reportingCurrency, signal.quote, 'quote', signal.pair)];
