import type { PairPosition } from '../../messages/pair-positions.js';
import type { OpportunityEvent, Signal } from '../../messages/signal.js';
import { OpportunityLife, type EdgeNow } from '../opportunity-life.js';
import type { SpatialMarket } from '../spatial-route.js';
import type { PairTest } from './pair-test.js';
import type { PairWatch } from './pair-watch.js';

/** What the detector wants done, in this order; its actor does it. `positions` is to be kept before what follows it leaves. */
export type StatisticalEffect =
  | { readonly kind: 'opportunity'; readonly event: OpportunityEvent }
  | { readonly kind: 'positions'; readonly positions: readonly PairPosition[] }
  | { readonly kind: 'signal'; readonly signal: Signal }
  | { readonly kind: 'test'; readonly test: PairTest };

export const NO_PAIR_EFFECTS: readonly StatisticalEffect[] = Object.freeze([]);

/** The pairs that are followed, and what has to be told of them. */
export class PairBook {
  readonly watches = new Map<string, PairWatch>();
  private readonly nextId: (prefix: string) => string;
  private effects: StatisticalEffect[] = [];

  constructor(nextId: (prefix: string) => string) {
    this.nextId = nextId;
  }

  id(prefix: 'sig' | 'opp'): string {
    return this.nextId(prefix);
  }

  get positions(): readonly PairPosition[] {
    return [...this.watches.values()].flatMap(({ position }) => (position === null ? [] : [position]));
  }

  /** The pair whose position is meant; null = none. */
  find(isMeant: (position: PairPosition) => boolean): PairWatch | null {
    for (const watch of this.watches.values())
      if (watch.position !== null && isMeant(watch.position)) return watch;
    return null;
  }

  /** The positions changed: they are kept as they are now. */
  keep(): void {
    this.effects.push({ kind: 'positions', positions: this.positions });
  }

  push(effect: StatisticalEffect): void {
    this.effects.push(effect);
  }

  tell(event: OpportunityEvent | null): void {
    if (event !== null) this.effects.push({ kind: 'opportunity', event });
  }

  take(): readonly StatisticalEffect[] {
    if (this.effects.length === 0) return NO_PAIR_EFFECTS;
    const taken = this.effects;
    this.effects = [];
    return taken;
  }

  openLife(legs: PairLegs, edge: EdgeNow, nowMs: number): OpportunityLife {
    const { buy, sell } = legs;
    const identity = {
      opportunityId: this.id('opp'),
      strategy: 'statistical' as const,
      pair: buy.instrument.pair,
      buyExchange: buy.instrument.exchange,
      sellExchange: sell.instrument.exchange,
      route: `${buy.instrument.id} > ${sell.instrument.id}`,
      openedAtMs: nowMs,
    };
    const life = new OpportunityLife(identity, edge);
    this.tell(life.opened());
    return life;
  }

  endLife(watch: PairWatch, reason: string, nowMs: number): void {
    if (watch.life !== null) this.tell(watch.life.closed(reason, nowMs));
    watch.life = null;
  }

  endExit(watch: PairWatch, reason: string, nowMs: number): void {
    if (watch.exitLife !== null) this.tell(watch.exitLife.closed(reason, nowMs));
    watch.exitLife = null;
  }

  /** The position is no more, or what is left of it is nothing that this detector can trade. */
  finish(watch: PairWatch, reason: string, nowMs: number): void {
    watch.position = null;
    watch.trader.entryFailed();
    this.endExit(watch, reason, nowMs);
    this.endLife(watch, reason, nowMs);
    this.keep();
  }
}

export interface PairLegs {
  readonly buy: SpatialMarket;
  readonly sell: SpatialMarket;
}
