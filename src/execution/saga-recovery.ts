import { BPS, Decimal, ZERO } from '../market/decimal.js';
import type { SubmitLeg } from '../messages/order.js';
import type { InstrumentId, Side } from '../messages/primitives.js';
import { clientOrderIdOf } from './client-order-id.js';
import { middleOf, residueInterval, worstEnd } from './exposure-interval.js';
import { isSettled, isUnknown } from './inquiry.js';
import { approvedFor } from '../risk/approval.js';
import { isTerminal } from './order-state.js';
import { newOrder, type Order } from './order.js';
import {
  isCapAtStake,
  planRecovery,
  type LegQuote,
  type RecoveryLimits,
  type RecoveryMarket,
  type RecoveryPlan,
  type RecoveryQuestion,
} from './recovery.js';
import {
  alert,
  firstOrders,
  isRecovery,
  marketsOf,
  settlementOf,
  toleranceOf,
  withEffects,
  withNote,
} from './saga-parts.js';
import { tellJournal } from './saga-journal.js';
import type { SagaEvent, SagaState, SagaStep, SagaTerms } from './saga-state.js';
import { realisedNet, type Settlement } from './settlement.js';
import { halveChain, INTERVAL_HEDGED, isChainOpen, planChainNow } from './shapes/chain-saga.js';
import { isPairOpen } from './shapes/pair-money.js';
import { halvePair, planPairNow } from './shapes/pair-saga.js';
import { residueText } from './shapes/residue-text.js';

/** Place of what a person was told about an open residue, beside the orders. */
const OPEN = 'open';
/** An order that took longer shows an exchange in trouble. */
const SLOW_ORDER_MS = 400;

/** A known imbalance, and no uncertainty left: an order still unknown may be the missing leg. */
export function isImbalanced(state: SagaState): boolean {
  if (state.orders.some((order) => !isTerminal(order.status) || order.doubts.length > 0)) return false;
  const { shape } = state.terms;
  if (shape.kind === 'chain') return isChainOpen(state, shape);
  if (shape.kind === 'pair') return isPairOpen(state);
  return settlementOf(state, state.orders).residual.abs().gt(toleranceOf(state.terms));
}

/** Recovery orders that may be sent: where an asset comes home over several markets, two more for each further one. */
const mostRecoveries = ({ policy, legs }: SagaTerms): number =>
  policy.maxRecoveries + 2 * Math.max(0, legs.length - 2);

const recoveriesOf = (state: SagaState): number => state.orders.filter(isRecovery).length;

export const abandon = (state: SagaState, reason: string): SagaState => ({
  ...withNote(state, `RESIDUE ${reason}`),
  abandoned: reason,
  permitting: null,
});

/** So long after an imbalance is known it is held for better prices. */
const deadlineMs = ({ policy, resumed }: SagaTerms): number =>
  resumed ? policy.resumedDeadlineMs : policy.recoveryDeadlineMs;

/**
 * Asks for prices to close a known imbalance by, until the clock of TRADING §4 runs out, the orders allowed for it are spent,
 * or the last gate takes none any more.
 */
export function seekRecovery(step: SagaStep, nowMs: number): SagaStep {
  const since = step.state.imbalancedSinceMs ?? nowMs;
  const state = { ...step.state, imbalancedSinceMs: since };
  const { policy, verdictExpiresAtMs, resumed } = state.terms;
  if (recoveriesOf(state) >= mostRecoveries(state.terms))
    return { ...step, state: abandon(state, 'RECOVERIES_SPENT') };
  if (!resumed && nowMs >= verdictExpiresAtMs + policy.recoveryWindowMs)
    return { ...step, state: abandon(state, 'RECOVERY_WINDOW') };
  if (nowMs >= since + policy.recoveryGiveUpMs)
    return { ...step, state: abandon(state, 'RECOVERY_DEADLINE') };
  const isLate = nowMs >= since + deadlineMs(state.terms);
  const told = isLate ? tellOpen({ ...step, state }) : { ...step, state };
  const isUnderWay = state.awaitsQuotes || state.permitting !== null;
  return isUnderWay ? told : askForQuotes(told, pauseMs(state));
}

