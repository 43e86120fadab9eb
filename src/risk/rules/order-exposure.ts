import { Decimal } from '../../market/decimal.js';
import { markUnknown } from '../mark-unknown.js';
import { amountText, legsOf, orderPerUnit, refuse, type SizeRule } from '../question.js';

/** No single order is worth more than this, at its limit price. */
export const orderExposureRule: SizeRule = (question) => {
  const { limits, signal, exposure } = question;
  const mark = exposure.markOf(signal.quote);
  if (mark === null) return [markUnknown('ORDER_EXPOSURE', signal.quote)];
  return legsOf(question).map((leg) => {
    const unitPrice = new Decimal(leg.limitPrice).times(mark);
    const actual = unitPrice.times(leg.quantity);
    return {
      cap: new Decimal(limits.maxOrderNotional).div(unitPrice.times(orderPerUnit(question, leg))),
      refusal: refuse(
        'ORDER_EXPOSURE',
        limits.maxOrderNotional,
        amountText(actual),
        limits.reportingCurrency,
        leg.instrument,
      ),
    };
  });
};
