import type { QueryOrder, SubmitLeg } from '../../messages/order.js';
import {
  formerOrder,
  isSettled,
  mayFill,
  nameOf,
  placed,
  reported,
  sentOrder,
  tradesApplied,
  unchanged,
  type AccountOrder,
  type Change,
} from './account-order.js';
import { onTraded } from './gateway-fills.js';
import type { GatewayEffect, GatewayState, Reference } from './gateway-state.js';
import { answeredNow, askedNow, isDue, isLeftOpen, isMissing, notFound, planned } from './inquiry-plan.js';
import { resultsOf } from './order-result.js';
import type { LookupWord, OrderWord, PlaceWord, TradeWord } from './words.js';

/** What happens to single orders: each change is kept, told where it is news, and the next question planned. */

/** Questions that are out at once; the others wait for their turn. Over an ocean they take as long as all budgets allow. */
const MAX_QUESTIONS = 16;
/** What is asked by time is asked from a little before the order, by the clocks of two machines. */
const BEFORE_MS = 60_000;
/** Where the time is only to keep a list short, and their clocks are known to be less than a second apart. */
const AROUND_MS = 5_000;
const LONG_BEFORE_MS = 86_400_000;

/** Contradictions after which an exchange is not believed for a while (F37); the others are only told. */
const DISTRUSTED: ReadonlySet<string> = new Set([
  'OVERFILL',
  'WORSE_THAN_LIMIT',
  'FOREIGN_MARKET',
  'FOREIGN_SIDE',
  'SECOND_ORDER',
  'REFUSED_BUT_THERE',
  'ACKNOWLEDGED_BUT_MISSING',
  'IOC_LEFT_OPEN',
]);

/** Ids that only ArBot makes (`clientOrderIdOf`): such an order is ours, whatever else is known of it. */
export const isOurs = (clientOrderId: string): boolean => /^a[0-9a-v]{24}\d{3}$/.test(clientOrderId);

export const referenceOf = ({ name, exchangeOrderId, sentAtMs, goneAtMs }: AccountOrder): Reference => ({
  clientOrderId: name.clientOrderId,
  exchangeOrderId,
  instrument: name.instrument,
  placedAtMs: Math.max(0, Math.floor(sentAtMs - AROUND_MS)),
  placedUntilMs: Math.ceil(goneAtMs + AROUND_MS),
});

export function onSent(
  state: GatewayState,
  leg: SubmitLeg,
  goneAtMs: number,
  nowMs: number,
): GatewayEffect[] {
  state.counts.placed++;
  state.epoch++;
  onTraded(state, leg.instrument, nowMs);
  state.orders.set(planned(sentOrder(leg, { sentAtMs: nowMs, goneAtMs }), nowMs, 'news'));
  return [];
}

export function onPlaced(
  state: GatewayState,
  clientOrderId: string,
  word: PlaceWord,
  nowMs: number,
): GatewayEffect[] {
  const order = state.orders.get(clientOrderId);
  if (order === undefined) return [];
  if (word.kind === 'refused') state.counts.rejected++;
  return keep(state, order, placed(order, word, nowMs), nowMs);
}

/** A leg that was journalled, and of which the journal knows no end. */
export function onFormerLeg(state: GatewayState, leg: SubmitLeg, nowMs: number): GatewayEffect[] {
  const known = state.orders.get(leg.clientOrderId);
  if (known !== undefined && known.leg !== null) return [];
  const times = { sentAtMs: leg.submittedAtMs, goneAtMs: nowMs + state.times.requestLifeMs };
  const order = formerOrder(nameOf(leg), leg, times);
  return keep(state, order, unchanged(known === undefined ? order : { ...known, leg }), nowMs, 'asked');
}

/** Answered at once where the end is known; else as soon as the exchange has been asked once more. */
export function onQuery(state: GatewayState, query: QueryOrder, nowMs: number): GatewayEffect[] {
  const known = state.orders.get(query.clientOrderId);
  if (known !== undefined && isSettled(known)) return answers(known, 'query', nowMs);
  // A list without a first moment has no end either: what ended since would hide the order (OKX).
  const sentAtMs = query.submittedAtMs ?? query.askedAtMs - LONG_BEFORE_MS;
  const times = { sentAtMs, goneAtMs: nowMs + state.times.requestLifeMs };
  const order = known ?? formerOrder(nameOf(query), null, times);
  return keep(state, order, unchanged(order), nowMs, 'asked');
}

