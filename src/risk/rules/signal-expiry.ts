import { refuse, type Rule } from '../question.js';

/** A signal is good until its own expiry; at that moment it is no more. */
export const signalExpiryRule: Rule = ({ signal, nowMs }) =>
  nowMs < signal.expiresAtMs
    ? []
    : [refuse('SIGNAL_EXPIRED', 0, nowMs - signal.expiresAtMs, 'ms late', signal.signalId)];
