import type { NatsConnection } from 'nats';
import { ArbotError, errorText, invariant } from '../messages/errors.js';
import type { Logger } from '../ports/log.js';
import { BoundedQueue } from './bounded-queue.js';

/**
 * The way out to a NATS server. The client's own buffer has no bound and is emptied without a word when the connection
 * breaks, so bytes are counted until the server has confirmed them by a ping, and what may not be lost waits here while there
 * is no connection. Bytes written but unconfirmed when a connection breaks may be lost: NATS core is at most once.
 */

export interface OutboundLimits {
  /** Bytes written and not yet confirmed by the server. */
  readonly maxUnconfirmedBytes: number;
  /** Messages that wait for a connection. */
  readonly maxHeld: number;
}

export interface OutboundMessage {
  readonly subject: string;
  readonly bytes: Uint8Array;
  readonly reply?: string;
}

export class NatsOutbound {
  private readonly connection: NatsConnection;
  private readonly limits: OutboundLimits;
  private readonly log: Logger;
  private readonly held: BoundedQueue<OutboundMessage>;
  private unconfirmedBytes = 0;
  private confirming = false;
  private connected = true;

  constructor(connection: NatsConnection, limits: OutboundLimits, log: Logger) {
    this.connection = connection;
    this.limits = limits;
    this.log = log;
    this.held = new BoundedQueue(limits.maxHeld);
  }

  /** For messages that go stale: false when there is no connection or no room; the message is dropped. */
  offer(message: OutboundMessage): boolean {
    if (!this.connected || !this.hasRoom(message)) return false;
    this.write(message);
    return true;
  }

  /** For messages that must not be dropped: they wait for a connection. Throws ARB_MAILBOX_FULL when there is no room. */
  put(message: OutboundMessage): void {
    if (this.connected && this.held.length === 0 && this.hasRoom(message)) {
      this.write(message);
      return;
    }
    if (this.held.push(message)) return;
    const text = `${message.subject}: ${this.held.length} messages wait for the NATS connection`;
    throw new ArbotError('ARB_MAILBOX_FULL', text, { retryable: true });
  }

  get isConnected(): boolean {
    return this.connected;
  }

  /** Messages that wait for a connection or for room. */
  get heldCount(): number {
    return this.held.length;
  }

  disconnected(): void {
    this.connected = false;
    if (this.unconfirmedBytes > 0) {
      this.log.warn({ bytes: this.unconfirmedBytes }, 'NATS connection lost with unconfirmed messages');
    }
  }

  reconnected(): void {
    this.connected = true;
    this.unconfirmedBytes = 0;
    this.writeHeld();
  }

  /** Forgets what waits; returns how many messages that were. */
  abandon(): number {
    const abandoned = this.held.length;
    this.held.clear();
    return abandoned;
  }

  private hasRoom(message: OutboundMessage): boolean {
    return this.unconfirmedBytes + message.bytes.length <= this.limits.maxUnconfirmedBytes;
  }

  private write({ subject, bytes, reply }: OutboundMessage): void {
    const limit = this.connection.info?.max_payload ?? bytes.length;
    if (bytes.length > limit) {
      throw new ArbotError(
        'ARB_MESSAGE_TOO_LARGE',
        `${subject}: ${bytes.length} bytes, the server takes ${limit}`,
      );
    }
    this.connection.publish(subject, bytes, reply === undefined ? {} : { reply });
    this.unconfirmedBytes += bytes.length;
    if (this.confirming) return;
    this.confirming = true;
    // After the caller's burst, so that one ping confirms all of it and the first message is not written alone.
    // eslint-disable-next-line no-restricted-globals -- dst-ok: a NATS driver, which no simulated world runs
    queueMicrotask(() => void this.confirm());
  }

  private async confirm(): Promise<void> {
    const written = this.unconfirmedBytes;
    try {
      await this.connection.flush();
      this.unconfirmedBytes = Math.max(0, this.unconfirmedBytes - written);
    } catch (error) {
      // The connection broke; `disconnected` and `reconnected` settle the count.
      this.log.debug({ error: errorText(error) }, 'NATS did not confirm');
      this.confirming = false;
      return;
    }
    this.confirming = false;
    this.writeHeld();
    if (this.unconfirmedBytes > 0 && !this.confirming) {
      this.confirming = true;
      void this.confirm();
    }
  }

  private writeHeld(): void {
    let budget = this.limits.maxUnconfirmedBytes - this.unconfirmedBytes;
    while (this.connected && this.held.length > 0 && budget > 0) {
      const message = this.held.shift();
      invariant(message !== undefined, 'a queue with a length has a first message');
      budget -= message.bytes.length;
      this.write(message);
    }
  }
}
