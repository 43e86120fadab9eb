import t from 'tap';
import fc from 'fast-check';
import { bookAgeMs, sinceChangeMs, transitLagMs } from '../../src/market/book-age.js';
import { bookProblem } from '../../src/market/book-problem.js';
import { OrderBook } from '../../src/market/order-book.js';
import { BOARD_DEPTH, QuoteBoard, TRUST_NONE, TRUST_OK } from '../../src/market/quote-board.js';

/** What a book should be: two maps, sorted whenever asked. Full sides lose their worst level. */
class NaiveBook {
  private readonly sides = { bid: new Map<number, number>(), ask: new Map<number, number>() };
  private readonly maxLevels: number;

  constructor(maxLevels: number) {
    this.maxLevels = maxLevels;
  }

  set(side: 'bid' | 'ask', price: number, size: number): void {
    const map = this.sides[side];
    if (size === 0) map.delete(price);
    else map.set(price, size);
    if (map.size > this.maxLevels) map.delete(this.levels(side).at(-1)![0]);
  }

  levels(side: 'bid' | 'ask'): [number, number][] {
    return [...this.sides[side]].sort(([a], [b]) => (side === 'bid' ? b - a : a - b));
  }
}

const step = fc.record({
  side: fc.constantFrom('bid' as const, 'ask' as const),
  price: fc.integer({ min: 1, max: 400 }).map((n) => n / 8),
  size: fc.oneof(fc.constant(0), fc.constant(-0), fc.integer({ min: 1, max: 9 })),
});

const readAll = (book: OrderBook, side: 'bid' | 'ask'): [number, number][] => {
  const count = side === 'bid' ? book.bidCount : book.askCount;
  return Array.from({ length: count }, (_, i) => [book.price(side, i), book.size(side, i)]);
};

t.test(
  'property: the book equals a naive map after any inserts, changes and deletes, at any capacity',
  async (t) => {
    fc.assert(
      fc.property(
        fc.constantFrom(1, 2, 7, 100, 10_000),
        fc.array(step, { maxLength: 400 }),
        fc.integer({ min: 0, max: 30 }),
        (maxLevels, steps, count) => {
          const book = new OrderBook(maxLevels);
          const naive = new NaiveBook(maxLevels);
          for (const { side, price, size } of steps) {
            if (side === 'bid') book.setBid(price, size);
            else book.setAsk(price, size);
            naive.set(side, price, size);
          }
          for (const side of ['bid', 'ask'] as const) {
            const wanted = naive.levels(side);
            t.strictSame(readAll(book, side), wanted);
            const best = side === 'bid' ? [book.bestBid, book.bestBidSize] : [book.bestAsk, book.bestAskSize];
            t.strictSame(best, wanted[0] ?? [0, 0]);
            const [prices, sizes] = [new Float64Array(40).fill(-7), new Float64Array(40).fill(-7)];
            const copied = book.copyTop(side, count, prices, sizes, 3);
            const top = wanted.slice(0, count);
            t.equal(copied, top.length);
            t.strictSame(
              [...prices.slice(3, 3 + copied)],
              top.map(([price]) => price),
            );
            t.strictSame(
              [...sizes.slice(3, 3 + copied)],
              top.map(([, size]) => size),
            );
            t.ok(prices[2] === -7 && prices[3 + copied] === -7, 'nothing is written outside');
          }
          const [bid, ask] = [naive.levels('bid')[0], naive.levels('ask')[0]];
          t.equal(book.isCrossed, bid !== undefined && ask !== undefined && bid[0] >= ask[0]);
          book.clear();
          t.strictSame([book.bidCount, book.askCount, book.bestAsk, book.price('ask', 0)], [0, 0, 0, 0]);
        },
      ),
      { numRuns: 120 },
    );
  },
);

/** Sides as two maps, and the same levels as the arrays that a decoder fills. */
const arraysOf = (levels: readonly (readonly [price: number, size: number])[]) =>
  [
    Float64Array.from(levels, ([price]) => price),
    Float64Array.from(levels, ([, size]) => size),
    levels.length,
  ] as const;

/** A deep snapshot on a grid of ticks, dense or sparse, then batches that wander away from it, some far off, some between ticks. */
const deepStory = fc.record({
  decimals: fc.constantFrom(0, 1, 2, 5),
  middle: fc.integer({ min: 40_000, max: 2_000_000 }),
  depth: fc.integer({ min: 90, max: 400 }),
  spacing: fc.constantFrom(1, 3, 40),
  maxLevels: fc.constantFrom(150, 10_000),
  batches: fc.array(
    fc.record({
      jump: fc.constantFrom(0, 0, 3, -3, 700, -700, 9000, -9000),
      /** Strictly best first, as most exchanges send them. */
      isOrdered: fc.boolean(),
      offTick: fc.constantFrom(false, false, false, false, false, false, false, true),
      levels: fc.array(
        fc.record({
          distance: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 39_000 })),
          size: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 9 })),
        }),
        { maxLength: 60 },
      ),
    }),
    { maxLength: 12 },
  ),
});

