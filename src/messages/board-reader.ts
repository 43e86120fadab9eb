import { asciiOf } from './binary-envelope.js';
import {
  AGE_UNKNOWN,
  BATCH_HEADER_BYTES,
  MOST_BOOKS,
  MOST_LEVELS,
  padded,
  RECORD_BYTES,
  TRUSTED,
  WITHDRAWN,
} from './board-layout.js';
import { instrumentId } from './primitives.js';

const NOTHING = new Uint8Array(BATCH_HEADER_BYTES);

/**
 * Reads batches without an object per book: one reader, opened on one batch after the other, whose fields show the record it
 * stands on. `open` checks that everything lies inside the bytes, so that nothing after it can read beyond them; `problem` says
 * what is wrong with the record's values. Nothing here throws, whatever the bytes are.
 */
export class BoardBatchReader {
  boot = 0;
  number = 0;
  sentMonotonicMs = 0;
  records = 0;
  aliveAges = 0;
  /** Books that the publisher has named so far. */
  books = 0;
  isWithdrawn = false;

  index = 0;
  isTrusted = false;
  bids = 0;
  asks = 0;
  nameLength = 0;
  version = 0;
  epoch = 0;
  sequence = 0;
  exchangeTimeMs = 0;
  frameAgeMs = 0;
  aliveAgeMs = 0;
  /** Everything as f64; levels begin at `levelsAt`: bid prices, bid sizes, ask prices, ask sizes. */
  numbers: Float64Array = new Float64Array(NOTHING.buffer);
  levelsAt = 0;

  private bytes: Uint8Array = NOTHING;
  private shorts: Uint16Array = new Uint16Array(NOTHING.buffer);
  private recordAt = 0;
  private nextAt = 0;
  private agesAt = 0;
  private left = 0;

