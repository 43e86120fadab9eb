import { Decimal } from '../market/decimal.js';
import type { Instrument } from '../market/instrument.js';
import { invariant } from '../messages/errors.js';
import type { ArbitrageClosed, Fill, LegResult, SubmitLeg } from '../messages/order.js';
import type { ExchangeId, PairId, Strategy } from '../messages/primitives.js';
import type { ApprovedVerdict } from '../messages/risk.js';
import type { PlannedLeg, Signal } from '../messages/signal.js';
import { arbitrageIdOf, type Approved } from '../risk/approval.js';
import { mayFollow } from '../risk/follows.js';
import { clientOrderIdOf } from './client-order-id.js';
import { firstInquiry } from './inquiry.js';
import { assetsOf } from './ledger.js';
import { chainLifeMs, leadOf, planLifeMs, type ExchangeFacts } from './leg-policy.js';
import { isTerminal } from './order-state.js';
import { applyFills, applyResult, newOrder, signalled, type Order } from './order.js';
import { preCheck, type StartFacts } from './pre-check.js';
import { boundPrices, isChainWithin } from './price-bounds.js';
import { closeSaga } from './saga-close.js';
import { knowledgeOf } from './saga-journal.js';
import { alert, queryOf, withNote } from './saga-parts.js';
import { NO_POSITION, shapeTermsOf, type CarriedPosition, type ShapeTerms } from './shapes/shape-terms.js';
import type {
  LegPolicy,
  SagaEffect,
  SagaPlan,
  SagaPolicy,
  SagaState,
  SagaStep,
  SagaTerms,
} from './saga-state.js';

export interface SagaSetting {
  /** At least the instruments of the legs. */
  readonly instruments: readonly Instrument[];
  readonly feeMarks: SagaTerms['feeMarks'];
  readonly policy: SagaPolicy;
  /** Whether the legs of a pair go at once or one after the other; absent = at once. */
  readonly legPolicies?: ReadonlyMap<PairId, LegPolicy>;
  /** What is known of each exchange; one that is not named expires requests. */
  readonly exchanges?: ReadonlyMap<ExchangeId, ExchangeFacts>;
}

/**
 * A new arbitrage: its legs are checked as a whole, become orders, and ask to be journalled, all in one commit, before any is
 * sent (R1). One that fails the check ends at once, and nothing of it was journalled.
 */
export function startSaga(
  verdict: Approved<ApprovedVerdict>,
  setting: SagaSetting,
  nowMs: number,
  facts: StartFacts = {},
): SagaStep {
  const planned = verdict.signal.legs;
  const hedges = hedgesOf(setting, verdict);
  const instruments = planned.map((leg) => instrumentOf(setting, leg.instrument));
  const shape = shapeTermsOf(planned, verdict.signal, {
    follows: followersOf(verdict, setting),
    before: carriedOf(facts.carried),
  });
  const bounded = boundedLegs(shape, planned, instruments, setting.policy);
  const legs = typeof bounded === 'string' ? planned : bounded;
  const terms = termsOf(verdict, legs, shape, setting);
  const refusal =
    typeof bounded === 'string'
      ? bounded
      : (missingLife(terms, nowMs) ?? preCheck(legs, { legs: instruments, hedges, shape }, facts));
  if (refusal !== null) return refused(emptyState(terms, nowMs), refusal, nowMs);
  const orders = legs.map((leg, legIndex) => newOrder(submitOf(terms, leg, legIndex, nowMs)));
  const submits = orders.map((order) => order.submit);
  return {
    state: emptyState(terms, nowMs, orders),
    effects: [{ kind: 'journal', legs: submits, purpose: 'open' }],
  };
}

/** An approval that ends before the last leg can have left would leave the first one alone. */
function missingLife({ verdictExpiresAtMs, planLifeMs: needed }: SagaTerms, nowMs: number): string | null {
  const leftMs = verdictExpiresAtMs - nowMs;
  return leftMs > needed ? null : `VERDICT_LIFE ${leftMs} ms left against ${needed}`;
}

function refused(state: SagaState, reason: string, nowMs: number): SagaStep {
  const effects = [alert('PRE_CHECK', reason)];
  return closeSaga({ state: withNote(state, `PRE_CHECK ${reason}`), effects }, nowMs);
}

function emptyState(terms: SagaTerms, nowMs: number, orders: readonly Order[] = []): SagaState {
  return {
    terms,
    phase: 'journalling',
    orders,
    inquiries: new Map(),
    unbooked: new Map(),
    awaitsQuotes: false,
    permitting: null,
    imbalancedSinceMs: null,
    abandoned: null,
    intervalHedged: false,
    notes: [],
    openedAtMs: nowMs,
    closed: null,
    told: new Map(),
  };
}

