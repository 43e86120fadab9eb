import { Decimal } from '../market/decimal.js';
import type { Instrument } from '../market/instrument.js';
import type { ControlRisk } from '../messages/risk-control.js';
import type { HaltChanged, Refusal } from '../messages/risk.js';
import type { Signal } from '../messages/signal.js';
import { approve, arbitrageIdOf } from './approval.js';
import { ALL } from './breakers.js';
import { evaluate } from './evaluate.js';
import { ExposureBook } from './exposure.js';
import { followsOf } from './follows.js';
import { keepUnsettled, recover, release, settle } from './gate-journal.js';
import type { GateEffect, GateEvent, GateState, Mark, SignalEvent } from './gate-types.js';
import { hedgesOf } from './hedges.js';
import { Holds } from './holds.js';
import { clearedSwitch, newerSwitch, type KillSwitch } from './kill-switch.js';
import type { RiskLimits } from './limits.js';
import { Monitors } from './monitors.js';
import { legViewOf, refuse, type Question } from './question.js';
import { RecentIds } from './recent-ids.js';
import { reservedFor, reservedLegs } from './reserved-legs.js';

export type { GateEffect, GateEvent, GateState } from './gate-types.js';

const REMEMBERED_SIGNALS = 16_384;
const REMEMBERED_OPPORTUNITIES = 16_384;
const REMEMBERED_FLOWS = 4_096;
const SETTLE_MS = 250;
const MOST_SKIPPED = 5;

export interface GateStart {
  readonly limits: RiskLimits;
  readonly instruments: readonly Instrument[];
  readonly killSwitch?: KillSwitch;
  readonly nowMs: number;
}

export function startGate(start: GateStart): GateState {
  return {
    limits: start.limits,
    instruments: new Map(start.instruments.map((i) => [i.id, i])),
    exposure: new ExposureBook(start.limits),
    monitors: new Monitors(start.limits),
    seenSignals: new RecentIds(REMEMBERED_SIGNALS),
    takenOpportunities: new RecentIds(REMEMBERED_OPPORTUNITIES),
    holds: new Holds(),
    unsettled: new Set(),
    killSwitch: start.killSwitch ?? clearedSwitch(start.nowMs),
    movedAtMs: Number.NEGATIVE_INFINITY,
    countedFlows: new RecentIds(REMEMBERED_FLOWS),
    unpricedFlows: new Map(),
    valuationsSkipped: 0,
  };
}

/** One event through the gate; same events in the same order give the same effects. */
export function stepGate(state: GateState, event: GateEvent, nowMs: number): GateEffect[] {
  switch (event.kind) {
    case 'signal':
      return judge(state, event, nowMs);
    case 'balances':
      if (state.exposure.setHoldings(event.changed)) state.movedAtMs = nowMs;
      return [];
    case 'external':
      return moved(state, event, nowMs);
    case 'instrument':
      state.instruments.set(event.instrument.id, event.instrument);
      return [];
    case 'halt':
      return changeSwitch(state, event.halt);
    case 'hold':
      state.holds.apply(event.hold);
      return [];
    case 'claimed':
      state.exposure.claim(event.arbitrageId);
      return [];
    case 'ordered':
      state.exposure.claim(event.outcome.arbitrageId);
      return watched(state, () => state.monitors.ordered(event.outcome, nowMs));
    case 'closed':
      return close(state, event, nowMs);
    case 'journal':
      return settle(state, event);
    case 'recovered':
      return recover(state, event, nowMs);
    case 'traded':
      for (const opportunityId of event.opportunityIds) state.takenOpportunities.add(opportunityId);
      state.monitors.rate.restore(event.startedAtMs ?? [], nowMs);
      return [];
    case 'restored':
      state.monitors.restore(event.monitors);
      return [];
    case 'limits':
      state.limits = event.limits;
      state.monitors.setLimits(event.limits);
      return [];
    case 'control':
      return control(state, event.command, nowMs);
    case 'alarms':
      return watched(state, () => state.monitors.alarmed(event.alarms, nowMs));
    case 'tick':
      return lapse(state, nowMs);
    case 'watch':
      return watch(state, event, nowMs);
  }
}

