import { perLeg, refuse, type Rule } from '../question.js';

/** Both books are trusted now, and are still the synchronisation the signal was computed from (I12). */
export const bookTrustRule: Rule = (question) =>
  perLeg(question, (leg) => {
    const book = question.books.get(leg.instrument);
    if (book === undefined || !book.trusted)
      return refuse('BOOK_UNTRUSTED', 'trusted', 'untrusted', 'state', leg.instrument);
    if (book.epoch !== leg.bookEpoch)
      return refuse('BOOK_RESYNCED', leg.bookEpoch, book.epoch, 'epoch', leg.instrument);
    return null;
  });
