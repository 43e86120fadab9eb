import { dailyPerformance, SHARPE_DAYS } from '../execution/portfolio-day.js';
import { subjectOf } from '../messages/catalogue.js';
import { ArbotError, errorText } from '../messages/errors.js';
import {
  dayStartMs,
  nextDay,
  utcDayOf,
  type DailyPerformance,
  type UtcDay,
} from '../messages/performance.js';
import type { AssetId } from '../messages/primitives.js';
import type { Bus } from '../ports/bus.js';
import type { TelemetryTable } from '../ports/performance.js';
import type { Stores } from '../ports/stores.js';
import type { ActorBehaviour, ActorContext, ActorDefinition } from '../runtime/actor.js';
import { backoffMs, type RetryBackoff } from './backoff.js';

/**
 * What is due once a day: the row of each closed UTC day, after downtime those of all days missed, oldest first; then old
 * telemetry is forgotten, in small steps so that nobody waits long for the store. It follows the node's clock and decides
 * nothing.
 */
export interface SchedulerActorOptions {
  readonly stores: Pick<Stores, 'performance' | 'retention'>;
  readonly bus: Bus;
  readonly currency: AssetId;
  /** How long after midnight a day is taken for complete: what closed before it is stored by then. */
  readonly dailyDelayMs: number;
  /** Days that each kind of telemetry is kept; null = for ever. */
  readonly retention: Readonly<Record<TelemetryTable, number>> | null;
  /** Of a store that does not answer. */
  readonly retry: RetryBackoff;
}

export type SchedulerMessage =
  | { readonly kind: 'due' }
  | { readonly kind: 'written'; readonly row: DailyPerformance }
  | { readonly kind: 'upToDate'; readonly last: UtcDay | null }
  | { readonly kind: 'thin' }
  | { readonly kind: 'thinned'; readonly removed: number }
  | { readonly kind: 'compacted' }
  | { readonly kind: 'failed'; readonly error: unknown };

/** After a start the money actors come first. */
const FIRST_LOOK_MS = 30_000;
/** Looked at least this often, since the wall clock may jump. */
const LOOK_EVERY_MS = 3_600_000;
const BATCH = 1_000;
const PAUSE_MS = 250;
const MAILBOX = 64;
const HANDLER_TIMEOUT_MS = 5_000;

export function schedulerActor(options: SchedulerActorOptions): ActorDefinition<SchedulerMessage> {
  return {
    kind: 'scheduler',
    mailbox: { capacity: MAILBOX, policyOf: () => ({ kind: 'reject' }) },
    handlerTimeoutMs: HANDLER_TIMEOUT_MS,
    create: (context) => {
      context.timer('due', FIRST_LOOK_MS, { kind: 'due' });
      return new Scheduler(options, context);
    },
  };
}

class Scheduler implements ActorBehaviour<SchedulerMessage> {
  private readonly options: SchedulerActorOptions;
  private readonly context: ActorContext<SchedulerMessage>;
  private lastDay: UtcDay | null = null;
  private written = 0;
  private carried = 0;
  /** Days of this catch-up that had no snapshot. */
  private carriedNow = 0;
  /** Tables still to be thinned today. */
  private waiting: TelemetryTable[] = [];
  private thinnedOn: UtcDay | null = null;
  private removedNow = 0;
  private readonly removed = new Map<TelemetryTable, number>();
  private tries = 0;
  private lastError: string | null = null;

  constructor(options: SchedulerActorOptions, context: ActorContext<SchedulerMessage>) {
    this.options = options;
    this.context = context;
  }

  handle(message: SchedulerMessage): void {
    switch (message.kind) {
      case 'due':
        return this.look();
      case 'written':
        return this.wrote(message.row);
      case 'upToDate':
        return this.upToDate(message.last);
      case 'thin':
        return this.thin();
      case 'thinned':
        return this.thinned(message.removed);
      case 'compacted':
        return this.done();
      case 'failed':
        return this.failed(message.error);
    }
  }

  private look(): void {
    this.context.pipe<SchedulerMessage>(
      this.nextRow(),
      (message) => message,
      (error) => ({ kind: 'failed', error }),
    );
  }

