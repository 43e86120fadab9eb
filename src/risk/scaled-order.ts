import { Decimal } from '../market/decimal.js';
import type { PlannedLeg } from '../messages/signal.js';
import { markUnknown } from './mark-unknown.js';
import { amountText, orderPerUnit, quoteOf, refuse, type Question, type SizeCap } from './question.js';

/** At most this share (0…1) of what an order may be worth otherwise; told as the value of the order against what is left. */
export function scaledOrderCap(
  question: Question,
  leg: PlannedLeg,
  factor: Decimal,
  rule: string,
): SizeCap[] {
  const { limits, exposure } = question;
  const quote = quoteOf(question, leg);
  const mark = exposure.markOf(quote);
  if (mark === null) return [markUnknown(rule, quote)];
  const limit = factor.times(limits.maxOrderNotional);
  const unitPrice = mark.times(leg.limitPrice);
  return [
    {
      cap: limit.div(unitPrice.times(orderPerUnit(question, leg))),
      refusal() {
        const actual = amountText(unitPrice.times(leg.quantity));
        return refuse(rule, amountText(limit), actual, limits.reportingCurrency, leg.exchange);
      },
    },
  ];
}
