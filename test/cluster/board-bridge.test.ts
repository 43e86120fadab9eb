import fc from 'fast-check';
import t, { type Test } from 'tap';
import { BoardApply } from '../../src/cluster/board/apply.js';
import { Source } from '../../src/cluster/board/source.js';
import { TransitMeter } from '../../src/cluster/board/transit.js';
import { BoardFollower, BoardPublisher } from '../../src/cluster/board-bridge.js';
import { InProcessBus } from '../../src/cluster/in-process-bus.js';
import type { Instrument } from '../../src/market/instrument.js';
import { OrderBook } from '../../src/market/order-book.js';
import { BOARD_DEPTH, QuoteBoard, TRUST_NONE, TRUST_OK } from '../../src/market/quote-board.js';
import { bookAgeMs } from '../../src/market/book-age.js';
import { BoardBatchReader } from '../../src/messages/board-reader.js';
import { BoardBatchWriter } from '../../src/messages/board-writer.js';
import type { MessageKind } from '../../src/messages/catalogue.js';
import { encodeMessage } from '../../src/messages/codec.js';
import type { Bus, PublishOptions } from '../../src/ports/bus.js';
import { SystemClock, SystemTimers } from '../../src/runtime/platform/clock.js';
import { SeededRandom, TimeOrderedIds } from '../../src/runtime/platform/random.js';
import { eventually } from '../bus/contract.js';
import { KeptLog } from '../runtime/harness.js';

const clock = new SystemClock();
const timers = new SystemTimers();
const NAMES = ['binance:BTC-USDT', 'binance:ETH-USDT', 'binance:SOL-USDT'];
const instruments = () => NAMES.map((id) => ({ id }) as Instrument);

function busOf(sender: string): InProcessBus {
  const ids = new TimeOrderedIds(clock, new SeededRandom(sender));
  return new InProcessBus({ clock, timers, ids, log: new KeptLog(), sender });
}

/** Two nodes over one in-process bus: it stamps its own name as the sender of everything. */
function pair(t: Test, bus: Bus = busOf('tokyo')) {
  const from = new QuoteBoard(64);
  const to = new QuoteBoard(64);
  const shared = { bus, clock, timers, instruments };
  const publisher = new BoardPublisher({ ...shared, board: from, node: 'tokyo' });
  const follower = new BoardFollower({ ...shared, board: to, node: 'seoul' });
  t.teardown(async () => {
    follower.close();
    publisher.close();
    await bus.close();
  });
  return { from, to, publisher, follower };
}

function write(board: QuoteBoard, name: string, bid: number, epoch = 7): number {
  const book = new OrderBook();
  for (let level = 0; level < 3; level++) {
    book.setBid(bid - level, 1 + level);
    book.setAsk(bid + 1 + level, 2 + level);
  }
  const slot = board.slotOf(name);
  board.publish(slot, book, epoch, clock.nowMs() - 3, clock.nowMs(), clock.monotonicMs());
  return slot;
}

t.test('a book written on one node appears on the other, level by level', async (t) => {
  const { from, to, publisher, follower } = pair(t);
  follower.follow('binance');
  publisher.publish('binance');
  const at = write(from, 'binance:ETH-USDT', 100);
  const slot = to.slotOf('binance:ETH-USDT');
  await eventually(() => to.trust[slot] === TRUST_OK, 'the book');
  for (const array of ['bidPrices', 'bidSizes', 'askPrices', 'askSizes'] as const) {
    const levels = (board: QuoteBoard, slot: number) => [
      ...board[array].subarray(slot * BOARD_DEPTH, slot * BOARD_DEPTH + 3),
    ];
    t.strictSame(levels(to, slot), levels(from, at), array);
  }
  t.equal(to.epoch[slot], 7);
  t.ok(follower.isFresh('binance'), JSON.stringify(follower.statistics()));
  from.distrust(at);
  await eventually(() => to.trust[slot] === TRUST_NONE, 'the distrust');
  write(from, 'binance:ETH-USDT', 101);
  await eventually(() => to.trust[slot] === TRUST_OK, 'the trust');
  publisher.withdraw('binance');
  await eventually(() => to.trust[slot] === TRUST_NONE, 'the withdrawal');
  t.notOk(follower.isFresh('binance'));
});

