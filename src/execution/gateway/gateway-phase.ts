import { toText } from '../../market/decimal.js';
import type { GatewayPhase, GatewayStatus } from '../../messages/gateway.js';
import type { SubmitLeg } from '../../messages/order.js';
import type { AssetId } from '../../messages/primitives.js';
import { assetsOf } from '../ledger.js';
import { isForPerson } from './inquiry-plan.js';
import type { GatewayEffect, GatewayState } from './gateway-state.js';

/** More orders without an end than this are more than anybody could look after. */
const MAX_UNSETTLED = 512;
const MAX_REASONS = 16;
const MAX_UNEXPLAINED = 64;

export const isPaused = (state: GatewayState, nowMs: number): boolean => nowMs < state.pausedUntilMs;

/** Every question that says whether this account is as the books have it left after the last doubt, and was answered well. */
export const isCompared = ({ openOrders, balances, deniedSinceMs }: GatewayState): boolean =>
  openOrders.goodSinceMs >= deniedSinceMs && balances.goodSinceMs >= deniedSinceMs;

/** Nothing new until orders and balances were compared once more. */
export function deny(state: GatewayState, nowMs: number): void {
  state.deniedSinceMs = nowMs;
  state.openOrders.dueAtMs = nowMs;
  state.balances.dueAtMs = nowMs;
}

/** Why no new risk is taken here; empty = it is. */
export function reasonsOf(state: GatewayState, nowMs: number): string[] {
  const { killSwitch, openOrders, balances, deniedSinceMs, foreign, borrowed } = state;
  const reasons: string[] = [];
  if (killSwitch.engaged) reasons.push(`kill switch: ${killSwitch.reason}`);
  if (!state.isSeeded) reasons.push('the journal of orders is not read yet');
  if (isPaused(state, nowMs)) reasons.push(`paused: ${state.pauseReason}`);
  if (!state.isStreamUp) reasons.push(`the private stream is away: ${state.streamReason}`);
  if (foreign.length > 0) reasons.push(`open orders of somebody else: ${foreign.join(', ')}`);
  if (borrowed.length > 0) reasons.push(`the account owes ${borrowed.join(', ')}`);
  // While halted the exchange is asked until it is empty; what is open is compared again once the switch is cleared.
  if (!killSwitch.engaged && openOrders.goodSinceMs < deniedSinceMs)
    reasons.push('open orders are not compared yet');
  if (balances.goodSinceMs < deniedSinceMs) reasons.push(balanceReason(state));
  return reasons.slice(0, MAX_REASONS).map((text) => text.slice(0, 200));
}

function balanceReason({ orders, unbooked }: GatewayState): string {
  if (orders.unsettledCount > 0) return `balances wait for ${orders.unsettledCount} orders without an end`;
  if (unbooked.size > 0) return `balances wait for ${unbooked.size} fills that the ledger does not have yet`;
  return 'balances are not compared yet';
}

export function phaseOf(state: GatewayState, nowMs: number): GatewayPhase {
  if (state.killSwitch.engaged) return 'halted';
  if (!state.isSeeded) return 'starting';
  if (isPaused(state, nowMs)) return 'paused';
  return reasonsOf(state, nowMs).length > 0 ? 'reconciling' : 'ready';
}

/** Assets that nothing new is risked in, with the reason. */
export function heldAssets(state: GatewayState): Map<AssetId, string> {
  const held = new Map<AssetId, string>();
  for (const [asset, difference] of state.unexplained)
    held.set(asset, `${state.exchange} holds ${toText(difference)} more ${asset} than the ledger explains`);
  for (const order of state.orders.unsettled()) {
    if (!isForPerson(order)) continue;
    const { base, quote } = assetsOf(order.name.instrument);
    for (const asset of [base, quote])
      held.set(asset, `order ${order.name.clientOrderId} has no known end and needs a person`);
  }
  return held;
}

/**
 * What this account itself has against an order; null = nothing. An order that ends a risk (attempt above 0) may also leave while
 * the account is compared: its answer and the look-ups need no private stream.
 */
