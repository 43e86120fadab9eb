import { violationsOfText } from '../../market/order-rules.js';
import { legsOf, refuse, type Rule } from '../question.js';

/**
 * Each leg is an order its exchange would take: tick, lot, smallest and largest size, smallest value. Judged before the
 * first leg is sent, and again after shrinking, so that no minimum is missed with one leg out.
 */
export const orderMinimumsRule: Rule = (question) =>
  legsOf(question).flatMap((leg) => {
    const instrument = question.instruments.get(leg.instrument);
    if (instrument === undefined) return [];
    return violationsOfText(leg, instrument)
      .filter((violation) => violation.rule !== 'NOT_TRADING')
      .map((violation) => {
        const unit = violation.rule === 'PRICE_TICK' || violation.rule === 'MIN_NOTIONAL' ? 'quote' : 'base';
        return refuse(violation.rule, violation.limit, violation.actual, unit, leg.instrument);
      });
  });
