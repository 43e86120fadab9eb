import type { LegQuote } from './recovery.js';
import { inquire, inquireSlowly, isSettled } from './inquiry.js';
import { fillEntryId } from './ledger.js';
import { followerQuantity } from './leg-policy.js';
import { isTerminal, mayTransit, transit } from './order-state.js';
import { applyResult, doubted, signalled, type Order } from './order.js';
import { closeSaga, JOURNAL_REFUSED, settleLate } from './saga-close.js';
import {
  alert,
  isRecovery,
  legOfOrder,
  orderOf,
  replaceOrder,
  settlementOf,
  withEffects,
  withNote,
  withoutUnbooked,
} from './saga-parts.js';
import { isImbalanced, onPermit, onQuotes, seekRecovery, watchInterval } from './saga-recovery.js';
import type { SagaEffect, SagaEvent, SagaState, SagaStep, SagaTerms } from './saga-state.js';
import { chainedQuantity } from './shapes/chain-saga.js';
import type { ChainTerms } from './shapes/shape-terms.js';
import { Decimal, decimalOf, toText } from '../market/decimal.js';

/**
 * The arbitrage saga: (state, event, now) → state and effects, with no memory of its own. It ends in exactly one of
 * completed, partial, unwound, failed, flagged, whatever the order, number and lateness of the events. An order is sent
 * once; an unknown one is asked about and never sent again; an imbalance is brought home by few orders, within price bounds
 * and a clock, or handed to a person. After the end it still books, journals and hedges what comes late.
 */
export function stepSaga(state: SagaState, event: SagaEvent, nowMs: number): SagaStep {
  switch (event.kind) {
    case 'journalled':
      return advance(send(state, event, nowMs), nowMs);
    case 'journalRefused': {
      const reason = `${JOURNAL_REFUSED} ${event.reason}`.slice(0, 200);
      return advance(unsent(state, event.clientOrderIds, reason), nowMs);
    }
    case 'result':
      return advance(hear(state, event, nowMs), nowMs);
    case 'unanswered':
      return advance(lose(state, event, nowMs), nowMs);
    case 'permitted':
      return advance(onPermit(state, event), nowMs);
    case 'quotes':
      return advance(onQuotes(state, event.quotes, nowMs), nowMs);
    case 'booked':
      return advance({ state: withoutUnbooked(state, event.entryId), effects: [] }, nowMs);
    case 'tick':
      return advance(tick(state, nowMs), nowMs);
  }
}

/** After the commit: the verdict may have too little life left for all legs by then, and then nothing is sent. A follower waits for its lead. */
function send(state: SagaState, event: Extract<SagaEvent, { kind: 'journalled' }>, nowMs: number): SagaStep {
  if (!state.orders.some((order) => isMeant(order, event))) return { state, effects: [] };
  const { verdictExpiresAtMs, planLifeMs } = state.terms;
  if (state.phase === 'journalling' && nowMs >= verdictExpiresAtMs - planLifeMs)
    return unsent(state, event.clientOrderIds, 'VERDICT_EXPIRED');
  const effects: SagaEffect[] = [];
  const orders = state.orders.map((order) => {
    if (!isMeant(order, event)) return order;
    const sentPrice = touchOf(order, event.quotes);
    const waits = isWaiting(state.terms, order);
    if (waits) return withSending(order, { status: order.status, sentPrice, sentAtMs: order.sentAtMs });
    effects.push({ kind: 'submit', leg: order.submit });
    return withSending(order, { status: transit(order.status, 'send'), sentPrice, sentAtMs: nowMs });
  });
  const phase = state.phase === 'journalling' ? 'working' : state.phase;
  return { state: { ...state, orders, phase }, effects };
}

/** A planned order that is sent only once it is known what another has filled. */
function isWaiting({ shape, leadIndex }: SagaTerms, order: Order): boolean {
  const { legIndex } = order.submit;
  if (isRecovery(order)) return false;
  return shape.kind === 'chain'
    ? shape.follows.includes(legIndex)
    : leadIndex !== null && legIndex !== leadIndex;
}

