import { invariant } from '../messages/errors.js';
import type { DeliveryPolicy, MailboxSpec } from './actor.js';
import { MessageRing, type Queued } from './message-ring.js';

export type OfferResult = 'queued' | 'conflated' | 'full';

/** What left the mailbox without being handled. */
export type DropReason = 'dropped_oldest' | 'expired';

export interface MailboxCounts {
  /** Removed to make room for another, or older than their kind's maximum age. */
  dropped: number;
  /** Replaced by a later message of the same key while waiting. */
  conflated: number;
}

/**
 * A bounded mailbox in order of arrival. Two rings share one bound: messages that must not be lost (`reject`) and those that
 * may (`dropOldest`, `conflate`). When the bound is reached, the oldest of the latter makes room, for either kind; when there
 * is none, the newcomer is refused and its sender has to slow down. So market data never keeps a command out, and no
 * command is ever dropped.
 */
export class Mailbox<M> {
  readonly capacity: number;
  private readonly spec: MailboxSpec<M>;
  private readonly counts: MailboxCounts;
  private readonly onDrop: (message: M, reason: DropReason) => void;
  private readonly held = new MessageRing<M>();
  private readonly droppable = new MessageRing<M>();
  private readonly positionOfKey = new Map<string, number>();
  private sequence = 0;

  constructor(spec: MailboxSpec<M>, counts: MailboxCounts, onDrop: (message: M, reason: DropReason) => void) {
    invariant(Number.isSafeInteger(spec.capacity) && spec.capacity > 0, 'mailbox.capacity must be above 0');
    this.capacity = spec.capacity;
    this.spec = spec;
    this.counts = counts;
    this.onDrop = onDrop;
  }

  get depth(): number {
    return this.held.size + this.droppable.size;
  }

  /** Takes a message in at monotonic time `nowMs`. Throws what the specification's own functions throw. */
  offer(message: M, nowMs: number): OfferResult {
    const policy = this.spec.policyOf(message);
    const key = policy.kind === 'conflate' ? policy.key : null;
    const expiresAtMs = nowMs + (this.spec.maxAgeMsOf?.(message) ?? Number.POSITIVE_INFINITY);
    if (key !== null && this.replace(key, message, expiresAtMs)) return 'conflated';
    if (this.depth >= this.capacity && !this.makeRoom()) return 'full';
    this.append(policy, key, message, expiresAtMs);
    return 'queued';
  }

  /** The next message, or undefined. Messages older than their maximum age are dropped on the way. */
  take(nowMs: number): M | undefined {
    while (this.depth > 0) {
      const ring = this.older();
      const expired = nowMs > ring.headExpiresAtMs();
      const message = this.shift(ring);
      if (!expired) return message;
      this.drop(message, 'expired');
    }
    return undefined;
  }

  /** Removes everything, oldest first, for the dead letters. */
  drain(each: (message: M) => void): void {
    while (this.depth > 0) each(this.shift(this.older()));
  }

  /** True when the ages of messages matter, so that a sender has to read the clock. */
  get isAged(): boolean {
    return this.spec.maxAgeMsOf !== undefined;
  }

  private replace(key: string, message: M, expiresAtMs: number): boolean {
    const position = this.positionOfKey.get(key);
    if (position === undefined) return false;
    const waiting = this.droppable.at(position);
    waiting.message = message;
    waiting.expiresAtMs = expiresAtMs;
    this.counts.conflated += 1;
    return true;
  }

  private append(policy: DeliveryPolicy, key: string | null, message: M, expiresAtMs: number): void {
    this.sequence += 1;
    if (policy.kind === 'reject') {
      this.held.push(message, null, this.sequence, expiresAtMs);
      return;
    }
    const position = this.droppable.push(message, key, this.sequence, expiresAtMs);
    if (key !== null) this.positionOfKey.set(key, position);
  }

  private makeRoom(): boolean {
    if (this.droppable.size === 0) return false;
    this.drop(this.shift(this.droppable), 'dropped_oldest');
    return true;
  }

  private shift(ring: MessageRing<M>): M {
    const slot: Queued<M> = ring.shift();
    const message = slot.message;
    if (slot.key !== null) this.positionOfKey.delete(slot.key);
    ring.release(slot);
    return message;
  }

  private older(): MessageRing<M> {
    return this.held.headSequence() < this.droppable.headSequence() ? this.held : this.droppable;
  }

  private drop(message: M, reason: DropReason): void {
    this.counts.dropped += 1;
    this.onDrop(message, reason);
  }
}
