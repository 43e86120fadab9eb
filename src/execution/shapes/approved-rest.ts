import { Decimal, ZERO } from '../../market/decimal.js';
import type { InstrumentId, Side } from '../../messages/primitives.js';
import { approvedFor } from '../../risk/approval.js';
import { ORDER_NOT_FOUND } from '../inquiry.js';
import { isTerminal } from '../order-state.js';
import type { Order } from '../order.js';
import { isRecovery } from '../saga-parts.js';
import type { SagaLeg, SagaState } from '../saga-state.js';
import { netFilled } from './asset-changes.js';

/**
 * The most that a recovery order may trade on a leg's market: what of the leg is not done yet, or what can be taken back of it; and
 * never more than the last gate still takes there.
 */
export function restOfLeg(state: Pick<SagaState, 'orders' | 'terms'>, leg: SagaLeg, side: Side): Decimal {
  const done = netFilled(state.orders, leg);
  const left = new Decimal(leg.quantity).minus(done);
  // What is bought back may be more than was sold by the fee that is kept of it.
  const open = side === leg.side ? left : approvedFor(Decimal.max(done, ZERO), side);
  return Decimal.min(Decimal.max(open, ZERO), approvedRest(state, leg, side));
}

/**
 * As the last gate counts where legs are of several pairs: recovery orders in full until their end is known, then what they filled,
 * together no more than the leg.
 */
function approvedRest(
  { orders, terms }: Pick<SagaState, 'orders' | 'terms'>,
  leg: SagaLeg,
  side: Side,
): Decimal {
  const isKnown = terms.resumed ? ({ status }: Order) => isTerminal(status) : isTold;
  return orders
    .filter(
      (one) => isRecovery(one) && one.submit.side === side && one.submit.instrument === leg.instrument.id,
    )
    .reduce(
      (rest, one) => rest.minus(isKnown(one) ? one.filledBase : one.submit.quantity),
      approvedFor(new Decimal(leg.quantity), side),
    );
}

/** Of an order that was found nowhere the last gate was told no end. */
const isTold = ({ status, reason }: Order): boolean =>
  isTerminal(status) && !(status === 'not_placed' && reason === ORDER_NOT_FOUND);

/** Markets on which an order may still trade. */
export const busyMarkets = (orders: readonly Order[]): Set<InstrumentId> =>
  new Set(
    orders
      .filter((one) => one.status !== 'intent' && !isTerminal(one.status))
      .map((one) => one.submit.instrument),
  );
