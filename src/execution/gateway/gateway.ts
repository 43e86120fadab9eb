import type { HaltChanged } from '../../messages/risk.js';
import { newerSwitch } from '../../risk/kill-switch.js';
import {
  checksDue,
  checksDueMs,
  onAdopt,
  onBalances,
  onBooked,
  onLedger,
  onOpenOrders,
  onStream,
  onTransfers,
} from './gateway-checks.js';
import {
  cancel,
  onCancelled,
  onFills,
  onFormerLeg,
  onLooked,
  onOrderWord,
  onPlaced,
  onQuery,
  onSent,
  onTrade,
  pause,
  questionsDue,
  questionsDueMs,
} from './gateway-orders.js';
import { deny, isPaused, news } from './gateway-phase.js';
import type { GatewayEffect, GatewayEvent, GatewayState } from './gateway-state.js';

/**
 * The order gateway of one account as a machine without I/O: an event in, effects out, the same events give the same effects.
 * What it never does is send an order: the shell signs and writes, and tells it in the same turn. An order is written
 * once; whatever is not known of it afterwards is asked for, and never sent again (R2).
 */
export function stepGateway(state: GatewayState, event: GatewayEvent, nowMs: number): GatewayEffect[] {
  const effects = handled(state, event, nowMs);
  effects.push(...resumed(state, nowMs), ...questionsDue(state, nowMs), ...checksDue(state, nowMs));
  effects.push(...news(state, nowMs));
  return effects;
}

/** When `due` has to be told at the latest; null = an event comes first. */
export function dueMs(state: GatewayState, nowMs: number): number | null {
  const questions = questionsDueMs(state);
  const checks = checksDueMs(state);
  const dues = [
    ...(questions === null ? [] : [questions]),
    ...(checks === null ? [] : [checks]),
    ...(isPaused(state, nowMs) ? [state.pausedUntilMs] : []),
  ];
  return dues.length === 0 ? null : Math.min(...dues);
}

function handled(state: GatewayState, event: GatewayEvent, nowMs: number): GatewayEffect[] {
  switch (event.kind) {
    case 'seeded':
      state.isSeeded = true;
      for (const tradeId of event.bookedTrades) onBooked(state, tradeId);
      return [
        ...(event.halt === null ? [] : onHalt(state, event.halt, nowMs)),
        ...event.openLegs.flatMap((leg) => onFormerLeg(state, leg, nowMs)),
      ];
    case 'stream':
      return onStream(state, event.isUp, event.reason, nowMs);
    case 'sent':
      return onSent(state, event.leg, event.goneAtMs, nowMs);
    case 'blocked':
      state.counts.blocked++;
      return [];
    case 'placed':
      return onPlaced(state, event.clientOrderId, event.word, nowMs);
    case 'query':
      return onQuery(state, event.query, nowMs);
    case 'looked':
      return onLooked(state, event.clientOrderId, event.word, event.askedAtMs, nowMs);
    case 'cancelled':
      return onCancelled(state, event.clientOrderId, event.word, nowMs);
    case 'order':
      return onOrderWord(state, event.word, nowMs);
    case 'trade':
      return onTrade(state, event.word, nowMs);
    case 'fills':
      return onFills(state, event.clientOrderId, event.trades, nowMs);
    case 'openOrders':
      return onOpenOrders(state, event.orders, event.askedAtMs, nowMs);
    case 'balances':
      return onBalances(state, event, nowMs);
    case 'transfers':
      return onTransfers(state, event.transfers, nowMs);
    case 'moved':
      state.balances.dueAtMs = nowMs;
      return [];
    case 'ledger':
      return onLedger(state, event.holdings);
    case 'booked':
      return onBooked(state, event.tradeId);
    case 'halt':
      return onHalt(state, event.halt, nowMs);
    case 'pause':
      pause(state, event.reason, event.untilMs);
      return [];
    case 'adopt':
      return onAdopt(state, event, nowMs);
    case 'due':
      return [];
  }
}

/**
 * Blocking is the admission's work, at once. Here everything that may still fill is cancelled, on suspicion, and the exchange is
 * asked until it has no order of ours; after the release nothing new leaves before everything was compared.
 */
function onHalt(state: GatewayState, halt: HaltChanged, nowMs: number): GatewayEffect[] {
  const wasEngaged = state.killSwitch.engaged;
  state.killSwitch = newerSwitch(state.killSwitch, halt);
  const { engaged } = state.killSwitch;
  if (engaged === wasEngaged) return [];
  state.emptyAtMs = null;
  if (!engaged) {
    deny(state, nowMs);
    return [];
  }
  state.haltedAtMs = nowMs;
  state.openOrders.dueAtMs = nowMs;
  return state.orders.unsettled().flatMap((order) => cancel(state, order));
}

/** A pause is over: the exchange has to prove itself before it is believed. */
function resumed(state: GatewayState, nowMs: number): GatewayEffect[] {
  if (state.pausedUntilMs === -Infinity || isPaused(state, nowMs)) return [];
  state.pausedUntilMs = -Infinity;
  state.pauseReason = '';
  deny(state, nowMs);
  return [];
}
