import { Decimal } from '../market/decimal.js';
import type { Instrument } from '../market/instrument.js';
import { invariant } from '../messages/errors.js';
import type { Fill, SubmitLeg } from '../messages/order.js';
import type { ApprovedVerdict } from '../messages/risk.js';
import type { PlannedLeg, Signal } from '../messages/signal.js';
import { arbitrageIdOf, type Approved } from '../risk/approval.js';
import { clientOrderIdOf } from './client-order-id.js';
import { assetsOf } from './ledger.js';
import { applyFills, newOrder, signalled } from './order.js';
import type { SagaEffect, SagaPolicy, SagaState, SagaStep, SagaTerms } from './saga-state.js';

export interface SagaSetting {
  /** At least the instruments of the legs. */
  readonly instruments: readonly Instrument[];
  readonly feeMarks: SagaTerms['feeMarks'];
  readonly policy: SagaPolicy;
}

/** A new arbitrage: its legs become orders and ask to be journalled, all in one commit, before any is sent (R1). */
export function startSaga(verdict: Approved<ApprovedVerdict>, setting: SagaSetting, nowMs: number): SagaStep {
  const terms = termsOf(verdict, setting);
  const orders = verdict.signal.legs.map((leg, legIndex) => newOrder(submitOf(terms, leg, legIndex, nowMs)));
  const state = emptyState(terms, nowMs);
  const legs = orders.map((order) => order.submit);
  return { state: { ...state, orders }, effects: [{ kind: 'journal', legs }] };
}

function emptyState(terms: SagaTerms, nowMs: number): SagaState {
  return {
    terms,
    phase: 'journalling',
    orders: [],
    inquiries: new Map(),
    unbooked: new Map(),
    recovery: 'none',
    notes: [],
    openedAtMs: nowMs,
    closed: null,
  };
}

function termsOf(verdict: Approved<ApprovedVerdict>, setting: SagaSetting): SagaTerms {
  const { signal } = verdict;
  const legs = signal.legs.map((leg, legIndex) => ({
    legIndex,
    side: leg.side,
    instrument: instrumentOf(setting, leg.instrument),
  }));
  return {
    ...partiesOf(signal.legs),
    arbitrageId: arbitrageIdOf(verdict.verdictId),
    verdictId: verdict.verdictId,
    nonce: verdict.nonce,
    verdictExpiresAtMs: verdict.expiresAtMs,
    signalId: signal.signalId,
    opportunityId: signal.opportunityId,
    pair: signal.pair,
    base: signal.base,
    quote: signal.quote,
    wanted: signal.quantity,
    expectedNet: signal.edge.net,
    legs,
    feeMarks: setting.feeMarks,
    policy: setting.policy,
  };
}

function instrumentOf(setting: SagaSetting, id: string): Instrument {
  const instrument = setting.instruments.find((known) => known.id === id);
  invariant(instrument !== undefined, `an arbitrage on ${id} needs that instrument`);
  return instrument;
}

function partiesOf(legs: readonly Pick<SubmitLeg, 'side' | 'exchange'>[]) {
  const of = (side: string) => legs.find((leg) => leg.side === side) ?? legs[0];
  return { buyExchange: of('buy')?.exchange ?? '', sellExchange: of('sell')?.exchange ?? '' };
}

function submitOf(terms: SagaTerms, leg: PlannedLeg, legIndex: number, nowMs: number): SubmitLeg {
  return {
    clientOrderId: clientOrderIdOf(terms.arbitrageId, legIndex, 0),
    arbitrageId: terms.arbitrageId,
    legIndex,
    attempt: 0,
    verdictId: terms.verdictId,
    nonce: terms.nonce,
    verdictExpiresAtMs: terms.verdictExpiresAtMs,
    instrument: leg.instrument,
    exchange: leg.exchange,
    side: leg.side,
    quantity: leg.quantity,
    limitPrice: leg.limitPrice,
    timeInForce: 'IOC',
    decisionPrice: leg.levels[0]?.[0] ?? leg.expectedVwap,
    submittedAtMs: nowMs,
  };
}

