import { perLeg, refuse, type Rule } from '../question.js';

/** Time since the book last changed: a separate limit, since a quiet pair on a live connection is not old (TRADING §2). */
export const bookChangeRule: Rule = (question) =>
  perLeg(question, (leg) => {
    const unchanged = question.books.get(leg.instrument)?.unchangedMs;
    const limit = question.limits.maxUnchangedMs;
    if (unchanged !== undefined && unchanged <= limit) return null;
    return refuse('BOOK_UNCHANGED', limit, unchanged ?? 'unknown', 'ms', leg.instrument);
  });
