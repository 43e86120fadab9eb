import {
  externalEntry,
  fillEntry,
  fillEntryId,
  LedgerBook,
  openingEntries,
  type AccountBalance,
  type OpeningBalance,
} from '../execution/ledger.js';
import { MESSAGES, subjectOf } from '../messages/catalogue.js';
import { ArbotError, errorText } from '../messages/errors.js';
import type { ExternalFlow } from '../messages/gateway.js';
import type { LedgerEntry } from '../messages/ledger.js';
import type { Fill } from '../messages/order.js';
import type { Bus } from '../ports/bus.js';
import type { Booked, LedgerStore } from '../ports/stores.js';
import type { ActorBehaviour, ActorContext, ActorDefinition } from '../runtime/actor.js';
import { backoffMs, type RetryBackoff } from './backoff.js';
import type { RecordInput } from './recording.js';

/**
 * The ledger as an actor: each fill and each external flow becomes one balanced entry, booked exactly once by the store. The book in memory is
 * rebuilt from the store at every start and changes only by what the store confirmed. While the store is away the gate is
 * told not to add risk; fills wait here, bounded, and whoever sent them repeats until they are confirmed.
 */
export interface LedgerActorOptions {
  readonly bus: Bus;
  readonly store: LedgerStore;
  /** Booked once for ever, by their entry ids. */
  readonly openings: readonly OpeningBalance[];
  readonly retry: RetryBackoff;
  readonly record?: RecordInput;
}

export type LedgerMessage =
  | { readonly kind: 'fill'; readonly fill: Fill; readonly traceId: string }
  | { readonly kind: 'flow'; readonly flow: ExternalFlow; readonly traceId: string }
  | { readonly kind: 'announce' }
  | { readonly kind: 'work' }
  | { readonly kind: 'stored'; readonly entry: LedgerEntry; readonly booked: Booked }
  | { readonly kind: 'notStored'; readonly error: unknown }
  | { readonly kind: 'reload'; readonly done: Waiting }
  | { readonly kind: 'reloaded'; readonly done: Waiting; readonly balances: readonly AccountBalance[] }
  | { readonly kind: 'notReloaded'; readonly done: Waiting; readonly error: unknown };

interface Waiting {
  /** Null for an external flow. */
  readonly fill: Fill | null;
  readonly entry: LedgerEntry;
  readonly traceId: string;
  /** A try of it ended without a clear answer: it may be booked already. */
  unclear: boolean;
}

const MAX_WAITING = 10_000;
const MAX_REFUSED = 100;
const MAILBOX = 8_192;
const ANNOUNCE_MS = 5_000;
const HANDLER_TIMEOUT_MS = 5_000;
const SOURCE = 'ledger';

export function ledgerActor(options: LedgerActorOptions): ActorDefinition<LedgerMessage> {
  return {
    kind: 'ledger',
    mailbox: { capacity: MAILBOX, policyOf: () => ({ kind: 'reject' }) },
    handlerTimeoutMs: HANDLER_TIMEOUT_MS,
    create: (context) => createLedger(options, context),
  };
}

async function createLedger(
  options: LedgerActorOptions,
  context: ActorContext<LedgerMessage>,
): Promise<ActorBehaviour<LedgerMessage>> {
  for (const entry of openingEntries(options.openings, context.clock.nowMs())) {
    if ((await options.store.append(entry)) === 'booked')
      context.log.info({ entryId: entry.entryId }, 'opening balance booked');
  }
  const book = LedgerBook.fromBalances(await options.store.balances());
  context.assertCurrent();
  // Versions must grow over restarts too; entries are booked far slower than one per millisecond.
  book.version = Math.floor(context.clock.nowMs());
  const ledger = new LedgerActor(options, context, book);
  const subscription = options.bus.subscribe(MESSAGES.fill.subject, 'fill', ({ message, traceId }) =>
    ledger.receive(message, traceId),
  );
  context.onEnd(() => subscription.unsubscribe());
  const flows = options.bus.subscribe(MESSAGES.externalFlow.subject, 'externalFlow', ({ message, traceId }) =>
    ledger.receiveFlow(message, traceId),
  );
  context.onEnd(() => flows.unsubscribe());
  context.every('announce', ANNOUNCE_MS, { kind: 'announce' });
  context.self.tell({ kind: 'announce' });
  return ledger;
}

