import type { ArbitrageClosed } from '../messages/order.js';
import type { OpportunityEvent, Signal } from '../messages/signal.js';

/** The end of an arbitrage as an event in the life of its opportunity. */
export function executedOpportunity(closed: ArbitrageClosed, signal: Signal | null): OpportunityEvent {
  const traded = closed.outcome !== 'failed';
  return {
    opportunityId: closed.opportunityId,
    phase: traded ? 'executed' : 'missed',
    strategy: signal?.strategy ?? closed.strategy ?? 'spatial',
    pair: closed.pair,
    buyExchange: closed.buyExchange,
    sellExchange: closed.sellExchange,
    grossBps: signal?.grossBps ?? 0,
    netBps: signal?.netBps ?? 0,
    quantity: traded ? closed.boughtQuantity : '0',
    netProfit: closed.realisedNet,
    reason: closed.outcome.toUpperCase(),
    detail:
      `expected ${closed.expectedNet}, realised ${closed.realisedNet}, residue ${closed.residualBase}`.slice(
        0,
        300,
      ),
    ...(closed.shape !== undefined && signal !== null && { route: routeOf(signal) }),
    openedAtMs: signal?.detectedAtMs ?? closed.openedAtMs,
    atMs: closed.closedAtMs,
  };
}

/** The markets in order of the legs, for people. */
const routeOf = ({ legs }: Signal): string =>
  legs
    .map(({ instrument }) => instrument)
    .join(' > ')
    .slice(0, 240);
