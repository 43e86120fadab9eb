import { BookEvent } from './base.js';
import type { LevelRow } from './fields.js';
import type { LevelBuffer } from './level-buffer.js';

interface SideShape {
  readonly count: number;
  readonly numbered: boolean;
}

/** A frame kept for later: its levels are copied, since the decoder reuses its own. */
export interface StoredDelta {
  readonly first: number;
  readonly last: number;
  readonly previous: number;
  readonly order: number;
  readonly checksum: number;
  readonly exchangeTimeMs: number;
  /** Both sides, one after the other: prices, sizes, and numbers where the exchange sends them. */
  readonly levels: Float64Array;
  readonly bids: SideShape;
  readonly asks: SideShape;
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
      levels: levelsOf(event),
      bids: { count: event.bids.count, numbered: event.bids.numbered },
      asks: { count: event.asks.count, numbered: event.asks.numbered },
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
    this.levels -= frame.bids.count + frame.asks.count;
  }
}

/** What `restored` answers: one frame is looked at after the other. */
const again = new BookEvent();

/** A kept frame in the form in which it came. The object is reused: it is valid until the next call. */
export function restored(frame: StoredDelta): BookEvent {
  again.first = frame.first;
  again.last = frame.last;
  again.previous = frame.previous;
  again.order = frame.order;
  again.checksum = frame.checksum;
  again.exchangeTimeMs = frame.exchangeTimeMs;
  const middle = again.bids.read(frame.levels, 0, frame.bids.count, frame.bids.numbered);
  again.asks.read(frame.levels, middle, frame.asks.count, frame.asks.numbered);
  again.bidRows = frame.bidRows;
  again.askRows = frame.askRows;
  return again;
}

/** One array for all: hundreds of frames wait while a connection synchronises. */
function levelsOf({ bids, asks }: BookEvent): Float64Array {
  const columns = (side: LevelBuffer) => (side.numbered ? 3 : 2);
  const levels = new Float64Array(bids.count * columns(bids) + asks.count * columns(asks));
  asks.write(levels, bids.write(levels, 0));
  return levels;
}
