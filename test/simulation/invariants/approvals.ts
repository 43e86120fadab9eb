import { Decimal } from 'decimal.js';
import type { ApprovedVerdict } from '../../../src/messages/risk.js';
import { shapeOf, type PlannedLeg, type Signal } from '../../../src/messages/signal.js';
import { listingOf, type SimulatedExchange } from '../../../src/simulator/listings.js';
import type { Auditor, Execution, Scene } from './scene.js';

const Exact = Decimal.clone({ precision: 60 });

/** What an approval must be whoever asked for it: in time, of real markets, adding up, and orders that their exchanges take. */
export class ApprovalAuditor implements Auditor {
  private readonly scene: Scene;
  private readonly opportunityOf = new Map<string, string>();
  /** Opportunities of which something was bought or sold, and under which verdict. */
  private readonly taken = new Map<string, string>();

  constructor(scene: Scene) {
    this.scene = scene;
  }

  approved(verdict: ApprovedVerdict): void {
    const { signal, verdictId } = verdict;
    const earlier = this.taken.get(signal.opportunityId);
    if (earlier !== undefined)
      this.scene.violated(
        'opportunity-traded-once',
        `${verdictId}: ${signal.opportunityId} was traded under ${earlier}`,
      );
    this.opportunityOf.set(verdictId, signal.opportunityId);
    const wallMs = this.scene.process()?.time.nowMs() ?? 0;
    if (wallMs >= signal.expiresAtMs || verdict.expiresAtMs > signal.expiresAtMs)
      this.scene.violated('approval-in-time', `${verdictId}: its signal ended at ${signal.expiresAtMs}`);
    const fault = faultOf(signal) ?? this.faultOfTerms(signal);
    if (fault !== null) this.scene.violated('approval-adds-up', `${verdictId}: ${fault}`);
    for (const leg of signal.legs) {
      const refused = this.refusedByExchange(signal, leg);
      if (refused !== null) this.scene.violated('approval-fits-exchange', `${verdictId}: ${refused}`);
    }
  }

  executed({ leg, result }: Execution): void {
    const opportunity = this.opportunityOf.get(leg.verdictId);
    if (opportunity === undefined || result.fills.length === 0) return;
    const earlier = this.taken.get(opportunity) ?? leg.verdictId;
    this.taken.set(opportunity, earlier);
    if (earlier !== leg.verdictId)
      this.scene.violated(
        'opportunity-traded-once',
        `${leg.verdictId} trades ${opportunity}, which was traded under ${earlier}`,
      );
  }

  private faultOfTerms({ edge, notional, grossBps, position }: Signal): string | null {
    // Nothing is asked of a way out but that it is taken.
    if (position !== undefined && position.action !== 'enter') return null;
    const { edge: terms } = this.scene.trading;
    if (new Exact(edge.net).lt(terms.minNetProfit)) return `net ${edge.net} is below ${terms.minNetProfit}`;
    const netBps = new Exact(edge.net).times(10_000).div(notional);
    if (netBps.lt(terms.minNetEdgeBps)) return `net ${netBps.toFixed(6)} bps`;
    return grossBps >= terms.tooGoodToBeTrueBps ? `gross ${grossBps} bps` : null;
  }

  private refusedByExchange(signal: Signal, leg: PlannedLeg): string | null {
    const shape = shapeOf(signal);
    const pair =
      shape === 'two-sided'
        ? `${signal.base}-${signal.quote}`
        : leg.instrument.slice(leg.exchange.length + 1);
    const market = `${leg.exchange}:${pair}`;
    if (leg.instrument !== market) return `${leg.instrument} is not ${market}`;
    if (!this.scene.knobs.pairs.includes(pair)) return `${market} is no market`;
    const listing = listingOf(leg.exchange as SimulatedExchange, pair);
    const lots = new Exact(leg.quantity).div(listing.lot.text);
    if (!lots.isInteger()) return `${market}: ${leg.quantity} is not on the lot ${listing.lot.text}`;
    if (lots.lt(listing.minLots)) return `${market}: ${leg.quantity} is too little`;
    if (!new Exact(leg.limitPrice).div(listing.tick.text).isInteger())
      return `${market}: ${leg.limitPrice} is not on the tick ${listing.tick.text}`;
    const worth = new Exact(leg.quantity).times(leg.limitPrice);
    return worth.lt(listing.minNotional) ? `${market}: an order worth ${worth.toFixed()}` : null;
  }
}

function faultOf(signal: Signal): string | null {
  const { edge, legs, quote, base } = signal;
  const misshapen = shapeFault(signal);
  if (misshapen !== null) return misshapen;
  if (legs.some(({ feeMode }) => feeMode === 'third')) return 'a fee is taken in a third coin';
  const parts = new Exact(edge.gross)
    .minus(edge.feeBuy)
    .minus(edge.feeSell)
    .minus(edge.latencyDecay)
    .minus(edge.transfer)
    .plus(edge.inventory)
    .plus(edge.marked ?? 0);
  return parts.eq(edge.net) ? null : `${base}-${quote}: net ${edge.net}, its parts make ${parts.toFixed()}`;
}

/** What the legs of each shape have to be to one another. */
function shapeFault(signal: Signal): string | null {
  const { legs, quote } = signal;
  const sides = new Set(legs.map(({ side }) => side));
  const exchanges = new Set(legs.map(({ exchange }) => exchange));
  switch (shapeOf(signal)) {
    case 'two-sided':
      return legs.length === 2 && sides.size === 2 && exchanges.size === 2
        ? null
        : 'it does not buy on one exchange and sell on another';
    case 'pair':
      return legs.length === 2 && sides.size === 2 ? null : 'it does not buy one market and sell another';
    case 'cycle':
      return endOf(legs, quote) === quote ? null : `its legs do not lead from ${quote} back to it`;
  }
}

/** The asset that a walk ends with; null where a leg does not take what the one before brings. */
function endOf(legs: readonly PlannedLeg[], start: string): string | null {
  return legs.reduce<string | null>((at, { instrument, exchange, side }) => {
    const [base = '', quote = ''] = instrument.slice(exchange.length + 1).split('-');
    const [from, to] = side === 'buy' ? [quote, base] : [base, quote];
    return from === at ? to : null;
  }, start);
}
