import type { Refusal } from '../messages/risk.js';
import type { OpportunityEvent, Signal } from '../messages/signal.js';

/** The same refusal for people: the first reason leads, all are told. */
export function refusedOpportunity(
  signal: Signal,
  refusals: readonly Refusal[],
  nowMs: number,
): OpportunityEvent {
  const of = (side: string) =>
    signal.legs.find((leg) => leg.side === side)?.exchange ?? signal.legs[0]!.exchange;
  const told = refusals.map((r) => `${r.rule} ${r.subject}: ${r.actual} against ${r.limit} ${r.unit}`);
  return {
    opportunityId: signal.opportunityId,
    phase: 'refused',
    strategy: signal.strategy,
    pair: signal.pair,
    buyExchange: of('buy'),
    sellExchange: of('sell'),
    grossBps: signal.grossBps,
    netBps: signal.netBps,
    quantity: signal.quantity,
    netProfit: signal.edge.net,
    reason: refusals[0]?.rule ?? 'REFUSED',
    detail: told.join('; ').slice(0, 300),
    openedAtMs: signal.detectedAtMs,
    atMs: nowMs,
  };
}