t.test(
  'what a batch of any bytes does to a board: valid books, distrust or nothing, and never a throw',
  async (t) => {
    const { bytes, reader } = sampleBatch();
    t.equal(reader.open(bytes), null);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        fc.option(fc.nat(bytes.length), { nil: undefined }),
        (changes, length) => {
          const damaged = new Uint8Array(length ?? bytes.length);
          damaged.set(bytes.subarray(0, damaged.length));
          for (const [at, value] of changes) if (at < damaged.length) damaged[at] = value;
          const board = new QuoteBoard(16);
          const source = new Source('tokyo', { boot: 1, number: 1, nowMs: 0 });
          const apply = new BoardApply(board, (name) => NAMES.includes(name));
          if (apply.reader.open(damaged) !== null) return;
          source.books = apply.reader.books;
          apply.batch(source, { exchange: 'binance', nowMs: 1e6, wallNowMs: 1.7e12, transitMs: 1 });
          for (let slot = 0; slot < board.size; slot++) assertSound(board, slot);
        },
      ),
      { numRuns: 3_000 },
    );
  },
);

t.test('each field of a record that no book can have costs that book alone', async (t) => {
  const spoil: Record<string, (record: Spoilt) => void> = {
    index: (r) => r.shorts.setUint16(r.at, 999, true),
    flags: (r) => (r.bytes[r.at + 2] = 4),
    'name of another exchange': (r) => r.bytes.set(Buffer.from('okx__'), r.nameAt),
    version: (r) => r.shorts.setFloat64(r.at + 8, -1, true),
    epoch: (r) => r.shorts.setFloat64(r.at + 16, 1.5, true),
    sequence: (r) => r.shorts.setFloat64(r.at + 24, NaN, true),
    exchangeTimeMs: (r) => r.shorts.setFloat64(r.at + 32, Infinity, true),
    frameAgeMs: (r) => r.shorts.setFloat64(r.at + 40, -1, true),
    aliveAgeMs: (r) => r.shorts.setFloat64(r.at + 48, NaN, true),
    'price 0': (r) => r.shorts.setFloat64(r.at + 56, 0, true),
    'price order': (r) => r.shorts.setFloat64(r.at + 64, 1e6, true),
    'size negative': (r) => r.shorts.setFloat64(r.at + 80, -1, true),
    'trusted and crossed': (r) => r.shorts.setFloat64(r.at + 56, 1e9, true),
  };
  for (const [name, change] of Object.entries(spoil)) {
    const { bytes, offsets } = sampleBatch();
    const at = offsets[1]!;
    change({ bytes, shorts: new DataView(bytes.buffer, bytes.byteOffset), at, nameAt: at + 56 + 4 * 16 });
    const board = new QuoteBoard(16);
    const apply = new BoardApply(board, (one) => NAMES.includes(one));
    const source = new Source('tokyo', { boot: 1, number: 1, nowMs: 0 });
    t.equal(apply.reader.open(bytes), null, name);
    source.books = apply.reader.books;
    apply.batch(source, { exchange: 'binance', nowMs: 1e6, wallNowMs: 1.7e12, transitMs: 1 });
    t.match(apply.counts, { records: 3, written: 2, refusedRecords: 1 }, name);
    t.notOk(source.isWhole, 'so that it is asked for again');
  }
});

t.test('a batch that does not add up is refused whole', async (t) => {
  const { bytes } = sampleBatch();
  const reader = new BoardBatchReader();
  const refusals: [string, (view: DataView) => void, RegExp][] = [
    ['boot', (view) => view.setFloat64(0, NaN, true), /boot/],
    ['number', (view) => view.setFloat64(8, 0, true), /number/],
    ['time', (view) => view.setFloat64(16, Infinity, true), /sentMonotonicMs/],
    ['more records', (view) => view.setUint16(24, 9, true), /cut off|bids|asks|length/],
    ['less records', (view) => view.setUint16(24, 1, true), /length/],
    ['more ages than books', (view) => view.setUint16(26, 40, true), /alive ages/],
    ['too many books', (view) => view.setUint16(28, 9_000, true), /books/],
    ['flags', (view) => view.setUint16(30, 2, true), /flags/],
    ['levels', (view) => view.setUint8(35, 21), /bids/],
  ];
  for (const [name, change, why] of refusals) {
    const spoilt = bytes.slice();
    change(new DataView(spoilt.buffer));
    t.match(reader.open(spoilt), why, name);
    t.notOk(reader.next(), 'nothing of it can be read');
  }
  for (const length of [0, 8, 31, bytes.length - 8, bytes.length - 1]) {
    t.ok(reader.open(bytes.slice(0, length)), `${length} bytes`);
  }
});

