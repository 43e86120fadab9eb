import { monitorEventLoopDelay, type IntervalHistogram } from 'node:perf_hooks';
import { BoardFollower } from '../../src/cluster/board-bridge.js';
import { QuoteBoard, TRUST_OK } from '../../src/market/quote-board.js';
import type { Bus } from '../../src/ports/bus.js';
import { percentile } from '../proofs/figures.js';
import { RealTime } from '../runtime/real-time.js';

/** What a stretch of time looked like on the nodes that were not hit. */
export interface Delays {
  /** From the time an exchange put on a book until it was on the board of another process, over NATS, ms. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly books: number;
  /** All of them, so that several stretches can be looked at as one. */
  readonly delaysMs: readonly number[];
  /** Batches that did not come, by their numbers. */
  readonly lostBatches: number;
  /** By how much this process itself was late at p99: it is in the delays above. */
  readonly loopP99Ms: number;
}

interface Taken {
  readonly exchange: string;
  readonly atMs: number;
  readonly delayMs: number;
}

/** Kept for so long; the longest stretch that is asked for is shorter. */
const KEPT_MS = 90_000;
const NODE = 'bystander';

/**
 * Follows the books of all exchanges like a node that detects, beside the cluster, and remembers how late each change came. Exchanges,
 * nodes and this process share one machine, hence one clock.
 */
export class Bystander {
  private readonly follower: BoardFollower;
  private readonly taken: Taken[] = [];
  private readonly loop: IntervalHistogram = monitorEventLoopDelay({ resolution: 5 });
  private lostBefore = 0;

  constructor(bus: Bus, instruments: readonly string[]) {
    const time = new RealTime();
    const board = new QuoteBoard(Math.max(64, instruments.length));
    const exchangeOf = new Map(instruments.map((id) => [board.slotOf(id), id.slice(0, id.indexOf(':'))]));
    const seen = new Map<number, number>();
    board.onDirty((slot) => {
      const exchangeTimeMs = board.exchangeTimeMs[slot]!;
      if (board.trust[slot] !== TRUST_OK || exchangeTimeMs === seen.get(slot)) return;
      const isFirst = !seen.has(slot);
      seen.set(slot, exchangeTimeMs);
      // A book that was there before is as old as it is, and nobody was late.
      if (isFirst || !(exchangeTimeMs > 0)) return;
      this.note({
        exchange: exchangeOf.get(slot)!,
        atMs: performance.now(),
        delayMs: Date.now() - exchangeTimeMs,
      });
    });
    const known = instruments.map((id) => ({ id }));
    this.follower = new BoardFollower({
      ...{ board, bus, node: NODE, clock: time, timers: time },
      instruments: () => known,
    });
    for (const exchange of new Set(exchangeOf.values())) this.follower.follow(exchange);
    this.loop.enable();
  }

  private note(one: Taken): void {
    this.taken.push(one);
    if (this.taken.length > 1_000 && this.taken[0]!.atMs < one.atMs - KEPT_MS)
      this.taken.splice(
        0,
        this.taken.findIndex(({ atMs }) => atMs >= one.atMs - KEPT_MS),
      );
  }

  /** The loop's delays are counted from here on. */
  mark(): void {
    this.loop.reset();
    this.lostBefore = this.follower.statistics().lostBatches;
  }

  /** Of these exchanges since `fromMs` (`performance.now()`), which is when `mark` was called; null = no book changed. */
  since(fromMs: number, exchanges: readonly string[]): Delays | null {
    const delays = this.taken.flatMap(({ exchange, atMs, delayMs }) =>
      atMs >= fromMs && exchanges.includes(exchange) ? [delayMs] : [],
    );
    if (delays.length === 0) return null;
    return {
      p50Ms: percentile(delays, 0.5),
      p99Ms: percentile(delays, 0.99),
      books: delays.length,
      delaysMs: delays,
      lostBatches: this.follower.statistics().lostBatches - this.lostBefore,
      loopP99Ms: this.loop.percentile(99) / 1e6,
    };
  }

  close(): void {
    this.loop.disable();
    this.follower.close();
  }
}