export function onLooked(
  state: GatewayState,
  clientOrderId: string,
  word: LookupWord,
  askedAtMs: number,
  nowMs: number,
): GatewayEffect[] {
  const before = state.orders.get(clientOrderId);
  if (before === undefined) return [];
  const order = answeredNow(before, word.kind !== 'silent');
  const effects: GatewayEffect[] = [];
  if (word.kind === 'found') effects.push(...keepWord(state, order, word.order, nowMs));
  else {
    const weighed = word.kind === 'notFound' ? notFound(order, askedAtMs, nowMs) : order;
    // The last of the three proofs is the balance.
    if (isMissing(weighed)) state.balances.dueAtMs = nowMs;
    effects.push(...keep(state, order, unchanged(weighed), nowMs, 'none'));
  }
  return [...effects, ...answers(state.orders.get(clientOrderId)!, 'query', nowMs)];
}

/** The balance did not move: what two look-ups did not find was never placed (R3). */
export function onProvenAbsent(state: GatewayState, order: AccountOrder, nowMs: number): GatewayEffect[] {
  const wasThere = order.acknowledgedAtMs !== null || order.filled.gt(0);
  const alerts = wasThere ? ['ACKNOWLEDGED_BUT_MISSING'] : [];
  const phase = order.filled.gt(0) ? ('ended' as const) : ('absent' as const);
  // What it was said to have filled is contradicted by the balance, which is what counts.
  const ended: AccountOrder = { ...order, phase, reported: order.filled };
  return keep(state, order, { order: ended, fresh: [], alerts }, nowMs);
}

export function onOrderWord(state: GatewayState, word: OrderWord, nowMs: number): GatewayEffect[] {
  const order = state.orders.find(word);
  if (order !== undefined) return keepWord(state, order, word, nowMs);
  for (const trade of word.trades) state.orders.keepStray(trade, nowMs);
  if (word.status === 'open') state.openOrders.dueAtMs = nowMs;
  return [];
}

export function onTrade(state: GatewayState, word: TradeWord, nowMs: number): GatewayEffect[] {
  const order = state.orders.find(word);
  if (order !== undefined) return keep(state, order, tradesApplied(order, [word]), nowMs);
  // What the ledger has is no news, whoever has forgotten its order.
  if (!state.booked.has(word.tradeId)) state.orders.keepStray(word, nowMs);
  return [];
}

/** The fills of one order that were asked for, or of a market for the comparison of balances. */
export function onFills(
  state: GatewayState,
  clientOrderId: string | null,
  trades: readonly TradeWord[] | null,
  nowMs: number,
): GatewayEffect[] {
  const asked = clientOrderId === null ? undefined : state.orders.get(clientOrderId);
  if (asked !== undefined) state.orders.set(answeredNow(asked, trades !== null));
  const effects = (trades ?? []).flatMap((trade) => onTrade(state, trade, nowMs));
  const order = clientOrderId === null ? undefined : state.orders.get(clientOrderId);
  return order === undefined ? effects : [...effects, ...keep(state, order, unchanged(order), nowMs, 'none')];
}

export function onCancelled(
  state: GatewayState,
  clientOrderId: string,
  word: 'accepted' | 'gone' | 'failed',
  nowMs: number,
): GatewayEffect[] {
  const order = state.orders.get(clientOrderId);
  if (order === undefined) {
    state.openOrders.dueAtMs = nowMs;
    return [];
  }
  // What a cancel did only the order's own report says; one that failed is sent again when the order is found open.
  return keep(state, order, unchanged(order), nowMs, word === 'failed' ? 'none' : 'asked');
}

/** Idempotent everywhere, so that it may be sent on suspicion. */
export function cancel(state: GatewayState, order: AccountOrder): GatewayEffect[] {
  if (!mayFill(order)) return [];
  state.counts.cancels++;
  state.orders.set({ ...order, cancelAsked: order.cancelAsked + 1 });
  return [{ kind: 'cancel', order: referenceOf(order) }];
}

export function alert(state: GatewayState, code: string, detail: string): GatewayEffect {
  state.counts.alerts++;
  return { kind: 'alert', code, detail: detail.slice(0, 300) };
}

export function pause(state: GatewayState, reason: string, untilMs: number): void {
  if (untilMs <= state.pausedUntilMs) return;
  state.pausedUntilMs = untilMs;
  state.pauseReason = reason.slice(0, 120);
}

