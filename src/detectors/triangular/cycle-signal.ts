import type { Signal } from '../../messages/signal.js';
import { toText } from '../../market/decimal.js';
import type { CyclePlan } from './cycle-plan.js';
import type { CycleRoute } from './cycle-route.js';

/** The message that offers a cycle to the risk gate. `ttlMs` = how long it is worth anything. */
export function cycleSignal(
  route: CycleRoute,
  plan: CyclePlan,
  ids: { readonly signalId: string; readonly opportunityId: string },
  nowMs: number,
  ttlMs: number,
): Signal {
  const { pair, base } = route.legs[0]!.market.instrument;
  // An exchange that sends no time of its own is as old as its last frame.
  const times = plan.legs.map(({ exchangeTimeMs, receiveTimeMs }) => exchangeTimeMs || receiveTimeMs);
  return {
    ...ids,
    strategy: 'triangular',
    shape: 'cycle',
    pair,
    base,
    quote: route.start,
    legs: [...plan.legs],
    quantity: toText(plan.quantity),
    notional: toText(plan.notional),
    edge: plan.edge,
    ...(plan.residues.length > 0 && { residues: [...plan.residues] }),
    grossBps: plan.grossBps,
    netBps: plan.netBps,
    detectedAtMs: nowMs,
    exchangeToSignalMs: nowMs - Math.min(...times),
    expiresAtMs: nowMs + ttlMs,
  };
}
