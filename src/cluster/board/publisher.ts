import { BOARD_DEPTH, TRUST_OK, type QuoteBoard } from '../../market/quote-board.js';
import { AGE_UNKNOWN } from '../../messages/board-layout.js';
import { BoardBatchWriter, type RecordFields } from '../../messages/board-writer.js';
import { MESSAGES, subjectOf } from '../../messages/catalogue.js';
import type { ExchangeId } from '../../messages/primitives.js';
import type { Subscription } from '../../ports/bus.js';
import type { TimerHandle } from '../../ports/time.js';
import { BOARD_TRACE, type BoardBridgeOptions } from './options.js';
import { Publication } from './publication.js';

/** Records per message, in bytes: far below what a server takes, so that no other message waits long behind one. */
const BATCH_BYTES = 192 * 1024;
/** A batch follows the last one no sooner, and not before the server has confirmed that: meanwhile changes add up. */
const LEAST_GAP_MS = 1;
/** Followers hear from a publisher at least so often; the life of quiet connections travels with it. */
const HEARTBEAT_MS = 25;
/** All books of an exchange are sent again at most so often, however many followers ask. */
const WHOLE_EVERY_MS = 250;

export interface BoardPublisherStatistics {
  readonly exchanges: readonly {
    readonly exchange: ExchangeId;
    readonly books: number;
    readonly batches: number;
  }[];
  /** Changes on the board of books that this node publishes. */
  readonly changes: number;
  /** Books sent: less than the changes, since those between two batches are sent once. */
  readonly records: number;
  readonly bytes: number;
  /** Times that all books of an exchange were asked for. */
  readonly wanted: number;
  /** Batches that the bus refused or did not confirm; followers see the gap and ask. */
  readonly failed: number;
}

const NOT_LOOKED_AT = -2;
const NOT_PUBLISHED = -1;

/**
 * Sends the books that this node's feeds write to whoever follows the exchange. A change is sent at once when nothing is on its
 * way, else with all other changes as soon as the server has confirmed what was sent before: the busier the line, the more
 * changes fall into one record, and never more than one flush waits in the buffers. Allocates per batch, not per book.
 */
export class BoardPublisher {
  private readonly options: BoardBridgeOptions;
  private readonly board: QuoteBoard;
  private lastBoot = 0;
  private readonly publications: Publication[] = [];
  /** Of each board slot: which publication it belongs to, and its index there. */
  private readonly publicationOf: Int16Array;
  private readonly indexOf: Int32Array;
  private readonly writer = new BoardBatchWriter(BATCH_BYTES);
  private readonly fields: RecordFields = emptyFields();
  /** Only while something is published: other nodes may not listen to it. */
  private requests: Subscription | null = null;
  private readonly forget: () => void;
  private heartbeat: TimerHandle | null = null;
  private isDue = false;
  private isSending = false;
  private isClosed = false;
  private nextSendMs = -Infinity;
  private readonly counts = { changes: 0, records: 0, bytes: 0, wanted: 0, failed: 0 };

  constructor(options: BoardBridgeOptions) {
    const { board } = options;
    this.options = options;
    this.board = board;
    this.publicationOf = new Int16Array(board.capacity).fill(NOT_LOOKED_AT);
    this.indexOf = new Int32Array(board.capacity);
    this.forget = board.onDirty((slot) => this.note(slot));
  }

  /** From now on this node's own books of the exchange go to its followers; what the board shows already goes first. */
  publish(exchange: ExchangeId): void {
    if (this.isClosed || this.find(exchange) !== null) return;
    this.lastBoot = Math.max(this.options.clock.nowMs(), this.lastBoot + 1);
    this.publications.push(new Publication(exchange, this.lastBoot));
    this.assignAnew();
    for (let slot = 0; slot < this.board.size; slot++) if (this.board.epoch[slot]! > 0) this.note(slot);
    this.schedule();
    this.requests ??= this.options.bus.subscribe(MESSAGES.boardWanted.subject, 'boardWanted', ({ message }) =>
      this.askedFor(message.exchange),
    );
    this.heartbeat ??= this.options.timers.setTimer(() => this.beat(), HEARTBEAT_MS);
  }

  /** The feed of the exchange is no longer this node's: followers distrust its books at once. */
  withdraw(exchange: ExchangeId): void {
    const publication = this.find(exchange);
    if (publication === null) return;
    this.hand(publication, { isWithdrawn: true, nowMs: this.options.clock.monotonicMs(), ages: 0 });
    this.publications.splice(this.publications.indexOf(publication), 1);
    this.assignAnew();
  }

  /** Withdraws everything. */
  close(): void {
    if (this.isClosed) return;
    for (const { exchange } of [...this.publications]) this.withdraw(exchange);
    this.isClosed = true;
    this.forget();
    this.requests?.unsubscribe();
    if (this.heartbeat !== null) this.options.timers.clearTimer(this.heartbeat);
  }

  statistics(): BoardPublisherStatistics {
    const exchanges = this.publications.map(({ exchange, books, batches }) => ({ exchange, books, batches }));
    return { exchanges, ...this.counts };
  }

  private find(exchange: ExchangeId): Publication | null {
    return this.publications.find((one) => one.exchange === exchange) ?? null;
  }

  /** Called at each change of the board, so it only notes. */
  private note(slot: number): void {
    let at = this.publicationOf[slot]!;
    if (at === NOT_LOOKED_AT) at = this.assign(slot);
    if (at === NOT_PUBLISHED) return;
    this.counts.changes++;
    this.publications[at]!.note(this.indexOf[slot]!);
    this.schedule();
  }

