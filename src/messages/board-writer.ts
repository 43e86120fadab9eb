import {
  AGE_UNKNOWN,
  BATCH_HEADER_BYTES,
  MOST_BOOKS,
  MOST_RECORD_BYTES,
  padded,
  RECORD_BYTES,
  TRUSTED,
  WITHDRAWN,
} from './board-layout.js';

/** The top of a book as it lies in a quote board's arrays. */
export interface BookArrays {
  readonly bidPrices: Float64Array;
  readonly bidSizes: Float64Array;
  readonly askPrices: Float64Array;
  readonly askSizes: Float64Array;
}

/** One record; an object that its writer fills again and again. */
export interface RecordFields {
  index: number;
  isTrusted: boolean;
  bids: number;
  asks: number;
  /** '' = named before. */
  name: string;
  version: number;
  epoch: number;
  sequence: number;
  exchangeTimeMs: number;
  frameAgeMs: number;
  aliveAgeMs: number;
}

export interface BatchHeader {
  readonly boot: number;
  readonly number: number;
  readonly sentMonotonicMs: number;
  readonly books: number;
  readonly isWithdrawn: boolean;
}

/** Writes batches one after the other into the same bytes; nothing is allocated per book. */
export class BoardBatchWriter {
  private readonly bytes: Uint8Array;
  private readonly numbers: Float64Array;
  private readonly shorts: Uint16Array;
  private readonly capacityBytes: number;
  private at = BATCH_HEADER_BYTES;
  private records = 0;

  /** `capacityBytes` bounds the records of a batch. */
  constructor(capacityBytes: number) {
    this.capacityBytes = capacityBytes;
    const buffer = new ArrayBuffer(padded(capacityBytes) + padded(2 * MOST_BOOKS));
    this.bytes = new Uint8Array(buffer);
    this.numbers = new Float64Array(buffer);
    this.shorts = new Uint16Array(buffer);
  }

  /** False = this batch may be unable to take another record. */
  get hasRoom(): boolean {
    return this.at + MOST_RECORD_BYTES <= this.capacityBytes && this.records < 65_535;
  }

  get isEmpty(): boolean {
    return this.records === 0;
  }

  /** Only while `hasRoom`. The levels lie in the board's arrays from `levelsAt`. */
  add(fields: RecordFields, board: BookArrays, levelsAt: number): void {
    const { bytes, numbers, at } = this;
    const { bids, asks, name } = fields;
    const number = at / 8;
    this.shorts[at / 2] = fields.index;
    bytes[at + 2] = fields.isTrusted ? TRUSTED : 0;
    bytes[at + 3] = bids;
    bytes[at + 4] = asks;
    bytes[at + 5] = name.length;
    this.shorts[at / 2 + 3] = 0;
    numbers[number + 1] = fields.version;
    numbers[number + 2] = fields.epoch;
    numbers[number + 3] = fields.sequence;
    numbers[number + 4] = fields.exchangeTimeMs;
    numbers[number + 5] = fields.frameAgeMs;
    numbers[number + 6] = fields.aliveAgeMs;
    let level = number + RECORD_BYTES / 8;
    level = this.copy(level, board.bidPrices, levelsAt, bids);
    level = this.copy(level, board.bidSizes, levelsAt, bids);
    level = this.copy(level, board.askPrices, levelsAt, asks);
    level = this.copy(level, board.askSizes, levelsAt, asks);
    this.at = level * 8;
    if (name !== '') this.addName(name);
    this.records++;
  }

  /** The finished batch, valid until the next `add` or `finish`; `aliveAgeOf` tells ms per index, for as many as `ages`. */
  finish(
    header: BatchHeader,
    ages = 0,
    aliveAgeOf: (index: number) => number = () => AGE_UNKNOWN,
  ): Uint8Array {
    const { numbers, shorts } = this;
    numbers[0] = header.boot;
    numbers[1] = header.number;
    numbers[2] = header.sentMonotonicMs;
    shorts[12] = this.records;
    shorts[13] = ages;
    shorts[14] = header.books;
    shorts[15] = header.isWithdrawn ? WITHDRAWN : 0;
    const from = this.at / 2;
    for (let index = 0; index < ages; index++) shorts[from + index] = wholeAge(aliveAgeOf(index));
    const end = this.at + padded(2 * ages);
    for (let at = from + ages; at < end / 2; at++) shorts[at] = 0;
    this.at = BATCH_HEADER_BYTES;
    this.records = 0;
    return this.bytes.subarray(0, end);
  }

  private copy(to: number, from: Float64Array, at: number, count: number): number {
    for (let i = 0; i < count; i++) this.numbers[to + i] = from[at + i]!;
    return to + count;
  }

  private addName(name: string): void {
    const end = this.at + padded(name.length);
    for (let i = 0; i < name.length; i++) this.bytes[this.at + i] = name.charCodeAt(i);
    this.bytes.fill(0, this.at + name.length, end);
    this.at = end;
  }
}

/** Never younger than the truth. */
function wholeAge(ageMs: number): number {
  const whole = Math.ceil(ageMs);
  return whole >= 0 && whole < AGE_UNKNOWN ? whole : AGE_UNKNOWN;
}
