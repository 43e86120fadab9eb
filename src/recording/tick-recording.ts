import type { Instrument } from '../market/instrument.js';
import type { QuoteBoard } from '../market/quote-board.js';
import { RecentTrades } from '../market/recent-trades.js';
import type { TradePrint } from '../messages/feed.js';
import type { ExchangeId, InstrumentId } from '../messages/primitives.js';
import type { Ids } from '../ports/random.js';
import type { TickSpool } from '../ports/tick-spool.js';
import type { TickStore, TickTable } from '../ports/tick-store.js';
import type { Clock, Timers } from '../ports/time.js';
import type { TableAccount, TickAccount } from './account.js';
import { BookSampler } from './book-sampler.js';
import { carryOut } from './carry-out.js';
import { Delivery, type DeliveryEffect, type DeliveryPolicy, type DeliveryResult } from './delivery.js';
import { chooses, type RecordingLimits } from './limits.js';
import { SpreadSampler } from './spread-sampler.js';
import { noRows, TICK_TABLES, TickQueue, type BatchSizes } from './tick-queue.js';

export interface TickRecordingOptions {
  readonly board: QuoteBoard;
  /** Those followed now. */
  readonly instruments: () => readonly Instrument[];
  readonly limits: RecordingLimits;
  readonly sizes: BatchSizes;
  readonly policy: DeliveryPolicy;
  readonly store: TickStore;
  readonly spool: TickSpool;
  readonly clock: Clock;
  readonly ids: Ids;
  /** What of it is this node's; absent = everything. */
  readonly share?: RecordingShare;
}

/** Where several nodes record, each does its part. */
export interface RecordingShare {
  ticksOf(exchange: ExchangeId): boolean;
  spreads(): boolean;
}

/** How long an ordered stop waits for the store, and then for the spool, ms. */
const CLOSE_STORE_MS = 1_000;
const CLOSE_SPOOL_MS = 1_000;

/**
 * All that a node records of its markets. It outlives the actor that drives it, so that a restart loses nothing: feeds and
 * board write into it at any time, which costs them a mark or one row in a ring and never waits.
 */
export class TickRecording {
  private readonly options: TickRecordingOptions;
  private readonly books: BookSampler;
  private readonly spreads: SpreadSampler;
  private readonly queue: TickQueue;
  private readonly delivery: Delivery;
  private readonly recent = new RecentTrades();
  private readonly exchanges = new Map<InstrumentId, ExchangeId | null>();
  private readonly forget: () => void;
  private repeatedTrades = 0;
  private leftAtStop = noRows();
  private isClosed = false;

  constructor(options: TickRecordingOptions) {
    const { board, limits, sizes, policy, ids } = options;
    this.options = options;
    this.books = new BookSampler(board, limits.books);
    this.spreads = new SpreadSampler(board, limits.spreads.pairs);
    this.queue = new TickQueue(sizes, () => ids.next('batch'));
    this.delivery = new Delivery(this.queue, policy);
    this.forget = board.onDirty((slot) => {
      this.books.mark(slot);
      this.spreads.mark(slot);
    });
  }

  /** A public trade as a feed delivers it. Never throws. */
  trade(print: TradePrint): void {
    if (this.isClosed) return;
    const { instrument, tradeId, price, quantity, side, exchangeTimeMs, receiveTimeMs } = print;
    const exchange = this.exchangeOf(instrument);
    if (exchange === null || !this.hasTicksOf(exchange)) return;
    // After a reconnect some exchanges tell the newest trades once more.
    if (!this.recent.isNew(instrument, tradeId)) {
      this.repeatedTrades++;
      return;
    }
    this.queue.add('tick_trades', {
      exchange,
      instrument,
      tradeId,
      price,
      quantity,
      side,
      exchangeTimeMs,
      receiveTimeMs,
    });
  }

  /** Makes rows of what changed. Called several times a second. */
  look(): void {
    const { clock, instruments, share } = this.options;
    this.books.look(clock.monotonicMs(), (row) => {
      if (this.hasTicksOf(row.exchange)) this.queue.add('orderbook_snapshots', row);
    });
    const hasSpreads = share?.spreads() ?? true;
    this.spreads.look(clock.nowMs(), instruments, (row) => {
      if (hasSpreads) this.queue.add('spread_history', row);
    });
  }

