import { MOST_BOOKS } from '../../messages/board-layout.js';
import type { InstrumentId } from '../../messages/primitives.js';
import { TransitMeter } from './transit.js';

const UNNAMED = -1;
/** A book that this node does not follow: its exchange may list what ours did not load. */
export const NOT_OURS = -2;

/** One publication of an exchange's books as a follower knows it: which index is which book, and which books are current. */
export class Source {
  readonly node: string;
  readonly boot: number;
  readonly transit = new TransitMeter();
  /** Number of the newest batch. */
  number: number;
  heardMs: number;
  /** Nothing came for too long; it must send everything again. */
  isSilent = false;
  /** Books that the publisher has named. */
  books = 0;
  private readonly slots: Int32Array = new Int32Array(MOST_BOOKS).fill(UNNAMED);
  private readonly versions: Float64Array = new Float64Array(MOST_BOOKS);
  private readonly epochs: Float64Array = new Float64Array(MOST_BOOKS);
  /** 1 = came since the last gap. */
  private readonly fresh: Uint8Array = new Uint8Array(MOST_BOOKS);
  private freshCount = 0;
  private readonly strangers = new Map<number, InstrumentId>();

  constructor(
    node: string,
    first: { readonly boot: number; readonly number: number; readonly nowMs: number },
  ) {
    this.node = node;
    this.boot = first.boot;
    this.number = first.number;
    this.heardMs = first.nowMs;
  }

  /** Every book of the publisher came since the last gap. */
  get isWhole(): boolean {
    return this.freshCount === this.books;
  }

  get freshBooks(): number {
    return this.freshCount;
  }

  isNamed(index: number): boolean {
    return this.slots[index] !== UNNAMED;
  }

  /** The board's slot, or NOT_OURS. */
  slotOf(index: number): number {
    return this.slots[index]!;
  }

  /** False = the index has another name already. */
  name(index: number, slot: number): boolean {
    const known = this.slots[index]!;
    if (known >= 0 && known !== slot) return false;
    this.strangers.delete(index);
    this.slots[index] = slot;
    return true;
  }

  /** The name of a book that this node has not loaded. False = the index has another name already. */
  nameStranger(index: number, name: InstrumentId): boolean {
    const known = this.strangers.get(index);
    if (this.slots[index]! >= 0 || (known !== undefined && known !== name)) return false;
    this.strangers.set(index, name);
    this.slots[index] = NOT_OURS;
    return true;
  }

  /** Books that were loaded since their names came; they are to be sent again. True = there are such. */
  lostStrangers(isKnown: (name: InstrumentId) => boolean): boolean {
    let found = false;
    for (const [index, name] of this.strangers) {
      if (!isKnown(name)) continue;
      this.lost(index);
      found = true;
    }
    return found;
  }

  isFresh(index: number): boolean {
    return this.fresh[index] === 1;
  }

  epochOf(index: number): number {
    return this.epochs[index]!;
  }

  versionOf(index: number): number {
    return this.versions[index]!;
  }

  /** The book came. */
  took(index: number, version: number, epoch: number): void {
    if (this.fresh[index] === 0) this.freshCount++;
    this.fresh[index] = 1;
    this.versions[index] = version;
    this.epochs[index] = epoch;
  }

  /** The book's state is no longer known. */
  lost(index: number): void {
    if (this.fresh[index] === 1) this.freshCount--;
    this.fresh[index] = 0;
  }

  /** No book's state is known. */
  lostAll(): void {
    this.fresh.fill(0, 0, this.books);
    this.freshCount = 0;
  }
}