const uniqueByDistance = <T extends { readonly distance: number }>(levels: readonly T[]): T[] =>
  [...new Map(levels.map((level) => [level.distance, level])).values()].sort(
    (a, b) => a.distance - b.distance,
  );

t.test('property: a deep book equals a naive map, wherever its prices go', async (t) => {
  fc.assert(
    fc.property(deepStory, ({ decimals, middle, depth, spacing, maxLevels, batches }) => {
      const scale = 10 ** decimals;
      const book = new OrderBook(maxLevels);
      const naive = new NaiveBook(maxLevels);
      for (const side of ['bid', 'ask'] as const) {
        const away = side === 'bid' ? -1 : 1;
        const load = Array.from({ length: depth }, (_, i): [number, number] => [
          (middle + away * (1 + i * spacing)) / scale,
          i % 7,
        ]).filter(([price]) => price > 0);
        if (side === 'bid') book.loadBids(...arraysOf(load));
        else book.loadAsks(...arraysOf(load));
        for (const [price, size] of load) if (size > 0) naive.set(side, price, size);
        let at = middle;
        for (const { jump, isOrdered, offTick, levels } of batches) {
          at = Math.max(1000, at + jump);
          const given = isOrdered ? uniqueByDistance(levels) : levels;
          const batch = given
            .map(({ distance, size }): [number, number] => [
              (at + away * distance) / scale + (offTick ? 1 / (scale * 4) : 0),
              size,
            ])
            .filter(([price]) => price > 0);
          if (side === 'bid') book.setBids(...arraysOf(batch));
          else book.setAsks(...arraysOf(batch));
          for (const [price, size] of batch) naive.set(side, price, size);
        }
        const wanted = naive.levels(side);
        const [prices, sizes] = [new Float64Array(wanted.length + 3), new Float64Array(wanted.length + 3)];
        t.equal(book.copyTop(side, wanted.length + 3, prices, sizes, 0), wanted.length);
        t.strictSame(
          wanted.map((_, i) => [prices[i], sizes[i]]),
          wanted,
        );
        const few = readAll(book, side).slice(0, 30);
        t.strictSame(few, wanted.slice(0, 30));
        const best = side === 'bid' ? [book.bestBid, book.bestBidSize] : [book.bestAsk, book.bestAskSize];
        t.strictSame(best, wanted[0] ?? [0, 0]);
      }
      book.clear();
      t.strictSame([book.bidCount, book.askCount, book.bestBid, book.price('ask', 0)], [0, 0, 0, 0]);
    }),
    { numRuns: 150 },
  );
});

t.test('a snapshot is taken in any order, replaces what was there and drops empty levels', async (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150 }), fc.boolean(), (steps, isSorted) => {
      const book = new OrderBook(100);
      const naive = new NaiveBook(100);
      book.loadAsks(...arraysOf(Array.from({ length: 200 }, (_, i) => [i + 1, 1] as const)));
      t.equal(book.askCount, 100);
      const levels = steps.map(({ price, size }): [number, number] => [price, Math.abs(size)]);
      if (isSorted) levels.sort(([a], [b]) => a - b);
      book.loadAsks(...arraysOf(levels));
      for (const [price, size] of levels) naive.set('ask', price, size);
      t.strictSame(readAll(book, 'ask'), naive.levels('ask'));
    }),
  );
});

t.test('a level that no exchange can mean is an invariant, and leaves the book as it was', async (t) => {
  const book = new OrderBook();
  book.setBid(100, 1);
  book.setAsk(101, 1);
  for (const [price, size] of [
    [NaN, 1],
    [0, 1],
    [-1, 1],
    [Infinity, 1],
    [5, NaN],
    [5, -1],
    [5, Infinity],
  ]) {
    t.throws(() => book.setBid(price!, size!), { code: 'ARB_INVARIANT' });
    t.throws(() => book.setAsk(price!, size!), { code: 'ARB_INVARIANT' });
  }
  t.strictSame([readAll(book, 'bid'), readAll(book, 'ask')], [[[100, 1]], [[101, 1]]]);
  t.throws(() => new OrderBook(0), { code: 'ARB_INVARIANT' });
});

function bookOf(bid: number, ask: number): OrderBook {
  const book = new OrderBook();
  book.setBid(bid, 1);
  book.setAsk(ask, 2);
  book.sequence = 77;
  return book;
}

