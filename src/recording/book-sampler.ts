import { BOARD_DEPTH, TRUST_OK, type QuoteBoard } from '../market/quote-board.js';
import type { ExchangeId } from '../messages/primitives.js';
import type { BookSnapshotRow } from '../ports/tick-store.js';
import { chooses, type RecordingLimits } from './limits.js';

/**
 * Makes rows of books that changed: at most one per instrument and interval. A change only marks its slot; nothing is made
 * before a row is due. Times are monotonic ms of the caller.
 */
export class BookSampler {
  private readonly board: QuoteBoard;
  private readonly limits: RecordingLimits['books'];
  private readonly isMarked: Uint8Array;
  /** The first `marked` are the slots that changed since their last row. */
  private readonly slots: Int32Array;
  private marked = 0;
  private readonly nextMs: Float64Array;
  /** When the book of the last row had changed: a slot may be marked without a new book. */
  private readonly changedMs: Float64Array;
  /** By slot; null = not wanted. */
  private readonly exchanges: (ExchangeId | null)[] = [];

  constructor(board: QuoteBoard, limits: RecordingLimits['books']) {
    this.board = board;
    this.limits = limits;
    this.isMarked = new Uint8Array(board.capacity);
    this.slots = new Int32Array(board.capacity);
    this.nextMs = new Float64Array(board.capacity).fill(-Infinity);
    this.changedMs = new Float64Array(board.capacity).fill(NaN);
  }

  /** Called while a feed publishes: it only notes the slot. */
  mark(slot: number): void {
    if (this.isMarked[slot] === 1) return;
    this.isMarked[slot] = 1;
    this.slots[this.marked++] = slot;
  }

  /** Hands over a row of each marked book that is due and trusted. */
  look(nowMs: number, keep: (row: BookSnapshotRow) => void): void {
    let waiting = 0;
    for (let i = 0; i < this.marked; i++) {
      const slot = this.slots[i]!;
      if (nowMs < this.nextMs[slot]!) {
        this.slots[waiting++] = slot;
        continue;
      }
      this.isMarked[slot] = 0;
      // A book that is published again after it was distrusted is marked again.
      if (this.board.trust[slot] !== TRUST_OK) continue;
      if (this.board.changedMonotonicMs[slot] === this.changedMs[slot]) continue;
      const exchange = this.exchangeOf(slot);
      if (exchange === null) continue;
      this.nextMs[slot] = nowMs + this.limits.intervalMs;
      this.changedMs[slot] = this.board.changedMonotonicMs[slot]!;
      keep(this.rowOf(slot, exchange));
    }
    this.marked = waiting;
  }

  private exchangeOf(slot: number): ExchangeId | null {
    const known = this.exchanges[slot];
    if (known !== undefined) return known;
    const [exchange, pair] = this.board.nameOf(slot).split(':') as [ExchangeId, string];
    const wanted = chooses(this.limits.pairs, { pair }) ? exchange : null;
    this.exchanges[slot] = wanted;
    return wanted;
  }

  private rowOf(slot: number, exchange: ExchangeId): BookSnapshotRow {
    const { board } = this;
    const from = slot * BOARD_DEPTH;
    const bids = from + Math.min(board.bidLevels[slot]!, this.limits.depth);
    const asks = from + Math.min(board.askLevels[slot]!, this.limits.depth);
    return {
      exchange,
      instrument: board.nameOf(slot),
      exchangeTimeMs: board.exchangeTimeMs[slot]!,
      receiveTimeMs: board.receiveTimeMs[slot]!,
      epoch: board.epoch[slot]!,
      sequence: countable(board.sequence[slot]!),
      bidPrices: copied(board.bidPrices, from, bids),
      bidSizes: copied(board.bidSizes, from, bids),
      askPrices: copied(board.askPrices, from, asks),
      askSizes: copied(board.askSizes, from, asks),
    };
  }
}

/** Some exchanges count nothing, or beyond what a number holds. */
const countable = (sequence: number): number =>
  Number.isSafeInteger(sequence) && sequence > 0 ? sequence : 0;

function copied(values: Float64Array, from: number, to: number): number[] {
  const copy: number[] = [];
  for (let i = from; i < to; i++) copy.push(values[i]!);
  return copy;
}
