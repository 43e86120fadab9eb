import { OrderBook } from '../market/order-book.js';
import type { BookEvent, SyncRule } from './base.js';
import { DeltaBuffer, restored, type StoredDelta } from './delta-buffer.js';
import { LevelTexts } from './level-texts.js';
import { emptyCounters, type SyncCounters } from './sync-counters.js';

/**
 * The state machine that keeps one book true to its exchange, pure over the frames it is given. It never applies across a
 * gap: what does not continue the book is kept aside while the book is untrusted, until the missing frame or a new snapshot
 * arrives (PROTOCOLS §1.2, RELIABILITY F4–F6).
 *
 *     awaiting ──snapshot (socket)──▶ live ──gap──▶ awaiting (content exact: the missing frame heals it)
 *        │                             ▲  └─checksum, crossed──▶ awaiting (content wrong: only a snapshot heals it)
 *        └──snapshot (REST)─▶ bridging ┘ first diff that covers the snapshot
 */
export type SyncResult =
  | 'applied'
  /** Kept aside, or a snapshot that waits for its first diff. */
  | 'waiting'
  /** A duplicate, or older than the book. */
  | 'old'
  | SyncFault;

/** The book is untrusted from here on and needs a snapshot. */
export type SyncFault = 'gap' | 'checksum' | 'crossed' | 'old-snapshot';

const MAX_WAITING_FRAMES = 256;
const MAX_WAITING_LEVELS = 32_768;
/** Late duplicates and swapped frames of a whole book come one or two at a time. */
const OLDER_IN_A_ROW = 8;
/** Linked frames remembered to tell a duplicate from a lost reset. */
const RECENT = 16;

export interface BookSyncOptions {
  readonly rule: SyncRule;
  readonly snapshotSource: 'socket' | 'rest';
  readonly maxLevels?: number;
  /** Levels per side that a REST snapshot holds at most: behind a full side nothing is known. Absent = the whole book. */
  readonly snapshotLevels?: number;
  /** Told after each applied socket frame, with the frame's tag. */
  readonly onApplied?: (tag: number) => void;
}

export class BookSync {
  readonly book: OrderBook;
  readonly counters: SyncCounters = emptyCounters();
  private readonly rule: SyncRule;
  private readonly fromRest: boolean;
  private readonly snapshotLevels: number;
  private readonly onApplied: ((tag: number) => void) | undefined;
  private readonly texts = new LevelTexts();
  private readonly waiting = new DeltaBuffer(MAX_WAITING_FRAMES, MAX_WAITING_LEVELS);
  private readonly recent = new Float64Array(RECENT * 2).fill(NaN);
  private recentAt = 0;
  private phase: 'awaiting' | 'bridging' | 'live' = 'awaiting';
  /** While awaiting: the content is exact as of `last`. */
  private intact = false;
  private last = NaN;
  /** Beyond these prices levels were outside the snapshot, so that a best price there may hide a better one. */
  private lowestKnownBid = 0;
  private highestKnownAsk = Infinity;
  private highestOrder = -Infinity;
  private highestTimeMs = -Infinity;
  /** Exchange time at which it began to count anew. */
  private recountedMs = -Infinity;
  /** Of whole books: frames in a row that were older than the book, and whether the newest one was crossed. */
  private olderInARow = 0;
  private isCrossed = false;
  /** Grows with every change of the book's content. */
  changes = 0;
  /** Of the newest applied frame. */
  order = NaN;
  exchangeTimeMs = 0;

  constructor(options: BookSyncOptions) {
    this.book = new OrderBook(options.maxLevels);
    this.rule = options.rule;
    this.fromRest = options.snapshotSource === 'rest';
    this.snapshotLevels = this.fromRest ? (options.snapshotLevels ?? Infinity) : Infinity;
    this.onApplied = options.onApplied;
  }

  get trusted(): boolean {
    return this.book.trust === 'trusted';
  }

  /** True while only a snapshot (or the missing frame) makes the book usable. */
  get needsSnapshot(): boolean {
    return this.phase === 'awaiting';
  }

  /** Diffs are waiting, so a snapshot taken now can be bridged. */
  get hasWaiting(): boolean {
    return this.waiting.length > 0;
  }

  /** A new connection: nothing of the old one holds. */
  reset(): void {
    this.changes++;
    this.book.clear();
    this.book.trust = 'empty';
    this.book.sequence = 0;
    this.texts.clear();
    this.waiting.clear();
    this.recent.fill(NaN);
    this.phase = 'awaiting';
    this.intact = false;
    this.last = NaN;
    this.order = NaN;
    this.highestOrder = -Infinity;
    this.highestTimeMs = -Infinity;
    this.recountedMs = -Infinity;
    this.olderInARow = 0;
    this.isCrossed = false;
  }

  /** A frame of this book could not be read: whatever it said is missing now. */
  lose(): void {
    if (this.phase === 'awaiting') return;
    this.distrust(this.phase === 'live');
  }

