import {
  BOARD_DEPTH,
  TRUST_NONE,
  TRUST_OK,
  type BookStamp,
  type QuoteBoard,
} from '../../market/quote-board.js';
import { BoardBatchReader } from '../../messages/board-reader.js';
import type { ExchangeId, InstrumentId } from '../../messages/primitives.js';
import { NOT_OURS, type Source } from './source.js';

/** Of a slot's remote epoch: no other node's book is shown. */
const NOBODY_ELSE = -1;

export interface ApplyCounts {
  /** Records read. */
  readonly records: number;
  /** Books written on the board. */
  readonly written: number;
  /** Books that were sent before and had not changed. */
  readonly unchanged: number;
  /** Books of an older epoch than the board shows. */
  readonly superseded: number;
  /** Books of instruments that this node has not loaded. */
  readonly notOurs: number;
  /** Records of books whose name did not come yet. */
  readonly unnamed: number;
  /** Records with values that no book can have: that book is distrusted, the rest of the batch counts. */
  readonly refusedRecords: number;
}

export interface Arrival {
  readonly exchange: ExchangeId;
  readonly nowMs: number;
  readonly wallNowMs: number;
  readonly transitMs: number;
}

/** Brings the records of a batch onto the board. */
export class BoardApply {
  readonly reader = new BoardBatchReader();
  readonly counts: { -readonly [K in keyof ApplyCounts]: number } = {
    records: 0,
    written: 0,
    unchanged: 0,
    superseded: 0,
    notOurs: 0,
    unnamed: 0,
    refusedRecords: 0,
  };
  private readonly board: QuoteBoard;
  private readonly isKnown: (instrument: InstrumentId) => boolean;
  private readonly isOwn: boolean;
  /** Of each slot: whose book it shows. */
  private readonly owners: (Source | undefined)[] = [];
  private readonly stamp: { -readonly [K in keyof BookStamp]: BookStamp[K] } = {
    epoch: 0,
    exchangeTimeMs: 0,
    receiveTimeMs: 0,
    lastFrameMs: 0,
  };

  /** `isOwn`: what is applied are books of this node's own feed, which runs in another process. */
  constructor(board: QuoteBoard, isKnown: (instrument: InstrumentId) => boolean, isOwn = false) {
    this.board = board;
    this.isKnown = isKnown;
    this.isOwn = isOwn;
  }

  /** Everything of the batch that the reader was opened on. */
  batch(source: Source, arrival: Arrival): void {
    while (this.reader.next()) this.record(source, arrival);
    this.markAlive(source, arrival);
  }

  /** No book of this source may be used until it comes again. */
  distrust(source: Source): void {
    for (let index = 0; index < source.books; index++) this.distrustBook(source, index);
    source.lostAll();
  }

  /** As `distrust`, and the source no longer counts as living: a book of an older epoch may take its place. */
  release(source: Source): void {
    for (let index = 0; index < source.books; index++) {
      const slot = source.slotOf(index);
      if (!this.shows(source, index)) continue;
      this.board.distrust(slot, source.epochOf(index));
      this.board.aliveMonotonicMs[slot] = -Infinity;
    }
    source.lostAll();
  }

  private record(source: Source, arrival: Arrival): void {
    const { reader, counts } = this;
    counts.records++;
    const problem = reader.problem() ?? this.nameProblem(source, arrival.exchange);
    if (problem !== null) {
      counts.refusedRecords++;
      if (reader.index < source.books) this.lose(source, reader.index);
    } else if (!source.isNamed(reader.index)) counts.unnamed++;
    else if (source.slotOf(reader.index) === NOT_OURS) {
      counts.notOurs++;
      source.took(reader.index, reader.version, reader.epoch);
    } else this.book(source, source.slotOf(reader.index), arrival);
  }

  /** Reads the record's name where it brings one. The name of an index never changes. */
  private nameProblem(source: Source, exchange: ExchangeId): string | null {
    const { reader, board } = this;
    if (reader.nameLength === 0) return null;
    const name = reader.name();
    if (name === null || !name.startsWith(`${exchange}:`)) return 'name';
    const fits = this.isKnown(name)
      ? source.name(reader.index, board.slotOf(name))
      : source.nameStranger(reader.index, name);
    return fits ? null : 'name';
  }

