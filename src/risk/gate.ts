import { BPS, Decimal } from '../market/decimal.js';
import type { Instrument } from '../market/instrument.js';
import type { BalancesChanged } from '../messages/ledger.js';
import type { SubmitLeg } from '../messages/order.js';
import type { AssetId, DecimalText, InstrumentId } from '../messages/primitives.js';
import type { ApprovedVerdict, HaltChanged, Refusal, RiskHold, Verdict } from '../messages/risk.js';
import type { PlannedLeg, Signal } from '../messages/signal.js';
import { approve, arbitrageIdOf, type Approved } from './approval.js';
import { evaluate } from './evaluate.js';
import { ExposureBook, type ReservedLeg } from './exposure.js';
import { clearedSwitch, newerSwitch, type KillSwitch } from './kill-switch.js';
import type { RiskLimits } from './limits.js';
import { refuse, type BookCondition, type ClockCondition, type Question } from './question.js';
import { RecentIds } from './recent-ids.js';
import { reservedLegs } from './reserved-legs.js';

const REMEMBERED_SIGNALS = 16_384;
const REMEMBERED_OPPORTUNITIES = 16_384;

/** Everything the gate knows. It belongs to one gate: `stepGate` hands back the same object, changed. */
export interface GateState {
  readonly limits: RiskLimits;
  readonly instruments: Map<InstrumentId, Instrument>;
  readonly exposure: ExposureBook;
  readonly seenSignals: RecentIds;
  readonly takenOpportunities: RecentIds;
  readonly holds: Map<string, string>;
  /** Arbitrages handed to a person: what the journal still holds open of them may yet be carried out. */
  readonly unsettled: Set<string>;
  killSwitch: KillSwitch;
}

export type GateEvent =
  | {
      readonly kind: 'signal';
      readonly signal: Signal;
      readonly books: readonly BookCondition[];
      readonly clocks: readonly ClockCondition[];
      readonly marks: readonly { readonly asset: AssetId; readonly price: DecimalText }[];
      readonly verdictId: string;
      readonly nonce: string;
    }
  | { readonly kind: 'balances'; readonly changed: Pick<BalancesChanged, 'version' | 'holdings'> }
  | { readonly kind: 'instrument'; readonly instrument: Instrument }
  | { readonly kind: 'halt'; readonly halt: HaltChanged }
  | { readonly kind: 'hold'; readonly hold: RiskHold }
  /** An order of this arbitrage has left: seen by its result. */
  | { readonly kind: 'claimed'; readonly arbitrageId: string }
  | {
      readonly kind: 'closed';
      readonly arbitrageId: string;
      readonly opportunityId: string;
      /** Something was bought or sold; an opportunity of which nothing was taken may be traded yet. */
      readonly filled: boolean;
      /** Handed to a person: an order may have no known end. */
      readonly flagged: boolean;
    }
  /** The journalled legs without a known end, read after these arbitrages had closed. */
  | {
      readonly kind: 'journal';
      readonly arbitrageIds: readonly string[];
      readonly openLegs: readonly SubmitLeg[];
    }
  /** After a restart: legs that were journalled and have no result; they are in flight. */
  | { readonly kind: 'recovered'; readonly legs: readonly SubmitLeg[] }
  /** After a restart: opportunities of which something was traded or may have been; none is traded again in its life. */
  | { readonly kind: 'traded'; readonly opportunityIds: readonly string[] }
  | { readonly kind: 'tick' };

export type GateEffect =
  | { readonly kind: 'approved'; readonly verdict: Approved<ApprovedVerdict> }
  | {
      readonly kind: 'refused';
      readonly verdict: Verdict;
      readonly refusals: readonly Refusal[];
      readonly signal: Signal;
    }
  | { readonly kind: 'persistHalt'; readonly killSwitch: KillSwitch }
  | { readonly kind: 'released'; readonly arbitrageId: string }
  /** A reservation nobody ever used lapsed: not wrong, but worth a warning. */
  | { readonly kind: 'lapsed'; readonly arbitrageId: string }
  /** An end was reported for an arbitrage that holds no reservation (told twice, or before the gate restarted). */
  | { readonly kind: 'releaseIgnored'; readonly arbitrageId: string };

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
    seenSignals: new RecentIds(REMEMBERED_SIGNALS),
    takenOpportunities: new RecentIds(REMEMBERED_OPPORTUNITIES),
    holds: new Map(),
    unsettled: new Set(),
    killSwitch: start.killSwitch ?? clearedSwitch(start.nowMs),
  };
}

