import { BookEvent } from './base.js';
import type { LevelRow } from './fields.js';
import type { LevelBuffer } from './level-buffer.js';

/** A frame kept for later: its levels are copied, since the decoder reuses its own. */
export interface StoredDelta {
  readonly first: number;
  readonly last: number;
  readonly previous: number;
  readonly order: number;
  readonly checksum: number;
  readonly exchangeTimeMs: number;
  readonly bidPrices: Float64Array;
  readonly bidSizes: Float64Array;
  readonly askPrices: Float64Array;
  readonly askSizes: Float64Array;
  /** Numbers of the single changes; null where the exchange sends none. */
  readonly bidSequences: Float64Array | null;
  readonly askSequences: Float64Array | null;
  readonly bidRows: readonly LevelRow[];
  readonly askRows: readonly LevelRow[];
  /** The owner's mark of the frame. */
  readonly tag: number;
}

/** Frames that wait for a snapshot or for a missing predecessor. Bounded in frames and in levels. */
export class DeltaBuffer {
  private readonly frames: StoredDelta[] = [];
  private readonly maxFrames: number;
  private readonly maxLevels: number;
  private levels = 0;

  constructor(maxFrames: number, maxLevels: number) {
    this.maxFrames = maxFrames;
    this.maxLevels = maxLevels;
  }

  get length(): number {
    return this.frames.length;
  }

  get oldest(): StoredDelta | undefined {
    return this.frames[0];
  }

  clear(): void {
    this.frames.length = 0;
    this.levels = 0;
  }

  /** Keeps a copy; the oldest frames make room, which a snapshot newer than them makes good. */
  push(event: BookEvent, tag: number): void {
    const levels = event.bids.count + event.asks.count;
    while (
      this.frames.length > 0 &&
      (this.frames.length >= this.maxFrames || this.levels + levels > this.maxLevels)
    ) {
      this.forget(this.frames.shift()!);
    }
    this.levels += levels;
    this.frames.push({
      first: event.first,
      last: event.last,
      previous: event.previous,
      order: event.order,
      checksum: event.checksum,
      exchangeTimeMs: event.exchangeTimeMs,
      bidPrices: event.bids.prices.slice(0, event.bids.count),
      bidSizes: event.bids.sizes.slice(0, event.bids.count),
      askPrices: event.asks.prices.slice(0, event.asks.count),
      askSizes: event.asks.sizes.slice(0, event.asks.count),
      bidSequences: sequencesOf(event.bids),
      askSequences: sequencesOf(event.asks),
      bidRows: event.bidRows,
      askRows: event.askRows,
      tag,
    });
  }

  /** Takes out the first frame that fits, in order of arrival; undefined when none does. */
  take(fits: (frame: StoredDelta) => boolean): StoredDelta | undefined {
    const at = this.frames.findIndex(fits);
    if (at < 0) return undefined;
    const [frame] = this.frames.splice(at, 1);
    this.forget(frame!);
    return frame;
  }

  private forget(frame: StoredDelta): void {
    this.levels -= frame.bidPrices.length + frame.askPrices.length;
  }
}

/** A kept frame in the form in which it came. */
export function restored(frame: StoredDelta): BookEvent {
  const event = new BookEvent();
  event.first = frame.first;
  event.last = frame.last;
  event.previous = frame.previous;
  event.order = frame.order;
  event.checksum = frame.checksum;
  event.exchangeTimeMs = frame.exchangeTimeMs;
  event.bids.prices = frame.bidPrices;
  event.bids.sizes = frame.bidSizes;
  event.bids.count = frame.bidPrices.length;
  number(event.bids, frame.bidSequences);
  event.asks.prices = frame.askPrices;
  event.asks.sizes = frame.askSizes;
  event.asks.count = frame.askPrices.length;
  number(event.asks, frame.askSequences);
  event.bidRows = frame.bidRows;
  event.askRows = frame.askRows;
  return event;
}

function sequencesOf(side: LevelBuffer): Float64Array | null {
  return side.numbered ? side.sequences.slice(0, side.count) : null;
}

function number(side: LevelBuffer, sequences: Float64Array | null): void {
  if (sequences === null) return;
  side.sequences = sequences;
  side.numbered = true;
}
