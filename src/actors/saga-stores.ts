import { subjectOf } from '../messages/catalogue.js';
import { ArbotError, errorText } from '../messages/errors.js';
import type { ArbitrageClosed, LegResult, SubmitLeg } from '../messages/order.js';
import type { Bus } from '../ports/bus.js';
import type { Stores } from '../ports/stores.js';
import type { ActorContext } from '../runtime/actor.js';
import { backoffMs, type RetryBackoff } from './backoff.js';
import type {
  CloseEffect,
  JournalEffect,
  SagaActorOptions,
  SagaMessage,
  StoreFailed,
} from './saga-messages.js';

const SOURCE = 'journal';

/**
 * Stores the end of an arbitrage, then the results of its legs: as long as a result is missing the leg counts as open, so
 * a crash anywhere in between is found at the next start. Saving again is harmless. Returns the end as it is stored.
 */
export async function closeInStores(options: JournalPorts, effect: CloseEffect): Promise<ArbitrageClosed> {
  const { trades } = options.stores;
  await migrateEmergency(options);
  const booked = await trades.closeArbitrage(effect.closed);
  for (const result of effect.results) await trades.saveLegResult(result);
  for (const result of effect.unsure ?? []) await saveUnlessAbsent(options.stores, result);
  if (booked === 'booked') return effect.closed;
  const [known] = await trades.arbitragesOf([effect.closed.arbitrageId]);
  return known ?? effect.closed;
}

/** A conflict says that the row was never written, or that it knows more: then there is nothing to save. */
export async function saveUnlessAbsent(stores: Pick<Stores, 'trades'>, result: LegResult): Promise<void> {
  try {
    await stores.trades.saveLegResult(result);
  } catch (error) {
    if (!(error instanceof ArbotError) || error.code !== 'ARB_STORE_CONFLICT') throw error;
  }
}

/** What journalling needs of the saga's options. */
export type JournalPorts = Pick<SagaActorOptions, 'fence' | 'emergency'> & {
  readonly stores: Pick<Stores, 'trades'>;
};

const noFence = (): ArbotError =>
  new ArbotError('ARB_FENCE_STALE', 'this process does not hold the lease of who may trade');

/**
 * Journals under the fence of this moment. While the store is away, an order that reduces risk goes to the emergency journal.
 * Rejects ARB_FENCE_STALE when there is no fence, or when the store knows better.
 */
export async function journalUnderFence(
  options: JournalPorts,
  { legs, purpose }: Pick<JournalEffect, 'legs' | 'purpose'>,
  isAway: boolean,
): Promise<void> {
  const { stores, fence, emergency } = options;
  const current = fence.current();
  if (current === null) throw noFence();
  const mayBeLocal = purpose === 'recover' && emergency !== undefined;
  if (mayBeLocal && isAway) return journalLocally(options, legs);
  try {
    await stores.trades.journalLegs(legs, current);
  } catch (error) {
    if (isFenceStale(error)) fence.refused(current);
    if (!mayBeLocal || isFenceStale(error) || !isPassing(error)) throw error;
    await journalLocally(options, legs);
  }
}

/** Rejects ARB_FENCE_STALE when the lease ended before the records were on the disk: then nothing is sent. */
export async function journalLocally(
  { fence, emergency }: Pick<JournalPorts, 'fence' | 'emergency'>,
  legs: readonly SubmitLeg[],
): Promise<void> {
  const current = fence.current();
  if (current === null || emergency === undefined) throw noFence();
  for (const leg of legs) await emergency.append({ leg, fence: current, atMs: leg.submittedAtMs });
  if (fence.current() !== current) throw noFence();
}

/** Two who do this at once are no contradiction: the row that is there is the one that was meant. */
async function journalOnce(stores: Pick<Stores, 'trades'>, leg: SubmitLeg, fence: number): Promise<void> {
  const isThere = async (): Promise<boolean> =>
    (await stores.trades.ordersOf([leg.arbitrageId])).some(
      (order) => order.leg.clientOrderId === leg.clientOrderId,
    );
  if (await isThere()) return;
  try {
    await stores.trades.journalLegs([leg], fence);
  } catch (error) {
    if (!(await isThere())) throw error;
  }
}

/**
 * Brings what the emergency journal holds into the trade store. A record that is there already, since a commit was only not
 * confirmed, is known by its order id. Rejects ARB_FENCE_STALE while this process may not write.
 */
export async function migrateEmergency({ stores, fence, emergency }: JournalPorts): Promise<number> {
  if (emergency === undefined) return 0;
  const waiting = await emergency.waiting();
  if (waiting.length === 0) return 0;
  const current = fence.current();
  if (current === null) throw noFence();
  for (const { leg } of waiting) await journalOnce(stores, leg, current);
  await emergency.migrated(waiting.map(({ leg }) => leg.clientOrderId));
  return waiting.length;
}

export const isFenceStale = (error: unknown): boolean =>
  error instanceof ArbotError && error.code === 'ARB_FENCE_STALE';

/** Whether the same call may succeed later, also once the lease is held again; anything else needs a person. */
export const isPassing = (error: unknown): boolean =>
  !(error instanceof ArbotError) ||
  error.retryable ||
  error.code === 'ARB_STORE_UNAVAILABLE' ||
  error.code === 'ARB_FENCE_STALE';

/**
 * Whether the journal can be written. While it cannot, the gate is told not to add risk (TRADING §4); the store is probed
 * with back-off until it answers.
 */
export class StoreHold {
  private readonly options: JournalPorts & { readonly bus: Bus; readonly retry: RetryBackoff };
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
      // Back is a store that has taken what was journalled beside it.
      this.options.stores.trades.recentArbitrages(1).then(() => migrateEmergency(this.options)),
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