/** One event through the gate; same events in the same order give the same effects. */
export function stepGate(state: GateState, event: GateEvent, nowMs: number): GateEffect[] {
  switch (event.kind) {
    case 'signal':
      return judge(state, event, nowMs);
    case 'balances':
      state.exposure.setHoldings(event.changed);
      return [];
    case 'instrument':
      state.instruments.set(event.instrument.id, event.instrument);
      return [];
    case 'halt':
      return changeSwitch(state, event.halt);
    case 'hold':
      if (event.hold.held) state.holds.set(event.hold.source, event.hold.reason);
      else state.holds.delete(event.hold.source);
      return [];
    case 'claimed':
      state.exposure.claim(event.arbitrageId);
      return [];
    case 'closed':
      if (event.filled) state.takenOpportunities.add(event.opportunityId);
      else state.takenOpportunities.remove(event.opportunityId);
      return event.flagged ? keepUnsettled(state, event.arbitrageId) : [release(state, event.arbitrageId)];
    case 'journal':
      return settle(state, event);
    case 'recovered':
      return recover(state, event.legs, nowMs);
    case 'traded':
      for (const opportunityId of event.opportunityIds) state.takenOpportunities.add(opportunityId);
      return [];
    case 'tick':
      return state.exposure.lapsedAt(nowMs).map((arbitrageId) => {
        state.exposure.release(arbitrageId);
        return { kind: 'lapsed', arbitrageId };
      });
  }
}

function judge(state: GateState, event: Extract<GateEvent, { kind: 'signal' }>, nowMs: number): GateEffect[] {
  for (const mark of event.marks) state.exposure.setMark(mark.asset, new Decimal(mark.price));
  const { signal, verdictId } = event;
  const base = {
    verdictId,
    signalId: signal.signalId,
    opportunityId: signal.opportunityId,
    decidedAtMs: nowMs,
  };
  const judgement = evaluate(questionOf(state, event, nowMs));
  state.seenSignals.add(signal.signalId);
  const full = state.exposure.reservationCount >= state.limits.maxReservations;
  if (!judgement.allowed || full) {
    const refusals = judgement.allowed ? [tooMany(state)] : [...judgement.refusals];
    return [{ kind: 'refused', verdict: { ...base, decision: 'refused', refusals }, refusals, signal }];
  }
  const expiresAtMs = Math.min(nowMs + state.limits.approvalLifetimeMs, signal.expiresAtMs);
  state.takenOpportunities.add(signal.opportunityId);
  reserve(state, arbitrageIdOf(verdictId), judgement.signal, expiresAtMs);
  const verdict = {
    ...base,
    decision: 'approved' as const,
    signal: judgement.signal,
    expiresAtMs,
    nonce: event.nonce,
  };
  return [{ kind: 'approved', verdict: approve(verdict) }];
}

const tooMany = (state: GateState): Refusal =>
  refuse('IN_FLIGHT', state.limits.maxReservations, state.exposure.reservationCount, 'arbitrages', 'all');

function questionOf(
  state: GateState,
  event: Extract<GateEvent, { kind: 'signal' }>,
  nowMs: number,
): Question {
  const { signal } = event;
  const legOf = (side: PlannedLeg['side'], position: number) =>
    signal.legs.find((leg) => leg.side === side) ?? signal.legs[position]!;
  return {
    signal,
    buy: legOf('buy', 0),
    sell: legOf('sell', 1),
    books: new Map(event.books.map((book) => [book.instrument, book])),
    clockSkewMs: new Map(event.clocks.map((clock) => [clock.exchange, clock.skewMs])),
    instruments: state.instruments,
    exposure: state.exposure,
    limits: state.limits,
    killSwitch: state.killSwitch,
    holds: state.holds,
    signalSeen: state.seenSignals.has(signal.signalId),
    opportunityTaken: state.takenOpportunities.has(signal.opportunityId),
    nowMs,
  };
}

