import { Decimal } from '../../market/decimal.js';
import type { InstrumentId, Side } from '../../messages/primitives.js';
import { approvedFor } from '../../risk/approval.js';
import { isTerminal } from '../order-state.js';
import type { Order } from '../order.js';
import { isRecovery } from '../saga-parts.js';
import type { SagaLeg, SagaState } from '../saga-state.js';

/**
 * What the last gate still takes on a leg's market on one side, as it counts where legs are of several pairs: recovery orders in full
 * until their end is known, then what they filled, together no more than the leg.
 */
export function restOfLeg({ orders }: Pick<SagaState, 'orders'>, leg: SagaLeg, side: Side): Decimal {
  return orders
    .filter((one) => isRecovery(one) && one.submit.side === side && one.submit.instrument === leg.instrument.id)
    .reduce(
      (rest, one) => rest.minus(isTerminal(one.status) ? one.filledBase : one.submit.quantity),
      approvedFor(new Decimal(leg.quantity), side),
    );
}

/** Markets on which an order may still trade. */
export const busyMarkets = (orders: readonly Order[]): Set<InstrumentId> =>
  new Set(
    orders
      .filter((one) => one.status !== 'intent' && !isTerminal(one.status))
      .map((one) => one.submit.instrument),
  );