function termsOf(
  verdict: Approved<ApprovedVerdict>,
  legs: readonly PlannedLeg[],
  shape: ShapeTerms,
  setting: SagaSetting,
): SagaTerms {
  const { signal } = verdict;
  const exchanges = setting.exchanges ?? new Map<ExchangeId, ExchangeFacts>();
  const isLed = setting.legPolicies?.get(signal.pair) === 'lead-follow';
  const { buyExchange, sellExchange } = partiesOf(signal.legs);
  const { feeMarks, policy, lateExchanges } = fixedTerms(setting);
  const leadIndex = isLed && shape.kind === 'plain' ? leadOf(legs, exchanges) : null;
  const lead = leadIndex === null ? null : (legs[leadIndex] ?? null);
  return {
    buyExchange,
    sellExchange,
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
    legs: legs.map(({ side, instrument, quantity, limitPrice }, legIndex) => ({
      legIndex,
      side,
      instrument: instrumentOf(setting, instrument),
      quantity,
      limitPrice,
    })),
    shape,
    strategy: signal.strategy,
    leadIndex,
    planLifeMs:
      shape.kind === 'chain'
        ? chainLifeMs(legs, shape.follows, exchanges, setting.policy)
        : planLifeMs(lead, exchanges, setting.policy),
    hedges: hedgesOf(setting, verdict),
    plan: planOf(signal),
    feeMarks,
    policy,
    lateExchanges,
    resumed: false,
  };
}

/** Where the legs of a pair go one after the other, those of a cycle do too, as far as what they give comes that way. */
function followersOf(
  { signal, follows = [] }: ApprovedVerdict,
  { legPolicies }: SagaSetting,
): readonly number[] {
  if (legPolicies?.get(signal.pair) !== 'lead-follow') return follows;
  return signal.legs.flatMap((_, index) => (mayFollow(signal, index) ? [index] : []));
}

const carriedOf = (carried: StartFacts['carried']): CarriedPosition =>
  carried === undefined
    ? NO_POSITION
    : {
        carried: carried.carried.map(({ asset, quantity, worth }) => ({
          asset,
          quantity: new Decimal(quantity),
          worth: new Decimal(worth),
        })),
        net: new Decimal(carried.net),
      };

/** Limits of a plain trade share what both worst fills may lose; a chain at its worst must be within the cap as it is. */
function boundedLegs(
  shape: ShapeTerms,
  legs: readonly PlannedLeg[],
  instruments: readonly Instrument[],
  policy: SagaPolicy,
): readonly PlannedLeg[] | string {
  if (shape.kind === 'plain') return boundPrices(legs, instruments, policy);
  if (shape.kind === 'pair') return legs;
  return isChainWithin(shape, legs, policy.maxRecoveryLossBps) ? legs : 'LOSS_CAP';
}

/** What does not depend on the arbitrage. */
function fixedTerms({ feeMarks, policy, exchanges }: SagaSetting) {
  const late = [...(exchanges ?? [])].filter(([, { requestExpiry }]) => !requestExpiry);
  return { feeMarks, policy, lateExchanges: late.map(([exchange]) => exchange) };
}

const planOf = ({ edge, legs }: Signal): SagaPlan => ({
  edge,
  legs: legs.map((leg) => ({
    quantity: leg.quantity,
    expectedVwap: leg.expectedVwap,
    decisionPrice: decisionPriceOf(leg),
    feeRate: leg.feeRate,
  })),
});

const decisionPriceOf = (leg: PlannedLeg): string => leg.levels[0]?.[0] ?? leg.expectedVwap;

/** Hedge markets that are known here; of one that is not, nothing could be checked. */
function hedgesOf({ instruments }: SagaSetting, { hedges }: Pick<ApprovedVerdict, 'hedges'>): Instrument[] {
  return (hedges ?? []).flatMap((id) => instruments.find((known) => known.id === id) ?? []);
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
    decisionPrice: decisionPriceOf(leg),
    submittedAtMs: nowMs,
  };
}

/** Only these strategies have legs of this shape. */
const strategyOf = ({ kind }: ShapeTerms): Strategy =>
  kind === 'pair' ? 'statistical' : kind === 'chain' ? 'triangular' : 'spatial';