interface Spoilt {
  readonly bytes: Uint8Array;
  readonly shorts: DataView;
  readonly at: number;
  readonly nameAt: number;
}

/** Three named books of two levels per side. */
function sampleBatch() {
  const writer = new BoardBatchWriter(64 * 1024);
  const board = new QuoteBoard(16);
  const offsets: number[] = [];
  NAMES.forEach((name, index) => {
    const book = new OrderBook();
    for (let level = 0; level < 2; level++) {
      book.setBid(100 - level, 1);
      book.setAsk(101 + level, 1);
    }
    const slot = board.slotOf(name);
    board.publish(slot, book, 5, 1.7e12, 1.7e12, 10);
    const fields = { index, isTrusted: true, bids: 2, asks: 2, name, version: 1, epoch: 5, sequence: 9 };
    offsets.push(32 + index * (56 + 4 * 16 + 16));
    writer.add(
      { ...fields, exchangeTimeMs: 1.7e12, frameAgeMs: 1, aliveAgeMs: 1 },
      board,
      slot * BOARD_DEPTH,
    );
  });
  const header = { boot: 1.7e12, number: 1, sentMonotonicMs: 10, books: 3, isWithdrawn: false };
  return { bytes: writer.finish(header, 3, () => 2).slice(), offsets, reader: new BoardBatchReader() };
}

/** What a detector may rely on, whatever came. */
function assertSound(board: QuoteBoard, slot: number): void {
  const side = (prices: Float64Array, sizes: Float64Array, levels: number, direction: number) => {
    for (let i = 0; i < levels; i++) {
      const at = slot * BOARD_DEPTH + i;
      if (!(prices[at]! > 0 && prices[at]! < Infinity && sizes[at]! > 0 && sizes[at]! < Infinity))
        throw new Error(`level ${i}: ${prices[at]} × ${sizes[at]}`);
      if (i > 0 && !((prices[at]! - prices[at - 1]!) * direction > 0))
        throw new Error(`level ${i} out of order`);
    }
  };
  side(board.bidPrices, board.bidSizes, board.bidLevels[slot]!, -1);
  side(board.askPrices, board.askSizes, board.askLevels[slot]!, 1);
  const at = slot * BOARD_DEPTH;
  const crossed =
    board.bidLevels[slot]! > 0 && board.askLevels[slot]! > 0 && board.bidPrices[at]! >= board.askPrices[at]!;
  if (crossed && board.trust[slot] === TRUST_OK) throw new Error('crossed and trusted');
  if (Number.isNaN(board.changedMonotonicMs[slot]! + board.aliveMonotonicMs[slot]!))
    throw new Error('no time');
}

/** Stands between publisher and follower: it sees every message under the name of its node, and may drop it. */
function lineOf(t: Test) {
  const buses = new Map<string, InProcessBus>();
  const state = { drop: false, connected: true };
  const join = (node: string): Bus => {
    const bus = busOf(node);
    buses.set(node, bus);
    t.teardown(() => bus.close());
    return Object.create(bus, {
      publish: {
        value: (subject: string, kind: MessageKind, body: never, options: PublishOptions) => {
          if (state.drop) return;
          const header = { traceId: options.traceId, sender: node, sentAtMs: clock.nowMs() };
          const bytes = encodeMessage(kind, body, header);
          for (const other of buses.values()) other.relay(subject, bytes);
        },
      },
      statistics: {
        value: () => ({ ...bus.statistics(), state: state.connected ? 'connected' : 'reconnecting' }),
      },
    }) as Bus;
  };
  return { state, join };
}

function nodeOf(t: Test, bus: Bus, node: string) {
  const board = new QuoteBoard(64);
  const shared = { board, bus, node, clock, timers, instruments };
  const publisher = new BoardPublisher(shared);
  const follower = new BoardFollower(shared);
  t.teardown(() => {
    follower.close();
    publisher.close();
  });
  return { board, publisher, follower, slot: board.slotOf('binance:BTC-USDT') };
}

