import { violationsOfText } from '../../market/order-rules.js';
import type { Refusal } from '../../messages/risk.js';
import type { PlannedLeg } from '../../messages/signal.js';
import { NO_REFUSALS, refuse, type Question, type Rule } from '../question.js';

/**
 * Each leg is an order its exchange would take: tick, lot, smallest and largest size, smallest value. Judged before the
 * first leg is sent, and again after shrinking, so that no minimum is missed with one leg out.
 */
export const orderMinimumsRule: Rule = (question) => {
  if (!question.isPlain) return question.legs.flatMap((leg) => brokenBy(question, leg));
  const [buy, sell] = [brokenBy(question, question.buy), brokenBy(question, question.sell)];
  return buy.length + sell.length === 0 ? NO_REFUSALS : [...buy, ...sell];
};

function brokenBy(question: Question, leg: PlannedLeg): readonly Refusal[] {
  const instrument = question.instruments.get(leg.instrument);
  if (instrument === undefined) return NO_REFUSALS;
  const violations = violationsOfText(leg, instrument);
  if (violations.length === 0) return NO_REFUSALS;
  return violations
    .filter((violation) => violation.rule !== 'NOT_TRADING')
    .map((violation) => {
      const unit = violation.rule === 'PRICE_TICK' || violation.rule === 'MIN_NOTIONAL' ? 'quote' : 'base';
      return refuse(violation.rule, violation.limit, violation.actual, unit, leg.instrument);
    });
}
