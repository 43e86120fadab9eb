import type { InstrumentId } from '../messages/primitives.js';
import { invariant } from '../messages/errors.js';
import type { OrderBook } from './order-book.js';

/** Levels per side that the board keeps; detectors size within them. */
export const BOARD_DEPTH = 20;

export const TRUST_NONE = 0;
export const TRUST_OK = 1;

/** After this silence of the newest source of a slot, an older source is accepted again. */
const DEFAULT_MAX_SILENCE_MS = 5_000;

/** When and by whom a book is published. An object, since numbers of this kind that cross a call may cost an object each. */
export interface BookStamp {
  /** Of the source; null = it speaks for no slot. */
  readonly epoch: number | null;
  readonly exchangeTimeMs: number;
  readonly receiveTimeMs: number;
  /** Monotonic local time of the newest frame. */
  readonly lastFrameMs: number;
}

/**
 * The node's shared picture of all markets, in typed arrays: feeds write, detectors and the gate read. No message per tick.
 * A feed publishes a book once per batch of frames and the slot is marked dirty once, until a reader takes it.
 */
export class QuoteBoard {
  private readonly slots = new Map<InstrumentId, number>();
  private readonly names: InstrumentId[] = [];
  readonly capacity: number;
  readonly bidPrices: Float64Array;
  readonly bidSizes: Float64Array;
  readonly askPrices: Float64Array;
  readonly askSizes: Float64Array;
  readonly bidLevels: Uint8Array;
  readonly askLevels: Uint8Array;
  readonly trust: Uint8Array;
  /** Grows at each start of the feed that owns the slot. */
  readonly epoch: Float64Array;
  readonly sequence: Float64Array;
  /** Epoch under which another node's book was last written here: equal to `epoch` while the slot shows that one. */
  readonly remoteEpoch: Float64Array;
  /** Exchange's own time of the newest frame, Unix ms. */
  readonly exchangeTimeMs: Float64Array;
  /** Local wall time at which that frame arrived. */
  readonly receiveTimeMs: Float64Array;
  /** Monotonic local time at which the newest frame of this slot arrived. */
  readonly changedMonotonicMs: Float64Array;
  /** Monotonic local time at which the slot's connection last proved alive. */
  readonly aliveMonotonicMs: Float64Array;
  private readonly listeners: ((slot: number) => void)[] = [];
  private readonly maxSilenceMs: number;
  /** Writes refused because a newer source owns the slot; for metrics. */
  staleEpochWrites = 0;

  constructor(capacity = 4096, options: { readonly maxSilenceMs?: number } = {}) {
    invariant(Number.isInteger(capacity) && capacity > 0, 'a quote board has at least one slot');
    this.capacity = capacity;
    this.maxSilenceMs = options.maxSilenceMs ?? DEFAULT_MAX_SILENCE_MS;
    this.bidPrices = new Float64Array(capacity * BOARD_DEPTH);
    this.bidSizes = new Float64Array(capacity * BOARD_DEPTH);
    this.askPrices = new Float64Array(capacity * BOARD_DEPTH);
    this.askSizes = new Float64Array(capacity * BOARD_DEPTH);
    this.bidLevels = new Uint8Array(capacity);
    this.askLevels = new Uint8Array(capacity);
    this.trust = new Uint8Array(capacity);
    this.epoch = new Float64Array(capacity);
    this.remoteEpoch = new Float64Array(capacity).fill(-1);
    this.sequence = new Float64Array(capacity);
    this.exchangeTimeMs = new Float64Array(capacity);
    this.receiveTimeMs = new Float64Array(capacity);
    this.changedMonotonicMs = new Float64Array(capacity);
    this.aliveMonotonicMs = new Float64Array(capacity);
  }

  /** The slot of an instrument, assigned at first use. Throws ARB_INVARIANT when the board is full. */
  slotOf(instrument: InstrumentId): number {
    const known = this.slots.get(instrument);
    if (known !== undefined) return known;
    const slot = this.names.length;
    invariant(slot < this.capacity, `the quote board is full at ${this.capacity} instruments`);
    this.slots.set(instrument, slot);
    this.names.push(instrument);
    return slot;
  }

