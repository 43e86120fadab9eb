import { sampleClock, type RestContext } from '../connectors/rest-client.js';
import { subjectOf } from '../messages/catalogue.js';
import { errorText } from '../messages/errors.js';
import type { ExchangeId } from '../messages/primitives.js';
import type { Bus } from '../ports/bus.js';
import type { ActorBehaviour, ActorContext, ActorDefinition } from '../runtime/actor.js';

/** The newest measured offsets, exchange clock − local clock. Written by one actor, read by the detector and the gate. */
export class ClockOffsets {
  private readonly known = new Map<
    ExchangeId,
    { readonly offsetMs: number; readonly uncertaintyMs: number }
  >();

  set(exchange: ExchangeId, offsetMs: number, uncertaintyMs: number): void {
    this.known.set(exchange, { offsetMs, uncertaintyMs });
  }

  /** 0 while it is not measured. */
  offsetMs(exchange: ExchangeId): number {
    return this.known.get(exchange)?.offsetMs ?? 0;
  }

  toJson(): Record<ExchangeId, { offsetMs: number; uncertaintyMs: number }> {
    return Object.fromEntries(this.known);
  }
}

export interface ClockSyncOptions {
  readonly offsets: ClockOffsets;
  readonly bus: Bus;
  readonly exchanges: () => readonly Omit<RestContext, 'signal'>[];
  /** A skew beyond this holds trading until it is measured to be smaller again (TRADING §2), ms. */
  readonly maxSkewMs: number;
  /** Which exchanges the skew binds: those whose requests carry an expiry. */
  readonly binding: ReadonlySet<ExchangeId>;
}

export type ClockSyncMessage =
  | { readonly kind: 'sample' }
  | {
      readonly kind: 'sampled';
      readonly exchange: ExchangeId;
      readonly offsetMs: number;
      readonly uncertaintyMs: number;
    }
  | { readonly kind: 'failed'; readonly exchange: ExchangeId; readonly reason: string };

/** At start and every five minutes (PROTOCOLS §2). */
const SAMPLE_MS = 300_000;
const RETRY_MS = 10_000;

/** Measures how far each exchange's clock is from ours. */
export function clockSyncActor(options: ClockSyncOptions): ActorDefinition<ClockSyncMessage> {
  return {
    kind: 'clock-sync',
    mailbox: {
      capacity: 256,
      policyOf: ({ kind }) => (kind === 'sample' ? { kind: 'conflate', key: kind } : { kind: 'reject' }),
    },
    handlerTimeoutMs: 5_000,
    create: (context) => {
      context.self.tell({ kind: 'sample' });
      return new ClockSync(options, context);
    },
  };
}

class ClockSync implements ActorBehaviour<ClockSyncMessage> {
  private readonly options: ClockSyncOptions;
  private readonly context: ActorContext<ClockSyncMessage>;
  private readonly failures: Record<ExchangeId, string> = {};
  private readonly held = new Set<ExchangeId>();
  private samples = 0;

  constructor(options: ClockSyncOptions, context: ActorContext<ClockSyncMessage>) {
    this.options = options;
    this.context = context;
  }

  handle(message: ClockSyncMessage): void {
    switch (message.kind) {
      case 'sample':
        return this.sampleAll();
      case 'sampled':
        return this.sampled(message.exchange, message.offsetMs, message.uncertaintyMs);
      case 'failed':
        this.failures[message.exchange] = message.reason;
        this.context.log.warn({ exchange: message.exchange, error: message.reason }, 'no server time');
        return this.context.timer('sample', RETRY_MS, { kind: 'sample' });
    }
  }

  private sampleAll(): void {
    this.context.timer('sample', SAMPLE_MS, { kind: 'sample' });
    for (const rest of this.options.exchanges()) {
      const { exchange } = rest.connector;
      this.context.pipe(
        sampleClock({ ...rest, signal: this.context.signal }),
        ({ offsetMs, uncertaintyMs }) => ({ kind: 'sampled', exchange, offsetMs, uncertaintyMs }),
        (error) => ({ kind: 'failed', exchange, reason: errorText(error) }),
      );
    }
  }

  private sampled(exchange: ExchangeId, offsetMs: number, uncertaintyMs: number): void {
    this.samples++;
    delete this.failures[exchange];
    this.options.offsets.set(exchange, offsetMs, uncertaintyMs);
    // Only what the measurement proves: half of its round trip may be an asymmetric path.
    const skewMs = Math.max(0, Math.abs(offsetMs) - uncertaintyMs);
    const tooLarge = skewMs > this.options.maxSkewMs && this.options.binding.has(exchange);
    if (tooLarge === this.held.has(exchange)) return;
    if (tooLarge) this.held.add(exchange);
    else this.held.delete(exchange);
    this.tellHold(exchange, tooLarge, skewMs);
  }

  private tellHold(exchange: ExchangeId, held: boolean, skewMs: number): void {
    const reason = held
      ? `the clock differs from ${exchange} by ${Math.round(skewMs)} ms, limit ${this.options.maxSkewMs} ms`
      : '';
    this.context.log.warn({ exchange, held, skewMs }, 'clock skew');
    this.options.bus.publish(
      subjectOf('riskHold'),
      'riskHold',
      { source: `clock:${exchange}`, held, reason, atMs: this.context.clock.nowMs() },
      { traceId: `clock-${exchange}` },
    );
  }

  summary() {
    return {
      samples: this.samples,
      offsets: this.options.offsets.toJson(),
      holding: [...this.held],
      failures: { ...this.failures },
    };
  }
}