function judge(state: GateState, event: SignalEvent, nowMs: number): GateEffect[] {
  learnMarks(state, event.marks);
  const { signal, verdictId } = event;
  const { signalId, opportunityId } = signal;
  const question = questionOf(state, event, nowMs);
  const judgement = evaluate(question);
  state.seenSignals.add(signal.signalId);
  const full = state.exposure.reservationCount >= state.limits.maxReservations;
  if (!judgement.allowed || full) {
    const refusals = judgement.allowed ? [tooMany(state)] : [...judgement.refusals];
    const decision = 'refused' as const;
    const verdict = { verdictId, signalId, opportunityId, decidedAtMs: nowMs, decision, refusals };
    return [{ kind: 'refused', verdict, refusals, signal }];
  }
  const expiresAtMs = Math.min(nowMs + state.limits.approvalLifetimeMs, signal.expiresAtMs);
  const { others = [] } = event;
  const { isPlain } = question;
  const hedges =
    others.length === 0 || !isPlain ? [] : hedgesOf({ ...question, signal: judgement.signal }, others);
  const follows = isPlain ? [] : followsOf(judgement.signal, state.exposure, state.limits);
  const approved = {
    verdictId,
    signalId,
    opportunityId,
    decidedAtMs: nowMs,
    decision: 'approved' as const,
    signal: judgement.signal,
    expiresAtMs,
    nonce: event.nonce,
  };
  const verdict = {
    ...approved,
    ...(hedges.length > 0 && { hedges }),
    ...(follows.length > 0 && { follows }),
  };
  commit(state, verdictId, judgement.signal, { expiresAtMs, nowMs, follows });
  return [{ kind: 'approved', verdict: approve(verdict) }];
}

/** What an approval takes up until its arbitrage ends. */
function commit(
  state: GateState,
  verdictId: string,
  signal: Signal,
  times: { readonly expiresAtMs: number; readonly nowMs: number; readonly follows: readonly number[] },
): void {
  const arbitrageId = arbitrageIdOf(verdictId);
  const { buy, sell, isPlain } = legViewOf(signal, state.limits);
  const legs = isPlain
    ? reservedLegs(signal, buy, sell, state.limits)
    : reservedFor(signal.legs, state.limits, times.follows);
  const lapsesAtMs = times.expiresAtMs + state.limits.unclaimedGraceMs;
  state.takenOpportunities.add(signal.opportunityId);
  const { strategy, position } = signal;
  const reservation = { arbitrageId, strategy, legs, lapsesAtMs };
  state.exposure.reserveFor(
    position === undefined ? reservation : { ...reservation, positionId: position.positionId },
  );
  state.monitors.approved(
    arbitrageId,
    signal.legs.map(({ exchange }) => exchange),
    times.nowMs,
  );
}

const tooMany = (state: GateState): Refusal =>
  refuse('IN_FLIGHT', state.limits.maxReservations, state.exposure.reservationCount, 'arbitrages', 'all');

function questionOf(state: GateState, event: SignalEvent, nowMs: number): Question {
  const { signal } = event;
  const { buy, sell, legs, isPlain } = legViewOf(signal, state.limits);
  return {
    signal,
    buy,
    sell,
    legs,
    isPlain,
    books: new Map(event.books.map((book) => [book.instrument, book])),
    clockSkewMs: new Map(event.clocks.map((clock) => [clock.exchange, clock.skewMs])),
    instruments: state.instruments,
    exposure: state.exposure,
    limits: state.limits,
    killSwitch: state.killSwitch,
    holds: state.holds,
    monitors: state.monitors,
    signalSeen: state.seenSignals.has(signal.signalId),
    opportunityTaken: state.takenOpportunities.has(signal.opportunityId),
    nowMs,
  };
}

function learnMarks(state: GateState, marks: readonly Mark[]): void {
  for (const mark of marks) state.exposure.setMark(mark.asset, mark.price);
}

