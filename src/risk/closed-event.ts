import type { ArbitrageClosed } from '../messages/order.js';
import type { GateEvent } from './gate-types.js';

/** Something was traded. Of legs in several pairs the quantities of an end are those of two assets only, so its word counts too. */
export const hasFilled = ({ boughtQuantity, soldQuantity, shape, outcome }: ArbitrageClosed): boolean =>
  /[1-9]/.test(boughtQuantity) || /[1-9]/.test(soldQuantity) || (shape !== undefined && outcome !== 'failed');

/** What the gate has to know of an end. */
export function closedEvent(closed: ArbitrageClosed): Extract<GateEvent, { kind: 'closed' }> {
  const { arbitrageId, opportunityId, realisedNet, outcome, position } = closed;
  const filled = hasFilled(closed);
  const flagged = outcome === 'flagged';
  const carried = position?.action === 'enter';
  return {
    kind: 'closed',
    ...{ arbitrageId, opportunityId, filled, flagged, realisedNet },
    ...(carried && { carried }),
  };
}