  /** The owner knows the content to be wrong or out of date. */
  reject(): void {
    this.distrust(false);
  }

  /** Takes one frame; `tag` is the caller's mark of it. */
  apply(event: BookEvent, tag = 0): SyncResult {
    if (event.snapshot) return this.fromRest ? this.restSnapshot(event) : this.socketSnapshot(event, tag);
    this.noteNewest(event);
    if (this.phase === 'bridging') return this.bridge(event, tag);
    if (this.phase === 'live' || this.intact) {
      if (this.continues(event)) return this.continueWith(event, tag);
      if (this.isDuplicate(event)) {
        this.counters.duplicates++;
        return 'old';
      }
    }
    this.waiting.push(event, tag);
    if (this.phase !== 'live') return 'waiting';
    this.counters.gaps++;
    this.distrust(true);
    return 'gap';
  }

  private noteNewest(event: BookEvent): void {
    // A number that falls while time moves on: the exchange counts anew, and the old numbers say nothing any more.
    const recounts = event.order < this.highestOrder && event.exchangeTimeMs > this.highestTimeMs;
    if (recounts) this.recountedMs = event.exchangeTimeMs;
    this.highestOrder = recounts ? event.order : Math.max(this.highestOrder, event.order);
    this.highestTimeMs = Math.max(this.highestTimeMs, event.exchangeTimeMs);
  }

  /** Older than what is known already: a late duplicate, not a restart, whose clock would have moved on. */
  private isOldSnapshot(event: BookEvent): boolean {
    if (event.exchangeTimeMs < this.recountedMs) return true;
    return event.order < this.highestOrder && event.exchangeTimeMs <= this.highestTimeMs;
  }

  private continueWith(event: BookEvent, tag: number): SyncResult {
    const applied = this.applyDelta(event, tag);
    const result = applied === 'applied' ? this.drain() : applied;
    return result === 'applied' ? this.checkHole() : result;
  }

  /** What still waits does not follow: where it is newer than the book, something between is missing. */
  private checkHole(): SyncResult {
    while (this.hasWaiting && this.waiting.take((frame) => frame.order <= this.order) !== undefined);
    if (!this.hasWaiting) return 'applied';
    this.counters.gaps++;
    this.distrust(true);
    return 'gap';
  }

  /** Does this frame follow the last one applied, without anything between? */
  private continues(frame: BookEvent | StoredDelta): boolean {
    // Books of old captures have no numbers; there the checksum of each frame decides after applying it.
    if (Number.isNaN(this.last)) return Number.isNaN(frame.last) && frame.checksum !== 0;
    if (this.rule === 'linked') return frame.previous === this.last;
    return frame.first <= this.last + 1 && frame.last > this.last;
  }

  private isDuplicate(event: BookEvent): boolean {
    // An exchange may count anew from a small number; a lost restart must not look like a row of old frames.
    if (this.rule !== 'linked') return event.order <= this.order;
    for (let i = 0; i < this.recent.length; i += 2) {
      if (this.recent[i] === event.previous && this.recent[i + 1] === event.last) return true;
    }
    return false;
  }

  private socketSnapshot(event: BookEvent, tag: number): SyncResult {
    if (this.isOldSnapshot(event) && !this.isSetBack()) {
      this.counters.duplicates++;
      return 'old';
    }
    this.olderInARow = 0;
    this.load(event);
    this.highestOrder = event.order;
    this.highestTimeMs = event.exchangeTimeMs;
    this.counters.snapshots++;
    const fault = this.judge(event);
    if (fault !== null) return this.rule === 'whole' ? this.crossedAgain(fault) : fault;
    this.isCrossed = false;
    this.goLive(event);
    this.counters.updatesApplied++;
    this.onApplied?.(tag);
    // Where every frame is a whole book nothing ever waits, and to ask would cost closures.
    if (!this.hasWaiting) return 'applied';
    while (this.waiting.take((frame) => frame.order <= event.order) !== undefined);
    const result = this.drain();
    return result === 'applied' ? this.checkHole() : result;
  }

  /** Whole books have no number but their time: many older ones in a row mean that the exchange's clock was set back. */
  private isSetBack(): boolean {
    return this.rule === 'whole' && ++this.olderInARow > OLDER_IN_A_ROW;
  }

  /** While a book stays crossed, each of its frames says so: one fault, and then waiting for a better one. */
  private crossedAgain(fault: SyncFault): SyncResult {
    const again = this.isCrossed;
    this.isCrossed = true;
    return again ? 'waiting' : fault;
  }

  private restSnapshot(event: BookEvent): SyncResult {
    if (this.phase === 'live') return 'old';
    while (this.waiting.take((frame) => frame.last <= event.last) !== undefined)
      this.counters.framesBeforeSync++;
    const oldest = this.waiting.oldest;
    if (oldest !== undefined && oldest.first > event.last + 1) {
      this.distrust(false);
      return 'old-snapshot';
    }
    this.load(event);
    this.noteCoverage(event);
    this.counters.snapshots++;
    this.last = event.last;
    this.phase = 'bridging';
    if (this.book.trust !== 'untrusted') this.book.trust = 'syncing';
    const first = this.waiting.take((frame) => frame.first <= this.last + 1);
    return first === undefined ? 'waiting' : this.bridge(restored(first), first.tag);
  }

