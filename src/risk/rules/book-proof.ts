import { perLeg, refuse, type Rule } from '../question.js';

/** Books that nothing proves complete are traded only where the trader accepted that for the exchange. */
export const bookProofRule: Rule = (question) =>
  perLeg(question, (leg) => {
    const proof = question.instruments.get(leg.instrument)?.bookProof ?? 'checked';
    if (proof !== 'opaque' || question.limits.acceptOpaqueBooks?.includes(leg.exchange) === true) return null;
    return refuse('BOOK_OPAQUE', 'checked or accepted', proof, 'proof', leg.instrument);
  });
