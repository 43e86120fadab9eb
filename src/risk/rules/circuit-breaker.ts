import type { Refusal } from '../../messages/risk.js';
import { exchangesOf, NO_REFUSALS, refuse, type Question, type Rule } from '../question.js';

/**
 * An open breaker, of everything or of one of the exchanges, lets nothing pass; a half open one no more at a time than the
 * probes that close it, or many small orders would be as much as a large one.
 */
export const circuitBreakerRule: Rule = (question) => {
  const exchanges = exchangesOf(question);
  const { breakers } = question.monitors;
  if (breakers.areClosed(exchanges)) return NO_REFUSALS;
  return breakers.before(exchanges).flatMap(({ subject, breaker }) => {
    const { state, reason } = breaker.record;
    if (!breaker.allowsTrades)
      return [refuse('CIRCUIT_BREAKER', 'closed', 'open', (reason ?? '').slice(0, 24), subject)];
    return state === 'HALF_OPEN' ? tooManyProbes(question, subject) : [];
  });
};

function tooManyProbes({ limits, monitors }: Question, subject: string): Refusal[] {
  const out = monitors.awaitedBy(subject);
  if (out < limits.breaker.halfOpenProbes) return [];
  return [refuse('CIRCUIT_BREAKER', 'closed', 'half open', `${out} probes are out`, subject)];
}
