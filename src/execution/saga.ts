import type { SubmitLeg } from '../messages/order.js';
import { clientOrderIdOf } from './client-order-id.js';
import { inquire, isSettled } from './inquiry.js';
import { fillEntryId } from './ledger.js';
import { isTerminal, mayTransit } from './order-state.js';
import { applyResult, newOrder, signalled } from './order.js';
import { planRecovery, type LegQuote, type RecoveryPlan } from './recovery.js';
import { closeSaga, JOURNAL_REFUSED, mustRecover, settlementOf } from './saga-close.js';
import { alert, orderOf, replaceOrder, withNote, withoutUnbooked } from './saga-parts.js';
import type { SagaEffect, SagaEvent, SagaState, SagaStep } from './saga-state.js';

/**
 * The arbitrage saga: (state, event, now) → state and effects, with no memory of its own. It ends in exactly one of
 * completed, partial, unwound, failed, flagged, whatever the order, number and lateness of the events. An order is sent
 * once; an unknown one is asked about and never sent again; one imbalance is recovered from once, within price bounds.
 */
export function stepSaga(state: SagaState, event: SagaEvent, nowMs: number): SagaStep {
  switch (event.kind) {
    case 'journalled':
      return advance(send(state, nowMs), nowMs);
    case 'journalRefused':
      return advance(unsent(state, `${JOURNAL_REFUSED} ${event.reason}`.slice(0, 200)), nowMs);
    case 'result':
      return advance(hear(state, event, nowMs), nowMs);
    case 'unanswered':
      return advance(lose(state, event, nowMs), nowMs);
    case 'quotes':
      return advance(recover(state, event.quotes, nowMs), nowMs);
    case 'booked':
      return advance({ state: withoutUnbooked(state, event.entryId), effects: [] }, nowMs);
    case 'tick':
      return { state, effects: [...state.unbooked.values()].map((fill) => ({ kind: 'bookFill', fill })) };
  }
}

/** After the commit: the verdict may have expired meanwhile, and then nothing is sent. */
function send(state: SagaState, nowMs: number): SagaStep {
  if (state.phase !== 'journalling' && state.phase !== 'recovering') return { state, effects: [] };
  const expired = state.phase === 'journalling' && nowMs >= state.terms.verdictExpiresAtMs;
  if (expired) return unsent(state, 'VERDICT_EXPIRED');
  const waiting = state.orders.filter((order) => order.status === 'intent');
  const orders = state.orders.map((order) => (order.status === 'intent' ? signalled(order, 'send') : order));
  const phase = state.phase === 'journalling' ? 'working' : 'recovering';
  return {
    state: { ...state, orders, phase },
    effects: waiting.map((order) => ({ kind: 'submit', leg: order.submit })),
  };
}

/** Orders that never left: there is nothing to ask about. */
function unsent(state: SagaState, reason: string): SagaStep {
  const orders = state.orders.map((order) =>
    order.status === 'intent' ? { ...signalled(order, 'disprove'), reason } : order,
  );
  const phase = state.phase === 'journalling' ? 'working' : state.phase;
  return { state: withNote({ ...state, orders, phase }, reason), effects: [] };
}

function hear(state: SagaState, event: Extract<SagaEvent, { kind: 'result' }>, nowMs: number): SagaStep {
  const { result, to } = event;
  const known = orderOf(state, result.clientOrderId);
  if (known === undefined) {
    return {
      state,
      effects: [alert('ORDER_FOREIGN', `${result.clientOrderId} is no order of this arbitrage`)],
    };
  }
  const applied = applyResult(known, result);
  const effects: SagaEffect[] = applied.fresh.map((fill) => ({ kind: 'bookFill', fill }));
  if (applied.late) effects.push(alert('LATE_FILL', `${result.clientOrderId} filled after ${known.status}`));
  for (const doubt of applied.order.doubts.slice(known.doubts.length)) effects.push(alert('DOUBT', doubt));
  const unbooked = new Map(state.unbooked);
  for (const fill of applied.fresh) unbooked.set(fillEntryId(fill), fill);
  const heard = { ...replaceOrder(state, applied.order), unbooked };
  if (applied.order.status !== 'unknown') return { state: heard, effects };
  const asked = inquire(heard, applied.order, result, to, nowMs);
  return { state: asked.state, effects: [...effects, ...asked.effects] };
}

function lose(state: SagaState, event: Extract<SagaEvent, { kind: 'unanswered' }>, nowMs: number): SagaStep {
  const known = orderOf(state, event.clientOrderId);
  if (known === undefined || known.status === 'intent' || isTerminal(known.status))
    return { state, effects: [] };
  const lost = mayTransit(known.status, 'lose') ? signalled(known, 'lose') : known;
  return inquire(replaceOrder(state, { ...lost, reason: event.reason }), lost, null, event.to, nowMs);
}

/** Moves on as far as what is known allows. */
function advance(step: SagaStep, nowMs: number): SagaStep {
  const { state } = step;
  if (state.phase === 'closed' || state.phase === 'journalling' || state.phase === 'quoting') return step;
  if (!state.orders.every((order) => isSettled(state, order))) return step;
  if (mustRecover(state)) {
    const instruments = state.terms.legs.map((leg) => leg.instrument.id);
    return {
      state: { ...state, phase: 'quoting' },
      effects: [...step.effects, { kind: 'readQuotes', instruments }],
    };
  }
  if (state.unbooked.size > 0) return { ...step, state: { ...state, phase: 'booking' } };
  return closeSaga(step, nowMs);
}

function recover(state: SagaState, quotes: readonly LegQuote[], nowMs: number): SagaStep {
  if (state.phase !== 'quoting') return { state, effects: [] };
  const plan = planRecovery({
    settlement: settlementOf(state),
    legs: state.terms.legs.map((leg) => ({ ...leg, maxQuantity: approvedQuantity(state, leg.legIndex) })),
    quotes,
    limits: state.terms.policy,
  });
  if (typeof plan === 'string') {
    return {
      state: withNote({ ...state, recovery: 'impossible', phase: 'booking' }, `RESIDUE ${plan}`),
      effects: [],
    };
  }
  const submit = recoveryLeg(state, plan, nowMs);
  const orders = [...state.orders, newOrder(submit)];
  return {
    state: { ...state, orders, recovery: plan.kind, phase: 'recovering' },
    effects: [{ kind: 'journal', legs: [submit] }],
  };
}

/** What the first order of a leg asked for; a leg without one may recover nothing. */
const approvedQuantity = (state: SagaState, legIndex: number): string =>
  state.orders.find(({ submit }) => submit.legIndex === legIndex && submit.attempt === 0)?.submit.quantity ??
  '0';

function recoveryLeg(state: SagaState, plan: RecoveryPlan, nowMs: number): SubmitLeg {
  const { arbitrageId, verdictId, nonce, verdictExpiresAtMs } = state.terms;
  const tried = state.orders.filter((order) => order.submit.legIndex === plan.legIndex);
  const attempt = 1 + Math.max(-1, ...tried.map((order) => order.submit.attempt));
  return {
    clientOrderId: clientOrderIdOf(arbitrageId, plan.legIndex, attempt),
    arbitrageId,
    legIndex: plan.legIndex,
    attempt,
    verdictId,
    nonce,
    verdictExpiresAtMs,
    instrument: plan.instrument.id,
    exchange: plan.instrument.exchange,
    side: plan.side,
    quantity: plan.quantity,
    limitPrice: plan.limitPrice,
    timeInForce: 'IOC',
    decisionPrice: plan.decisionPrice,
    submittedAtMs: nowMs,
  };
}
