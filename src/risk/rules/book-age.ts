import { perLeg, refuse, type Rule } from '../question.js';

/** Age of each book by TRADING §2: since its connection proved alive + transit lag. A book that is not there has no age. */
export const bookAgeRule: Rule = (question) =>
  perLeg(question, (leg) => {
    const age = question.books.get(leg.instrument)?.ageMs;
    const limit = question.limits.maxBookAgeMs;
    if (age !== undefined && age <= limit) return null;
    return refuse('BOOK_AGE', limit, age ?? 'unknown', 'ms', leg.instrument);
  });
