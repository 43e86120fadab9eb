/** A message as it waits: `sequence` orders it among all messages of its mailbox, `expiresAtMs` is monotonic. */
export interface Queued<M> {
  message: M;
  key: string | null;
  sequence: number;
  expiresAtMs: number;
}

const SMALLEST = 16;

/**
 * A first-in-first-out ring that grows by doubling; its owner bounds it. Slots are reused, so that a steady flow of messages
 * allocates nothing here.
 */
export class MessageRing<M> {
  private slots: (Queued<M | undefined> | undefined)[] = new Array<undefined>(SMALLEST);
  private head = 0;
  private count = 0;
  /** Position of the head counted from the beginning of time: `position - taken` is an offset from the head. */
  private taken = 0;

  get size(): number {
    return this.count;
  }

  /** Sequence of the oldest message, infinity when empty. */
  headSequence(): number {
    return this.count === 0 ? Number.POSITIVE_INFINITY : this.slotAt(0).sequence;
  }

  /** Expiry of the oldest message; only when not empty. */
  headExpiresAtMs(): number {
    return this.slotAt(0).expiresAtMs;
  }

  /** Appends and returns the position by which `at` finds the message for as long as it waits. */
  push(message: M, key: string | null, sequence: number, expiresAtMs: number): number {
    if (this.count === this.slots.length) this.grow();
    const index = (this.head + this.count) & (this.slots.length - 1);
    const slot = this.slots[index];
    if (slot === undefined) this.slots[index] = { message, key, sequence, expiresAtMs };
    else {
      slot.message = message;
      slot.key = key;
      slot.sequence = sequence;
      slot.expiresAtMs = expiresAtMs;
    }
    this.count += 1;
    return this.taken + this.count - 1;
  }

  /** The waiting message at a position that `push` returned; it may be changed in place. */
  at(position: number): Queued<M> {
    return this.slotAt(position - this.taken);
  }

  /** The oldest message. It stays readable until the next `push`; call `release` when done with it. */
  shift(): Queued<M> {
    const slot = this.slotAt(0);
    this.head = (this.head + 1) & (this.slots.length - 1);
    this.count -= 1;
    this.taken += 1;
    return slot;
  }

  /** Lets go of a message taken with `shift`, so that the ring does not keep it alive. */
  release(slot: Queued<M>): void {
    (slot as Queued<M | undefined>).message = undefined;
    slot.key = null;
  }

  private slotAt(offset: number): Queued<M> {
    return this.slots[(this.head + offset) & (this.slots.length - 1)] as Queued<M>;
  }

  private grow(): void {
    const larger = new Array<Queued<M | undefined> | undefined>(this.slots.length * 2);
    for (let offset = 0; offset < this.count; offset++) larger[offset] = this.slotAt(offset);
    this.slots = larger;
    this.head = 0;
  }
}
