import type { Instrument } from '../../market/instrument.js';
import type { Refusal } from '../../messages/risk.js';
import { shapeOf } from '../../messages/signal.js';
import { perLeg, refuse, type Question, type Rule } from '../question.js';

/** Both legs are the same registered assets: a ticker that only looks alike is never traded. */
export const identityRule: Rule = (question) =>
  perLeg(question, (leg) => {
    const instrument = question.instruments.get(leg.instrument);
    if (instrument === undefined || !instrument.identityKnown)
      return refuse('IDENTITY_UNKNOWN', 'registered', 'unknown', 'asset', leg.instrument);
    // Legs of several pairs are compared by what they trade: LEG_SHAPE.
    if (!question.isPlain) return isBridged(question) ? baseMismatch(question, instrument) : null;
    const { base, quote } = question.signal;
    if (instrument.base !== base || instrument.quote !== quote)
      return refuse('IDENTITY_MISMATCH', `${base}-${quote}`, instrument.pair, 'pair', leg.instrument);
    return null;
  });

const isBridged = ({ signal }: Question): boolean => shapeOf(signal) === 'two-sided';

/** The same asset for two quotes. */
function baseMismatch({ signal }: Question, { base, pair, id }: Instrument): Refusal | null {
  return base === signal.base ? null : refuse('IDENTITY_MISMATCH', signal.base, pair, 'base', id);
}
