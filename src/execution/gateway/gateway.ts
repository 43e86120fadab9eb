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
import { fillsDue, fillsDueMs, onFillsAnswered } from './gateway-fills.js';
import { doubtHalt, haltDue, haltDueMs, onHalt } from './gateway-halt.js';
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
  effects.push(...fillsDue(state, nowMs), ...haltDue(state, nowMs));
  effects.push(...news(state, nowMs));
  return effects;
}

/** When `due` has to be told at the latest; null = an event comes first. */
export function dueMs(state: GatewayState, nowMs: number): number | null {
  const dues = [questionsDueMs(state), checksDueMs(state), fillsDueMs(state), haltDueMs(state)].flatMap(
    (one) => one ?? [],
  );
  if (isPaused(state, nowMs)) dues.push(state.pausedUntilMs);
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
      if (state.killSwitch.engaged) doubtHalt(state, nowMs);
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
      onFillsAnswered(state, event);
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

/** A pause is over: the exchange has to prove itself before it is believed. */
function resumed(state: GatewayState, nowMs: number): GatewayEffect[] {
  if (state.pausedUntilMs === -Infinity || isPaused(state, nowMs)) return [];
  state.pausedUntilMs = -Infinity;
  state.pauseReason = '';
  deny(state, nowMs);
  return [];
}
