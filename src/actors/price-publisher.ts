import { BOARD_DEPTH, TRUST_OK, type QuoteBoard } from '../market/quote-board.js';
import type { MessageKind, MessageOf } from '../messages/catalogue.js';
import { encodeMessage } from '../messages/codec.js';
import { errorText } from '../messages/errors.js';
import type { BookTop } from '../messages/feed.js';
import type { Verdict } from '../messages/risk.js';
import { NO_NONCE, type StreamName } from '../messages/streams.js';
import type { Bus, Delivery } from '../ports/bus.js';
import type { PriceStore, StreamRecord } from '../ports/price-cache.js';
import type { ActorBehaviour, ActorContext, ActorDefinition } from '../runtime/actor.js';

/**
 * Shows other programs what this node sees: changed books of the board, and copies of signals, verdicts, order results and fills.
 * Nothing waits for it. It takes what changed so many times a second, so many books at a time; while the store is slow or away
 * books conflate where they are, on the board, and of the events the oldest are dropped and counted.
 */
export interface PricePublisherOptions {
  readonly bus: Bus;
  readonly board: QuoteBoard;
  readonly store: PriceStore;
  readonly intervalMs?: number;
  /** A book that did not change is written again after this, so that its time to live says that it is alive. */
  readonly refreshMs?: number;
  readonly booksAtOnce?: number;
  /** Events that may wait. */
  readonly capacity?: number;
}

type Work = 'books' | 'events';

/** All that needs a turn of its own; what else it hears is only noted. */
export interface PricePublisherMessage {
  readonly kind: 'tick';
}

const INTERVAL_MS = 100;
const REFRESH_MS = 1_000;
/** About a millisecond of work; what is left waits for the next turn. */
const BOOKS_AT_ONCE = 64;
const EVENTS_AT_ONCE = 64;
const CAPACITY = 1_024;
/** Of those that wait at an ordered stop. */
const LAST_EVENTS = 256;
const MAILBOX = 4;
const HANDLER_TIMEOUT_MS = 5_000;

export function pricePublisherActor(options: PricePublisherOptions): ActorDefinition<PricePublisherMessage> {
  return {
    kind: 'price-publisher',
    mailbox: { capacity: MAILBOX, policyOf: () => ({ kind: 'conflate', key: 'tick' }) },
    handlerTimeoutMs: HANDLER_TIMEOUT_MS,
    create: (context) => {
      const publisher = new PricePublisher(options, context);
      publisher.subscribe();
      context.every('tick', options.intervalMs ?? INTERVAL_MS, { kind: 'tick' });
      return publisher;
    },
  };
}

class PricePublisher implements ActorBehaviour<PricePublisherMessage> {
  private readonly options: PricePublisherOptions;
  private readonly context: ActorContext<PricePublisherMessage>;
  private readonly capacity: number;
  /** 1 for each slot that changed since it was taken. A byte, because feeds write it. */
  private readonly changed: Uint8Array;
  private readonly takenMonotonicMs: Float64Array;
  /** Where the next look begins, so that no slot waits behind the others for ever. */
  private cursor = 0;
  /** Encoded when their turn comes: what is dropped costs nothing. */
  private readonly waiting: (() => StreamRecord)[] = [];
  private readonly underWay = { books: false, events: false };
  private readonly counts = {
    books: 0,
    /** Not taken, because somebody had written a newer one. */
    booksOutdated: 0,
    booksFailed: 0,
    events: 0,
    /** Pushed out by newer ones while the store was slow or away. */
    eventsDropped: 0,
    /** Perhaps written, perhaps not: they are not sent again. */
    eventsFailed: 0,
  };

  constructor(options: PricePublisherOptions, context: ActorContext<PricePublisherMessage>) {
    this.options = options;
    this.context = context;
    this.capacity = options.capacity ?? CAPACITY;
    this.changed = new Uint8Array(options.board.capacity);
    this.takenMonotonicMs = new Float64Array(options.board.capacity).fill(-Infinity);
  }

  subscribe(): void {
    const { bus, board } = this.options;
    const on = <K extends MessageKind>(pattern: string, kind: K, stream: StreamName) =>
      bus.subscribe(
        pattern,
        kind,
        this.context.guard((delivery: Delivery<K>) => this.keep(() => recordOf(stream, kind, delivery))),
      );
    const subscriptions = [
      on('signal.*', 'signal', 'signals'),
      on('risk.verdict.*', 'verdict', 'verdicts'),
      on('order.result.*', 'legResult', 'orders'),
      on('arbitrage.closed.*', 'arbitrageClosed', 'orders'),
      on('order.fill.*', 'fill', 'fills'),
    ];
    for (const subscription of subscriptions) this.context.onEnd(() => subscription.unsubscribe());
    this.context.onEnd(board.onDirty((slot) => (this.changed[slot] = 1)));
  }

  private keep(record: () => StreamRecord): void {
    this.waiting.push(record);
    if (this.waiting.length <= this.capacity) return;
    this.waiting.shift();
    this.counts.eventsDropped++;
  }

