import type { LegResult } from '../messages/order.js';
import { isTerminal } from './order-state.js';
import { doubted, signalled, type Order } from './order.js';
import { alert, replaceOrder, withInquiry } from './saga-parts.js';
import { queryOf } from './saga-start.js';
import type { Inquiry, SagaState, SagaStep } from './saga-state.js';

/** The exchange's word that it does not know an order: evidence, unlike silence (R5). */
export const ORDER_NOT_FOUND = 'ORDER_NOT_FOUND';

const FIRST: Inquiry = { asked: 0, notFound: 0, lastNotFoundAtMs: 0, givenUp: false };

/**
 * What to do about an unknown order: ask again, hold it for proven absent (R3: past its expiry and after several
 * not-found answers apart in time), or hand it to a person. One question is out at a time: only its answer, or the first
 * doubt, asks the next. `result` null = silence.
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
  if (before !== undefined && (to !== 'query' || before.givenUp)) return { state, effects: [] };
  const inquiry = weighed(state, order, before ?? FIRST, result, nowMs);
  const { policy } = state.terms;
  if (inquiry.notFound >= policy.minNotFound)
    return { state: withInquiry(replaceOrder(state, absent(order)), id, inquiry), effects: [] };
  if (inquiry.asked >= policy.maxQueries) {
    const effects = [alert('ORDER_UNSETTLED', `${id} is unknown after ${inquiry.asked} questions`)];
    return { state: withInquiry(state, id, { ...inquiry, givenUp: true }), effects };
  }
  return {
    state: withInquiry(state, id, { ...inquiry, asked: inquiry.asked + 1 }),
    effects: [{ kind: 'query', query: queryOf(order.submit, nowMs), delayMs: policy.queryIntervalMs }],
  };
}

/** Counts a not-found answer once it can be evidence: past the expiry, and not too soon after the last one. */
function weighed(
  state: SagaState,
  order: Order,
  inquiry: Inquiry,
  result: LegResult | null,
  nowMs: number,
): Inquiry {
  if (result?.reason !== ORDER_NOT_FOUND) return inquiry;
  const { policy, verdictExpiresAtMs } = state.terms;
  const goneAtMs = Math.max(verdictExpiresAtMs, order.submit.submittedAtMs) + policy.expirySkewMs;
  const apart = inquiry.notFound === 0 || nowMs - inquiry.lastNotFoundAtMs >= policy.queryIntervalMs;
  if (nowMs < goneAtMs || !apart) return inquiry;
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