  private book(source: Source, slot: number, { nowMs, wallNowMs, transitMs }: Arrival): void {
    const { reader, board, counts, stamp } = this;
    const { index, version, epoch } = reader;
    if (source.isFresh(index) && source.versionOf(index) === version) {
      counts.unchanged++;
      return;
    }
    if (epoch === 0) {
      this.distrustBook(source, index);
      source.took(index, version, epoch);
      return;
    }
    stamp.epoch = epoch;
    stamp.exchangeTimeMs = reader.exchangeTimeMs;
    stamp.receiveTimeMs = wallNowMs - transitMs - reader.frameAgeMs;
    stamp.lastFrameMs = nowMs - transitMs - reader.frameAgeMs;
    source.took(index, version, epoch);
    if (!this.isNewest(source, slot, epoch)) {
      counts.superseded++;
      return;
    }
    this.write(slot);
    this.owners[slot] = source;
    board.remoteEpoch[slot] = this.isOwn ? NOBODY_ELSE : epoch;
    board.stamp(slot, stamp);
    board.markAlive(slot, nowMs - transitMs - reader.aliveAgeMs, epoch);
    counts.written++;
  }

  /** Of two publishers with one epoch the first by name shows; this node's own feed before both. */
  private isNewest(source: Source, slot: number, epoch: number): boolean {
    const { board } = this;
    if (!board.accepts(slot, this.stamp)) return false;
    if (this.isOwn || board.epoch[slot] !== epoch) return true;
    if (board.remoteEpoch[slot] !== epoch) return false;
    const owner = this.owners[slot];
    return owner === undefined || owner.isSilent || owner.node >= source.node;
  }

  private write(slot: number): void {
    const { reader, board } = this;
    const { numbers, bids, asks, levelsAt } = reader;
    const at = slot * BOARD_DEPTH;
    copyLevels(board.bidPrices, board.bidSizes, at, { numbers, from: levelsAt, count: bids });
    copyLevels(board.askPrices, board.askSizes, at, { numbers, from: levelsAt + 2 * bids, count: asks });
    board.bidLevels[slot] = bids;
    board.askLevels[slot] = asks;
    board.sequence[slot] = reader.sequence;
    board.trust[slot] = reader.isTrusted ? TRUST_OK : TRUST_NONE;
  }

  /** The life of connections, told for all books at once; only of books that are current and shown. */
  private markAlive(source: Source, { nowMs, transitMs }: Arrival): void {
    const { reader, board } = this;
    for (let index = 0; index < reader.aliveAges; index++) {
      const ageMs = reader.aliveAgeOf(index);
      if (ageMs === null || !source.isFresh(index)) continue;
      if (!this.shows(source, index)) continue;
      const slot = source.slotOf(index);
      const aliveMs = nowMs - transitMs - ageMs;
      if (aliveMs > board.aliveMonotonicMs[slot]!) board.markAlive(slot, aliveMs, source.epochOf(index));
    }
  }

  private lose(source: Source, index: number): void {
    this.distrustBook(source, index);
    source.lost(index);
  }

  private distrustBook(source: Source, index: number): void {
    if (this.shows(source, index)) this.board.distrust(source.slotOf(index), source.epochOf(index));
  }

  /** True while the board shows what this source sent for the book. */
  private shows(source: Source, index: number): boolean {
    const slot = source.slotOf(index);
    return slot >= 0 && this.owners[slot] === source && this.board.epoch[slot] === source.epochOf(index);
  }
}

function copyLevels(
  prices: Float64Array,
  sizes: Float64Array,
  to: number,
  from: { readonly numbers: Float64Array; readonly from: number; readonly count: number },
): void {
  const { numbers, count } = from;
  for (let i = 0; i < count; i++) {
    prices[to + i] = numbers[from.from + i]!;
    sizes[to + i] = numbers[from.from + count + i]!;
  }
}
