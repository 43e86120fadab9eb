import { MOST_BOOKS } from '../../messages/board-layout.js';
import type { ExchangeId } from '../../messages/primitives.js';

const GROWTH = 64;
const CHANGED = 1;
const WITH_NAME = 2;

/** The books of one exchange that a node publishes: their indexes, and which of them are to be sent. Nothing is allocated per change. */
export class Publication {
  readonly exchange: ExchangeId;
  /** When it began, Unix ms: tells it from earlier ones of the same node. */
  readonly boot: number;
  /** Batches sent. */
  batches = 0;
  /** Books that found no index. */
  refused = 0;
  /** A follower asked for everything. */
  isWanted = false;
  /** The ages of all books are to be sent. */
  isBeatDue = true;
  lastWholeMs = -Infinity;
  /** Board slot of each index. */
  private slots = new Int32Array(GROWTH);
  private versions = new Float64Array(GROWTH);
  private due = new Uint8Array(GROWTH);
  /** Indexes that are to be sent, each once, in the order of their first change. */
  private queue = new Int32Array(GROWTH);
  private queued = 0;
  private count = 0;

  constructor(exchange: ExchangeId, boot: number) {
    this.exchange = exchange;
    this.boot = boot;
  }

  /** Books with an index. */
  get books(): number {
    return this.count;
  }

  get hasDue(): boolean {
    return this.queued > 0 || this.isBeatDue;
  }

  /** A book that was never sent gets its index; -1 = there are too many. */
  add(slot: number): number {
    if (this.count >= MOST_BOOKS) {
      this.refused++;
      return -1;
    }
    if (this.count === this.slots.length) this.grow();
    const index = this.count++;
    this.slots[index] = slot;
    this.mark(index, WITH_NAME);
    return index;
  }

  /** The book has changed. However often that happens before it is sent, it is sent once, as it is then. */
  note(index: number): void {
    this.versions[index]!++;
    this.mark(index, CHANGED);
  }

  /** Everything is to be sent, with names. */
  markAll(): void {
    for (let index = 0; index < this.count; index++) this.mark(index, WITH_NAME);
  }

  /** Hands over each index that is to be sent, and whether its name goes with it. */
  drain(send: (index: number, named: boolean) => void): void {
    const { queue, due, queued } = this;
    this.queued = 0;
    for (let i = 0; i < queued; i++) {
      const index = queue[i]!;
      const named = due[index] === WITH_NAME;
      due[index] = 0;
      send(index, named);
    }
  }

  slotOf(index: number): number {
    return this.slots[index]!;
  }

  versionOf(index: number): number {
    return this.versions[index]!;
  }

  private mark(index: number, as: number): void {
    if (this.due[index] === 0) this.queue[this.queued++] = index;
    if (this.due[index]! < as) this.due[index] = as;
  }

  private grow(): void {
    const length = Math.min(MOST_BOOKS, this.count * 2);
    this.slots = copied(this.slots, new Int32Array(length));
    this.versions = copied(this.versions, new Float64Array(length));
    this.due = copied(this.due, new Uint8Array(length));
    this.queue = copied(this.queue, new Int32Array(length));
  }
}

function copied<A extends Int32Array | Float64Array | Uint8Array>(from: A, to: A): A {
  to.set(from);
  return to;
}
