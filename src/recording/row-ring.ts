import { invariant } from '../messages/errors.js';

/** Rows that wait to become a batch: first in, first out, and above its bound the oldest makes room, counted. */
export class RowRing<T> {
  readonly capacity: number;
  /** Rows that made room so far. */
  overwritten = 0;
  private slots: (T | undefined)[];
  private head = 0;
  private count = 0;

  constructor(capacity: number) {
    invariant(Number.isSafeInteger(capacity) && capacity > 0, 'a ring holds at least one row');
    this.capacity = capacity;
    this.slots = new Array<T | undefined>(Math.min(64, capacity));
  }

  get length(): number {
    return this.count;
  }

  push(row: T): void {
    if (this.count === this.slots.length && this.count < this.capacity) this.grow();
    const { slots } = this;
    let at = this.head + this.count;
    if (at >= slots.length) at -= slots.length;
    slots[at] = row;
    if (this.count < slots.length) {
      this.count++;
      return;
    }
    // Full: the newest took the place of the oldest.
    this.head = this.head + 1 === slots.length ? 0 : this.head + 1;
    this.overwritten++;
  }

  /** Takes out up to `most` rows, oldest first. */
  take(most: number): T[] {
    const taken: T[] = [];
    for (; taken.length < most && this.count > 0; this.count--) {
      taken.push(this.slots[this.head]!);
      this.slots[this.head] = undefined;
      this.head = this.head + 1 === this.slots.length ? 0 : this.head + 1;
    }
    return taken;
  }

  private grow(): void {
    const { slots } = this;
    const wider = new Array<T | undefined>(Math.min(this.capacity, slots.length * 2));
    for (let i = 0; i < this.count; i++) wider[i] = slots[(this.head + i) % slots.length];
    this.slots = wider;
    this.head = 0;
  }
}
