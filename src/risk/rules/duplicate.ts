import { refuse, type Rule } from '../question.js';

/** A signal is judged once, and one life of an opportunity is traded once (TRADING §6). */
export const duplicateRule: Rule = ({ signal, signalSeen, opportunityTaken }) => [
  ...(signalSeen ? [refuse('DUPLICATE_SIGNAL', 1, 2, 'times', signal.signalId)] : []),
  ...(opportunityTaken ? [refuse('DUPLICATE_OPPORTUNITY', 1, 2, 'trades', signal.opportunityId)] : []),
];