/** The clock has run out on orders that came to too little: a person knows, and what a market takes is traded on. */
function tellOpen(step: SagaStep): SagaStep {
  const { state } = step;
  if (state.told.has(OPEN)) return step;
  const told = new Map(state.told).set(OPEN, '');
  const detail = `residue ${residueText(state)} is still being traded away`;
  return withEffects({ ...step, state: { ...state, told } }, alert('RESIDUE_OPEN', detail));
}

/** At once, but for the pause after a recovery order that came to nothing. */
function pauseMs(state: SagaState): number {
  const last = state.orders.findLast(isRecovery);
  return last?.filledBase.isZero() === true ? state.terms.policy.requoteMs : 0;
}

/** While an order is unknown its interval is watched; evidence is sought meanwhile. */
export function watchInterval(step: SagaStep): SagaStep {
  const { state } = step;
  const isOut = state.orders.some((order) => isUnknown(order) && !isSettled(state, order));
  if (!isOut) return step;
  // What is not certain is no known imbalance: its clock has not begun.
  const watched = { ...step, state: { ...state, imbalancedSinceMs: null } };
  const { policy } = state.terms;
  const isOver = state.intervalHedged || state.abandoned !== null || state.closed !== null;
  const isUnderWay = state.awaitsQuotes || state.permitting !== null;
  if (isOver || isUnderWay || recoveriesOf(state) >= mostRecoveries(state.terms)) return watched;
  return askForQuotes(watched, policy.requoteMs);
}

function askForQuotes(step: SagaStep, delayMs: number): SagaStep {
  const instruments = marketsOf(step.state.terms);
  const asked = { ...step, state: { ...step.state, awaitsQuotes: true } };
  return withEffects(asked, { kind: 'readQuotes', instruments, delayMs });
}

/** Prices have come: a known imbalance is traded away, an interval only when its worst case breaches the cap. */
export function onQuotes(before: SagaState, quotes: readonly LegQuote[], nowMs: number): SagaStep {
  if (!before.awaitsQuotes) return { state: before, effects: [] };
  const state = { ...before, awaitsQuotes: false };
  if (state.abandoned !== null) return { state, effects: [] };
  if (isImbalanced(state))
    // Prices that were asked for before the end are no reason to trade after it.
    return state.imbalancedSinceMs === null ? { state, effects: [] } : close(state, quotes, nowMs);
  return state.orders.some(isUnknown) && state.closed === null
    ? halve(state, quotes, nowMs)
    : { state, effects: [] };
}

function close(state: SagaState, quotes: readonly LegQuote[], nowMs: number): SagaStep {
  const plan = planNow(state, quotes);
  if (typeof plan !== 'string') return order(state, plan, nowMs);
  const { policy } = state.terms;
  const againMs = nowMs + policy.requoteMs;
  const isOver = againMs >= (state.imbalancedSinceMs ?? nowMs) + deadlineMs(state.terms);
  // Held for now: the next prices may allow what these do not.
  return isOver
    ? { state: abandon(state, plan), effects: [] }
    : askForQuotes({ state: withNote(state, `HOLD ${plan}`), effects: [] }, policy.requoteMs);
}

function planNow(state: SagaState, quotes: readonly LegQuote[]): RecoveryPlan | string {
  const { shape, legs } = state.terms;
  const limits = limitsNow(state);
  const troubles = new Map(legs.map(({ instrument: { id } }) => [id, troubleOf(state, id)] as const));
  if (shape.kind === 'chain') return planChainNow(state, shape, { quotes, limits }, troubles);
  if (shape.kind === 'pair') return planPairNow(state, shape, { quotes, limits }, troubles);
  const { residual } = settlementOf(state, state.orders);
  const question = questionOf(state, residual, quotes);
  return question === null ? 'NO_OWN_PRICE' : planElsewhereFirst(state, { ...question, limits });
}

/** The market ran away from orders that met nothing: each makes the next one reach further, and never beyond the loss cap. */
function limitsNow({ terms: { policy }, orders }: SagaState): RecoveryLimits {
  const missed = orders.filter(
    (one) => isRecovery(one) && one.filledBase.isZero() && one.status === 'expired',
  ).length;
  return { ...policy, recoverySlackBps: policy.recoverySlackBps * 2 ** missed };
}