  private hasTicksOf(exchange: ExchangeId): boolean {
    return this.options.share?.ticksOf(exchange) ?? true;
  }

  /** What is to be done now; whoever asks carries it out with `carryOut` and settles the result. */
  effects(): DeliveryEffect[] {
    return this.delivery.next(this.options.clock.monotonicMs());
  }

  carryOut(effect: DeliveryEffect): Promise<DeliveryResult> {
    return carryOut(effect, this.options);
  }

  settle(result: DeliveryResult): void {
    this.delivery.settle(result, this.options.clock.monotonicMs());
  }

  /** Whoever carried out effects is gone; its results will not come. */
  resume(): void {
    this.delivery.resume();
  }

  get isStoreUp(): boolean {
    return this.delivery.isStoreUp;
  }

  account(): TickAccount {
    const { isStoreUp, counts, lastError } = this.delivery;
    const { inserts, failures, appends, appendFailures, timesFull, replayed } = counts;
    const { spool } = this.options;
    return {
      tables: TICK_TABLES.map((table) => this.tableAccount(table)),
      store: { isUp: isStoreUp, inserts, failures, lastError },
      spool: { ...spool.status(), appends, failures: appendFailures, timesFull, replayed },
      repeatedTrades: this.repeatedTrades,
    };
  }

  /**
   * The end, when feeds and actor are gone: what is left in memory goes to the store, or to the spool when that does not answer
   * in time. What neither takes is counted. The store is not closed.
   */
  async close(timers: Timers): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    this.forget();
    this.delivery.resume();
    this.delivery.mode = this.delivery.isStoreUp ? 'to-store' : 'to-spool';
    await this.deliverFor(CLOSE_STORE_MS, timers);
    this.delivery.mode = 'to-spool';
    await this.deliverFor(CLOSE_SPOOL_MS, timers);
    await within(this.options.spool.close(), CLOSE_SPOOL_MS, timers);
    for (const table of TICK_TABLES) this.leftAtStop[table] = this.inMemory(table);
  }

  /** Carries out what there is until nothing is left, or the time is over. */
  private deliverFor(mostMs: number, timers: Timers): Promise<void> {
    let isOver = false;
    const delivered = new Promise<void>((resolve) => {
      const step = (): void => {
        if (isOver) return;
        const effects = this.effects();
        if (effects.length === 0 && this.delivery.isDone) resolve();
        for (const effect of effects)
          void this.carryOut(effect).then((result) => {
            this.settle(result);
            step();
          });
      };
      step();
    });
    return within(delivered, mostMs, timers).finally(() => (isOver = true));
  }

  private exchangeOf(instrument: InstrumentId): ExchangeId | null {
    const known = this.exchanges.get(instrument);
    if (known !== undefined) return known;
    const [exchange, pair] = instrument.split(':') as [ExchangeId, string];
    const wanted = chooses(this.options.limits.trades.pairs, { pair }) ? exchange : null;
    this.exchanges.set(instrument, wanted);
    return wanted;
  }

  private inMemory(table: TickTable): number {
    return this.queue.waiting(table) + this.delivery.inHand(table);
  }

  private tableAccount(table: TickTable): TableAccount {
    const { queue, delivery, leftAtStop } = this;
    return {
      table,
      received: queue.received[table],
      carried: delivery.carried[table],
      stored: delivery.stored[table],
      inSpool: delivery.inSpool[table],
      inRing: this.inMemory(table) - leftAtStop[table],
      dropped: {
        ring: queue.overwritten(table),
        refused: delivery.refused[table],
        damaged: delivery.damaged[table],
        stop: leftAtStop[table],
      },
    };
  }
}

/** Resolves with the promise, or when the time is over. */
function within(done: Promise<void>, mostMs: number, timers: Timers): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = timers.setTimer(resolve, mostMs);
    void done.then(resolve, reject).finally(() => timers.clearTimer(late));
  });
}
