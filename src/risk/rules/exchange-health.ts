import { Decimal } from '../../market/decimal.js';
import { legsOf, type SizeRule } from '../question.js';
import { scaledOrderCap } from '../scaled-order.js';

/** Orders on an exchange that fails, answers late or loses its books become smaller before none goes at all. */
export const exchangeHealthRule: SizeRule = {
  fits: ({ monitors, buy, sell, nowMs }) =>
    monitors.health.sizeFactorOf(buy.exchange, nowMs) >= 1 &&
    monitors.health.sizeFactorOf(sell.exchange, nowMs) >= 1,
  caps: (question) =>
    legsOf(question).flatMap((leg) => {
      const sizeFactor = question.monitors.health.sizeFactorOf(leg.exchange, question.nowMs);
      return sizeFactor >= 1 ? [] : scaledOrderCap(question, leg, new Decimal(sizeFactor), 'EXCHANGE_HEALTH');
    }),
};