t.test('books are distrusted at a lost batch and trusted again when they came whole', async (t) => {
  const line = lineOf(t);
  const tokyo = nodeOf(t, line.join('tokyo'), 'tokyo');
  const seoul = nodeOf(t, line.join('seoul'), 'seoul');
  for (const name of NAMES) write(tokyo.board, name, 100);
  tokyo.publisher.publish('binance');
  seoul.follower.follow('binance');
  await eventually(() => seoul.follower.isFresh('binance'), 'a newcomer gets all books');
  const trusted = () => NAMES.map((name) => seoul.board.trust[seoul.board.slotOf(name)]);
  t.strictSame(trusted(), [1, 1, 1]);
  const distrusted: number[] = [];
  seoul.board.onDirty((slot) => {
    if (seoul.board.trust[slot] === TRUST_NONE) distrusted.push(slot);
  });
  line.state.drop = true;
  write(tokyo.board, NAMES[1]!, 200);
  await eventually(() => tokyo.publisher.statistics().records > 3, 'it is sent and lost');
  line.state.drop = false;
  await eventually(() => distrusted.length >= 3, 'the gap is seen');
  await eventually(() => seoul.follower.isFresh('binance'), 'and made good');
  const slot = seoul.board.slotOf(NAMES[1]!);
  t.equal(seoul.board.bidPrices[slot * BOARD_DEPTH], 200, 'the lost change is there');
  t.strictSame(trusted(), [1, 1, 1]);
  t.match(seoul.follower.statistics(), { refusedBatches: 0, refusedRecords: 0 });
  t.ok(seoul.follower.statistics().lostBatches >= 1);
});

t.test('silence and a reconnection make books untrusted; they come back by themselves', async (t) => {
  const line = lineOf(t);
  const tokyo = nodeOf(t, line.join('tokyo'), 'tokyo');
  const seoul = nodeOf(t, line.join('seoul'), 'seoul');
  write(tokyo.board, NAMES[0]!, 100);
  tokyo.publisher.publish('binance');
  seoul.follower.follow('binance');
  const isTrusted = () => seoul.board.trust[seoul.slot] === TRUST_OK;
  await eventually(isTrusted, 'the book');
  line.state.connected = false;
  await eventually(() => !isTrusted(), 'the bus reconnects');
  line.state.connected = true;
  await eventually(isTrusted, 'whole again');
  line.state.drop = true;
  await eventually(() => !isTrusted(), 'silence');
  t.notOk(seoul.follower.isFresh('binance'));
  t.equal(seoul.follower.statistics().sources[0]?.isSilent, true);
  line.state.drop = false;
  await eventually(isTrusted, 'heard again');
});

t.test('the highest epoch shows; when its node is gone, the other one does', async (t) => {
  const line = lineOf(t);
  const tokyo = nodeOf(t, line.join('tokyo'), 'tokyo');
  const osaka = nodeOf(t, line.join('osaka'), 'osaka');
  const seoul = nodeOf(t, line.join('seoul'), 'seoul');
  const bid = () => seoul.board.bidPrices[seoul.slot * BOARD_DEPTH];
  const isTrusted = () => seoul.board.trust[seoul.slot] === TRUST_OK;
  seoul.follower.follow('binance');
  write(tokyo.board, NAMES[0]!, 100, 10);
  tokyo.publisher.publish('binance');
  await eventually(() => bid() === 100 && isTrusted(), 'the older');
  write(osaka.board, NAMES[0]!, 200, 11);
  osaka.publisher.publish('binance');
  await eventually(() => bid() === 200 && isTrusted(), 'the newer');
  write(tokyo.board, NAMES[0]!, 101, 10);
  await eventually(() => seoul.follower.statistics().superseded >= 1, 'the older is dropped');
  t.equal(bid(), 200);
  tokyo.board.distrust(tokyo.slot);
  await eventually(() => seoul.follower.statistics().superseded >= 2, 'and distrusts nothing');
  t.ok(isTrusted());
  write(tokyo.board, NAMES[0]!, 102, 10);
  osaka.publisher.withdraw('binance');
  await eventually(() => bid() === 102 && isTrusted(), 'the older speaks again when the newer has withdrawn');
  t.equal(seoul.board.epoch[seoul.slot], 10);
});