/** What came from outside is no result of trading: losses are measured from the new level. */
function moved(
  state: GateState,
  { flows, entryId }: Extract<GateEvent, { kind: 'external' }>,
  nowMs: number,
): GateEffect[] {
  if (entryId !== undefined && !state.countedFlows.add(entryId)) return [];
  state.movedAtMs = nowMs;
  for (const { asset, amount } of flows)
    state.unpricedFlows.set(asset, (state.unpricedFlows.get(asset) ?? new Decimal(0)).plus(amount));
  countFlows(state);
  return [{ kind: 'persistMonitors' }];
}

/** At the price of now. Without one nothing is valued either, so that a flow can wait for it. */
function countFlows({ exposure, monitors, unpricedFlows }: GateState): void {
  for (const [asset, amount] of unpricedFlows) {
    const mark = exposure.markOf(asset);
    if (mark === null) continue;
    monitors.losses.moved(mark.times(amount));
    unpricedFlows.delete(asset);
  }
}

function close(state: GateState, event: Extract<GateEvent, { kind: 'closed' }>, nowMs: number): GateEffect[] {
  const { arbitrageId, opportunityId, filled, flagged, realisedNet, carried = false } = event;
  // Of what was handed to a person an order without a known end may have filled, or may yet.
  if (filled || flagged) state.takenOpportunities.add(opportunityId);
  else state.takenOpportunities.remove(opportunityId);
  state.monitors.ended(arbitrageId);
  const isResult = filled && !carried;
  const persist = isResult
    ? watched(state, () => state.monitors.closed(new Decimal(realisedNet), nowMs))
    : [];
  return [...(flagged ? keepUnsettled(state, arbitrageId) : [release(state, arbitrageId)]), ...persist];
}

/** Runs what may change losses or breakers, and asks for them to be kept when it did. */
function watched(state: GateState, change: () => void): GateEffect[] {
  const before = state.monitors.essence;
  change();
  return state.monitors.essence === before ? [] : [{ kind: 'persistMonitors' }];
}

function control(state: GateState, command: ControlRisk, nowMs: number): GateEffect[] {
  const subject = command.exchange ?? ALL;
  switch (command.action) {
    case 'reset-losses':
      state.monitors.losses.reset();
      break;
    case 'trip-breaker':
      state.monitors.command(subject, { kind: 'trip' }, nowMs);
      break;
    case 'reset-breaker':
      state.monitors.command(subject, { kind: 'reset' }, nowMs);
  }
  return [{ kind: 'persistMonitors' }];
}

function lapse({ exposure, monitors }: GateState, nowMs: number): GateEffect[] {
  return exposure.lapsedAt(nowMs).map((arbitrageId) => {
    exposure.release(arbitrageId);
    monitors.ended(arbitrageId);
    return { kind: 'lapsed', arbitrageId };
  });
}

function watch(state: GateState, event: Extract<GateEvent, { kind: 'watch' }>, nowMs: number): GateEffect[] {
  const { exposure, monitors } = state;
  learnMarks(state, event.marks ?? []);
  for (const { exchange, share } of event.trusted ?? []) monitors.health.booksTrusted(exchange, share, nowMs);
  return watched(state, () => {
    countFlows(state);
    monitors.tick((arbitrageId) => exposure.isClaimed(arbitrageId), nowMs);
    const value = isSettled(state, nowMs) ? exposure.tradingValue() : null;
    if (value !== null) monitors.losses.valued(value, nowMs);
  });
}

/** Between a deposit and the word of it trading would seem to have made it; while trades follow each other closely it is valued all the same. */
function isSettled(state: GateState, nowMs: number): boolean {
  if (nowMs - state.movedAtMs >= SETTLE_MS || state.valuationsSkipped >= MOST_SKIPPED) {
    state.valuationsSkipped = 0;
    return true;
  }
  state.valuationsSkipped++;
  return false;
}

/** The kill switch changes only by what is newer, and every change is persisted. */
function changeSwitch(state: GateState, reported: HaltChanged): GateEffect[] {
  const next = newerSwitch(state.killSwitch, reported);
  if (next === state.killSwitch) return [];
  state.killSwitch = next;
  return [{ kind: 'persistHalt', killSwitch: next }];
}
