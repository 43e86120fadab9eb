import { MESSAGES, type MessageKind, type MessageOf } from '../../messages/catalogue.js';
import { encodeMessage } from '../../messages/codec.js';
import { ArbotError } from '../../messages/errors.js';
import type { PublishOptions } from '../../ports/bus.js';
import { InProcessBus, type InProcessBusOptions } from '../in-process-bus.js';

/** The way to the process at the other end. */
export interface Channel {
  /** Messages handed over that the system has not taken yet. */
  readonly waiting: number;
  send(subject: string, bytes: Uint8Array): void;
  /** Resolves when the system has taken everything. */
  flush(): Promise<void>;
}

/** Messages that may wait to leave: beyond it what goes stale is dropped, and what must arrive is refused. */
const MOST_WAITING = 1_024;

/**
 * A bus between two processes of one node: what is published here is heard there. What came from there is handed in by
 * `relay`. Flushing waits for the system, so that a reader who stands still slows the publisher of books down to one batch.
 */
export class ChannelBus extends InProcessBus {
  private readonly channel: Channel;
  private readonly own: InProcessBusOptions;
  private sent = 0;
  private dropped = 0;

  constructor(options: InProcessBusOptions, channel: Channel) {
    super(options);
    this.own = options;
    this.channel = channel;
  }

  override publish<K extends MessageKind>(
    subject: string,
    kind: K,
    body: MessageOf<K>,
    { traceId }: PublishOptions,
  ): void {
    const { sender, clock } = this.own;
    const bytes = encodeMessage(kind, body, { traceId, sender, sentAtMs: clock.nowMs() });
    if (this.channel.waiting >= MOST_WAITING) return this.full(subject, kind);
    this.sent++;
    this.channel.send(subject, bytes);
  }

  override flush(): Promise<void> {
    return this.channel.flush();
  }

  override statistics() {
    const local = super.statistics();
    return { ...local, published: this.sent, droppedFull: local.droppedFull + this.dropped };
  }

  private full(subject: string, kind: MessageKind): void {
    this.dropped++;
    if (MESSAGES[kind].maxAgeMs !== null) return;
    throw new ArbotError(
      'ARB_MAILBOX_FULL',
      `${subject}: ${MOST_WAITING} messages wait for the other process`,
      {
        retryable: true,
      },
    );
  }
}
