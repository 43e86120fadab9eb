import { legsOf, refuse, type Rule } from '../question.js';

/** An open breaker, of everything or of one of the exchanges, lets nothing pass. */
export const circuitBreakerRule: Rule = (question) =>
  question.monitors.breakers
    .before(legsOf(question).map(({ exchange }) => exchange))
    .filter(({ breaker }) => !breaker.allowsTrades)
    .map(({ subject, breaker }) =>
      refuse('CIRCUIT_BREAKER', 'closed', 'open', (breaker.record.reason ?? '').slice(0, 24), subject),
    );
