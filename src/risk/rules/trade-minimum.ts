import { Decimal } from '../../market/decimal.js';
import { isCertainlyAbove } from '../near.js';
import { amountText, isExit, refuse, type Rule } from '../question.js';

/** The trader's own least size of a trade, judged again after shrinking. Without a price the exposure rules refuse already. */
export const tradeMinimumRule: Rule = ({ signal, limits, exposure }) => {
  if (isExit({ signal })) return [];
  const near = Number(signal.notional) * exposure.nearMarkOf(signal.quote);
  if (isCertainlyAbove(near, Number(limits.minTradeNotional))) return [];
  const mark = exposure.markOf(signal.quote);
  if (mark === null) return [];
  const actual = new Decimal(signal.notional).times(mark);
  if (actual.gte(limits.minTradeNotional)) return [];
  return [
    refuse(
      'TRADE_MINIMUM',
      limits.minTradeNotional,
      amountText(actual),
      limits.reportingCurrency,
      signal.pair,
    ),
  ];
};
