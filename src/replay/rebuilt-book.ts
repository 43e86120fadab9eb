import type { BookChange, TextLevel } from './book-change.js';

type PlainLevel = readonly [price: string, size: string];

/**
 * The book that a recording implies after its frames so far, in the exchange's own text, so that a snapshot made from it is exact.
 * It belongs to the server side of a replay: it answers clients that ask again, and knows nothing of trust.
 */
export class RebuiltBook {
  readonly key: string;
  readonly symbol: string;
  readonly channel: string;
  private readonly bids = new Map<string, string>();
  private readonly asks = new Map<string, string>();
  sequence: number | null = null;
  crossSequence: number | null = null;
  timeMs: number | null = null;
  /** True from a snapshot until a gap in the recording: only then it is the whole book. */
  complete = false;

  constructor(key: string, symbol: string, channel: string) {
    this.key = key;
    this.symbol = symbol;
    this.channel = channel;
  }

  apply(change: BookChange): void {
    const missing = change.follows !== null && this.sequence !== null && change.follows > this.sequence;
    if (missing && !change.snapshot) this.complete = false;
    if (change.snapshot) {
      this.bids.clear();
      this.asks.clear();
      this.complete = true;
    }
    // A change that straddles a snapshot repeats what is in it.
    const since = change.snapshot ? -1 : (this.sequence ?? -1);
    applySide(this.bids, change.bids, since);
    applySide(this.asks, change.asks, since);
    this.sequence = change.sequence ?? this.sequence;
    this.crossSequence = change.crossSequence ?? this.crossSequence;
    this.timeMs = change.timeMs ?? this.timeMs;
  }

  /** Best first, at most `limit` levels. */
  topBids(limit = Number.POSITIVE_INFINITY): PlainLevel[] {
    return sorted(this.bids, -1).slice(0, limit);
  }

  topAsks(limit = Number.POSITIVE_INFINITY): PlainLevel[] {
    return sorted(this.asks, 1).slice(0, limit);
  }
}

function applySide(side: Map<string, string>, levels: readonly TextLevel[], since: number): void {
  for (const [price, size, sequence] of levels) {
    if (sequence !== undefined && sequence <= since) continue;
    if (Number(size) === 0) side.delete(price);
    else side.set(price, size);
  }
}

const sorted = (side: Map<string, string>, direction: 1 | -1): PlainLevel[] =>
  [...side].sort((a, b) => direction * (Number(a[0]) - Number(b[0])));