function reserve(state: GateState, arbitrageId: string, signal: Signal, expiresAtMs: number): void {
  const buy = signal.legs.find((leg) => leg.side === 'buy')!;
  const sell = signal.legs.find((leg) => leg.side === 'sell')!;
  const legs = reservedLegs(signal, buy, sell, state.limits);
  const lapsesAtMs = expiresAtMs + state.limits.unclaimedGraceMs;
  state.exposure.reserveFor({ arbitrageId, legs, lapsesAtMs });
}

/** Only the journal can say that nothing more may come of it; until then it counts in full (R2). */
function keepUnsettled(state: GateState, arbitrageId: string): GateEffect[] {
  if (!state.exposure.isReserved(arbitrageId)) return [{ kind: 'releaseIgnored', arbitrageId }];
  state.exposure.claim(arbitrageId);
  state.unsettled.add(arbitrageId);
  return [];
}

/** Of what was handed to a person, orders without a known end stay reserved and the others are let go. */
function settle(
  state: GateState,
  { arbitrageIds, openLegs }: Extract<GateEvent, { kind: 'journal' }>,
): GateEffect[] {
  const effects: GateEffect[] = [];
  for (const arbitrageId of arbitrageIds) {
    if (!state.unsettled.has(arbitrageId)) continue;
    const open = openLegs.filter((leg) => leg.arbitrageId === arbitrageId);
    const released = release(state, arbitrageId);
    if (open.length > 0) reserveOpen(state, arbitrageId, open, 0);
    else {
      state.unsettled.delete(arbitrageId);
      effects.push(released);
    }
  }
  return effects;
}

function reserveOpen(
  state: GateState,
  arbitrageId: string,
  open: readonly SubmitLeg[],
  lapsesAtMs: number,
): void {
  const legs = open.map((leg) => reservedFromJournal(state, leg));
  state.exposure.reserveFor({ arbitrageId, legs, lapsesAtMs });
  state.exposure.claim(arbitrageId);
}

function release(state: GateState, arbitrageId: string): GateEffect {
  const kind = state.exposure.release(arbitrageId) ? 'released' : 'releaseIgnored';
  return { kind, arbitrageId };
}

/** The kill switch changes only by what is newer, and every change is persisted. */
function changeSwitch(state: GateState, reported: HaltChanged): GateEffect[] {
  const next = newerSwitch(state.killSwitch, reported);
  if (next === state.killSwitch) return [];
  state.killSwitch = next;
  return [{ kind: 'persistHalt', killSwitch: next }];
}

/** Legs found in the journal count in full and as claimed: they may have been sent. */
function recover(state: GateState, legs: readonly SubmitLeg[], nowMs: number): GateEffect[] {
  for (const arbitrageId of new Set(legs.map((leg) => leg.arbitrageId))) {
    if (state.exposure.isReserved(arbitrageId)) continue;
    const own = legs.filter((leg) => leg.arbitrageId === arbitrageId);
    reserveOpen(state, arbitrageId, own, nowMs);
  }
  return [];
}

/** As much as the approval had reserved at least: limit price, recovery slack, and the fee as if it came on top. */
function reservedFromJournal(state: GateState, leg: SubmitLeg): ReservedLeg {
  const [base = '', quote = ''] = leg.instrument.slice(leg.exchange.length + 1).split('-');
  const quantity = new Decimal(leg.quantity);
  const fee = new Decimal(state.instruments.get(leg.instrument)?.takerFeeRate ?? 0);
  const slack = new Decimal(state.limits.recoverySlackBps).div(BPS).plus(1);
  const notional = quantity.times(leg.limitPrice).times(slack);
  const { exchange } = leg;
  return leg.side === 'buy'
    ? { exchange, outAsset: quote, outAmount: notional.times(fee.plus(1)), inAsset: base, inAmount: quantity }
    : { exchange, outAsset: base, outAmount: quantity, inAsset: quote, inAmount: notional };
}
