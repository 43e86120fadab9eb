import type { LegResult } from '../messages/order.js';
import { isTerminal } from './order-state.js';
import { doubted, signalled, type Order } from './order.js';
import { alert, queryOf, replaceOrder, withInquiry } from './saga-parts.js';
import type { Inquiry, SagaState, SagaStep } from './saga-state.js';

/** The exchange's word that it does not know an order: evidence, unlike silence (R5). */
export const ORDER_NOT_FOUND = 'ORDER_NOT_FOUND';

/** The longest that a request is signed for where it expires, ms (RELIABILITY §4.2). */
const REQUEST_LIFE_MS = 1_000;
/** Where an order may arrive late, questions come further and further apart, up to so many times the interval … */
const WIDEST_INTERVAL = 10;
/** … and so many more are asked. */
const MORE_QUERIES = 10;
/** What was handed over as unknown is asked about this often, for as long as the process lives. */
const SLOW_QUERY_MS = 60_000;

export const firstInquiry = (nowMs: number): Inquiry => ({
  asked: 0,
  notFound: 0,
  lastNotFoundAtMs: 0,
  lastAskedAtMs: nowMs,
  givenUp: false,
});

/**
 * What to do about an unknown order: ask again, hold it for proven absent (R3: past the time at which it may still arrive, and
 * after several not-found answers apart in time), or hand it to a person. One question is out at a time: only its answer, or
 * the first doubt, asks the next. `result` null = silence.
 */
export function inquire(
  state: SagaState,
  order: Order,
  result: LegResult | null,
  to: 'submit' | 'query' | 'nothing',
  nowMs: number,
): SagaStep {
  const id = order.submit.clientOrderId;
  const before = state.inquiries.get(id);
  if (before !== undefined && to !== 'query') return { state, effects: [] };
  const inquiry = weighed(state, order, before ?? firstInquiry(nowMs), result, nowMs);
  const { policy } = state.terms;
  if (inquiry.notFound >= policy.minNotFound)
    return { state: withInquiry(replaceOrder(state, absent(order)), id, inquiry), effects: [] };
  // Handed over: the answer counted, and only time asks again.
  if (inquiry.givenUp) return { state: withInquiry(state, id, inquiry), effects: [] };
  if (inquiry.asked >= mostQueries(state, order)) {
    const effects = [alert('ORDER_UNSETTLED', `${id} is unknown after ${inquiry.asked} questions`)];
    return { state: withInquiry(state, id, { ...inquiry, givenUp: true }), effects };
  }
  return ask(state, order, inquiry, nowMs, delayMs(state, order, inquiry, nowMs));
}

/** Asks again about what was handed over, now and then: evidence may yet come. */
export function inquireSlowly(state: SagaState, order: Order, nowMs: number): SagaStep {
  const inquiry = state.inquiries.get(order.submit.clientOrderId);
  const isDue =
    inquiry?.givenUp === true && !isTerminal(order.status) && nowMs - inquiry.lastAskedAtMs >= SLOW_QUERY_MS;
  return isDue ? ask(state, order, inquiry, nowMs, 0) : { state, effects: [] };
}

function ask(state: SagaState, order: Order, inquiry: Inquiry, nowMs: number, delayMs: number): SagaStep {
  const next = { ...inquiry, asked: inquiry.asked + 1, lastAskedAtMs: nowMs };
  return {
    state: withInquiry(state, order.submit.clientOrderId, next),
    effects: [{ kind: 'query', query: queryOf(order.submit, nowMs), delayMs }],
  };
}

const mayBeLate = ({ terms }: SagaState, order: Order): boolean =>
  terms.lateExchanges.includes(order.submit.exchange);

function mostQueries(state: SagaState, order: Order): number {
  const { maxQueries } = state.terms.policy;
  return mayBeLate(state, order) ? maxQueries + MORE_QUERIES : maxQueries;
}

function delayMs(state: SagaState, order: Order, { asked }: Inquiry, nowMs: number): number {
  const { queryIntervalMs } = state.terms.policy;
  const lateForMs = goneAtMs(state, order) - nowMs;
  if (!mayBeLate(state, order) || lateForMs <= queryIntervalMs) return queryIntervalMs;
  // Rarer and rarer, and again as soon as an answer is evidence.
  return Math.min(queryIntervalMs * Math.min(2 ** asked, WIDEST_INTERVAL), lateForMs);
}

/** From then on an order that has not arrived never will. */
function goneAtMs(state: SagaState, order: Order): number {
  const { policy, verdictExpiresAtMs } = state.terms;
  const sentAtMs = order.sentAtMs ?? order.submit.submittedAtMs;
  if (mayBeLate(state, order)) return sentAtMs + policy.lateOrderMs;
  return Math.max(verdictExpiresAtMs, sentAtMs + REQUEST_LIFE_MS) + policy.expirySkewMs;
}

/** Counts a not-found answer once it can be evidence: past all lateness, and not too soon after the last one. */
function weighed(
  state: SagaState,
  order: Order,
  inquiry: Inquiry,
  result: LegResult | null,
  nowMs: number,
): Inquiry {
  if (result === null) return inquiry;
  // An exchange that knows the order after all takes back what it said.
  if (result.reason !== ORDER_NOT_FOUND) return { ...inquiry, notFound: 0 };
  const isApart =
    inquiry.notFound === 0 || nowMs - inquiry.lastNotFoundAtMs >= state.terms.policy.queryIntervalMs;
  if (nowMs < goneAtMs(state, order) || !isApart) return inquiry;
  return { ...inquiry, notFound: inquiry.notFound + 1, lastNotFoundAtMs: nowMs };
}

/** Not there: never placed. With fills it was there, and an exchange that forgot it contradicts itself. */
function absent(order: Order): Order {
  if (order.filledBase.isZero()) return { ...signalled(order, 'disprove'), reason: ORDER_NOT_FOUND };
  return doubted(signalled(order, 'expire'), `FILLED_BUT_NOT_FOUND ${order.submit.clientOrderId}`);
}

/** Known how it ended, or handed to a person. */
export const isSettled = (state: SagaState, order: Order): boolean =>
  isTerminal(order.status) || state.inquiries.get(order.submit.clientOrderId)?.givenUp === true;

/** Nobody knows whether it was placed. */
export const isUnknown = (order: Order): boolean => order.status === 'unknown';