/** Questions whose time has come. Who has waited longest is asked about first, so that no number of others keeps one waiting. */
export function questionsDue(state: GatewayState, nowMs: number): GatewayEffect[] {
  const unsettled = state.orders.unsettled();
  const free = freeQuestions(unsettled);
  if (free <= 0) return [];
  const due = unsettled.filter((order) => isDue(order, nowMs));
  due.sort((a, b) => a.inquiry.dueAtMs! - b.inquiry.dueAtMs!);
  return due.slice(0, free).map((order) => {
    state.counts.lookups++;
    state.orders.set(askedNow(order));
    return order.phase === 'ended' ? fillsQuestion(order) : { kind: 'lookUp', order: referenceOf(order) };
  });
}

/** When the next question is due; null = an answer comes first. */
export function questionsDueMs(state: GatewayState): number | null {
  const unsettled = state.orders.unsettled();
  if (freeQuestions(unsettled) <= 0) return null;
  const dues = unsettled.flatMap(({ inquiry }) => inquiry.dueAtMs ?? []);
  return dues.length === 0 ? null : Math.min(...dues);
}

const freeQuestions = (unsettled: readonly AccountOrder[]): number =>
  MAX_QUESTIONS - unsettled.filter(({ inquiry }) => inquiry.isOut).length;

export function fillsQuestion(order: AccountOrder): GatewayEffect {
  const { clientOrderId, exchangeOrderId, instrument } = referenceOf(order);
  return {
    kind: 'readFills',
    ...{ clientOrderId, exchangeOrderId, instrument },
    sinceMs: order.sentAtMs - BEFORE_MS,
  };
}

function keepWord(state: GatewayState, order: AccountOrder, word: OrderWord, nowMs: number): GatewayEffect[] {
  const effects = keep(state, order, reported(order, word, nowMs), nowMs);
  const next = state.orders.get(order.name.clientOrderId)!;
  if (word.status !== 'open' || !isLeftOpen(next, nowMs)) return effects;
  return [...effects, ...leftOpen(state, next, nowMs)];
}

/** An exchange that lets an IOC rest is not believed for a while; who waits for the order learns that it has no end yet. */
function leftOpen(state: GatewayState, order: AccountOrder, nowMs: number): GatewayEffect[] {
  const isFirst = order.cancelAsked === 0;
  const cancels = cancel(state, order);
  if (!isFirst) return cancels;
  return [...cancels, ...alerts(state, order, ['IOC_LEFT_OPEN'], nowMs), ...answers(order, 'submit', nowMs)];
}

/** Keeps a change, with the trades that waited for it; tells ends, doubts and fills that came late. */
function keep(
  state: GatewayState,
  before: AccountOrder,
  change: Change,
  nowMs: number,
  reason: 'news' | 'none' | 'asked' = 'news',
): GatewayEffect[] {
  const waited = tradesApplied(change.order, state.orders.takeStraysOf(change.order));
  const fresh = [...change.fresh, ...waited.fresh];
  const order = planned(waited.order, nowMs, reason);
  state.orders.set(order);
  if (order.phase !== before.phase || fresh.length > 0) state.epoch++;
  for (const fill of fresh) if (!state.booked.has(fill.tradeId)) state.unbooked.set(fill.tradeId, fill);
  state.counts.fills += fresh.length;
  const told = alerts(state, order, [...change.alerts, ...waited.alerts], nowMs);
  return [...told, ...results(before, order, fresh.length > 0, nowMs)];
}

function alerts(
  state: GatewayState,
  order: AccountOrder,
  codes: readonly string[],
  nowMs: number,
): GatewayEffect[] {
  const { clientOrderId, instrument } = order.name;
  return codes.map((code) => {
    if (DISTRUSTED.has(code)) pause(state, `${code} ${clientOrderId}`, nowMs + state.times.pauseMs);
    return alert(state, code, `${instrument} ${clientOrderId}: ${order.reason}`);
  });
}

function results(
  before: AccountOrder,
  order: AccountOrder,
  isFilled: boolean,
  nowMs: number,
): GatewayEffect[] {
  const isNewEnd = isSettled(order) && (!isSettled(before) || isFilled || before.phase !== order.phase);
  const isNewDoubt = order.phase === 'unknown' && before.phase === 'sent';
  if (!isNewEnd && !isNewDoubt) return [];
  const told = resultsOf(order, nowMs).map((result): GatewayEffect => ({ kind: 'tell', result }));
  return [...told, ...answers(order, 'submit', nowMs), ...(isNewEnd ? answers(order, 'query', nowMs) : [])];
}

function answers(order: AccountOrder, to: 'submit' | 'query', nowMs: number): GatewayEffect[] {
  const result = resultsOf(order, nowMs).at(-1)!;
  return [{ kind: 'answer', to, clientOrderId: order.name.clientOrderId, result }];
}
