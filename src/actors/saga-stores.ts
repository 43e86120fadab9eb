import { subjectOf } from '../messages/catalogue.js';
import { ArbotError, errorText } from '../messages/errors.js';
import type { ArbitrageClosed, LegResult, SubmitLeg } from '../messages/order.js';
import type { Bus } from '../ports/bus.js';
import type { Stores } from '../ports/stores.js';
import type { ActorContext } from '../runtime/actor.js';
import { backoffMs, type RetryBackoff } from './backoff.js';
import type { CloseEffect, SagaActorOptions, SagaMessage, StoreFailed } from './saga-messages.js';

const SOURCE = 'journal';

/**
 * Stores the end of an arbitrage, then the results of its legs: as long as a result is missing the leg counts as open, so
 * a crash anywhere in between is found at the next start. Saving again is harmless. Returns the end as it is stored.
 */
export async function closeInStores(
  stores: Pick<Stores, 'trades'>,
  effect: CloseEffect,
): Promise<ArbitrageClosed> {
  const booked = await stores.trades.closeArbitrage(effect.closed);
  for (const result of effect.results) await stores.trades.saveLegResult(result);
  for (const result of effect.unsure ?? []) await saveUnlessAbsent(stores, result);
  if (booked === 'booked') return effect.closed;
  const [known] = await stores.trades.arbitragesOf([effect.closed.arbitrageId]);
  return known ?? effect.closed;
}

/** A conflict says that the row was never written: then there is nothing to end. */
async function saveUnlessAbsent(stores: Pick<Stores, 'trades'>, result: LegResult): Promise<void> {
  try {
    await stores.trades.saveLegResult(result);
  } catch (error) {
    if (!(error instanceof ArbotError) || error.code !== 'ARB_STORE_CONFLICT') throw error;
  }
}

/** Journals under the fence of this moment. Rejects ARB_FENCE_STALE when there is none, or when the store knows better. */
export async function journalUnderFence(
  { stores, fence }: Pick<SagaActorOptions, 'stores' | 'fence'>,
  legs: readonly SubmitLeg[],
): Promise<void> {
  const current = fence.current();
  if (current === null)
    throw new ArbotError('ARB_FENCE_STALE', 'this process does not hold the lease of who may trade');
  try {
    await stores.trades.journalLegs(legs, current);
  } catch (error) {
    if (isFenceStale(error)) fence.refused(current);
    throw error;
  }
}

export const isFenceStale = (error: unknown): boolean =>
  error instanceof ArbotError && error.code === 'ARB_FENCE_STALE';

/** Whether the same call may succeed later; anything else needs a person. */
export const isPassing = (error: unknown): boolean =>
  !(error instanceof ArbotError) || error.retryable || error.code === 'ARB_STORE_UNAVAILABLE';

/**
 * Whether the journal can be written. While it cannot, the gate is told not to add risk (TRADING §4); the store is probed
 * with back-off until it answers.
 */
export class StoreHold {
  private readonly options: {
    readonly bus: Bus;
    readonly stores: Pick<Stores, 'trades'>;
    readonly retry: RetryBackoff;
  };
  private readonly context: ActorContext<SagaMessage>;
  private reason = '';
  held = false;

  constructor(options: StoreHold['options'], context: ActorContext<SagaMessage>) {
    this.options = options;
    this.context = context;
  }

  /** The journal refused or did not answer. */
  journalFailed(error: string): void {
    this.hold(`the journal is away: ${error}`);
  }

  /** Tries the end again later; false when that is of no use. */
  closeFailed(message: StoreFailed): boolean {
    const { effect, tries, retryable, error } = message;
    const { arbitrageId } = effect.closed;
    if (!retryable) {
      this.context.log.error(
        { arbitrageId, error },
        'the end of an arbitrage was refused and needs a person',
      );
      return false;
    }
    this.hold(`an end is not stored: ${error}`);
    const delayMs = backoffMs(this.options.retry, tries);
    this.context.timer(`store ${arbitrageId}`, delayMs, { kind: 'store', effect, tries: tries + 1 });
    return true;
  }

  probe(tries: number): void {
    this.context.pipe(
      this.options.stores.trades.recentArbitrages(1),
      () => ({ kind: 'probed', tries, error: null }),
      (error) => ({ kind: 'probed', tries, error: errorText(error) }),
    );
  }

  probed(tries: number, error: string | null): void {
    if (error === null) return this.lift();
    this.schedule(tries + 1);
  }

  lift(): void {
    if (!this.held) return;
    this.held = false;
    this.reason = '';
    this.context.cancelTimer('probe');
    this.announce();
  }

  /** Told again and again, so that a gate that started later knows too. */
  announce(): void {
    const body = { source: SOURCE, held: this.held, reason: this.reason, atMs: this.context.clock.nowMs() };
    this.options.bus.publish(subjectOf('riskHold'), 'riskHold', body, { traceId: SOURCE });
  }

  private hold(reason: string): void {
    this.reason = reason.slice(0, 300);
    if (this.held) return;
    this.held = true;
    this.context.log.warn({ reason: this.reason }, 'no new risk: the journal is away');
    this.announce();
    this.schedule(0);
  }

  private schedule(tries: number): void {
    this.context.timer('probe', backoffMs(this.options.retry, tries), { kind: 'probe', tries });
  }
}
