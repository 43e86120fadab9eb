import { errorText } from '../messages/errors.js';
import type { LegResult, SubmitLeg } from '../messages/order.js';
import type { ActorContext } from '../runtime/actor.js';
import { backoffMs } from './backoff.js';
import { legQuoteOf } from './board-reading.js';
import type { JournalEffect, SagaActorOptions, SagaMessage } from './saga-messages.js';
import {
  isFenceStale,
  isPassing,
  journalLocally,
  journalUnderFence,
  migrateEmergency,
  saveUnlessAbsent,
} from './saga-stores.js';

/** A recovery order does not wait longer for the store: a hedge has 500 ms (TRADING §4). */
const PATIENCE_MS = 200;

/** The saga's writing: legs before they are sent, and what is known better of them after the end. */
export class SagaJournal {
  private readonly options: SagaActorOptions;
  private readonly context: ActorContext<SagaMessage>;
  /** Recovery orders whose commit the store has not confirmed. */
  private readonly committing = new Set<string>();

  constructor(options: SagaActorOptions, context: ActorContext<SagaMessage>) {
    this.options = options;
    this.context = context;
  }

  /** Journal before send (R1). A refusal and a lost commit look alike: nothing is sent, and the end is saved for what was written. */
  write(arbitrageId: string, effect: JournalEffect, isAway: boolean): void {
    const { legs, purpose } = effect;
    const mayBeLocal = purpose === 'recover' && this.options.emergency !== undefined;
    if (mayBeLocal) for (const leg of legs) this.committing.add(leg.clientOrderId);
    this.commit(arbitrageId, legs, journalUnderFence(this.options, effect, isAway));
    const slow = { kind: 'journalSlow' as const, arbitrageId, legs };
    if (mayBeLocal) this.context.timer(`journal ${arbitrageId}`, PATIENCE_MS, slow);
  }

  /** The store may still take the row; written twice, it is known by its order id. */
  beside(arbitrageId: string, legs: readonly SubmitLeg[]): void {
    if (!legs.some((leg) => this.committing.has(leg.clientOrderId))) return;
    this.commit(arbitrageId, legs, journalLocally(this.options, legs));
  }

  private commit(arbitrageId: string, legs: readonly SubmitLeg[], committed: Promise<void>): void {
    const clientOrderIds = legs.map((leg) => leg.clientOrderId);
    const settled = (): void => clientOrderIds.forEach((id) => this.committing.delete(id));
    this.context.pipe(
      committed,
      () => {
        settled();
        // Where the market stands when the orders leave: what moved since the decision is our own slowness.
        const quotes = legs.map((leg) => legQuoteOf(this.options.board, leg.instrument));
        return { kind: 'saga', arbitrageId, event: { kind: 'journalled', clientOrderIds, quotes } };
      },
      (error) => {
        settled();
        const isFenced = isFenceStale(error);
        return { kind: 'journalFailed', arbitrageId, clientOrderIds, error: errorText(error), isFenced };
      },
    );
  }

  /** What was journalled beside the store goes there as soon as this process may write again. */
  migrate(): void {
    const { emergency, fence } = this.options;
    if ((emergency?.status().waiting ?? 0) === 0 || fence.current() === null) return;
    this.context.pipe(
      migrateEmergency(this.options),
      () => ({ kind: 'done' }),
      () => ({ kind: 'done' }),
    );
  }

  saveResult(result: LegResult, tries: number): void {
    this.context.pipe(
      migrateEmergency(this.options).then(() => saveUnlessAbsent(this.options.stores, result)),
      () => ({ kind: 'done' }),
      (error) =>
        isPassing(error)
          ? { kind: 'resultFailed', result, tries, error: errorText(error) }
          : { kind: 'done' },
    );
  }

  resultFailed({ result, tries, error }: Extract<SagaMessage, { kind: 'resultFailed' }>): void {
    const { clientOrderId } = result;
    this.context.log.warn({ clientOrderId, error }, 'a late result is not saved yet');
    const again = { kind: 'saveResult' as const, result, tries: tries + 1 };
    this.context.timer(`result ${clientOrderId}`, backoffMs(this.options.retry, tries), again);
  }
}
