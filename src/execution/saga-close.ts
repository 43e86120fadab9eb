import { Decimal, toText } from '../market/decimal.js';
import type { ArbitrageClosed } from '../messages/order.js';
import { attributionOf, attributionOfShape } from './attribution.js';
import { isTerminal } from './order-state.js';
import { resultOf, type Order } from './order.js';
import { knowledgeOf, tellJournal } from './saga-journal.js';
import { alert, isReverse, settlementOf, toleranceOf, withEffects } from './saga-parts.js';
import { abandon, isImbalanced, seekRecovery } from './saga-recovery.js';
import type { SagaEffect, SagaState, SagaStep, SagaTerms } from './saga-state.js';
import { chainClosed } from './shapes/chain-close.js';
import { expectedOf } from './shapes/pair-money.js';
import { pairClosed } from './shapes/pair-saga.js';
import { residueText } from './shapes/residue-text.js';
import type { PlainTerms, ShapeTerms } from './shapes/shape-terms.js';
import { conservativeText, outcomeOf, realisedNet } from './settlement.js';

/** A leg whose journal row was refused; where only the acknowledgement was lost, the row is there and needs its end. */
export const JOURNAL_REFUSED = 'JOURNAL_REFUSED';

/** Place of what a person was told after the end, beside the orders. */
const LATE = 'late';

const isUnsure = (order: Order): boolean => order.reason.startsWith(JOURNAL_REFUSED);

const leftAt = (state: SagaState, { residualBase }: ArbitrageClosed): string =>
  state.terms.shape.kind === 'plain' ? `${residualBase} ${state.terms.base}` : residueText(state);

/** Ends the saga: the outcome, and a final result for each leg that was journalled. */
export function closeSaga(step: SagaStep, nowMs: number): SagaStep {
  const { state } = step;
  const closed = closedOf(state, nowMs);
  const results = state.orders.filter((order) => !isUnsure(order)).map((order) => resultOf(order, nowMs));
  const unsure = state.orders.filter(isUnsure).map((order) => resultOf(order, nowMs));
  const close = { kind: 'close' as const, closed, results, ...(unsure.length > 0 && { unsure }) };
  const effects: SagaEffect[] = [...step.effects, close];
  if (closed.outcome === 'flagged')
    effects.push(alert('FLAGGED', `residue ${leftAt(state, closed)} ${state.notes.join(' ')}`));
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
  const { shape } = state.terms;
  if (shape.kind !== 'plain') return closedOfShape(state, endOf(state, shape), nowMs);
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

type ShapeEnd = ReturnType<typeof chainClosed> | ReturnType<typeof pairClosed>;

/** The same where the legs are of several pairs: every asset is told, and what the money is counted in. */
function closedOfShape(state: SagaState, end: ShapeEnd, nowMs: number): ArbitrageClosed {
  const { terms } = state;
  const { realised, fees, residues, outcome, boughtQuantity, soldQuantity, residualBase } = end;
  const realisedNet = conservativeText(realised);
  const expectedNet = expectedText(terms);
  const attribution = attributionOfShape(state, { realisedNet, expectedNet });
  return {
    arbitrageId: terms.arbitrageId,
    opportunityId: terms.opportunityId,
    signalId: terms.signalId,
    pair: terms.pair,
    buyExchange: terms.buyExchange,
    sellExchange: terms.sellExchange,
    strategy: terms.strategy,
    shape: terms.shape.kind === 'pair' ? 'pair' : terms.legs.length > 2 ? 'cycle' : 'two-sided',
    quote: terms.quote,
    ...{ outcome, boughtQuantity, soldQuantity, residualBase },
    ...(residues.length > 0 && { residues }),
    ...('position' in end && end.position !== undefined && { position: end.position }),
    ...{ expectedNet, realisedNet },
    fees: conservativeText(fees),
    ...(attribution !== null && { attribution }),
    openedAtMs: state.openedAtMs,
    closedAtMs: nowMs,
  };
}

/** Of a trade of a pair, what this trade alone was to make. */
function expectedText(terms: SagaTerms): string {
  const expected = terms.shape.kind === 'pair' ? expectedOf(terms, terms.shape) : null;
  return expected === null ? terms.expectedNet : conservativeText(expected);
}

/**
 * After the end: what is known better of an order goes to the journal, and a fill that came late is hedged like any imbalance,
 * or told to a person. What a person was handed already is left to that person.
 */
export function settleLate(before: SagaStep, nowMs: number): SagaStep {
  const step = tellJournal(before, nowMs);
  const { state } = step;
  const isNews = state.imbalancedSinceMs !== null || hasMoved(state);
  if (!isNews || !state.orders.every((order) => isTerminal(order.status))) return step;
  if (!isImbalanced(state))
    return tellOnce(
      { ...step, state: { ...state, imbalancedSinceMs: null, permitting: null } },
      'LATE_SETTLED',
    );
  if (state.abandoned !== null) return tellOnce(step, 'LATE_RESIDUE');
  if (state.closed?.outcome === 'flagged')
    return tellOnce({ ...step, state: abandon(state, 'FLAGGED_BEFORE') }, 'LATE_RESIDUE');
  const sought = seekRecovery(step, nowMs);
  return sought.state.abandoned === null ? sought : tellOnce(sought, 'LATE_RESIDUE');
}

/** What is left over is not what it was at the end. */
function hasMoved(state: SagaState): boolean {
  const { terms, closed, orders } = state;
  if (terms.shape.kind === 'plain')
    return conservativeText(settlementOf(state, orders).residual) !== closed?.residualBase;
  const { boughtQuantity, soldQuantity, residues } = endOf(state, terms.shape);
  return (
    boughtQuantity !== closed?.boughtQuantity ||
    soldQuantity !== closed.soldQuantity ||
    JSON.stringify(residues) !== JSON.stringify(closed.residues ?? [])
  );
}

const endOf = (state: SagaState, shape: Exclude<ShapeTerms, PlainTerms>): ShapeEnd =>
  shape.kind === 'chain' ? chainClosed(state, shape) : pairClosed(state, shape);

function tellOnce(step: SagaStep, code: string): SagaStep {
  const { state } = step;
  const { terms, orders } = state;
  const left =
    terms.shape.kind === 'plain'
      ? `${conservativeText(settlementOf(state, orders).residual)} ${terms.base}`
      : residueText(state);
  const detail = `residue ${left} after the end`;
  if (state.told.get(LATE) === `${code} ${detail}`) return step;
  const told = new Map(state.told).set(LATE, `${code} ${detail}`);
  return withEffects({ ...step, state: { ...state, told } }, alert(code, detail));
}
