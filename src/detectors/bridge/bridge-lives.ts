import { ZERO } from '../../market/decimal.js';
import type { OpportunityEvent, Signal } from '../../messages/signal.js';
import { OpportunityLife, type EdgeNow } from '../opportunity-life.js';
import type { SpatialEffect } from '../spatial.js';
import type { BridgeWatch } from './bridge-groups.js';
import { routeText } from './bridge-plan.js';
import { exchangesOf } from './bridge-route.js';

const NO_EFFECTS: readonly SpatialEffect[] = Object.freeze([]);
/** Closed lives whose offer is still unanswered, kept for the answer. */
const MAX_ANSWERS_DUE = 1_024;

/** The lives of bridged opportunities: what is open, what answers are awaited, and what is to be told. */
export class BridgeLives {
  private readonly open = new Map<string, BridgeWatch>();
  private readonly answersDue = new Map<string, OpportunityLife>();
  private effects: SpatialEffect[] = [];
  private readonly nextId: (prefix: string) => string;

  constructor(nextId: (prefix: string) => string) {
    this.nextId = nextId;
  }

  get count(): number {
    return this.open.size;
  }

  watches(): readonly BridgeWatch[] {
    return [...this.open.values()];
  }

  begin(watch: BridgeWatch, edge: EdgeNow, nowMs: number): OpportunityLife {
    const { buy, sell } = exchangesOf(watch.route);
    const identity = {
      opportunityId: this.nextId('opp'),
      pair: watch.route.dollar.instrument.pair,
      buyExchange: buy,
      sellExchange: sell,
      route: routeText(watch.route),
      openedAtMs: nowMs,
    };
    const life = new OpportunityLife(identity, { ...edge, quantity: ZERO, net: ZERO });
    watch.life = life;
    watch.group.lives++;
    this.open.set(identity.opportunityId, watch);
    this.tell(life.opened());
    return life;
  }

  close(watch: BridgeWatch, reason: string, nowMs: number): void {
    const { life } = watch;
    if (life === null) return;
    const { opportunityId } = life.identity;
    watch.life = null;
    watch.group.lives--;
    this.open.delete(opportunityId);
    if (life.state === 'signalled') {
      const oldest = this.answersDue.keys().next();
      if (this.answersDue.size >= MAX_ANSWERS_DUE && !oldest.done) this.answersDue.delete(oldest.value);
      this.answersDue.set(opportunityId, life);
    }
    this.tell(life.closed(reason, nowMs));
  }

  /** It was traded: it is not offered again in this life. */
  executed(opportunityId: string, nowMs: number): void {
    const life = this.lifeOf(opportunityId);
    if (life !== null && life.state !== 'executed') this.tell(life.executed(nowMs));
  }

  /** The gate refused it, or nothing filled. */
  declined(
    phase: 'refused' | 'missed',
    opportunityId: string,
    why: { readonly reason: string; readonly detail: string },
    nowMs: number,
  ): void {
    const life = this.lifeOf(opportunityId);
    if (life?.state === 'signalled') this.tell(life.declined(phase, why.reason, why.detail, nowMs));
  }

  /** The life an answer is about; the answer ends the memory of a closed one. */
  private lifeOf(opportunityId: string): OpportunityLife | null {
    const closed = this.answersDue.get(opportunityId);
    this.answersDue.delete(opportunityId);
    return closed ?? this.open.get(opportunityId)?.life ?? null;
  }

  tell(event: OpportunityEvent | null): void {
    if (event !== null) this.effects.push({ kind: 'opportunity', event });
  }

  offer(signal: Signal): void {
    this.effects.push({ kind: 'signal', signal });
  }

  take(): readonly SpatialEffect[] {
    if (this.effects.length === 0) return NO_EFFECTS;
    const taken = this.effects;
    this.effects = [];
    return taken;
  }
}