  handle(): void {
    // What changes meanwhile stays marked, and events wait within their bound.
    if (!this.options.store.isUp()) return;
    if (!this.underWay.books) this.publishBooks();
    if (!this.underWay.events) this.publishEvents();
  }

  private publishBooks(): void {
    const books = this.takeBooks();
    if (books.length === 0) return;
    this.send('books', books.length, this.options.store.prices.put(books));
  }

  private publishEvents(): void {
    const count = Math.min(this.waiting.length, EVENTS_AT_ONCE);
    if (count === 0) return;
    const records = this.waiting.splice(0, count).map((record) => record());
    this.send(
      'events',
      count,
      this.options.store.events.append(records).then(() => count),
    );
  }

  /** Not through the mailbox: an answer that found it full would leave the work under way for ever. */
  private send(work: Work, count: number, sending: Promise<number>): void {
    this.underWay[work] = true;
    sending.then(
      this.context.guard((taken: number) => {
        this.underWay[work] = false;
        this.counts[work] += taken;
        if (work === 'books') this.counts.booksOutdated += count - taken;
      }),
      this.context.guard((error: unknown) => {
        this.underWay[work] = false;
        this.counts[work === 'books' ? 'booksFailed' : 'eventsFailed'] += count;
        this.context.log.debug({ work, count, error: errorText(error) }, 'not published');
      }),
    );
  }

  /** The next that changed, or that are alive and were not written for long. */
  private takeBooks(): BookTop[] {
    const { board, refreshMs = REFRESH_MS, booksAtOnce = BOOKS_AT_ONCE } = this.options;
    const nowMs = this.context.clock.monotonicMs();
    const books: BookTop[] = [];
    const { size } = board;
    for (let looked = 0; looked < size && books.length < booksAtOnce; looked++) {
      const slot = this.cursor % size;
      this.cursor = slot + 1;
      const isDue =
        nowMs - this.takenMonotonicMs[slot]! >= refreshMs && isAlive(board, slot, nowMs, refreshMs);
      if (this.changed[slot] === 0 && !isDue) continue;
      this.changed[slot] = 0;
      this.takenMonotonicMs[slot] = nowMs;
      const book = bookOn(board, slot);
      if (book !== null) books.push(book);
    }
    return books;
  }

  /** What happened last is what late readers want most. */
  async stopping(): Promise<void> {
    const { store } = this.options;
    if (!store.isUp() || this.waiting.length === 0) return;
    try {
      await store.events.append(this.waiting.splice(-LAST_EVENTS).map((record) => record()));
    } catch (error) {
      this.context.log.debug({ error: errorText(error) }, 'the last events were not published');
    }
  }

  summary() {
    const { connected, reconnects, invalid, lastError } = this.options.store.state();
    return {
      connected,
      reconnects,
      ...this.counts,
      eventsWaiting: this.waiting.length,
      foreignValues: invalid,
      lastError,
    };
  }
}

const isAlive = (board: QuoteBoard, slot: number, nowMs: number, withinMs: number): boolean =>
  board.trust[slot] === TRUST_OK && nowMs - board.aliveMonotonicMs[slot]! <= withinMs;

/** A slot as other programs get it; null for one that never had a book. */
function bookOn(board: QuoteBoard, slot: number): BookTop | null {
  const receiveTimeMs = board.receiveTimeMs[slot]!;
  if (!(receiveTimeMs > 0)) return null;
  return {
    instrument: board.nameOf(slot),
    epoch: countOf(board.epoch[slot]!),
    sequence: countOf(board.sequence[slot]!),
    trusted: board.trust[slot] === TRUST_OK,
    bids: levelsAt(board.bidPrices, board.bidSizes, slot, board.bidLevels[slot]!),
    asks: levelsAt(board.askPrices, board.askSizes, slot, board.askLevels[slot]!),
    exchangeTimeMs: board.exchangeTimeMs[slot]!,
    receiveTimeMs,
  };
}

/** Exchanges that number nothing leave here what is no count. */
const countOf = (value: number): number => (Number.isSafeInteger(value) && value > 0 ? value : 0);

function levelsAt(prices: Float64Array, sizes: Float64Array, slot: number, count: number): BookTop['bids'] {
  const at = slot * BOARD_DEPTH;
  return Array.from({ length: count }, (_, level) => [prices[at + level]!, sizes[at + level]!]);
}

const utf8 = new TextDecoder();

function recordOf<K extends MessageKind>(stream: StreamName, kind: K, delivery: Delivery<K>): StreamRecord {
  const { traceId, sender, sentAtMs } = delivery;
  const shown = kind === 'verdict' ? withoutNonce(delivery.message as Verdict) : delivery.message;
  const bytes = encodeMessage(kind, shown as MessageOf<K>, { traceId, sender, sentAtMs });
  return { stream, body: utf8.decode(bytes) };
}

/** Who reads a copy of an approval must not be able to use it. */
const withoutNonce = (verdict: Verdict): Verdict =>
  verdict.decision === 'approved' ? { ...verdict, nonce: NO_NONCE } : verdict;