const isMeant = (order: Order, event: Extract<SagaEvent, { kind: 'journalled' }>): boolean =>
  order.status === 'intent' && !order.journalled && event.clientOrderIds.includes(order.submit.clientOrderId);

/** Its row is committed; field by field, since a spread costs more than all of the rest. */
const withSending = (
  order: Order,
  { status, sentPrice, sentAtMs }: Pick<Order, 'status' | 'sentPrice' | 'sentAtMs'>,
): Order => ({
  submit: order.submit,
  status,
  journalled: true,
  sentPrice,
  sentAtMs,
  fills: order.fills,
  filledBase: order.filledBase,
  filledQuote: order.filledQuote,
  reason: order.reason,
  acknowledgedAtMs: order.acknowledgedAtMs,
  doubts: order.doubts,
});

const sent = (order: Order, sentPrice: Decimal | null, nowMs: number): Order => ({
  ...signalled(order, 'send'),
  sentPrice,
  sentAtMs: nowMs,
});

/** Best price of an order's side; null where it was not read or is not trusted. */
function touchOf({ submit }: Order, quotes: readonly LegQuote[] = []): Decimal | null {
  const quote = quotes.find((one) => one.instrument === submit.instrument);
  const best = submit.side === 'buy' ? quote?.ask : quote?.bid;
  return quote?.trusted === true && best !== undefined && best > 0 ? decimalOf(best) : null;
}

/** Orders that never left: there is nothing to ask about. */
function unsent(state: SagaState, clientOrderIds: readonly string[], reason: string): SagaStep {
  const isMeant = (order: Order): boolean =>
    order.status === 'intent' && clientOrderIds.includes(order.submit.clientOrderId);
  if (!state.orders.some(isMeant)) return { state, effects: [] };
  const orders = state.orders.map((order) =>
    isMeant(order) ? { ...signalled(order, 'disprove'), reason } : order,
  );
  const phase = state.phase === 'journalling' ? 'working' : state.phase;
  return { state: withNote({ ...state, orders, phase }, reason), effects: [] };
}

function hear(state: SagaState, event: Extract<SagaEvent, { kind: 'result' }>, nowMs: number): SagaStep {
  const { result, to } = event;
  const found = orderOf(state, result.clientOrderId);
  if (found === undefined) {
    return {
      state,
      effects: [alert('ORDER_FOREIGN', `${result.clientOrderId} is no order of this arbitrage`)],
    };
  }
  const known = unexpected(found, result.fills.length > 0);
  const applied = applyResult(known, result);
  const effects: SagaEffect[] = applied.fresh.map((fill) => ({ kind: 'bookFill', fill }));
  const isLate = applied.late || (state.phase === 'closed' && applied.fresh.length > 0);
  if (isLate) effects.push(alert('LATE_FILL', `${result.clientOrderId} filled after ${known.status}`));
  for (const doubt of applied.order.doubts.slice(found.doubts.length)) effects.push(alert('DOUBT', doubt));
  const unbooked = new Map(state.unbooked);
  for (const fill of applied.fresh) unbooked.set(fillEntryId(fill), fill);
  const heard = { ...replaceOrder(state, applied.order), unbooked };
  if (applied.order.status !== 'unknown') return { state: heard, effects };
  const asked = inquire(heard, applied.order, result, to, nowMs);
  return { state: asked.state, effects: [...effects, ...asked.effects] };
}

/** An exchange that fills an order which never left contradicts us: the fills count, and a person is told. */
function unexpected(order: Order, hasFills: boolean): Order {
  if (order.status !== 'intent' || !hasFills) return order;
  return doubted(signalled(order, 'send'), `UNSENT_ORDER_FILLED ${order.submit.clientOrderId}`);
}

function lose(state: SagaState, event: Extract<SagaEvent, { kind: 'unanswered' }>, nowMs: number): SagaStep {
  const known = orderOf(state, event.clientOrderId);
  if (known === undefined || known.status === 'intent' || isTerminal(known.status))
    return { state, effects: [] };
  const lost = mayTransit(known.status, 'lose') ? signalled(known, 'lose') : known;
  return inquire(replaceOrder(state, { ...lost, reason: event.reason }), lost, null, event.to, nowMs);
}

