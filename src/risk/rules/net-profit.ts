import { refuse, type Rule } from '../question.js';
import { Decimal } from '../../market/decimal.js';

/** Expected net profit of the whole trade in the quote asset; and the parts must add up to the net they claim. */
export const netProfitRule: Rule = ({ signal, limits }) => {
  const e = signal.edge;
  const sum = new Decimal(e.gross)
    .minus(e.feeBuy)
    .minus(e.feeSell)
    .minus(e.latencyDecay)
    .minus(e.transfer)
    .plus(e.inventory);
  if (!sum.eq(e.net)) return [refuse('NET_PARTS', sum.toFixed(), e.net, signal.quote, signal.pair)];
  if (new Decimal(e.net).gte(limits.minNetProfit)) return [];
  return [refuse('NET_PROFIT', limits.minNetProfit, e.net, signal.quote, signal.pair)];
};