  /** Writes the oldest row that is missing and due; one at a time, so that a stop never waits for a year of them. */
  private async nextRow(): Promise<SchedulerMessage> {
    const { currency, dailyDelayMs } = this.options;
    const { performance } = this.options.stores;
    const [newest] = await performance.days(currency, null, 1);
    const last = newest?.day ?? null;
    const day = last === null ? await performance.firstDay(currency) : nextDay(last);
    if (day === null || this.context.clock.nowMs() < dayStartMs(nextDay(day)) + dailyDelayMs)
      return { kind: 'upToDate', last };
    const facts = await performance.facts(day, currency);
    const row = dailyPerformance(facts, await performance.days(currency, day, SHARPE_DAYS - 1));
    if (row === null) return { kind: 'upToDate', last };
    this.context.assertCurrent();
    await performance.saveDay(row);
    return { kind: 'written', row };
  }

  private wrote(row: DailyPerformance): void {
    const { day, currency, tradingNet, drawdown, carried } = row;
    this.tries = 0;
    this.lastDay = day;
    this.written++;
    if (carried) this.carriedNow++;
    this.context.log.info({ day, currency, tradingNet, drawdown, carried }, 'the row of a day is written');
    this.options.bus.publish(subjectOf('dayClosed'), 'dayClosed', row, { traceId: `day-${day}` });
    this.look();
  }

  private upToDate(last: UtcDay | null): void {
    this.lastDay = last;
    this.tries = 0;
    this.lastError = null;
    this.carried += this.carriedNow;
    if (this.carriedNow > 0)
      this.context.log.warn(
        { days: this.carriedNow, last },
        'days had no snapshot: the equity before them was carried forward',
      );
    this.carriedNow = 0;
    this.beginThinning();
  }

  /** Once a day, and after each start. */
  private beginThinning(): void {
    const { retention } = this.options;
    const today = utcDayOf(this.context.clock.nowMs());
    if (retention === null || this.thinnedOn === today) return this.done();
    this.thinnedOn = today;
    this.removedNow = 0;
    this.waiting = ['opportunity_events', 'arbitrage_signals', 'portfolio_snapshots'];
    this.thin();
  }

  private thin(): void {
    const { retention, stores } = this.options;
    const [table] = this.waiting;
    if (table === undefined || retention === null) return this.compact();
    const nowMs = this.context.clock.nowMs();
    this.context.pipe<number>(
      stores.retention.thin({ table, keepDays: retention[table], nowMs, limit: BATCH }),
      (removed) => ({ kind: 'thinned', removed }),
      (error) => ({ kind: 'failed', error }),
    );
  }

  private thinned(removed: number): void {
    this.tries = 0;
    const [table] = this.waiting;
    if (table !== undefined) this.removed.set(table, (this.removed.get(table) ?? 0) + removed);
    this.removedNow += removed;
    if (removed < BATCH) this.waiting.shift();
    this.context.timer('thin', PAUSE_MS, { kind: 'thin' });
  }

  private compact(): void {
    if (this.removedNow === 0) return this.done();
    this.context.log.info({ removed: this.removedNow }, 'old telemetry was forgotten');
    this.context.pipe<unknown>(
      this.options.stores.retention.compact(),
      () => ({ kind: 'compacted' }),
      (error) => ({ kind: 'failed', error }),
    );
  }

  private done(): void {
    this.removedNow = 0;
    this.tries = 0;
    const nowMs = this.context.clock.nowMs();
    const dueMs = dayStartMs(nextDay(utcDayOf(nowMs))) + this.options.dailyDelayMs;
    // Within the delay of this morning the row of yesterday is still to come.
    const thisMorningMs = dayStartMs(utcDayOf(nowMs)) + this.options.dailyDelayMs;
    const nextMs = thisMorningMs > nowMs ? thisMorningMs : dueMs;
    this.context.timer('due', Math.min(nextMs - nowMs, LOOK_EVERY_MS), { kind: 'due' });
  }

  /** Another node wrote the row, or the store is away: both are looked at again. */
  private failed(error: unknown): void {
    this.lastError = errorText(error);
    const conflict = error instanceof ArbotError && error.code === 'ARB_STORE_CONFLICT';
    this.context.log.warn({ error: this.lastError, conflict }, 'what is due once a day waits');
    const kind = this.waiting.length > 0 ? 'thin' : 'due';
    this.context.timer(kind, backoffMs(this.options.retry, this.tries++), { kind });
  }

  summary() {
    return {
      lastDay: this.lastDay,
      written: this.written,
      carried: this.carried,
      removed: Object.fromEntries(this.removed),
      thinnedOn: this.thinnedOn,
      lastError: this.lastError,
    };
  }
}