function tick(before: SagaState, nowMs: number): SagaStep {
  const effects: SagaEffect[] = [...before.unbooked.values()].map((fill) => ({ kind: 'bookFill', fill }));
  let state = before;
  for (const order of before.orders) {
    const asked = inquireSlowly(state, order, nowMs);
    state = asked.state;
    effects.push(...asked.effects);
  }
  return { state, effects };
}

/** Moves on as far as what is known allows. */
function advance(before: SagaStep, nowMs: number): SagaStep {
  if (before.state.phase === 'journalling') return before;
  if (before.state.phase === 'closed') return settleLate(before, nowMs);
  const step = follow(before, nowMs);
  if (!step.state.orders.every((order) => isSettled(step.state, order))) return watchInterval(step);
  const isOpen = step.state.abandoned === null && isImbalanced(step.state);
  const sought = isOpen ? seekRecovery(step, nowMs) : step;
  const { state } = sought;
  if (isOpen && state.abandoned === null) return { ...sought, state: { ...state, phase: 'recovering' } };
  if (state.unbooked.size > 0) return { ...sought, state: { ...state, phase: 'booking' } };
  return closeSaga(sought, nowMs);
}

/** Sends what waits for its lead, as large as the lead has filled; what there is too little of is never sent. */
function follow(step: SagaStep, nowMs: number): SagaStep {
  const { shape } = step.state.terms;
  return shape.kind === 'chain' ? followChain(step, shape, nowMs) : followLead(step, nowMs);
}

/** Each waits for the leg before it in the row; what one of them has not brought stops all that wait behind it. */
function followChain(before: SagaStep, { follows, order }: ChainTerms, nowMs: number): SagaStep {
  let step = before;
  for (const legIndex of follows) {
    const lead = firstOf(step.state, order[order.indexOf(legIndex) - 1]);
    const waiting = firstOf(step.state, legIndex);
    if (waiting?.status !== 'intent' || !waiting.journalled || lead === undefined) continue;
    if (isSettled(step.state, lead)) step = sendAfter(step, lead, waiting, nowMs);
  }
  return step;
}

const firstOf = ({ orders }: SagaState, legIndex: number | undefined): Order | undefined =>
  orders.find((one) => !isRecovery(one) && one.submit.legIndex === legIndex);

function followLead(step: SagaStep, nowMs: number): SagaStep {
  const { state } = step;
  const waiting = state.orders.find((order) => order.status === 'intent' && order.journalled);
  const lead = state.orders.find(
    (order) => !isRecovery(order) && order.submit.legIndex === state.terms.leadIndex,
  );
  if (waiting === undefined || lead === undefined || !isSettled(state, lead)) return step;
  return sendAfter(step, lead, waiting, nowMs);
}

function sendAfter(step: SagaStep, lead: Order, waiting: Order, nowMs: number): SagaStep {
  const { state } = step;
  const size = isTerminal(lead.status) ? sizeAfter(state, lead, waiting, nowMs) : 'LEAD_UNKNOWN';
  if (typeof size === 'string') {
    const stopped = unsent(state, [waiting.submit.clientOrderId], size);
    return { state: stopped.state, effects: step.effects };
  }
  const resized = { ...waiting, submit: { ...waiting.submit, quantity: toText(size) } };
  const followed = replaceOrder(state, sent(resized, waiting.sentPrice, nowMs));
  return withEffects({ ...step, state: followed }, { kind: 'submit', leg: resized.submit });
}

function sizeAfter(state: SagaState, lead: Order, follower: Order, nowMs: number): Decimal | string {
  // The last gate takes a first order only under a verdict that is alive; later it is a recovery like any other.
  if (nowMs >= state.terms.verdictExpiresAtMs) return 'FOLLOWER_TOO_LATE';
  if (state.terms.shape.kind === 'chain') return chainedQuantity(lead, legOfOrder(state.terms, follower));
  const { residual } = settlementOf(state, [lead]);
  return followerQuantity(residual, legOfOrder(state.terms, follower), follower.submit);
}