class LedgerActor implements ActorBehaviour<LedgerMessage> {
  private readonly options: LedgerActorOptions;
  private readonly context: ActorContext<LedgerMessage>;
  private book: LedgerBook;
  private readonly waiting: Waiting[] = [];
  private readonly waitingIds = new Set<string>();
  /** Fills the store will never take as they are: for a person. */
  private readonly refused: { readonly entryId: string; readonly reason: string }[] = [];
  private working = false;
  private tries = 0;
  private held = false;
  private holdReason = '';
  private booked = 0;
  private duplicates = 0;

  constructor(options: LedgerActorOptions, context: ActorContext<LedgerMessage>, book: LedgerBook) {
    this.options = options;
    this.context = context;
    this.book = book;
  }

  receive(fill: Fill, traceId: string): void {
    const told = this.context.self.tell({ kind: 'fill', fill, traceId });
    // The saga repeats what is not confirmed, so a full mailbox delays a fill and does not lose it.
    if (told === 'full')
      this.context.log.warn({ tradeId: fill.tradeId }, 'the ledger is behind; a fill must be repeated');
  }

  receiveFlow(flow: ExternalFlow, traceId: string): void {
    // A gateway that finds the difference still there tells it again.
    if (this.context.self.tell({ kind: 'flow', flow, traceId }) === 'full')
      this.context.log.warn({ flowId: flow.flowId }, 'the ledger is behind; a flow must be repeated');
  }

  handle(message: LedgerMessage): void {
    switch (message.kind) {
      case 'announce':
        // Told again and again: it also lifts the hold of an incarnation before, and reaches a gate that started later.
        this.publishHold();
        return this.publishBalances();
      case 'fill':
        this.enqueueFill(message.fill, message.traceId);
        return this.work();
      case 'flow':
        this.enqueueFlow(message.flow, message.traceId);
        return this.work();
      case 'work':
        return this.work();
      case 'stored':
        return this.stored(message.entry, message.booked);
      case 'notStored':
        return this.notStored(message.error);
      case 'reload':
        return this.reload(message.done);
      case 'reloaded':
        return this.reloaded(message.done, message.balances);
      case 'notReloaded':
        this.away(message.error);
        return this.context.timer('reload', this.nextDelayMs(), { kind: 'reload', done: message.done });
    }
  }

  private enqueueFill(fill: Fill, traceId: string): void {
    const nowMs = this.context.clock.nowMs();
    this.options.record?.({ stage: 'ledger', key: '', event: { kind: 'fill', fill }, nowMs });
    const entry = this.entryOf(fill, nowMs);
    if (entry !== null) this.enqueue({ fill, entry, traceId, unclear: false });
  }

  private enqueueFlow(flow: ExternalFlow, traceId: string): void {
    const nowMs = this.context.clock.nowMs();
    this.options.record?.({ stage: 'ledger', key: '', event: { kind: 'flow', flow }, nowMs });
    this.enqueue({ fill: null, entry: externalEntry(flow, nowMs), traceId, unclear: false });
  }

  private enqueue(waiting: Waiting): void {
    const { entryId } = waiting.entry;
    if (this.waitingIds.has(entryId) || this.refused.some((r) => r.entryId === entryId)) return;
    if (this.waiting.length >= MAX_WAITING)
      throw new ArbotError('ARB_MAILBOX_FULL', `${MAX_WAITING} entries wait for the ledger's store`);
    this.waitingIds.add(entryId);
    this.waiting.push(waiting);
  }

  /** Null for a fill whose amounts money cannot hold: the same for ever, so it is for a person. */
  private entryOf(fill: Fill, nowMs: number): LedgerEntry | null {
    try {
      return fillEntry(fill, nowMs);
    } catch (error) {
      const entryId = fillEntryId(fill);
      if (!this.refused.some((r) => r.entryId === entryId)) this.refuse(entryId, errorText(error));
      return null;
    }
  }

  /** One booking at a time, in the order of arrival. */
  private work(): void {
    const next = this.waiting[0];
    if (this.working || next === undefined) return;
    this.working = true;
    const { store } = this.options;
    this.context.pipe(
      next.fill === null ? store.append(next.entry) : store.bookFill(next.fill, next.entry),
      (booked) => ({ kind: 'stored', entry: next.entry, booked }),
      (error) => ({ kind: 'notStored', error }),
    );
  }