/**
 * A market that has refused, is slow or was silent comes after the others: it would do so to the next order too. Of those that
 * are in trouble a slow one comes before one that refuses, and one that has refused often last.
 */
function planElsewhereFirst(state: SagaState, question: RecoveryQuestion): RecoveryPlan | string {
  const troubles = question.markets.map((market) => troubleOf(state, market.instrument.id));
  let plan: RecoveryPlan | string = 'NO_MARKET';
  for (const most of [...new Set(troubles)].sort((a, b) => a - b)) {
    const markets = question.markets.filter((_, index) => troubles[index]! <= most);
    plan = planRecovery({ ...question, markets });
    if (typeof plan !== 'string') return plan;
  }
  return plan;
}

/** Larger than any number of orders that may have been slow. */
const REFUSED = 100;

function troubleOf(state: SagaState, instrument: InstrumentId): number {
  return state.orders
    .filter(({ submit }) => submit.instrument === instrument)
    .reduce((sum, one) => sum + (isRefused(one) ? REFUSED : isSlow(state, one) ? 1 : 0), 0);
}

const isRefused = ({ status, filledBase }: Order): boolean => status === 'rejected' && filledBase.isZero();

function isSlow({ inquiries, terms }: SagaState, order: Order): boolean {
  const { sentAtMs, acknowledgedAtMs, submit } = order;
  // After a restart each order is asked about once, whoever was silent.
  const asked = inquiries.get(submit.clientOrderId)?.asked ?? 0;
  if (asked > (terms.resumed ? 1 : 0)) return true;
  return sentAtMs !== null && acknowledgedAtMs !== null && acknowledgedAtMs - sentAtMs > SLOW_ORDER_MS;
}

/** Half of an interval is traded away once, so that both of its ends are equally near. */
function halve(state: SagaState, quotes: readonly LegQuote[], nowMs: number): SagaStep {
  const none = { state, effects: [] };
  if (state.intervalHedged) return none;
  if (state.terms.shape.kind !== 'plain') return halveShape(state, quotes, nowMs);
  const interval = residueInterval(state);
  const worst = questionOf(state, worstEnd(interval), quotes);
  const middle = middleOf(interval);
  if (worst === null || !isCapAtStake(worst) || middle.abs().lte(toleranceOf(state.terms))) return none;
  const question = questionOf(state, middle, quotes);
  const plan = question === null ? 'NO_OWN_PRICE' : planRecovery(question);
  if (typeof plan === 'string') return { state: withNote(state, `INTERVAL ${plan}`), effects: [] };
  return order({ ...withNote(state, INTERVAL_HEDGED), intervalHedged: true }, plan, nowMs);
}

/** The same where several assets are open: the middle of a chain may take an order for each, that of a pair one. */
function halveShape(state: SagaState, quotes: readonly LegQuote[], nowMs: number): SagaStep {
  const { shape, policy } = state.terms;
  const prices = { quotes, limits: policy };
  const plan =
    shape.kind === 'chain'
      ? halveChain(state, shape, prices)
      : shape.kind === 'pair'
        ? halvePair(state, shape, prices)
        : null;
  if (plan === null) return { state, effects: [] };
  if (typeof plan === 'string') return { state: withNote(state, `INTERVAL ${plan}`), effects: [] };
  const isDone = shape.kind === 'pair';
  return order({ ...withNote(state, INTERVAL_HEDGED), intervalHedged: isDone }, plan, nowMs);
}

function order(state: SagaState, plan: RecoveryPlan, nowMs: number): SagaStep {
  const submit = recoveryLeg(state, plan, nowMs);
  if (!state.terms.resumed) return withOrder(state, submit);
  // What is known of earlier recovery orders is told first: the gate judges by the journal.
  const told = tellJournal({ state: { ...state, permitting: submit }, effects: [] }, nowMs, isRecovery);
  return withEffects(told, { kind: 'askPermit', leg: submit });
}

