import { perLeg, refuse, type Rule } from '../question.js';

/** Only an instrument its exchange calls trading may trade. */
export const instrumentStateRule: Rule = (question) =>
  perLeg(question, (leg) => {
    const state = question.instruments.get(leg.instrument)?.state ?? 'unknown';
    return state === 'trading' ? null : refuse('INSTRUMENT_STATE', 'trading', state, 'state', leg.instrument);
  });
