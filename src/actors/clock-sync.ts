import { sampleClock, type RestContext } from '../connectors/rest-client.js';
import { errorText } from '../messages/errors.js';
import type { ExchangeId } from '../messages/primitives.js';
import type { Clock } from '../ports/time.js';
import type { ActorBehaviour, ActorContext, ActorDefinition } from '../runtime/actor.js';

interface Measured {
  readonly offsetMs: number;
  readonly uncertaintyMs: number;
  readonly wallAheadMs: number;
}

/** The newest measured offsets, exchange clock − local clock. Written by one actor, read by the detector and the gate. */
export class ClockOffsets {
  private readonly known = new Map<ExchangeId, Measured>();
  private clock: Clock | null = null;

  /**
   * The clock that measurements were made with. When its wall time jumps against its monotonic time, every offset moves by as
   * much at once: until the next measurement a clock set back would make late frames look new.
   */
  measuredWith(clock: Clock): void {
    this.clock = clock;
  }

  set(exchange: ExchangeId, offsetMs: number, uncertaintyMs: number): void {
    this.known.set(exchange, { offsetMs, uncertaintyMs, wallAheadMs: this.wallAheadMs() });
  }

  /** 0 while it is not measured. */
  offsetMs(exchange: ExchangeId): number {
    const measured = this.known.get(exchange);
    return measured === undefined ? 0 : measured.offsetMs - (this.wallAheadMs() - measured.wallAheadMs);
  }

  /** What the measurement proves of the skew, ms: half of its round trip may be an asymmetric path. Null while it is not measured. */
  skewMs(exchange: ExchangeId): number | null {
    const measured = this.known.get(exchange);
    if (measured === undefined) return null;
    return Math.max(0, Math.abs(this.offsetMs(exchange)) - measured.uncertaintyMs);
  }

  /** Wall minus monotonic time: constant but for jumps and slewing of the wall clock. */
  private wallAheadMs(): number {
    return this.clock === null ? 0 : this.clock.nowMs() - this.clock.monotonicMs();
  }

  toJson(): Record<ExchangeId, { offsetMs: number; uncertaintyMs: number }> {
    return Object.fromEntries(
      [...this.known].map(([exchange, { uncertaintyMs }]) => [
        exchange,
        { offsetMs: this.offsetMs(exchange), uncertaintyMs },
      ]),
    );
  }
}

export interface ClockSyncOptions {
  readonly offsets: ClockOffsets;
  readonly exchanges: () => readonly Omit<RestContext, 'signal'>[];
  /** The gate refuses an exchange beyond this skew (TRADING §2), so such a clock is measured again soon, ms. */
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
  private readonly skewed = new Set<ExchangeId>();
  private samples = 0;

  constructor(options: ClockSyncOptions, context: ActorContext<ClockSyncMessage>) {
    this.options = options;
    this.context = context;
    options.offsets.measuredWith(context.clock);
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
    this.judge(exchange);
  }

  private judge(exchange: ExchangeId): void {
    const { offsets, binding, maxSkewMs } = this.options;
    const skewMs = offsets.skewMs(exchange);
    const isSkewed = binding.has(exchange) && skewMs !== null && skewMs > maxSkewMs;
    if (isSkewed !== this.skewed.has(exchange))
      this.context.log.warn({ exchange, skewMs, maxSkewMs, isSkewed }, 'clock skew');
    if (!isSkewed) return void this.skewed.delete(exchange);
    this.skewed.add(exchange);
    this.context.timer('sample', RETRY_MS, { kind: 'sample' });
  }

  summary() {
    return {
      samples: this.samples,
      offsets: this.options.offsets.toJson(),
      skewed: [...this.skewed],
      failures: { ...this.failures },
    };
  }
}
