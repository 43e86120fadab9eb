import { legsOf, refuse, type Rule } from '../question.js';

/** Only an instrument its exchange calls trading may trade. */
export const instrumentStateRule: Rule = (question) =>
  legsOf(question).flatMap((leg) => {
    const state = question.instruments.get(leg.instrument)?.state ?? 'unknown';
    return state === 'trading' ? [] : [refuse('INSTRUMENT_STATE', 'trading', state, 'state', leg.instrument)];
  });
