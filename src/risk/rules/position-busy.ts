import { NO_REFUSALS, refuse, type Rule } from '../question.js';

/** One trade of a position at a time: the next one starts from what the one before has left of it. */
export const positionBusyRule: Rule = ({ signal: { position }, exposure }) =>
  position !== undefined && exposure.isPositionBusy(position.positionId)
    ? [refuse('POSITION_BUSY', 1, 2, 'trades', position.positionId)]
    : NO_REFUSALS;
