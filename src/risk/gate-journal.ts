import { BPS, Decimal } from '../market/decimal.js';
import type { SubmitLeg } from '../messages/order.js';
import type { ReservedLeg } from './exposure.js';
import type { GateEffect, GateEvent, GateState } from './gate-types.js';

/** How the gate goes by what the journal holds: an order without a known end counts in full (R2). */

/** Whose a leg is that no signal is known of. */
const UNKNOWN_STRATEGY = 'unknown';

/** Only the journal can say that nothing more may come of it; until then it counts in full. */
export function keepUnsettled(state: GateState, arbitrageId: string): GateEffect[] {
  if (!state.exposure.isReserved(arbitrageId)) return [{ kind: 'releaseIgnored', arbitrageId }];
  state.exposure.claim(arbitrageId);
  state.unsettled.add(arbitrageId);
  return [];
}

/** Of what was handed to a person, orders without a known end stay reserved and the others are let go. */
export function settle(
  state: GateState,
  { arbitrageIds, openLegs }: Extract<GateEvent, { kind: 'journal' }>,
): GateEffect[] {
  const effects: GateEffect[] = [];
  for (const arbitrageId of arbitrageIds) {
    if (!state.unsettled.has(arbitrageId)) continue;
    const open = openLegs.filter((leg) => leg.arbitrageId === arbitrageId);
    const strategy = state.exposure.strategyOf(arbitrageId) ?? UNKNOWN_STRATEGY;
    const released = release(state, arbitrageId);
    if (open.length > 0) reserveOpen(state, { arbitrageId, strategy, lapsesAtMs: 0 }, open);
    else {
      state.unsettled.delete(arbitrageId);
      effects.push(released);
    }
  }
  return effects;
}

export function release(state: GateState, arbitrageId: string): GateEffect {
  const kind = state.exposure.release(arbitrageId) ? 'released' : 'releaseIgnored';
  return { kind, arbitrageId };
}

/** Legs found in the journal count in full and as claimed: they may have been sent. */
export function recover(
  state: GateState,
  { legs, strategies = {}, ended = [] }: Extract<GateEvent, { kind: 'recovered' }>,
  nowMs: number,
): GateEffect[] {
  for (const arbitrageId of new Set(legs.map((leg) => leg.arbitrageId))) {
    if (state.exposure.isReserved(arbitrageId)) continue;
    const own = legs.filter((leg) => leg.arbitrageId === arbitrageId);
    const strategy = strategies[own[0]!.verdictId] ?? UNKNOWN_STRATEGY;
    reserveOpen(state, { arbitrageId, strategy, lapsesAtMs: nowMs }, own);
    if (ended.includes(arbitrageId)) state.unsettled.add(arbitrageId);
  }
  return [];
}

interface OpenReservation {
  readonly arbitrageId: string;
  readonly strategy: string;
  readonly lapsesAtMs: number;
}

function reserveOpen(state: GateState, reservation: OpenReservation, open: readonly SubmitLeg[]): void {
  const legs = open.map((leg) => reservedFromJournal(state, leg));
  state.exposure.reserveFor({ ...reservation, legs });
  state.exposure.claim(reservation.arbitrageId);
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
