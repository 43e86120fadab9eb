import { Decimal, toText } from '../market/decimal.js';
import type { ArbitrageClosed } from '../messages/order.js';
import { isTerminal } from './order-state.js';
import { resultOf, type Order } from './order.js';
import { alert } from './saga-parts.js';
import type { SagaEffect, SagaState, SagaStep } from './saga-state.js';
import {
  conservativeText,
  outcomeOf,
  realisedNet,
  settle,
  toleratedResidue,
  type Settlement,
} from './settlement.js';

/** A leg whose journal row was refused; where only the acknowledgement was lost, the row is there and needs its end. */
export const JOURNAL_REFUSED = 'JOURNAL_REFUSED';

function toleranceOf(state: SagaState): Decimal {
  const [first, second] = state.terms.legs;
  return toleratedResidue(first!.instrument, (second ?? first)!.instrument);
}

export function settlementOf(state: SagaState): Settlement {
  const marks = new Map(state.terms.feeMarks.map(({ asset, price }) => [asset, new Decimal(price)]));
  return settle(state.orders, state.terms, marks);
}

/** Ends the saga: the outcome, and a final result for each leg that was journalled. */
export function closeSaga(step: SagaStep, nowMs: number): SagaStep {
  const { state } = step;
  const closed = closedOf(state, nowMs);
  const isUnsure = (order: Order): boolean => order.reason.startsWith(JOURNAL_REFUSED);
  const results = state.orders.filter((order) => !isUnsure(order)).map((order) => resultOf(order, nowMs));
  const unsure = state.orders.filter(isUnsure).map((order) => resultOf(order, nowMs));
  const close = { kind: 'close' as const, closed, results, ...(unsure.length > 0 && { unsure }) };
  const effects: SagaEffect[] = [...step.effects, close];
  if (closed.outcome === 'flagged')
    effects.push(
      alert('FLAGGED', `residue ${closed.residualBase} ${state.terms.base} ${state.notes.join(' ')}`),
    );
  return { state: { ...state, phase: 'closed', closed }, effects };
}

function closedOf(state: SagaState, nowMs: number): ArbitrageClosed {
  const { terms, orders } = state;
  const settlement = settlementOf(state);
  const outcome = outcomeOf({
    orders,
    settlement,
    wanted: terms.wanted,
    tolerance: toleranceOf(state),
    reversed: state.recovery === 'reverse',
  });
  return {
    arbitrageId: terms.arbitrageId,
    opportunityId: terms.opportunityId,
    signalId: terms.signalId,
    pair: terms.pair,
    buyExchange: terms.buyExchange,
    sellExchange: terms.sellExchange,
    outcome,
    boughtQuantity: toText(settlement.bought),
    soldQuantity: toText(settlement.sold),
    residualBase: conservativeText(settlement.residual),
    expectedNet: terms.expectedNet,
    realisedNet: conservativeText(realisedNet(settlement)),
    fees: conservativeText(settlement.fees),
    openedAtMs: state.openedAtMs,
    closedAtMs: nowMs,
  };
}

/** A known imbalance, and no uncertainty left: an order still unknown may be the missing leg. */
export function mustRecover(state: SagaState): boolean {
  if (state.recovery !== 'none') return false;
  if (state.orders.some((order) => !isTerminal(order.status) || order.doubts.length > 0)) return false;
  return settlementOf(state).residual.abs().gt(toleranceOf(state));
}