  private stored(entry: LedgerEntry, booked: Booked): void {
    const done = this.takeFirst();
    if (done === undefined) return;
    if (booked === 'duplicate' && done.unclear) return this.reload(done);
    if (booked === 'booked') {
      this.booked++;
      this.book.apply(entry);
      this.publishBalances();
    } else this.duplicates++;
    // Whoever tells a flow again looks at balances for an answer, and what is told here counts as another one.
    if (booked === 'duplicate' && done.fill === null) return this.goOn();
    this.confirm(done);
  }

  /** A commit whose answer was lost is found as a duplicate; whether this book has it only the store can say. */
  private reload(done: Waiting): void {
    this.working = true;
    this.context.pipe(
      this.options.store.balances(),
      (balances) => ({ kind: 'reloaded', done, balances }),
      (error) => ({ kind: 'notReloaded', done, error }),
    );
  }

  private reloaded(done: Waiting, balances: readonly AccountBalance[]): void {
    this.working = false;
    const { version } = this.book;
    this.book = LedgerBook.fromBalances(balances);
    this.book.version = version + 1;
    this.duplicates++;
    this.publishBalances();
    this.confirm(done);
  }

  /** Balances were told first: whoever learns that a fill is booked finds it in the balances already told. */
  private confirm({ entry, traceId }: Waiting): void {
    this.options.bus.publish(subjectOf('ledgerEntry'), 'ledgerEntry', entry, { traceId });
    this.goOn();
  }

  private goOn(): void {
    this.tries = 0;
    if (this.refused.length === 0) this.hold(false, '');
    this.work();
  }

  private notStored(error: unknown): void {
    this.working = false;
    if (error instanceof ArbotError && error.code !== 'ARB_STORE_UNAVAILABLE' && !error.retryable) {
      this.refuse(this.takeFirst()?.entry.entryId ?? '', errorText(error));
      return this.work();
    }
    const [first] = this.waiting;
    if (first !== undefined) first.unclear = true;
    this.away(error);
    this.context.timer('work', this.nextDelayMs(), { kind: 'work' });
  }

  private away(error: unknown): void {
    const reason = errorText(error);
    this.hold(true, `the ledger's store is away: ${reason}`);
    this.context.log.warn({ waiting: this.waiting.length, reason }, 'the ledger waits for its store');
  }

  private nextDelayMs(): number {
    return backoffMs(this.options.retry, this.tries++);
  }

  /** Ledger and exchange disagree, or a fill cannot be booked: nothing is mended silently, no risk is added. */
  private refuse(entryId: string, reason: string): void {
    if (this.refused.length < MAX_REFUSED) this.refused.push({ entryId, reason });
    this.context.log.error({ entryId, reason }, 'a fill was refused by the ledger and needs a person');
    this.hold(true, `a fill was refused: ${reason}`);
  }

  private takeFirst(): Waiting | undefined {
    this.working = false;
    const done = this.waiting.shift();
    if (done !== undefined) this.waitingIds.delete(done.entry.entryId);
    return done;
  }

  private hold(held: boolean, reason: string): void {
    if (held === this.held) return;
    this.held = held;
    this.holdReason = reason.slice(0, 300);
    this.publishHold();
  }

  private publishHold(): void {
    const body = {
      source: SOURCE,
      held: this.held,
      reason: this.holdReason,
      atMs: this.context.clock.nowMs(),
    };
    this.options.bus.publish(subjectOf('riskHold'), 'riskHold', body, { traceId: SOURCE });
  }

  private publishBalances(): void {
    const body = {
      version: this.book.version,
      holdings: this.book.holdings(),
      atMs: this.context.clock.nowMs(),
    };
    this.options.bus.publish(subjectOf('balancesChanged'), 'balancesChanged', body, { traceId: SOURCE });
  }

  summary() {
    return {
      booked: this.booked,
      duplicates: this.duplicates,
      waiting: this.waiting.length,
      storeAway: this.held,
      refused: this.refused.length,
      lastRefusal: this.refused.at(-1)?.reason ?? null,
      version: this.book.version,
    };
  }
}
