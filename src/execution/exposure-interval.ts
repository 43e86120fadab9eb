import { Decimal, ZERO } from '../market/decimal.js';
import { isTerminal } from './order-state.js';
import type { Order } from './order.js';
import { settlementOf } from './saga-parts.js';
import type { Interval, SagaState } from './saga-state.js';

/**
 * What an order may still trade: nothing for one that has ended or never left, else anything up to its rest. An unknown leg
 * is the interval [0, quantity] (TRADING §4).
 */
function restOf(order: Order): Decimal {
  if (order.status === 'intent' || isTerminal(order.status)) return ZERO;
  return Decimal.max(new Decimal(order.submit.quantity).minus(order.filledBase), ZERO);
}

/** Where the imbalance of an arbitrage may be once every order of it has an end. */
export function residueInterval(state: SagaState): Interval {
  const { residual } = settlementOf(state, state.orders);
  let [low, high] = [residual, residual];
  for (const order of state.orders) {
    const rest = restOf(order);
    if (order.submit.side === 'buy') high = high.plus(rest);
    else low = low.minus(rest);
  }
  return { low, high };
}

/** The end that is further from balance. */
export const worstEnd = ({ low, high }: Interval): Decimal => (high.abs().gte(low.abs()) ? high : low);

/** Trading this away makes the larger of both ends as small as it can be. */
export const middleOf = ({ low, high }: Interval): Decimal => low.plus(high).div(2);