export function accountRefusal(state: GatewayState, leg: SubmitLeg, nowMs: number): string | null {
  if (leg.exchange !== state.exchange || !state.instruments.has(leg.instrument)) return 'EXCHANGE_WRONG';
  if (state.orders.get(leg.clientOrderId) !== undefined) return 'ORDER_ID_USED';
  if (state.orders.unsettledCount >= MAX_UNSETTLED) return 'TOO_MANY_ORDERS';
  if (!state.isSeeded) return 'GATEWAY_STARTING';
  if (isOpposed(state, leg)) return 'SELF_TRADE';
  // The switch itself is judged with the verdict: it has its own policy for orders that end a risk.
  if (leg.attempt > 0) return null;
  if (isPaused(state, nowMs)) return 'EXCHANGE_PAUSED';
  if (!state.isStreamUp || !isCompared(state) || state.foreign.length > 0 || state.borrowed.length > 0)
    return 'NOT_RECONCILED';
  const held = heldAssets(state);
  const { base, quote } = assetsOf(leg.instrument);
  return held.has(base) || held.has(quote) ? 'ASSET_HELD' : null;
}

/** An order of ours on the other side of the same market is open there (I13). */
function isOpposed(state: GatewayState, leg: SubmitLeg): boolean {
  return state.orders
    .unsettled()
    .some(
      (order) =>
        order.phase === 'open' && order.name.instrument === leg.instrument && order.leg?.side !== leg.side,
    );
}

export function statusOf(state: GatewayState, nowMs: number): Omit<GatewayStatus, 'orderRoom'> {
  const unsettled = state.orders.unsettled();
  return {
    exchange: state.exchange,
    phase: phaseOf(state, nowMs),
    reasons: reasonsOf(state, nowMs),
    unexplained: [...state.unexplained]
      .slice(0, MAX_UNEXPLAINED)
      .map(([asset, difference]) => ({ asset, difference: toText(difference) })),
    counts: {
      unsettled: unsettled.length,
      unknown: unsettled.filter(({ phase }) => phase === 'unknown').length,
      ...state.counts,
    },
    cleanAtMs: state.cleanAtMs,
    emptyAtMs: state.emptyAtMs,
    equalAtMs: state.equalAtMs,
    atMs: nowMs,
  };
}

/** Holds that changed, and whether there is anything new to tell. */
export function news(state: GatewayState, nowMs: number): GatewayEffect[] {
  const effects: GatewayEffect[] = [...holdNews(state, nowMs)];
  const { phase, reasons, unexplained, emptyAtMs, equalAtMs } = statusOf(state, nowMs);
  const status = JSON.stringify([phase, reasons, unexplained, emptyAtMs, equalAtMs]);
  if (status !== state.told.status) effects.push({ kind: 'status' });
  state.told.status = status;
  return effects;
}

/** All holds that are in force, to be told again to whoever started later. */
export function holdsNow(state: GatewayState, nowMs: number): Map<AssetId | null, string> {
  const wanted = new Map<AssetId | null, string>(heldAssets(state));
  const reasons = reasonsOf(state, nowMs);
  // The kill switch is everybody's already.
  if (reasons.length > 0) wanted.set(null, `${state.exchange}: ${reasons.join('; ')}`.slice(0, 300));
  return wanted;
}

function holdNews(state: GatewayState, nowMs: number): GatewayEffect[] {
  const wanted = holdsNow(state, nowMs);
  const { holds } = state.told;
  const effects: GatewayEffect[] = [];
  for (const [asset, reason] of wanted)
    if (holds.get(asset) !== reason) effects.push({ kind: 'hold', asset, held: true, reason });
  for (const asset of holds.keys())
    if (!wanted.has(asset)) effects.push({ kind: 'hold', asset, held: false, reason: '' });
  holds.clear();
  for (const [asset, reason] of wanted) holds.set(asset, reason);
  return effects;
}