  /** Null = the batch is whole, else what is wrong with it. `bytes` must begin its own buffer, which the codec sees to. */
  open(bytes: Uint8Array): string | null {
    this.left = 0;
    if (bytes.length < BATCH_HEADER_BYTES || bytes.length % 8 !== 0 || bytes.byteOffset % 8 !== 0)
      return `length: ${bytes.length} bytes are no batch`;
    this.bytes = bytes;
    this.numbers = new Float64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8);
    this.shorts = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
    return this.readHeader() ?? this.measure();
  }

  /** Moves to the next record; false after the last. */
  next(): boolean {
    if (this.left === 0) return false;
    this.left--;
    this.recordAt = this.nextAt;
    this.nextAt += this.sizeAt(this.recordAt);
    const { bytes, numbers, recordAt } = this;
    const at = recordAt / 8;
    this.index = this.shorts[recordAt / 2]!;
    this.isTrusted = (bytes[recordAt + 2]! & TRUSTED) !== 0;
    this.bids = bytes[recordAt + 3]!;
    this.asks = bytes[recordAt + 4]!;
    this.nameLength = bytes[recordAt + 5]!;
    this.version = numbers[at + 1]!;
    this.epoch = numbers[at + 2]!;
    this.sequence = numbers[at + 3]!;
    this.exchangeTimeMs = numbers[at + 4]!;
    this.frameAgeMs = numbers[at + 5]!;
    this.aliveAgeMs = numbers[at + 6]!;
    this.levelsAt = at + RECORD_BYTES / 8;
    return true;
  }

  /** The record's name, null when it is no instrument. Only where `nameLength` is above 0. */
  name(): string | null {
    const from = (this.levelsAt + 2 * (this.bids + this.asks)) * 8;
    const text = asciiOf(this.bytes, from, from + this.nameLength);
    return instrumentId.safeParse(text).success ? text : null;
  }

  /** Ms since the connection of this book proved alive, rounded up; null when it is not told. */
  aliveAgeOf(index: number): number | null {
    const age = this.shorts[this.agesAt / 2 + index]!;
    return age === AGE_UNKNOWN ? null : age;
  }

  /** The field of the record that no book can have, or null. */
  problem(): string | null {
    if (this.index >= this.books) return 'index';
    if ((this.bytes[this.recordAt + 2]! & ~TRUSTED) !== 0 || this.shorts[this.recordAt / 2 + 3] !== 0)
      return 'flags';
    if (!isCount(this.version)) return 'version';
    if (!isCount(this.epoch)) return 'epoch';
    if (!Number.isFinite(this.sequence)) return 'sequence';
    if (!(this.exchangeTimeMs >= 0 && this.exchangeTimeMs <= 8.64e15)) return 'exchangeTimeMs';
    if (!(this.frameAgeMs >= 0 && this.frameAgeMs < Infinity)) return 'frameAgeMs';
    if (!(this.aliveAgeMs >= 0 && this.aliveAgeMs < Infinity)) return 'aliveAgeMs';
    return this.levelProblem();
  }

  private levelProblem(): string | null {
    const { numbers, levelsAt, bids, asks } = this;
    const asksAt = levelsAt + 2 * bids;
    if (!isSide(numbers, levelsAt, bids, -1)) return 'bids';
    if (!isSide(numbers, asksAt, asks, 1)) return 'asks';
    const isCrossed = bids > 0 && asks > 0 && numbers[levelsAt]! >= numbers[asksAt]!;
    return this.isTrusted && isCrossed ? 'trusted' : null;
  }

  private readHeader(): string | null {
    const { numbers, shorts } = this;
    this.boot = numbers[0]!;
    this.number = numbers[1]!;
    this.sentMonotonicMs = numbers[2]!;
    this.records = shorts[12]!;
    this.aliveAges = shorts[13]!;
    this.books = shorts[14]!;
    this.isWithdrawn = shorts[15] === WITHDRAWN;
    if (!(this.boot > 0 && this.boot <= 8.64e15)) return 'boot: not a time';
    if (!(Number.isSafeInteger(this.number) && this.number > 0)) return 'number: not a count from 1';
    if (!Number.isFinite(this.sentMonotonicMs)) return 'sentMonotonicMs: not a time';
    if (shorts[15]! > WITHDRAWN) return 'flags: unknown bits are set';
    if (this.books > MOST_BOOKS) return `books: ${this.books}, at most ${MOST_BOOKS}`;
    return this.aliveAges > this.books ? `alive ages: ${this.aliveAges} of ${this.books} books` : null;
  }

  /** Walks over all records once, so that each is known to lie inside the bytes before any is used. */
  private measure(): string | null {
    let at = BATCH_HEADER_BYTES;
    for (let record = 0; record < this.records; record++) {
      if (at + RECORD_BYTES > this.bytes.length) return `records[${record}]: cut off`;
      if (this.bytes[at + 3]! > MOST_LEVELS) return `records[${record}].bids: more than ${MOST_LEVELS}`;
      if (this.bytes[at + 4]! > MOST_LEVELS) return `records[${record}].asks: more than ${MOST_LEVELS}`;
      at += this.sizeAt(at);
    }
    if (at + padded(2 * this.aliveAges) !== this.bytes.length)
      return `length: ${this.bytes.length} bytes where ${at + padded(2 * this.aliveAges)} are announced`;
    this.nextAt = BATCH_HEADER_BYTES;
    this.agesAt = at;
    this.left = this.records;
    return null;
  }

  private sizeAt(at: number): number {
    const levels = this.bytes[at + 3]! + this.bytes[at + 4]!;
    return RECORD_BYTES + levels * 16 + padded(this.bytes[at + 5]!);
  }
}

/** Prices then sizes, positive and finite, prices strictly worse from level to level. */
function isSide(numbers: Float64Array, at: number, levels: number, direction: 1 | -1): boolean {
  let before = 0;
  for (let i = 0; i < levels; i++) {
    const price = numbers[at + i]!;
    const size = numbers[at + levels + i]!;
    if (!(price > 0 && price < Infinity && size > 0 && size < Infinity)) return false;
    if (i > 0 && !((price - before) * direction > 0)) return false;
    before = price;
  }
  return true;
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