t.test('a node that publishes what it also follows sends nothing of others as its own', async (t) => {
  const line = lineOf(t);
  const tokyo = nodeOf(t, line.join('tokyo'), 'tokyo');
  const osaka = nodeOf(t, line.join('osaka'), 'osaka');
  const seoul = nodeOf(t, line.join('seoul'), 'seoul');
  write(tokyo.board, NAMES[0]!, 100, 10);
  tokyo.publisher.publish('binance');
  tokyo.follower.follow('binance');
  write(osaka.board, NAMES[0]!, 200, 11);
  osaka.publisher.publish('binance');
  await eventually(() => tokyo.board.bidPrices[tokyo.slot * BOARD_DEPTH] === 200, 'the newer shows at both');
  seoul.follower.follow('binance');
  await eventually(() => seoul.follower.isFresh('binance'), 'seoul hears both');
  await eventually(() => seoul.board.bidPrices[seoul.slot * BOARD_DEPTH] === 200, 'the book');
  osaka.publisher.withdraw('binance');
  await eventually(() => seoul.board.trust[seoul.slot] === TRUST_NONE, 'of osaka alone');
  const sent = seoul.follower.statistics().sources.find(({ node }) => node === 'tokyo');
  t.match(sent, { books: 1, isSilent: false }, 'tokyo is heard all the while');
  t.not(seoul.board.epoch[seoul.slot], 10);
});

t.test('a publisher that began anew is another source: its books count when they come', async (t) => {
  const line = lineOf(t);
  const bus = line.join('tokyo');
  const first = nodeOf(t, bus, 'tokyo');
  const seoul = nodeOf(t, line.join('seoul'), 'seoul');
  seoul.follower.follow('binance');
  write(first.board, NAMES[0]!, 100, 10);
  first.publisher.publish('binance');
  await eventually(() => seoul.follower.isFresh('binance'), 'the first');
  const boot = () => seoul.follower.statistics().sources.map((source) => source.boot);
  const before = boot();
  line.state.drop = true;
  first.publisher.close();
  line.state.drop = false;
  const second = nodeOf(t, bus, 'tokyo');
  // Another order of the instruments, so that indexes mean other books.
  write(second.board, NAMES[2]!, 300, 12);
  write(second.board, NAMES[0]!, 101, 12);
  second.publisher.publish('binance');
  await eventually(() => seoul.board.bidPrices[seoul.slot * BOARD_DEPTH] === 101, 'the second');
  await eventually(() => seoul.follower.isFresh('binance'), 'all of it');
  t.equal(boot().length, 1);
  t.ok(boot()[0]! > before[0]!);
  t.equal(seoul.board.bidPrices[seoul.board.slotOf(NAMES[2]!) * BOARD_DEPTH], 300);
});

t.test('ages are those of the books, whatever the way took and whenever they are sent', async (t) => {
  const line = lineOf(t);
  const tokyo = nodeOf(t, line.join('tokyo'), 'tokyo');
  const seoul = nodeOf(t, line.join('seoul'), 'seoul');
  const slot = write(tokyo.board, NAMES[0]!, 100);
  tokyo.publisher.publish('binance');
  seoul.follower.follow('binance');
  await eventually(() => seoul.follower.isFresh('binance'), 'the book');
  const ages = () => {
    const nowMs = clock.monotonicMs();
    return [bookAgeMs(tokyo.board, slot, nowMs), bookAgeMs(seoul.board, seoul.slot, nowMs)] as const;
  };
  const [own, followed] = ages();
  t.ok(Math.abs(own - followed) < 25, `${own} and ${followed}`);
  tokyo.board.markAlive(slot, clock.monotonicMs(), 7);
  const alive = seoul.board.aliveMonotonicMs[seoul.slot]!;
  await eventually(
    () => seoul.board.aliveMonotonicMs[seoul.slot]! > alive,
    'the life of the connection travels',
  );
  const { written } = seoul.follower.statistics();
  const changed = seoul.board.changedMonotonicMs[seoul.slot];
  seoul.follower.unfollow('binance');
  t.equal(seoul.board.trust[seoul.slot], TRUST_NONE, 'nobody follows it');
  seoul.follower.follow('binance');
  await eventually(() => seoul.follower.statistics().written > written, 'it is sent again');
  t.ok(Math.abs(seoul.board.changedMonotonicMs[seoul.slot]! - changed!) < 25, 'with the age that it has');
});

t.test(
  'a batch that waited on its way is never taken for a fast one, however wrong the wall clocks are',
  async (t) => {
    const meter = new TransitMeter();
    t.equal(
      meter.measure(1_000, 500_000, -200),
      0,
      'the receiver is behind: the way of the fastest is not seen',
    );
    t.equal(meter.measure(1_100, 500_130, -170), 30, 'what one took longer is');
    t.equal(meter.measure(1_200, 500_200, 40), 40, 'the wall clocks may tell more');
    t.equal(meter.measure(61_200, 560_700, -200), 500, 'also after a while');
  },
);
