import type { Order } from './order.js';
import type { Inquiry, SagaEffect, SagaState } from './saga-state.js';

/** Small readings and changes of a saga's state, shared by its parts. */

const MAX_NOTES = 16;

export const orderOf = (state: SagaState, clientOrderId: string): Order | undefined =>
  state.orders.find((order) => order.submit.clientOrderId === clientOrderId);

export const replaceOrder = (state: SagaState, order: Order): SagaState => ({
  ...state,
  orders: state.orders.map((o) => (o.submit.clientOrderId === order.submit.clientOrderId ? order : o)),
});

export const withInquiry = (state: SagaState, id: string, inquiry: Inquiry): SagaState => ({
  ...state,
  inquiries: new Map(state.inquiries).set(id, inquiry),
});

export function withoutUnbooked(state: SagaState, entryId: string): SagaState {
  if (!state.unbooked.has(entryId)) return state;
  const unbooked = new Map(state.unbooked);
  unbooked.delete(entryId);
  return { ...state, unbooked };
}

export const withNote = (state: SagaState, text: string): SagaState => ({
  ...state,
  notes: [...state.notes, text].slice(0, MAX_NOTES),
});

export const alert = (code: string, detail: string): SagaEffect => ({ kind: 'alert', code, detail });