function withOrder(state: SagaState, submit: SubmitLeg): SagaStep {
  const orders = [...state.orders, newOrder(submit)];
  const phase = state.phase === 'closed' ? state.phase : 'recovering';
  return {
    state: { ...state, orders, phase },
    effects: [{ kind: 'journal', legs: [submit], purpose: 'recover' }],
  };
}

/** The gate has spoken. Refused, it is as if there had been no order: prices are read again, until the clock runs out. */
export function onPermit(
  before: SagaState,
  { clientOrderId, permit, reason }: Extract<SagaEvent, { kind: 'permitted' }>,
): SagaStep {
  const { permitting: leg } = before;
  if (leg === null || leg.clientOrderId !== clientOrderId) return { state: before, effects: [] };
  const state = { ...before, permitting: null };
  if (permit !== null) return withOrder(state, { ...leg, permit });
  const noted = withNote(state, `PERMIT ${reason}`);
  return askForQuotes({ state: noted, effects: [] }, state.terms.policy.requoteMs);
}

function recoveryLeg(state: SagaState, plan: RecoveryPlan, nowMs: number): SubmitLeg {
  const { arbitrageId, verdictId, nonce, verdictExpiresAtMs } = state.terms;
  const tried = state.orders.filter((one) => one.submit.legIndex === plan.legIndex);
  const attempt = 1 + Math.max(0, ...tried.map((one) => one.submit.attempt));
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

/** Null while nothing tells what the residue was bought or sold for. */
function questionOf(
  state: SagaState,
  residue: Decimal,
  quotes: readonly LegQuote[],
): RecoveryQuestion | null {
  const settlement = settlementOf(state, state.orders);
  const own = ownPrice(state, settlement, residue);
  if (own === null) return null;
  const side: Side = residue.isNegative() ? 'buy' : 'sell';
  return {
    residue,
    own,
    room: realisedNet(settlement).plus(lossCap(state, own)),
    markets: recoveryMarkets(state, side),
    quotes,
    limits: state.terms.policy,
  };
}

/** The average of the residue's own side; of an order that is unknown, the worst it can have traded at. */
function ownPrice(state: SagaState, settlement: Settlement, residue: Decimal): Decimal | null {
  const known = residue.isNegative() ? settlement.averageSell : settlement.averageBuy;
  if (known !== null) return known;
  const own = residue.isNegative() ? 'sell' : 'buy';
  const unknown = state.orders.find((one) => isUnknown(one) && one.submit.side === own);
  return unknown === undefined ? null : new Decimal(unknown.submit.limitPrice);
}

/** What an arbitrage may lose in all, in quote: the cap on its whole size, and the fees of the orders that were planned. */
function lossCap(state: SagaState, own: Decimal): Decimal {
  const { wanted, policy } = state.terms;
  const { fees } = settlementOf(state, firstOrders(state));
  return own.times(wanted).times(policy.maxRecoveryLossBps).div(BPS).plus(Decimal.max(fees, ZERO));
}

/** Every market of the arbitrage but those on which an order may still trade. */
function recoveryMarkets(state: SagaState, side: Side): RecoveryMarket[] {
  const { legs, hedges } = state.terms;
  const busy = new Set(
    state.orders
      .filter((one) => one.status !== 'intent' && !isTerminal(one.status))
      .map((one) => one.submit.instrument),
  );
  const standsFor = legs.find((leg) => leg.side === side) ?? legs[0]!;
  const most = mostOf(state, side);
  return [
    ...legs.map(({ legIndex, instrument, side: planned }) => ({ legIndex, instrument, side: planned, most })),
    ...hedges.map((instrument) => ({ legIndex: standsFor.legIndex, instrument, side: null, most })),
  ].filter(({ instrument }) => !busy.has(instrument.id));
}

/** As the last gate counts, over all markets: recovery orders in full until the end is known, then what they filled. */
function mostOf({ terms, orders }: SagaState, side: Side): Decimal {
  const approved = Decimal.max(...terms.legs.map(({ quantity }) => quantity));
  return orders
    .filter((one) => isRecovery(one) && one.submit.side === side)
    .reduce(
      (rest, one) => rest.minus(isTerminal(one.status) ? one.filledBase : one.submit.quantity),
      approvedFor(approved, side),
    );
}