  /** The first diff on a REST snapshot must cover the snapshot's number. */
  private bridge(event: BookEvent, tag: number): SyncResult {
    if (event.last <= this.last) {
      this.counters.framesBeforeSync++;
      return 'old';
    }
    if (event.first > this.last + 1) {
      this.waiting.push(event, tag);
      this.distrust(false);
      return 'old-snapshot';
    }
    this.counters.bridgeOk++;
    // Bridging is counted apart from the chain.
    this.counters.sequenceOk--;
    return this.continueWith(event, tag);
  }

  private load(event: BookEvent): void {
    const { bids, asks } = event;
    this.changes++;
    this.book.loadBids(bids.prices, bids.sizes, bids.count);
    this.book.loadAsks(asks.prices, asks.sizes, asks.count);
    this.last = event.last;
    if (this.rule !== 'linked') return;
    this.recent.fill(NaN);
    this.texts.clear();
    this.noteTexts(event);
  }

  private setLevels(event: BookEvent): void {
    const { bids, asks } = event;
    this.changes++;
    // A frame that straddles the snapshot repeats changes that are in it; the newest size of a level must hold.
    if (bids.numbered) bids.skipUpTo(this.last);
    if (asks.numbered) asks.skipUpTo(this.last);
    this.book.setBids(bids.prices, bids.sizes, bids.count);
    this.book.setAsks(asks.prices, asks.sizes, asks.count);
    this.noteTexts(event);
  }

  /** Exchanges whose books are linked are those that send checksums. */
  private noteTexts(event: BookEvent): void {
    if (this.rule === 'linked') this.texts.note(event);
  }

  private noteCoverage({ bids, asks }: BookEvent): void {
    const { book, snapshotLevels } = this;
    this.lowestKnownBid = bids.count >= snapshotLevels ? book.price('bid', book.bidCount - 1) : 0;
    this.highestKnownAsk = asks.count >= snapshotLevels ? book.price('ask', book.askCount - 1) : Infinity;
  }

  /** The market has left what the snapshot showed. */
  private get isBlind(): boolean {
    if (!this.fromRest) return false;
    const { book, lowestKnownBid, highestKnownAsk } = this;
    if (book.bestBid < lowestKnownBid || book.bestAsk > highestKnownAsk) return true;
    return highestKnownAsk !== Infinity && book.askCount === 0;
  }

  private applyDelta(event: BookEvent, tag: number): SyncResult {
    this.setLevels(event);
    const fault = this.judge(event);
    if (fault !== null) return fault;
    if (!Number.isNaN(event.last)) this.counters.sequenceOk++;
    if (event.last === event.previous) this.counters.keepAlive++;
    this.goLive(event);
    this.counters.updatesApplied++;
    this.onApplied?.(tag);
    return 'applied';
  }

  /** Applies what waited for this moment. */
  private drain(): SyncResult {
    while (this.hasWaiting) {
      const next = this.waiting.take((frame) => this.continues(frame));
      if (next === undefined) break;
      const result = this.applyDelta(restored(next), next.tag);
      if (result !== 'applied') return result;
    }
    return 'applied';
  }

  /** Checks the content after a frame: checksum where there is one, then crossing. */
  private judge(event: BookEvent): SyncFault | null {
    if (event.checksum !== 0) {
      if (this.texts.checksumOf(this.book) !== event.checksum) {
        this.counters.checksumBad++;
        this.distrust(false);
        return 'checksum';
      }
      this.counters.checksumOk++;
    }
    if (this.isBlind) {
      this.counters.gaps++;
      this.distrust(false);
      return 'gap';
    }
    if (!this.book.isCrossed) return null;
    this.counters.crossed++;
    this.distrust(false);
    return 'crossed';
  }

  private goLive(event: BookEvent): void {
    this.phase = 'live';
    this.intact = true;
    this.last = event.last;
    this.order = event.order;
    if (event.exchangeTimeMs > 0) this.exchangeTimeMs = event.exchangeTimeMs;
    this.book.sequence = Number.isNaN(event.last) ? 0 : event.last;
    this.book.trust = 'trusted';
    this.recent[this.recentAt] = event.previous;
    this.recent[this.recentAt + 1] = event.last;
    this.recentAt = this.recentAt + 2 === this.recent.length ? 0 : this.recentAt + 2;
  }

  private distrust(intact: boolean): void {
    this.phase = 'awaiting';
    this.intact = intact;
    this.book.trust = 'untrusted';
    // What waited was judged against content that is gone.
    if (!intact && !this.fromRest) this.waiting.clear();
  }
}