t.test(
  'the board tells listeners of a slot, keeps twenty levels and never trusts a crossed book',
  async (t) => {
    const board = new QuoteBoard(2);
    const dirty: number[] = [];
    const stop = board.onDirty((slot) => dirty.push(slot));
    const slot = board.slotOf('okx:BTC-USDT');
    t.equal(board.slotOf('okx:BTC-USDT'), slot);
    t.equal(board.trust[slot], TRUST_NONE);
    const deep = new OrderBook();
    for (let i = 1; i <= 50; i++) deep.setBid(i, i);
    t.ok(board.publish(slot, deep, 1, 10, 20, 30));
    t.strictSame(
      [board.bidLevels[slot], board.bidPrices[slot * BOARD_DEPTH], board.trust[slot]],
      [20, 50, TRUST_OK],
    );
    board.distrust(slot);
    board.distrust(slot);
    t.strictSame(dirty, [slot, slot], 'told once per change of trust');
    board.publish(slot, bookOf(101, 101), 1, 10, 20, 30);
    t.equal(board.trust[slot], TRUST_NONE, 'locked is as wrong as crossed');
    stop();
    board.publish(slot, bookOf(100, 101), 1, 10, 20, 30);
    t.equal(dirty.length, 3);
    t.equal(board.sequence[slot], 77);
    board.slotOf('okx:ETH-USDT');
    t.throws(() => board.slotOf('okx:SOL-USDT'), { code: 'ARB_INVARIANT', message: /full at 2/ });
    t.throws(() => board.nameOf(2), { code: 'ARB_INVARIANT' });
  },
);

t.test('of two owners of a feed the newer wins until it is silent beyond the limit', async (t) => {
  const board = new QuoteBoard(1, { maxSilenceMs: 1_000 });
  const slot = board.slotOf('okx:BTC-USDT');
  const publish = (epoch: number, bid: number, atMs: number) =>
    board.publish(slot, bookOf(bid, 200), epoch, atMs, atMs, atMs);
  t.ok(publish(5, 100, 0));
  t.notOk(publish(4, 90, 500), 'older and not silent');
  board.distrust(slot, 4);
  board.markAlive(slot, 900, 4);
  t.strictSame(
    [board.bidPrices[slot * BOARD_DEPTH], board.trust[slot], board.aliveMonotonicMs[slot]],
    [100, TRUST_OK, 0],
  );
  t.notOk(publish(4, 90, 1_000));
  board.markAlive(slot, 1_000, 5);
  t.notOk(publish(4, 90, 1_500), 'a pong counts as life');
  t.ok(publish(4, 90, 2_001), 'silent: the older one takes over');
  t.ok(publish(5, 101, 2_002), 'and hands back at once');
  t.equal(board.staleEpochWrites, 3);
  t.ok(publish(6, 102, 2_003));
});

t.test(
  'age is silence of the connection plus lag of the last frame; time since change is apart',
  async (t) => {
    const board = new QuoteBoard(2);
    const slot = board.slotOf('okx:BTC-USDT');
    t.strictSame([bookAgeMs(board, slot, 1), sinceChangeMs(board, slot, 1)], [Infinity, Infinity]);
    // Sent at 10_000 by the exchange's clock, received 40 ms later, at 500 of the monotonic clock.
    board.publish(slot, bookOf(100, 101), 1, 10_000, 10_040, 500);
    t.equal(bookAgeMs(board, slot, 500), 40);
    t.equal(bookAgeMs(board, slot, 800), 340);
    board.markAlive(slot, 790);
    t.equal(bookAgeMs(board, slot, 800), 50);
    t.equal(sinceChangeMs(board, slot, 800), 300);
    t.equal(transitLagMs(board, slot, 25), 65, 'the exchange is 25 ms ahead, so it was sent earlier');
    t.equal(transitLagMs(board, slot, -100), 0, 'never below zero');
    t.equal(transitLagMs(board, slot, -6_000), Infinity, 'no clock differs so much without a jump');
    const limits = { maxBookAgeMs: 50, maxUnchangedMs: 1_000 };
    t.equal(bookProblem(board, slot, 800, limits), null);
    t.equal(bookProblem(board, slot, 801, limits), 'BOOK_AGE');
    board.markAlive(slot, 1_600);
    t.equal(bookProblem(board, slot, 1_600, limits), 'BOOK_UNCHANGED');
    t.equal(bookProblem(board, slot, NaN, limits), 'BOOK_AGE', 'a broken clock trusts nothing');
    const dateOnly = board.slotOf('upbit:BTC-KRW');
    board.publish(dateOnly, bookOf(100, 101), 1, 0, 10_040, 500);
    t.equal(bookAgeMs(board, dateOnly, 510), 10, 'no exchange time, no lag');
    board.distrust(dateOnly);
    t.equal(bookProblem(board, dateOnly, 510, limits), 'BOOK_UNTRUSTED');
  },
);
