import type { InstrumentId } from '../../messages/primitives.js';
import type { GatewayEffect, GatewayEvent, GatewayState } from './gateway-state.js';

/**
 * The fills that the private stream may have missed: of each market that was traded since the last round they are asked for once
 * more, every now and then and after each return of the stream. A fill after an end, which no question about a single order
 * would find any more, is found here; before it is, it is a difference of the balance.
 */

/** Fills may be listed a little later than they happen. */
const OVERLAP_MS = 15_000;
/** So long after the last order of a market nothing new is expected there. */
const MAY_FILL_MS = 60_000;
const MARKETS_A_ROUND = 20;

/** An order is on its way: from now on its market may have fills that nobody has told. */
export function onTraded({ fills, times }: GatewayState, instrument: InstrumentId, nowMs: number): void {
  if (fills.markets.size === 0) fills.dueAtMs = nowMs + times.reconcileEveryMs;
  const sinceMs = fills.markets.get(instrument)?.sinceMs ?? nowMs;
  fills.markets.set(instrument, { sinceMs, lastSentAtMs: nowMs });
}

export function fillsDue(state: GatewayState, nowMs: number): GatewayEffect[] {
  const { fills, startedAtMs } = state;
  if (fills.markets.size === 0 || !state.isSeeded || nowMs < fills.dueAtMs) return [];
  fills.dueAtMs = nowMs + state.times.reconcileEveryMs;
  // Those beyond a round are the first of the next.
  const oldest = [...fills.markets].sort(([, a], [, b]) => a.sinceMs - b.sinceMs).slice(0, MARKETS_A_ROUND);
  return oldest.map(([instrument, market]) => ({
    kind: 'readFills',
    ...{ clientOrderId: null, instrument, exchangeOrderId: null },
    // What an earlier life has told is in the ledger, and no order here knows it.
    sinceMs: Math.max(startedAtMs, market.sinceMs - OVERLAP_MS),
  }));
}

export const fillsDueMs = ({ fills, isSeeded }: GatewayState): number | null =>
  fills.markets.size === 0 || !isSeeded ? null : fills.dueAtMs;

/** Everything up to the question is known now. A market without an order for a while is done. */
export function onFillsAnswered(
  { fills }: GatewayState,
  answer: Extract<GatewayEvent, { kind: 'fills' }>,
): void {
  const { clientOrderId, instrument, trades, askedAtMs, sinceMs } = answer;
  const market = fills.markets.get(instrument);
  if (clientOrderId !== null || trades === null || market === undefined) return;
  if (sinceMs > market.sinceMs || askedAtMs < market.sinceMs) return;
  if (askedAtMs - market.lastSentAtMs >= MAY_FILL_MS) fills.markets.delete(instrument);
  else fills.markets.set(instrument, { ...market, sinceMs: askedAtMs });
}
