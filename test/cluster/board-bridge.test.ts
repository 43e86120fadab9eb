import t, { type Test } from 'tap';
import { BoardFollower, BoardPublisher } from '../../src/cluster/board-bridge.js';
import { InProcessBus } from '../../src/cluster/in-process-bus.js';
import type { Instrument } from '../../src/market/instrument.js';
import { OrderBook } from '../../src/market/order-book.js';
import { BOARD_DEPTH, QuoteBoard, TRUST_NONE, TRUST_OK } from '../../src/market/quote-board.js';
import type { Bus } from '../../src/ports/bus.js';
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
