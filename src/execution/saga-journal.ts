import { isTerminal } from './order-state.js';
import { resultOf, type Order } from './order.js';
import { withEffects } from './saga-parts.js';
import type { SagaEffect, SagaStep } from './saga-state.js';

/** What is known of an order, in short. */
export const knowledgeOf = (order: Order): string => `${order.status} ${order.filledBase.toFixed()}`;

/** Saves what is known of ended orders and was not told to the journal yet. */
export function tellJournal(
  step: SagaStep,
  nowMs: number,
  which: (order: Order) => boolean = () => true,
): SagaStep {
  const { state } = step;
  const news = state.orders.filter(
    (order) =>
      isTerminal(order.status) &&
      which(order) &&
      state.told.get(order.submit.clientOrderId) !== knowledgeOf(order),
  );
  if (news.length === 0) return step;
  const told = new Map(state.told);
  for (const order of news) told.set(order.submit.clientOrderId, knowledgeOf(order));
  const effects = news.map((order): SagaEffect => ({ kind: 'saveResult', result: resultOf(order, nowMs) }));
  return withEffects({ ...step, state: { ...state, told } }, ...effects);
}
