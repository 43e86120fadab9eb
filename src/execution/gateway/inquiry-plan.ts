import { hasEnded, isSettled, type AccountOrder, type Inquiry } from './account-order.js';

/**
 * When an order is asked about, and what the answers prove. An order on its way has a second in which its own answer may come,
 * or the lack of one. Questions never stop; while an exchange is silent they only become rarer, so that an order is settled soon
 * after it is back.
 */
const PAUSES_MS = [250, 750, 1_000, 1_000, 1_000, 2_000, 3_000, 5_000];
/** Requests may hang far longer than anybody can wait to know. */
const ANSWER_PATIENCE_MS = 1_000;
/** R3: answers "not found" count only when they are that far apart. */
const APART_MS = 1_000;
const ENOUGH_NOT_FOUND = 2;
/** An exchange that answered so often and settled nothing leaves the order to a person. */
const ANSWERS_FOR_A_PERSON = 30;
/** An order meant as IOC that is open so long after its acknowledgement was left open (TRADING §4). */
const LEFT_OPEN_MS = 1_000;

/** Asked so often in vain, an order is not there yet: answers that are no evidence would be a waste of budget. */
const TRIES_BEFORE_EVIDENCE = 2;

const pauseMs = (tries: number): number => PAUSES_MS[Math.min(tries, PAUSES_MS.length - 1)]!;

/** When it is usually asked next. Where its absence is what is being proven, as soon as the answer can be evidence. */
function usualMs({ inquiry, goneAtMs, phase }: AccountOrder, tries: number, nowMs: number): number {
  const byPauses = nowMs + pauseMs(tries);
  if (phase !== 'unknown' || tries < TRIES_BEFORE_EVIDENCE) return byPauses;
  const evidenceAtMs = inquiry.notFound === 0 ? goneAtMs : inquiry.lastNotFoundAtMs + APART_MS;
  const isSoon = evidenceAtMs > nowMs && evidenceAtMs - nowMs <= PAUSES_MS.at(-1)!;
  return isSoon && inquiry.notFound < ENOUGH_NOT_FOUND ? evidenceAtMs : byPauses;
}

/** Plans the next question after anything became known, or soon after somebody asked. */
export function planned(order: AccountOrder, nowMs: number, news: 'news' | 'none' | 'asked'): AccountOrder {
  const { inquiry } = order;
  if (isSettled(order)) return withInquiry(order, { dueAtMs: null });
  if (inquiry.isOut) return order;
  const tries = news === 'news' ? 0 : inquiry.tries;
  const usual = usualMs(order, tries, nowMs);
  const wantedMs = news === 'asked' ? nowMs : Math.min(inquiry.dueAtMs ?? usual, usual);
  const earliestMs = order.phase === 'sent' ? order.sentAtMs + ANSWER_PATIENCE_MS : -Infinity;
  return withInquiry(order, { tries, dueAtMs: Math.max(wantedMs, earliestMs) });
}

export const isDue = ({ inquiry }: AccountOrder, nowMs: number): boolean =>
  inquiry.dueAtMs !== null && nowMs >= inquiry.dueAtMs;

export const askedNow = (order: AccountOrder): AccountOrder =>
  withInquiry(order, { dueAtMs: null, isOut: true, tries: order.inquiry.tries + 1 });

/** The question came back. */
export const answeredNow = (order: AccountOrder, isAnswered: boolean): AccountOrder =>
  withInquiry(order, { isOut: false, answered: order.inquiry.answered + (isAnswered ? 1 : 0) });

/** Counts a "not found" that can be evidence: nothing may still be on its way, and it is not the last answer said again. */
export function notFound(order: AccountOrder, askedAtMs: number, nowMs: number): AccountOrder {
  const { notFound: count, lastNotFoundAtMs } = order.inquiry;
  if (askedAtMs < order.goneAtMs || (count > 0 && nowMs - lastNotFoundAtMs < APART_MS)) return order;
  return withInquiry(order, { notFound: count + 1, lastNotFoundAtMs: nowMs });
}

/** Two of R3's three conditions; the third is the balance. */
export const isMissing = (order: AccountOrder): boolean =>
  !isSettled(order) && order.inquiry.notFound >= ENOUGH_NOT_FOUND;

export const isForPerson = (order: AccountOrder): boolean =>
  !isSettled(order) && order.inquiry.answered >= ANSWERS_FOR_A_PERSON;

/** Of an order that the exchange has just called open. */
export const isLeftOpen = (order: AccountOrder, nowMs: number): boolean =>
  !hasEnded(order) && order.acknowledgedAtMs !== null && nowMs - order.acknowledgedAtMs >= LEFT_OPEN_MS;

const withInquiry = (order: AccountOrder, changes: Partial<Inquiry>): AccountOrder => ({
  ...order,
  inquiry: { ...order.inquiry, ...changes },
});