export interface Unfinished {
  /** Journalled legs of one arbitrage that have no final result. */
  readonly legs: readonly SubmitLeg[];
  /** Fills of this arbitrage that the ledger holds already. */
  readonly fills: readonly Fill[];
  /** The signal it was made of, where it is still known. */
  readonly signal: Signal | null;
}

/** After a restart: every leg may have been sent, so each is unknown and is asked about; nothing is sent again. */
export function resumeSaga(unfinished: Unfinished, setting: SagaSetting, nowMs: number): SagaStep {
  const terms = resumedTerms(unfinished, setting);
  const orders = unfinished.legs.map((leg) => {
    const lost = signalled(signalled(newOrder(leg), 'send'), 'lose');
    const own = unfinished.fills.filter((fill) => fill.clientOrderId === leg.clientOrderId);
    return applyFills(lost, own).order;
  });
  const asked = { asked: 1, notFound: 0, lastNotFoundAtMs: 0, givenUp: false };
  const opened = Math.min(nowMs, ...unfinished.legs.map((leg) => leg.submittedAtMs));
  const state: SagaState = {
    ...emptyState(terms, opened),
    phase: 'working',
    orders,
    inquiries: new Map(unfinished.legs.map((leg) => [leg.clientOrderId, asked])),
    recovery: recoveryOf(unfinished.legs),
    notes: ['RESUMED'],
  };
  const effects = unfinished.legs.map((leg): SagaEffect => ({
    kind: 'query',
    query: queryOf(leg, nowMs),
    delayMs: 0,
  }));
  return { state, effects };
}

/** A journalled second attempt means that recovery was tried already; it is not tried twice. */
function recoveryOf(legs: readonly SubmitLeg[]): SagaState['recovery'] {
  const again = legs.find((leg) => leg.attempt > 0);
  if (again === undefined) return 'none';
  const first = legs.find((leg) => leg.attempt === 0 && leg.legIndex === again.legIndex);
  return first?.side === again.side ? 'complete' : 'reverse';
}

function resumedTerms({ legs, signal }: Unfinished, setting: SagaSetting): SagaTerms {
  const first = legs[0];
  invariant(first !== undefined, 'an unfinished arbitrage has at least one leg');
  const { base, quote } = assetsOf(first.instrument);
  const initial = legs.filter((leg) => leg.attempt === 0);
  invariant(initial.length > 0, `${first.arbitrageId} is unfinished without a first attempt`);
  const wanted = Decimal.min(...legs.map((leg) => leg.quantity)).toFixed();
  return {
    ...partiesOf(initial),
    arbitrageId: first.arbitrageId,
    verdictId: first.verdictId,
    nonce: first.nonce,
    verdictExpiresAtMs: first.verdictExpiresAtMs,
    signalId: signal?.signalId ?? `unrecorded-${first.verdictId}`.slice(0, 96),
    opportunityId: signal?.opportunityId ?? `unrecorded-${first.verdictId}`.slice(0, 96),
    pair: `${base}-${quote}`,
    base,
    quote,
    wanted: signal?.quantity ?? wanted,
    expectedNet: signal?.edge.net ?? '0',
    legs: initial.map((leg) => ({
      legIndex: leg.legIndex,
      side: leg.side,
      instrument: instrumentOf(setting, leg.instrument),
    })),
    feeMarks: setting.feeMarks,
    policy: setting.policy,
  };
}

export const queryOf = (leg: SubmitLeg, nowMs: number) => ({
  clientOrderId: leg.clientOrderId,
  arbitrageId: leg.arbitrageId,
  legIndex: leg.legIndex,
  instrument: leg.instrument,
  exchange: leg.exchange,
  askedAtMs: nowMs,
});
