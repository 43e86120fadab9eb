import { Decimal } from '../market/decimal.js';
import type { QueryOrder, SubmitLeg } from '../messages/order.js';
import type { InstrumentId } from '../messages/primitives.js';
import type { Order } from './order.js';
import type { Inquiry, SagaEffect, SagaLeg, SagaState, SagaStep, SagaTerms } from './saga-state.js';
import { settle, toleratedResidue, type Settlement } from './settlement.js';

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

/** Notes a text once; bounded. */
export const withNote = (state: SagaState, text: string): SagaState =>
  state.notes.includes(text) ? state : { ...state, notes: [...state.notes, text].slice(0, MAX_NOTES) };

export const alert = (code: string, detail: string): SagaEffect => ({ kind: 'alert', code, detail });

export const withEffects = (step: SagaStep, ...effects: readonly SagaEffect[]): SagaStep => ({
  ...step,
  effects: [...step.effects, ...effects],
});

export const isRecovery = (order: Order): boolean => order.submit.attempt > 0;

export const queryOf = (leg: SubmitLeg, nowMs: number): QueryOrder => ({
  clientOrderId: leg.clientOrderId,
  arbitrageId: leg.arbitrageId,
  legIndex: leg.legIndex,
  instrument: leg.instrument,
  exchange: leg.exchange,
  submittedAtMs: leg.submittedAtMs,
  askedAtMs: nowMs,
});

/** Orders of the plan; whatever else there is came as recovery. */
export const firstOrders = (state: Pick<SagaState, 'orders'>): readonly Order[] =>
  state.orders.filter((order) => !isRecovery(order));

/** The planned leg that an order stands for or is hedged against. */
export function legOfOrder({ legs }: Pick<SagaTerms, 'legs'>, order: Order): SagaLeg {
  return legs.find((leg) => leg.legIndex === order.submit.legIndex) ?? legs[0]!;
}

/** Takes back on a leg's own market what was traded there. */
export const isReverse = ({ legs }: Pick<SagaTerms, 'legs'>, order: Order): boolean =>
  isRecovery(order) &&
  legs.some((leg) => leg.instrument.id === order.submit.instrument && leg.side !== order.submit.side);

export const marketsOf = ({ legs, hedges }: SagaTerms): InstrumentId[] => [
  ...new Set([...legs.map((leg) => leg.instrument.id), ...hedges.map((hedge) => hedge.id)]),
];

export function toleranceOf({ legs: [first, second] }: Pick<SagaTerms, 'legs'>): Decimal {
  return toleratedResidue(first!.instrument, (second ?? first)!.instrument);
}

export function settlementOf({ terms }: Pick<SagaState, 'terms'>, orders: readonly Order[]): Settlement {
  const marks = new Map(terms.feeMarks.map(({ asset, price }) => [asset, new Decimal(price)]));
  return settle(orders, terms, marks);
}
