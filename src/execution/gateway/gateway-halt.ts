import type { HaltChanged } from '../../messages/risk.js';
import { newerSwitch } from '../../risk/kill-switch.js';
import type { AccountOrder } from './account-order.js';
import { alert, cancel } from './gateway-orders.js';
import { deny } from './gateway-phase.js';
import type { GatewayEffect, GatewayState } from './gateway-state.js';
import { isForPerson } from './inquiry-plan.js';
import type { OrderWord } from './words.js';

/**
 * The kill switch at one account. Blocking is the admission's work, at once. Here everything that may still fill is cancelled, on
 * suspicion, and the exchange is asked until it has no order of ours and holds what the ledger says. Under `flatten` the sagas'
 * orders that end a risk still leave: they are not cancelled, and after each of them the proof begins anew.
 */

/** An account that is not proven empty and equal by then is told to a person. */
const PROVEN_WITHIN_MS = 15_000;

export function onHalt(state: GatewayState, halt: HaltChanged, nowMs: number): GatewayEffect[] {
  const wasEngaged = state.killSwitch.engaged;
  state.killSwitch = newerSwitch(state.killSwitch, halt);
  const { engaged } = state.killSwitch;
  if (engaged === wasEngaged) return [];
  state.isHaltOverdue = false;
  doubtHalt(state, nowMs);
  if (!engaged) {
    deny(state, nowMs);
    return [];
  }
  state.haltedAtMs = nowMs;
  state.haltDoubtedAtMs = nowMs;
  return state.orders.unsettled().flatMap((order) => haltCancel(state, order));
}

/** Nothing is proven any more: something was sent, or is still there. */
export function doubtHalt(state: GatewayState, nowMs: number): void {
  if (isProven(state)) state.haltDoubtedAtMs = nowMs;
  state.emptyAtMs = null;
  state.equalAtMs = null;
  if (state.killSwitch.engaged) state.openOrders.dueAtMs = Math.min(state.openOrders.dueAtMs, nowMs);
}

/** Of an order that the switch meets. */
export function haltCancel(state: GatewayState, order: AccountOrder): GatewayEffect[] {
  const isRecovery = (order.leg?.attempt ?? 0) > 0;
  return isRecovery && state.killSwitch.policy === 'flatten' ? [] : cancel(state, order);
}

/** The switch is done when the exchange itself, asked after it, has no order of ours … */
export function onHaltedOrders(
  state: GatewayState,
  ours: readonly OrderWord[],
  askedAtMs: number,
  nowMs: number,
): void {
  const isUnderWay = state.orders.unsettled().some((one) => !isForPerson(one));
  // What is still there is asked about again soon, as after every answer that found something.
  if (ours.length > 0 || isUnderWay || askedAtMs < state.haltedAtMs) {
    const { dueAtMs } = state.openOrders;
    doubtHalt(state, nowMs);
    state.openOrders.dueAtMs = dueAtMs;
    return;
  }
  state.openOrders.dueAtMs = askedAtMs + state.times.reconcileEveryMs;
  if (state.emptyAtMs !== null) return;
  state.emptyAtMs = askedAtMs;
  state.balances.dueAtMs = nowMs;
}

/** … and, asked after that, holds what the ledger says. */
export function onHaltedBalances(state: GatewayState, isEqual: boolean, askedAtMs: number): void {
  const { emptyAtMs } = state;
  if (!state.killSwitch.engaged || emptyAtMs === null || askedAtMs < emptyAtMs) return;
  state.equalAtMs = isEqual ? (state.equalAtMs ?? askedAtMs) : null;
}

const isProven = ({ emptyAtMs, equalAtMs }: GatewayState): boolean =>
  emptyAtMs !== null && equalAtMs !== null;

export function haltDue(state: GatewayState, nowMs: number): GatewayEffect[] {
  const dueAtMs = haltDueMs(state);
  if (dueAtMs === null || nowMs < dueAtMs) return [];
  state.isHaltOverdue = true;
  const missing =
    state.emptyAtMs === null ? 'that no order of ours is open' : 'that its balances are those of the ledger';
  const forSeconds = Math.round((nowMs - state.haltDoubtedAtMs) / 1_000);
  return [alert(state, 'HALT_NOT_PROVEN', `${state.exchange} has not shown for ${forSeconds} s ${missing}`)];
}

/** Once per switch. */
export const haltDueMs = (state: GatewayState): number | null =>
  state.killSwitch.engaged && !state.isHaltOverdue && !isProven(state)
    ? state.haltDoubtedAtMs + PROVEN_WITHIN_MS
    : null;
