import { fixedOf } from '../../market/fixed.js';
import type { AssetId, DecimalText } from '../../messages/primitives.js';
import type { EdgeBreakdown } from '../../messages/signal.js';
import { exactNetOf, fixedNetOf } from '../edge-sum.js';
import type { RiskLimits } from '../limits.js';
import { isExit, refuse, type Rule } from '../question.js';
import { Decimal } from '../../market/decimal.js';

/** Expected net profit of the whole trade in the quote asset; and the parts must add up to the net they claim. */
export const netProfitRule: Rule = ({ signal, limits }) => {
  const e = signal.edge;
  const least = leastProfitOf(signal.quote, limits);
  if (isSumAbove(e, least)) return [];
  const sum = exactNetOf(e);
  if (!sum.eq(e.net)) return [refuse('NET_PARTS', sum.toFixed(), e.net, signal.quote, signal.pair)];
  if (isExit({ signal }) || new Decimal(e.net).gte(least)) return [];
  return [refuse('NET_PROFIT', least, e.net, signal.quote, signal.pair)];
};

const leastProfitOf = (quote: AssetId, limits: RiskLimits): DecimalText =>
  (quote === limits.reportingCurrency ? undefined : limits.quoteProfits?.[quote]) ?? limits.minNetProfit;

/** The same in whole numbers, exact; false where it is not so, and where a text has to be read as a decimal to tell. */
function isSumAbove(edge: EdgeBreakdown, least: string): boolean {
  const [sum, net, minimum] = [fixedNetOf(edge), fixedOf(edge.net), fixedOf(least)];
  return sum !== null && net !== null && minimum !== null && sum === net && net >= minimum;
}
