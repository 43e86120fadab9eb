import { perLeg, refuse, type Rule } from '../question.js';

/** Both legs are the same registered assets: a ticker that only looks alike is never traded. */
export const identityRule: Rule = (question) =>
  perLeg(question, (leg) => {
    const instrument = question.instruments.get(leg.instrument);
    if (instrument === undefined || !instrument.identityKnown)
      return refuse('IDENTITY_UNKNOWN', 'registered', 'unknown', 'asset', leg.instrument);
    const { base, quote } = question.signal;
    if (instrument.base !== base || instrument.quote !== quote)
      return refuse('IDENTITY_MISMATCH', `${base}-${quote}`, instrument.pair, 'pair', leg.instrument);
    return null;
  });