  nameOf(slot: number): InstrumentId {
    const name = this.names[slot];
    invariant(name !== undefined, `no instrument at slot ${slot}`);
    return name;
  }

  get size(): number {
    return this.names.length;
  }

  /**
   * Publishes the top of a trusted book. Two owners of a feed may overlap for a moment: a write with an older epoch than the
   * slot's is ignored (false) unless the newest source has been silent beyond the limit. A crossed book is stored for
   * people to see and never trusted.
   */
  publish(
    slot: number,
    book: OrderBook,
    epoch: number,
    exchangeTimeMs: number,
    receiveTimeMs: number,
    monotonicMs: number,
  ): boolean {
    const stamp = { epoch, exchangeTimeMs, receiveTimeMs, lastFrameMs: monotonicMs };
    return this.publishBook(slot, book, stamp);
  }

  /** False, and counted, while a newer source owns the slot and still proves alive: its books stay. */
  accepts(slot: number, stamp: BookStamp): boolean {
    if (!this.isSuperseded(slot, stamp)) return true;
    this.staleEpochWrites++;
    return false;
  }

  /** As `publish`. */
  publishBook(slot: number, book: OrderBook, stamp: BookStamp): boolean {
    if (!this.accepts(slot, stamp)) return false;
    const at = slot * BOARD_DEPTH;
    this.bidLevels[slot] = book.copyTop('bid', BOARD_DEPTH, this.bidPrices, this.bidSizes, at);
    this.askLevels[slot] = book.copyTop('ask', BOARD_DEPTH, this.askPrices, this.askSizes, at);
    this.sequence[slot] = book.sequence;
    this.trust[slot] = book.isCrossed ? TRUST_NONE : TRUST_OK;
    this.stamp(slot, stamp);
    return true;
  }

  /** True while the slot shows what this source published, and may be used. */
  shows(slot: number, epoch: number): boolean {
    return this.epoch[slot] === epoch && this.trust[slot] === TRUST_OK;
  }

  /** Notes a change of what the slot shows, which its source has written into the levels. Readers are told. */
  stamp(slot: number, { epoch, exchangeTimeMs, receiveTimeMs, lastFrameMs }: BookStamp): void {
    this.epoch[slot] = epoch!;
    this.exchangeTimeMs[slot] = exchangeTimeMs;
    this.receiveTimeMs[slot] = receiveTimeMs;
    this.changedMonotonicMs[slot] = lastFrameMs;
    this.aliveMonotonicMs[slot] = lastFrameMs;
    this.markDirty(slot);
  }

  /** True when a newer source owns the slot and still proves alive. */
  private isSuperseded(slot: number, { epoch, lastFrameMs }: BookStamp): boolean {
    return epoch! < this.epoch[slot]! && lastFrameMs - this.aliveMonotonicMs[slot]! <= this.maxSilenceMs;
  }

  /**
   * The book may not be used until it is published again. Readers are told, since an edge may have ended. A source that
   * names its `epoch` cannot distrust the book of a newer one.
   */
  distrust(slot: number, epoch = Infinity): void {
    if (this.trust[slot] === TRUST_NONE || epoch < this.epoch[slot]!) return;
    this.trust[slot] = TRUST_NONE;
    this.markDirty(slot);
  }

  /** The connection of this slot proved alive (any frame, pong) without a change of this book. */
  markAlive(slot: number, monotonicMs: number, epoch = Infinity): void {
    if (epoch < this.epoch[slot]!) return;
    this.aliveMonotonicMs[slot] = monotonicMs;
  }

  /** Calls `listener` when a slot becomes dirty; it must only note the slot. Returns the removal. */
  onDirty(listener: (slot: number) => void): () => void {
    if (!this.listeners.includes(listener)) this.listeners.push(listener);
    return () => {
      const at = this.listeners.indexOf(listener);
      if (at >= 0) this.listeners.splice(at, 1);
    };
  }

  private markDirty(slot: number): void {
    for (let i = 0; i < this.listeners.length; i++) this.listeners[i]!(slot);
  }
}
