import type { Signal } from '../../messages/signal.js';
import { toText } from '../../market/decimal.js';
import type { BridgePlan } from './bridge-plan.js';
import { marketsOf, type BridgeRoute } from './bridge-route.js';

/**
 * The message that offers a bridged plan to the gate: a cycle of three legs from dollars to dollars, or two legs of different quotes whose edge is
 * in dollars at the executable rate.
 */
export function bridgeSignal(
  route: BridgeRoute,
  plan: BridgePlan,
  ids: { readonly signalId: string; readonly opportunityId: string },
  nowMs: number,
  ttlMs: number,
): Signal {
  const isCycle = route.kind === 'leg';
  const first = isCycle ? marketsOf(route)[0]!.instrument : route.dollar.instrument;
  return {
    ...ids,
    strategy: 'spatial',
    shape: isCycle ? 'cycle' : 'two-sided',
    pair: first.pair,
    base: first.base,
    quote: route.dollar.instrument.quote,
    legs: [...plan.legs],
    quantity: isCycle ? plan.legs[0]!.quantity : toText(plan.quantity),
    notional: toText(plan.notional),
    edge: plan.edge,
    ...(plan.residues.length > 0 && { residues: plan.residues }),
    grossBps: plan.grossBps,
    netBps: plan.netBps,
    detectedAtMs: nowMs,
    exchangeToSignalMs: nowMs - plan.oldestBookMs,
    expiresAtMs: nowMs + ttlMs,
  };
}
