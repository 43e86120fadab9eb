import { Decimal } from '../../market/decimal.js';
import { exchangesOf, legsOf, type SizeRule } from '../question.js';
import { scaledOrderCap } from '../scaled-order.js';

/** While a breaker is half open, orders are probes: a share of what an order may be worth otherwise. */
export const breakerProbeRule: SizeRule = {
  fits: (question) => question.monitors.breakers.areClosed(exchangesOf(question)),
  caps: (question) =>
    legsOf(question).flatMap((leg) => {
      const factors = question.monitors.breakers
        .before([leg.exchange])
        .map(({ breaker }) => breaker.sizeFactor);
      // An open one is refused by the rule of open breakers.
      const factor = Decimal.min(...factors.map((own) => (own.isZero() ? 1 : own)));
      return factor.eq(1) ? [] : scaledOrderCap(question, leg, factor, 'BREAKER_PROBE');
    }),
};
