import type { OpportunityEvent } from '../messages/signal.js';
import type { OpportunityLife } from './opportunity-life.js';

/** Closed lives whose offer is still unanswered, kept for the answer. */
const MAX_ANSWERS_DUE = 1_024;

/** The lives that are going on, each with what it is a life of, and the answers that come after a life has closed. */
export class OpenLives<Watch> {
  private readonly open = new Map<string, { readonly watch: Watch; readonly life: OpportunityLife }>();
  private readonly answersDue = new Map<string, OpportunityLife>();

  get size(): number {
    return this.open.size;
  }

  watches(): readonly Watch[] {
    return [...this.open.values()].map(({ watch }) => watch);
  }

  current(): readonly OpportunityLife[] {
    return [...this.open.values()].map(({ life }) => life);
  }

  begin(watch: Watch, life: OpportunityLife): OpportunityEvent {
    this.open.set(life.identity.opportunityId, { watch, life });
    return life.opened();
  }

  end(life: OpportunityLife, reason: string, nowMs: number): OpportunityEvent {
    const { opportunityId } = life.identity;
    this.open.delete(opportunityId);
    if (life.state === 'signalled') {
      const oldest = this.answersDue.keys().next();
      if (this.answersDue.size >= MAX_ANSWERS_DUE && !oldest.done) this.answersDue.delete(oldest.value);
      this.answersDue.set(opportunityId, life);
    }
    return life.closed(reason, nowMs);
  }

  executed(opportunityId: string, nowMs: number): OpportunityEvent | null {
    const life = this.answered(opportunityId);
    return life === null || life.state === 'executed' ? null : life.executed(nowMs);
  }

  declined(
    phase: 'refused' | 'missed',
    opportunityId: string,
    { reason, detail, nowMs }: { readonly reason: string; readonly detail: string; readonly nowMs: number },
  ): OpportunityEvent | null {
    const life = this.answered(opportunityId);
    return life?.state === 'signalled' ? life.declined(phase, reason, detail, nowMs) : null;
  }

  /** The life an answer is about; the answer ends the memory of a closed one. */
  private answered(opportunityId: string): OpportunityLife | null {
    const closed = this.answersDue.get(opportunityId);
    this.answersDue.delete(opportunityId);
    return closed ?? this.open.get(opportunityId)?.life ?? null;
  }
}
