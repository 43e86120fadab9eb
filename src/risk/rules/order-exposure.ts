import { Decimal } from '../../market/decimal.js';
import { FIXED_ONE, fixedOf, fixedText } from '../../market/fixed.js';
import type { PlannedLeg } from '../../messages/signal.js';
import { markUnknown } from '../mark-unknown.js';
import { isCertainlyAbove } from '../near.js';
import {
  amountText,
  legsOf,
  orderPerUnit,
  quoteOf,
  refuse,
  type Question,
  type SizeRule,
} from '../question.js';

/** No single order is worth more than this, at its limit price. */
export const orderExposureRule: SizeRule = {
  fits: ({ limits, signal, exposure }, trade) => {
    const limit = Number(limits.maxOrderNotional);
    const mark = exposure.nearMarkOf(signal.quote);
    return (
      isCertainlyAbove(limit, trade.buyQuantity * trade.buyPrice * mark) &&
      isCertainlyAbove(limit, trade.sellQuantity * trade.sellPrice * mark)
    );
  },
  caps: (question) => {
    const { limits, exposure } = question;
    const { maxOrderNotional: limit, reportingCurrency } = limits;
    const unpriced = legsOf(question).find((leg) => exposure.markOf(quoteOf(question, leg)) === null);
    if (unpriced !== undefined) return [markUnknown('ORDER_EXPOSURE', quoteOf(question, unpriced))];
    return legsOf(question).flatMap((leg) => {
      const quote = quoteOf(question, leg);
      const mark = exposure.markOf(quote)!;
      // One that certainly fits needs no division.
      const near = Number(leg.limitPrice) * Number(leg.quantity) * exposure.nearMarkOf(quote);
      if (isCertainlyAbove(Number(limit), near)) return [];
      return {
        cap: fixedCap(question, leg) ?? exactCap(question, leg, mark),
        refusal() {
          const actual = amountText(mark.times(leg.limitPrice).times(leg.quantity));
          return refuse('ORDER_EXPOSURE', limit, actual, reportingCurrency, leg.instrument);
        },
      };
    });
  },
};

function exactCap(question: Question, leg: PlannedLeg, mark: Decimal): Decimal {
  const perUnit = mark.times(leg.limitPrice).times(orderPerUnit(question, leg));
  return new Decimal(question.limits.maxOrderNotional).div(perUnit);
}

/**
 * The same rounded down to 10^-20, finer than any lot, and so of the same effect; null where a number has to be read as a decimal,
 * and where there is no rest, since the decimals may have rounded before.
 */
function fixedCap(question: Question, leg: PlannedLeg): Decimal | null {
  const { signal, exposure, limits } = question;
  const [limit, whole] = [fixedOf(limits.maxOrderNotional), fixedOf(signal.quantity)];
  const [price, quantity] = [fixedOf(leg.limitPrice), fixedOf(leg.quantity)];
  const mark = fixedOf(exposure.markTextOf(quoteOf(question, leg)) ?? '');
  if (limit === null || whole === null || price === null || quantity === null || mark === null) return null;
  const perUnit = price * mark * quantity;
  const worth = limit * whole * FIXED_ONE * FIXED_ONE;
  if (perUnit <= 0n || limit < 0n || worth % perUnit === 0n) return null;
  return new Decimal(fixedText(worth / perUnit));
}
