import type { Signal } from '../messages/signal.js';
import { toText } from '../market/decimal.js';
import type { TradePlan } from './spatial-plan.js';
import type { SpatialRoute } from './spatial-route.js';

/** The message that offers a plan to the risk gate. `ttlMs` = how long it is worth anything. */
export function spatialSignal(
  route: SpatialRoute,
  plan: TradePlan,
  ids: { readonly signalId: string; readonly opportunityId: string },
  nowMs: number,
  ttlMs: number,
): Signal {
  const { pair, base, quote } = route.buy.instrument;
  const { signalId, opportunityId } = ids;
  return {
    signalId,
    opportunityId,
    strategy: 'spatial',
    pair,
    base,
    quote,
    legs: [plan.buy, plan.sell],
    quantity: toText(plan.quantity),
    notional: toText(plan.notional),
    edge: plan.edge,
    grossBps: plan.grossBps,
    netBps: plan.netBps,
    detectedAtMs: nowMs,
    exchangeToSignalMs: nowMs - Math.min(plan.buy.exchangeTimeMs, plan.sell.exchangeTimeMs),
    expiresAtMs: nowMs + ttlMs,
  };
}
