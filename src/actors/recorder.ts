import { errorText } from '../messages/errors.js';
import type { Verdict } from '../messages/risk.js';
import type { OpportunityEvent, Signal } from '../messages/signal.js';
import type { Bus } from '../ports/bus.js';
import type { SignalStore } from '../ports/stores.js';
import type { ActorBehaviour, ActorContext, ActorDefinition } from '../runtime/actor.js';
import { backoffMs, type RetryBackoff } from './backoff.js';

/**
 * Stores what explains the trades: signals with their verdicts, and the lives of opportunities. All of it is telemetry:
 * bounded, and when the store is slow the oldest is dropped and counted, events before approvals. Nothing about money
 * waits here.
 */
export interface RecorderActorOptions {
  readonly bus: Bus;
  readonly store: SignalStore;
  readonly retry: RetryBackoff;
  readonly capacity?: number;
}

export type RecorderMessage =
  | { readonly kind: 'signal'; readonly signal: Signal }
  | { readonly kind: 'verdict'; readonly verdict: Verdict }
  | { readonly kind: 'opportunity'; readonly event: OpportunityEvent }
  | { readonly kind: 'work' }
  | { readonly kind: 'saved' }
  | { readonly kind: 'notSaved'; readonly error: string };

type Job =
  | { readonly kind: 'decision'; readonly signal: Signal; readonly verdict: Verdict }
  | { readonly kind: 'opportunity'; readonly event: OpportunityEvent };

const MAILBOX = 8_192;
const DEFAULT_CAPACITY = 4_096;
const MAX_SIGNALS = 2_048;
/** A row that fails so often is dropped: one bad row must not stop the rest. */
const MAX_TRIES = 8;
const HANDLER_TIMEOUT_MS = 5_000;

export function recorderActor(options: RecorderActorOptions): ActorDefinition<RecorderMessage> {
  return {
    kind: 'recorder',
    mailbox: { capacity: MAILBOX, policyOf: () => ({ kind: 'dropOldest' }) },
    handlerTimeoutMs: HANDLER_TIMEOUT_MS,
    create: (context) => {
      const recorder = new Recorder(options, context);
      recorder.subscribe();
      return recorder;
    },
  };
}

class Recorder implements ActorBehaviour<RecorderMessage> {
  private readonly options: RecorderActorOptions;
  private readonly context: ActorContext<RecorderMessage>;
  private readonly capacity: number;
  /** Signals whose verdict has not come yet. */
  private readonly signals = new Map<string, Signal>();
  private readonly decisions: Job[] = [];
  private readonly opportunities: Job[] = [];
  private inHand: Job | null = null;
  private tries = 0;
  private readonly counts = { saved: 0, dropped: 0, unmatched: 0, failed: 0 };
  private lastError: string | null = null;

  constructor(options: RecorderActorOptions, context: ActorContext<RecorderMessage>) {
    this.options = options;
    this.context = context;
    this.capacity = options.capacity ?? DEFAULT_CAPACITY;
  }

  subscribe(): void {
    const { bus } = this.options;
    const { self } = this.context;
    const subscriptions = [
      bus.subscribe('signal.*', 'signal', (d) => void self.tell({ kind: 'signal', signal: d.message })),
      bus.subscribe(
        'risk.verdict.*',
        'verdict',
        (d) => void self.tell({ kind: 'verdict', verdict: d.message }),
      ),
      bus.subscribe(
        'opportunity.*',
        'opportunityEvent',
        (d) => void self.tell({ kind: 'opportunity', event: d.message }),
      ),
    ];
    this.context.onEnd(() => subscriptions.forEach((subscription) => subscription.unsubscribe()));
  }

  handle(message: RecorderMessage): void {
    switch (message.kind) {
      case 'signal':
        return this.remember(message.signal);
      case 'verdict':
        return this.decided(message.verdict);
      case 'opportunity':
        this.push(this.opportunities, { kind: 'opportunity', event: message.event });
        return this.work();
      case 'work':
        return this.save();
      case 'saved':
        this.counts.saved++;
        return this.done();
      case 'notSaved':
        return this.failed(message.error);
    }
  }

  private remember(signal: Signal): void {
    this.signals.set(signal.signalId, signal);
    const oldest = this.signals.keys().next();
    if (this.signals.size <= MAX_SIGNALS || oldest.done === true) return;
    this.signals.delete(oldest.value);
    this.counts.unmatched++;
  }

  private decided(verdict: Verdict): void {
    const signal =
      this.signals.get(verdict.signalId) ?? (verdict.decision === 'approved' ? verdict.signal : null);
    this.signals.delete(verdict.signalId);
    if (signal === null) {
      this.counts.unmatched++;
      return;
    }
    this.push(this.decisions, { kind: 'decision', signal, verdict });
    this.work();
  }

  private push(queue: Job[], job: Job): void {
    queue.push(job);
    if (this.decisions.length + this.opportunities.length <= this.capacity) return;
    // Events go first: they are many, and decisions are what explains the money.
    if (this.opportunities.shift() === undefined) this.decisions.shift();
    this.counts.dropped++;
  }

  private work(): void {
    if (this.inHand !== null) return;
    this.inHand = this.decisions.shift() ?? this.opportunities.shift() ?? null;
    this.tries = 0;
    if (this.inHand !== null) this.save();
  }

  private save(): void {
    const job = this.inHand;
    if (job === null) return;
    const { store } = this.options;
    const saving =
      job.kind === 'decision' ? store.saveSignal(job.signal, job.verdict) : store.saveOpportunity(job.event);
    this.context.pipe<unknown>(
      saving,
      () => ({ kind: 'saved' }),
      (error) => ({ kind: 'notSaved', error: errorText(error) }),
    );
  }

  private done(): void {
    this.inHand = null;
    this.work();
  }

  private failed(error: string): void {
    this.lastError = error;
    if (++this.tries >= MAX_TRIES) {
      this.counts.failed++;
      this.context.log.warn({ error }, 'a row of telemetry was given up');
      return this.done();
    }
    this.context.timer('work', backoffMs(this.options.retry, this.tries), { kind: 'work' });
  }

  summary() {
    return {
      waiting: this.decisions.length + this.opportunities.length,
      ...this.counts,
      lastError: this.lastError,
    };
  }
}