export interface Unfinished {
  /** Journalled legs of one arbitrage. */
  readonly legs: readonly SubmitLeg[];
  /** Ends of those legs that have one; absent = none has. */
  readonly results?: readonly LegResult[];
  /** Fills of this arbitrage that the ledger holds already. */
  readonly fills: readonly Fill[];
  /** The signal it was made of, where it is still known, as it was approved. */
  readonly signal: Signal | null;
  /** Markets that the approval allows hedges on; absent = none. */
  readonly hedges?: readonly string[];
  /** Of a pair: what its position held before. Absent = nothing. */
  readonly carried?: StartFacts['carried'];
  /** Its end, where it has one: some order of it was never settled. */
  readonly closed?: ArbitrageClosed;
}

/** After a restart: a leg without an end may have been sent, so it is unknown and is asked about; nothing is sent again. */
export function resumeSaga(unfinished: Unfinished, setting: SagaSetting, nowMs: number): SagaStep {
  const terms = resumedTerms(unfinished, setting);
  const orders = unfinished.legs.map((leg) => resumedOrder(leg, unfinished));
  const open = orders.filter((order) => !isTerminal(order.status)).map((order) => order.submit);
  const ended = orders.filter((order) => isTerminal(order.status));
  const asked = { ...firstInquiry(nowMs), asked: 1 };
  const opened = Math.min(nowMs, ...unfinished.legs.map((leg) => leg.submittedAtMs));
  const { closed = null } = unfinished;
  const state: SagaState = {
    ...emptyState(terms, opened),
    phase: closed === null ? 'working' : 'closed',
    orders,
    inquiries: new Map(open.map((leg) => [leg.clientOrderId, asked])),
    // Whatever was hedged before is not hedged by halves again.
    intervalHedged: unfinished.legs.some((leg) => leg.attempt > 0),
    notes: ['RESUMED'],
    closed,
    told: new Map(ended.map((order) => [order.submit.clientOrderId, knowledgeOf(order)])),
  };
  // Where the ledger has every fill and only the end was lost, an answer is still what moves it on to that end.
  const asking = open.length > 0 || closed !== null ? open : orders.map((order) => order.submit);
  const effects = asking.map((leg): SagaEffect => ({
    kind: 'query',
    query: queryOf(leg, nowMs),
    delayMs: 0,
  }));
  return { state, effects };
}

function resumedOrder(leg: SubmitLeg, { fills, results = [] }: Unfinished): Order {
  const lost = signalled(signalled({ ...newOrder(leg), journalled: true }, 'send'), 'lose');
  const own = fills.filter((fill) => fill.clientOrderId === leg.clientOrderId);
  const { order } = applyFills(lost, own);
  const result = results.find((one) => one.clientOrderId === leg.clientOrderId);
  return result === undefined || result.status === 'unknown' ? order : applyResult(order, result).order;
}

function resumedTerms({ legs, signal, hedges = [], carried }: Unfinished, setting: SagaSetting): SagaTerms {
  const first = legs[0];
  invariant(first !== undefined, 'an unfinished arbitrage has at least one leg');
  const { base, quote } = signal ?? assetsOf(first.instrument);
  const initial = legs.filter((leg) => leg.attempt === 0);
  invariant(initial.length > 0, `${first.arbitrageId} is unfinished without a first attempt`);
  const wanted = Decimal.min(...initial.map((leg) => leg.quantity)).toFixed();
  // By their places: what is not known any more is told from the row of legs.
  const inOrder = [...initial].sort((a, b) => a.legIndex - b.legIndex);
  const shape = shapeTermsOf(inOrder, signal, { follows: [], before: carriedOf(carried) });
  const unrecorded = `unrecorded-${first.verdictId}`.slice(0, 96);
  return {
    ...partiesOf(initial),
    arbitrageId: first.arbitrageId,
    verdictId: first.verdictId,
    nonce: first.nonce,
    verdictExpiresAtMs: first.verdictExpiresAtMs,
    signalId: signal?.signalId ?? unrecorded,
    opportunityId: signal?.opportunityId ?? unrecorded,
    pair: signal?.pair ?? `${base}-${quote}`,
    base,
    quote: shape.kind === 'chain' && signal === null ? shape.route[0]! : quote,
    wanted: signal?.quantity ?? wanted,
    expectedNet: signal?.edge.net ?? '0',
    legs: initial.map(({ legIndex, side, instrument, quantity, limitPrice }) => ({
      legIndex,
      side,
      instrument: instrumentOf(setting, instrument),
      quantity,
      limitPrice,
    })),
    shape,
    strategy: signal?.strategy ?? strategyOf(shape),
    // Every leg may have left: none waits for another any more.
    leadIndex: null,
    planLifeMs: 0,
    hedges: hedgesOf(setting, { hedges: [...hedges] }),
    plan: signal === null ? null : planOf(signal),
    resumed: true,
    ...fixedTerms(setting),
  };
}
