import { Decimal, toText } from '../market/decimal.js';
import type { ArbitrageClosed } from '../messages/order.js';
import { attributionOf } from './attribution.js';
import { isTerminal } from './order-state.js';
import { resultOf, type Order } from './order.js';
import { knowledgeOf, tellJournal } from './saga-journal.js';
import { alert, isReverse, settlementOf, toleranceOf, withEffects } from './saga-parts.js';
import { abandon, isImbalanced, seekRecovery } from './saga-recovery.js';
import type { SagaEffect, SagaState, SagaStep } from './saga-state.js';
import { conservativeText, outcomeOf, realisedNet } from './settlement.js';

/** A leg whose journal row was refused; where only the acknowledgement was lost, the row is there and needs its end. */
export const JOURNAL_REFUSED = 'JOURNAL_REFUSED';

/** Place of what a person was told after the end, beside the orders. */
const LATE = 'late';

const isUnsure = (order: Order): boolean => order.reason.startsWith(JOURNAL_REFUSED);

/** Ends the saga: the outcome, and a final result for each leg that was journalled. */
export function closeSaga(step: SagaStep, nowMs: number): SagaStep {
  const { state } = step;
  const closed = closedOf(state, nowMs);
  const results = state.orders.filter((order) => !isUnsure(order)).map((order) => resultOf(order, nowMs));
  const unsure = state.orders.filter(isUnsure).map((order) => resultOf(order, nowMs));
  const close = { kind: 'close' as const, closed, results, ...(unsure.length > 0 && { unsure }) };
  const effects: SagaEffect[] = [...step.effects, close];
  if (closed.outcome === 'flagged')
    effects.push(
      alert('FLAGGED', `residue ${closed.residualBase} ${state.terms.base} ${state.notes.join(' ')}`),
    );
  const told = new Map(
    state.orders.map((order) => [order.submit.clientOrderId, knowledgeOf(order)] as const),
  );
  return {
    state: {
      ...state,
      phase: 'closed',
      closed,
      told,
      abandoned: null,
      permitting: null,
      imbalancedSinceMs: null,
    },
    effects,
  };
}

function closedOf(state: SagaState, nowMs: number): ArbitrageClosed {
  const { terms, orders } = state;
  const settlement = settlementOf(state, orders);
  const realised = conservativeText(realisedNet(settlement));
  const attribution = attributionOf(state, new Decimal(realised));
  return {
    arbitrageId: terms.arbitrageId,
    opportunityId: terms.opportunityId,
    signalId: terms.signalId,
    pair: terms.pair,
    buyExchange: terms.buyExchange,
    sellExchange: terms.sellExchange,
    outcome: outcomeOf({
      orders,
      settlement,
      wanted: terms.wanted,
      tolerance: toleranceOf(terms),
      reversed: orders.filter((order) => isReverse(terms, order)),
    }),
    boughtQuantity: toText(settlement.bought),
    soldQuantity: toText(settlement.sold),
    residualBase: conservativeText(settlement.residual),
    expectedNet: terms.expectedNet,
    realisedNet: realised,
    fees: conservativeText(settlement.fees),
    ...(attribution !== null && { attribution }),
    openedAtMs: state.openedAtMs,
    closedAtMs: nowMs,
  };
}

/**
 * After the end: what is known better of an order goes to the journal, and a fill that came late is hedged like any imbalance,
 * or told to a person. What a person was handed already is left to that person.
 */
export function settleLate(before: SagaStep, nowMs: number): SagaStep {
  const step = tellJournal(before, nowMs);
  const { state } = step;
  const { residual } = settlementOf(state, state.orders);
  const isNews =
    state.imbalancedSinceMs !== null || conservativeText(residual) !== state.closed?.residualBase;
  if (!isNews || !state.orders.every((order) => isTerminal(order.status))) return step;
  if (!isImbalanced(state))
    return tellOnce(
      { ...step, state: { ...state, imbalancedSinceMs: null, permitting: null } },
      'LATE_SETTLED',
      residual,
    );
  if (state.abandoned !== null) return tellOnce(step, 'LATE_RESIDUE', residual);
  if (state.closed?.outcome === 'flagged')
    return tellOnce({ ...step, state: abandon(state, 'FLAGGED_BEFORE') }, 'LATE_RESIDUE', residual);
  const sought = seekRecovery(step, nowMs);
  return sought.state.abandoned === null ? sought : tellOnce(sought, 'LATE_RESIDUE', residual);
}

function tellOnce(step: SagaStep, code: string, residual: Decimal): SagaStep {
  const { state } = step;
  const detail = `residue ${conservativeText(residual)} ${state.terms.base} after the end`;
  if (state.told.get(LATE) === `${code} ${detail}`) return step;
  const told = new Map(state.told).set(LATE, `${code} ${detail}`);
  return withEffects({ ...step, state: { ...state, told } }, alert(code, detail));
}