  private assign(slot: number): number {
    const name = this.board.nameOf(slot);
    const exchange = name.slice(0, name.indexOf(':'));
    const at = this.publications.findIndex((one) => one.exchange === exchange);
    const index = at === -1 ? -1 : this.publications[at]!.add(slot);
    this.indexOf[slot] = index;
    return (this.publicationOf[slot] = index === -1 ? NOT_PUBLISHED : at);
  }

  /** The list of publications has changed; books that have an index keep it. */
  private assignAnew(): void {
    this.publicationOf.fill(NOT_LOOKED_AT);
    this.publications.forEach((publication, at) => {
      for (let index = 0; index < publication.books; index++) {
        this.publicationOf[publication.slotOf(index)] = at;
      }
    });
  }

  private askedFor(exchange: ExchangeId): void {
    const publication = this.find(exchange);
    if (publication === null) return;
    this.counts.wanted++;
    publication.isWanted = true;
    this.schedule();
  }

  private schedule(): void {
    if (this.isDue || this.isSending || this.isClosed) return;
    this.isDue = true;
    const { clock, timers } = this.options;
    const waitMs = this.nextSendMs - clock.monotonicMs();
    if (waitMs > 0) timers.setTimer(() => this.flush(), waitMs);
    else timers.setImmediate(() => this.flush());
  }

  private flush(): void {
    this.isDue = false;
    if (this.isClosed || this.isSending) return;
    const nowMs = this.options.clock.monotonicMs();
    let sent = false;
    for (const publication of this.publications) {
      this.honour(publication, nowMs);
      if (publication.hasDue) {
        this.send(publication, nowMs);
        sent = true;
      }
    }
    if (sent) this.waitForServer(nowMs);
  }

  /** The next batch waits until the server has taken this one: a slow line makes fewer batches and no backlog. */
  private waitForServer(nowMs: number): void {
    this.isSending = true;
    this.nextSendMs = nowMs + LEAST_GAP_MS;
    this.options.bus.flush().then(
      () => {
        this.isSending = false;
        if (this.publications.some((one) => one.hasDue)) this.schedule();
      },
      () => {
        // Closed: the next heartbeat finds out whether that is for good.
        this.isSending = false;
        this.counts.failed++;
      },
    );
  }

  private honour(publication: Publication, nowMs: number): void {
    if (!publication.isWanted || nowMs - publication.lastWholeMs < WHOLE_EVERY_MS) return;
    publication.isWanted = false;
    publication.lastWholeMs = nowMs;
    publication.markAll();
  }

  private beat(): void {
    this.heartbeat = this.options.timers.setTimer(() => this.beat(), HEARTBEAT_MS);
    for (const publication of this.publications) publication.isBeatDue = true;
    if (this.publications.length > 0) this.schedule();
  }

  /** One batch or, where the books do not fit into one, several. */
  private send(publication: Publication, nowMs: number): void {
    publication.drain((index, named) => {
      if (!this.writer.hasRoom) this.hand(publication, { isWithdrawn: false, nowMs, ages: 0 });
      this.addRecord(publication, index, { named, nowMs });
    });
    const ages = publication.isBeatDue ? publication.books : 0;
    publication.isBeatDue = false;
    this.hand(publication, { isWithdrawn: false, nowMs, ages });
  }

  private addRecord(
    publication: Publication,
    index: number,
    { named, nowMs }: { readonly named: boolean; readonly nowMs: number },
  ): void {
    const { board, fields } = this;
    const slot = publication.slotOf(index);
    const isOwn = this.isOwn(slot);
    fields.index = index;
    fields.name = named ? board.nameOf(slot) : '';
    fields.version = publication.versionOf(index);
    fields.isTrusted = isOwn && board.trust[slot] === TRUST_OK;
    fields.bids = isOwn ? board.bidLevels[slot]! : 0;
    fields.asks = isOwn ? board.askLevels[slot]! : 0;
    fields.epoch = isOwn ? board.epoch[slot]! : 0;
    fields.sequence = board.sequence[slot]!;
    fields.exchangeTimeMs = board.exchangeTimeMs[slot]!;
    fields.frameAgeMs = Math.max(0, nowMs - board.changedMonotonicMs[slot]!);
    fields.aliveAgeMs = Math.max(0, nowMs - board.aliveMonotonicMs[slot]!);
    this.writer.add(fields, board, slot * BOARD_DEPTH);
    this.counts.records++;
  }

  /** False while the slot shows a book of another node, which that node itself sends. */
  private isOwn(slot: number): boolean {
    return this.board.remoteEpoch[slot] !== this.board.epoch[slot];
  }

  private hand(
    publication: Publication,
    {
      nowMs,
      ages,
      isWithdrawn,
    }: { readonly nowMs: number; readonly ages: number; readonly isWithdrawn: boolean },
  ): void {
    const number = ++publication.batches;
    const { boot, books } = publication;
    const header = { boot, number, sentMonotonicMs: nowMs, books, isWithdrawn };
    const bytes = this.writer.finish(header, ages, (index) =>
      this.aliveAgeMs(publication.slotOf(index), nowMs),
    );
    this.counts.bytes += bytes.length;
    try {
      const subject = subjectOf('boardBatch', publication.exchange);
      this.options.bus.publish(subject, 'boardBatch', { bytes }, BOARD_TRACE);
    } catch {
      this.counts.failed++;
    }
  }

  private aliveAgeMs(slot: number, nowMs: number): number {
    return this.isOwn(slot) ? Math.max(0, nowMs - this.board.aliveMonotonicMs[slot]!) : AGE_UNKNOWN;
  }
}

function emptyFields(): RecordFields {
  return {
    index: 0,
    isTrusted: false,
    bids: 0,
    asks: 0,
    name: '',
    version: 0,
    epoch: 0,
    sequence: 0,
    exchangeTimeMs: 0,
    frameAgeMs: 0,
    aliveAgeMs: 0,
  };
}
