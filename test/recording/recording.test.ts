import t, { type Test } from 'tap';
import { tickRecorderActor } from '../../src/actors/tick-recorder.js';
import type { Instrument } from '../../src/market/instrument.js';
import { OrderBook } from '../../src/market/order-book.js';
import { QuoteBoard } from '../../src/market/quote-board.js';
import type { BookSnapshotRow, SpreadRow } from '../../src/ports/tick-store.js';
import { droppedRows, isBalanced, type TableAccount } from '../../src/recording/account.js';
import { BookSampler } from '../../src/recording/book-sampler.js';
import type { RecordingLimits } from '../../src/recording/limits.js';
import { SpreadSampler } from '../../src/recording/spread-sampler.js';
import { TickRecording } from '../../src/recording/tick-recording.js';
import { PlainEngine } from '../../src/runtime/engine-plain.js';
import { SeededRandom, TimeOrderedIds } from '../../src/runtime/platform/random.js';
import { Prng } from '../../src/simulator/prng.js';
import { ActorSystem } from '../../src/runtime/system.js';
import { MemoryEngine, noFaults } from '../../src/storage/memory/memory-database.js';
import { createMemoryTicks, memoryTicks } from '../../src/storage/memory/memory-ticks.js';
import { DiskSpool } from '../../src/storage/spool/disk-spool.js';
import { INSTRUMENTS, instrument, NOW } from '../risk/fixtures.js';
import { KeptLog } from '../runtime/harness.js';
import { ManualTime } from '../runtime/manual-time.js';
import { SimulatedDisk } from '../simulation/disk.js';

/** Trades in a tenth of a second: 2,000 rows a second with FULL_RATE set, else fewer, for a shared machine. */
const EACH = process.env['FULL_RATE'] === undefined ? 10 : 200;
t.setTimeout(175_000);

const EVERYTHING: RecordingLimits = {
  books: { pairs: 'all', intervalMs: 1_000, depth: 2 },
  trades: { pairs: 'all' },
  spreads: { pairs: 'all' },
};

/** Publishes a book with these best prices and three levels a side. */
function quote(board: QuoteBoard, id: string, bid: number, ask: number, monotonicMs: number): void {
  const book = new OrderBook();
  for (let level = 0; level < 3; level++) {
    book.setBid(bid - level, 1 + level);
    book.setAsk(ask + level, 2 + level);
  }
  book.sequence = 7;
  board.publish(board.slotOf(id), book, 5, NOW + monotonicMs - 3, NOW + monotonicMs, monotonicMs);
}

t.test('books are kept once per interval and on change only, to the depth that is wanted', (t) => {
  const board = new QuoteBoard(8);
  const sampler = new BookSampler(board, { pairs: ['BTC-USDT'], intervalMs: 1_000, depth: 2 });
  board.onDirty((slot) => sampler.mark(slot));
  const rows: BookSnapshotRow[] = [];
  const look = (nowMs: number): number => {
    rows.length = 0;
    sampler.look(nowMs, (row) => rows.push(row));
    return rows.length;
  };
  quote(board, 'alpha:BTC-USDT', 100, 101, 10);
  quote(board, 'beta:ETH-USDT', 10, 11, 10);
  t.equal(look(50), 1);
  t.same(rows[0], {
    exchange: 'alpha',
    instrument: 'alpha:BTC-USDT',
    exchangeTimeMs: NOW + 7,
    receiveTimeMs: NOW + 10,
    epoch: 5,
    sequence: 7,
    bidPrices: [100, 99],
    bidSizes: [1, 2],
    askPrices: [101, 102],
    askSizes: [2, 3],
  });
  quote(board, 'alpha:BTC-USDT', 102, 103, 60);
  quote(board, 'alpha:BTC-USDT', 104, 105, 70);
  t.equal(look(1_049), 0, 'within the interval');
  t.equal(look(1_050), 1);
  t.equal(rows[0]!.bidPrices[0], 104, 'the newest of the interval');
  t.equal(look(3_000), 0, 'nothing changed');
  board.distrust(board.slotOf('alpha:BTC-USDT'));
  t.equal(look(4_000), 0, 'a distrusted book is no row');
  quote(board, 'alpha:BTC-USDT', 104, 105, 4_100);
  t.equal(look(4_200), 1);
  t.end();
});

t.test('each direction has one row per second: its last state and the highest of its looks', (t) => {
  const board = new QuoteBoard(8);
  const sampler = new SpreadSampler(board, ['BTC-USDT']);
  board.onDirty((slot) => sampler.mark(slot));
  const packs: Instrument = instrument('gamma', 'BTC', { unitMultiplier: '1000' });
  const unknown = instrument('delta', 'BTC', { identityKnown: false });
  const listed = [...INSTRUMENTS.filter(({ exchange }) => exchange !== 'gamma'), unknown];
  let followed: readonly Instrument[] = listed;
  const look = (wallMs: number): SpreadRow[] => {
    const rows: SpreadRow[] = [];
    sampler.look(
      wallMs,
      () => followed,
      (row) => rows.push(row),
    );
    return rows;
  };
  quote(board, 'alpha:BTC-USDT', 100, 101, 1);
  quote(board, 'delta:BTC-USDT', 500, 501, 1);
  t.same(look(NOW), [], 'the first second has only begun');
  quote(board, 'beta:BTC-USDT', 103, 104, 2);
  look(NOW + 300);
  quote(board, 'beta:BTC-USDT', 102, 103, 3);
  look(NOW + 900);
  const [one, other, ...more] = look(NOW + 1_000);
  t.same(more, [], 'ETH is not wanted, and an unknown coin has no spread');
  t.same(one, {
    secondMs: NOW,
    pair: 'BTC-USDT',
    base: 'BTC',
    quote: 'USDT',
    buyExchange: 'alpha',
    sellExchange: 'beta',
    ask: 101,
    bid: 102,
    grossBps: ((102 - 101) / 101) * 10_000,
    maxGrossBps: ((103 - 101) / 101) * 10_000,
  });
  t.match(other, { buyExchange: 'beta', sellExchange: 'alpha', ask: 103, bid: 100 });
  t.equal(look(NOW + 2_000).length, 2, 'what stands still has its row too');
  board.distrust(board.slotOf('beta:BTC-USDT'));
  look(NOW + 2_500);
  t.equal(look(NOW + 3_000).length, 2, 'it stood at the beginning of that second');
  t.equal(look(NOW + 4_000).length, 0, 'a second without trust has none');
  quote(board, 'beta:BTC-USDT', 102, 103, 3);
  t.same(look(NOW + 1_500), [], 'a clock that was set back tells no second again');
  t.same(look(NOW + 4_900), []);
  t.equal(look(NOW + 6_000)[0]?.secondMs, NOW + 4_000, 'then it goes on');
  followed = [...listed, packs];
  quote(board, 'gamma:BTC-USDT', 110_000, 111_000, 4);
  look(NOW + 7_000);
  const rows = look(NOW + 8_000);
  t.equal(rows.length, 6);
  t.match(
    rows.find(({ buyExchange, sellExchange }) => buyExchange + sellExchange === 'alphagamma'),
    { bid: 110 },
  );
  t.end();
});

/** What is on the machine and outlives its processes. */
class Machine {
  readonly time = new ManualTime(NOW);
  readonly ticks = createMemoryTicks();
  readonly faults = noFaults();
  readonly disk = new SimulatedDisk(Prng.of(1, 'disk'));
  trades = 0;
  private lives = 0;

  async start(options: { limits?: RecordingLimits; maxBytes?: number } = {}): Promise<Life> {
    const life = new Life(this, ++this.lives, options);
    await life.spawn();
    return life;
  }

  /** Ids of the trades that are stored, in the order of their storing. */
  stored(): string[] {
    return this.ticks.rows.tick_trades.map(({ tradeId }) => tradeId);
  }
}

/** A recorder with its actor over a store in memory and a simulated disk, on manual time. */
class Life {
  readonly recording: TickRecording;
  readonly board = new QuoteBoard(16);
  readonly log = new KeptLog();
  readonly system: ActorSystem;
  private readonly machine: Machine;

  constructor(machine: Machine, number: number, options: { limits?: RecordingLimits; maxBytes?: number }) {
    this.machine = machine;
    const { time, ticks, faults, disk } = machine;
    const { log } = this;
    const random = new SeededRandom(`recording ${number}`);
    const ids = new TimeOrderedIds(time, random);
    const pause = (): Promise<void> => new Promise((resolve) => time.setImmediate(resolve));
    this.recording = new TickRecording({
      board: this.board,
      instruments: () => INSTRUMENTS,
      limits: options.limits ?? EVERYTHING,
      sizes: { ringRows: 2_000, batchRows: 500, batchAgeMs: 1_000 },
      policy: { retry: { minMs: 250, maxMs: 10_000 }, patienceMs: 2_000, timeoutMs: 30_000 },
      store: memoryTicks(new MemoryEngine(ticks, faults, time, time)),
      spool: new DiskSpool({
        ...{ files: disk.files(time), folder: '/spool', log, pause },
        maxBytes: options.maxBytes ?? 1 << 30,
        life: `life${number}`,
      }),
      clock: time,
      ids,
    });
    const engine = new PlainEngine(time, () => undefined);
    this.system = new ActorSystem({ node: 'test', engine, clock: time, timers: time, random, ids, log });
  }

  async spawn(): Promise<void> {
    const started = this.system.spawn('tick-recorder', tickRecorderActor(this.recording));
    await this.machine.time.settle();
    if (!(await started).ok) throw new Error('the recorder did not start');
  }

  async crash(): Promise<void> {
    this.system.crash('tick-recorder', new Error('on purpose'));
    await this.machine.time.settle();
    await this.spawn();
  }

  /** Feeds deliver so many trades. */
  trade(count: number, instrument = 'alpha:BTC-USDT'): void {
    const nowMs = this.machine.time.nowMs();
    for (let i = 0; i < count; i++)
      this.recording.trade({
        instrument,
        tradeId: String(++this.machine.trades),
        ...{ price: '100.50', quantity: '0.001', side: 'buy', exchangeTimeMs: nowMs, receiveTimeMs: nowMs },
      });
  }

  /** So many tenths of a second with so many trades each. */
  async run(tenths: number, each: number): Promise<void> {
    for (let i = 0; i < tenths; i++) {
      this.trade(each);
      await this.machine.time.advance(100);
    }
  }

  account(): TableAccount {
    const { tables } = this.recording.account();
    if (!tables.every(isBalanced)) throw new Error(`not balanced: ${JSON.stringify(tables)}`);
    return tables[0]!;
  }

  /** kill -9: nothing of it happens any more. */
  async kill(): Promise<void> {
    await this.system.stop('tick-recorder', 'exit', 1_000);
  }
}

const once = (t: Test, machine: Machine, count: number): void => {
  const stored = machine.stored();
  t.equal(stored.length, count, 'as many as came');
  t.equal(new Set(stored).size, stored.length, 'none twice');
};

t.test(
  'a store that is away for ten minutes costs nothing: 0 lost, 0 twice, whatever its actor suffers',
  async (t) => {
    const machine = new Machine();
    const life = await machine.start();
    await life.run(30, EACH);
    t.equal(life.account().stored > 0, true);
    machine.faults.lostAcknowledgements = 2;
    await life.run(10, EACH);
    machine.faults.down = true;
    for (let minute = 0; minute < 10; minute++) {
      await life.run(599, EACH);
      t.equal(life.account().dropped.ring, 0, `minute ${minute}`);
      await life.crash();
      await life.run(1, EACH);
    }
    const { inSpool, inRing } = life.account();
    t.ok(inSpool > 5_900 * EACH && inRing < 40 * EACH, `${inSpool} on the disk, ${inRing} in memory`);
    t.equal(life.recording.account().store.isUp, false);
    machine.faults.down = false;
    machine.faults.lostAcknowledgements = 3;
    await life.run(600, EACH);
    await machine.time.advance(5_000);
    t.match(life.account(), { inSpool: 0, inRing: 0, stored: machine.trades });
    t.equal(life.recording.account().spool.bytes, 0);
    once(t, machine, machine.trades);
    t.ok(life.log.lines.some(({ message }) => message === 'the tick store answers again'));
    await life.kill();
  },
);

t.test(
  'with the store away and the disk full the oldest rows are dropped and counted, and it recovers by itself',
  async (t) => {
    const machine = new Machine();
    const life = await machine.start();
    machine.faults.down = true;
    machine.disk.full = true;
    await life.run(200, 100);
    const { dropped, inRing, inSpool } = life.account();
    t.ok(dropped.ring > 10_000 && inRing <= 3_000 && inSpool === 0, JSON.stringify(life.account()));
    machine.disk.full = false;
    await life.run(200, 10);
    t.ok(life.account().inSpool > 0, 'the disk takes them again');
    machine.faults.down = false;
    await machine.time.advance(30_000);
    t.match(life.account(), { inSpool: 0, inRing: 0 });
    once(t, machine, machine.trades - droppedRows(life.account().dropped));
    t.ok(machine.stored().includes(String(machine.trades)), 'the newest are there');
    await life.kill();
  },
);

t.test('a full spool is told, and drops nothing while it has room', async (t) => {
  const machine = new Machine();
  const life = await machine.start({ maxBytes: 200_000 });
  machine.faults.down = true;
  await life.run(40, 10);
  t.equal(life.account().dropped.ring, 0);
  await life.run(400, 10);
  const { spool } = life.recording.account();
  t.ok(spool.timesFull > 0 && spool.bytes <= 200_000 && life.account().dropped.ring > 0);
  machine.faults.down = false;
  await machine.time.advance(30_000);
  t.match(life.account(), { inSpool: 0, inRing: 0 });
  once(t, machine, machine.trades - droppedRows(life.account().dropped));
  await life.kill();
});

t.test('a slow store has what it does not take in time go over the disk', async (t) => {
  const machine = new Machine();
  const life = await machine.start();
  machine.faults.delayMs = 6_000;
  await life.run(300, 20);
  t.ok(life.recording.account().spool.appends > 5);
  machine.faults.delayMs = 0;
  await machine.time.advance(20_000);
  t.equal(life.account().dropped.ring, 0);
  once(t, machine, machine.trades);
  await life.kill();
});

t.test('a process that is killed loses no more than what nobody had acknowledged, the newest', async (t) => {
  const machine = new Machine();
  const mayBeLost = new Set<string>();
  let carried = 0;
  for (let round = 0; round < 12; round++) {
    const life = await machine.start();
    machine.faults.down = round % 3 === 1;
    machine.faults.lostAcknowledgements = round % 2;
    await life.run(17 + round * 3, 7);
    const { inRing } = life.account();
    t.ok(inRing <= 7 * 25, `${inRing} in memory`);
    for (let newest = 0; newest < inRing; newest++) mayBeLost.add(String(machine.trades - newest));
    carried += life.account().carried;
    await life.kill();
  }
  machine.faults.down = false;
  machine.faults.lostAcknowledgements = 0;
  const last = await machine.start();
  await machine.time.advance(15_000);
  t.match(last.account(), { inSpool: 0, inRing: 0 }, 'the next start is clean');
  t.equal(last.recording.account().spool.bytes, 0);
  t.ok(carried > 0, 'what waited on the disk was taken over');
  const stored = machine.stored();
  const known = new Set(stored);
  t.equal(known.size, stored.length, 'none twice');
  const missing = Array.from({ length: machine.trades }, (_, i) => String(i + 1)).filter(
    (id) => !known.has(id),
  );
  t.same(
    missing.filter((id) => !mayBeLost.has(id)),
    [],
  );
  await last.kill();
});

t.test('an ordered stop leaves nothing in memory: stored, or on the disk, or counted', async (t) => {
  for (const [down, full, where] of [
    [false, false, 'stored'],
    [true, false, 'inSpool'],
    [true, true, 'stop'],
  ] as const) {
    const machine = new Machine();
    const life = await machine.start();
    life.trade(30);
    machine.faults.down = down;
    machine.disk.full = full;
    await life.system.stop('tick-recorder', 'shutdown', 1_000);
    const closed = life.recording.close(machine.time);
    await machine.time.advance(5_000);
    await closed;
    life.trade(5);
    const account = life.account();
    t.equal(where === 'stop' ? account.dropped.stop : account[where], 30, where);
    t.equal(account.received, 30, 'what comes later is not taken');
    t.equal(machine.time.pendingTimers(), 0);
  }
});

t.test('only the pairs that are wanted, and a trade that is told again counts once', async (t) => {
  const machine = new Machine();
  const none = { books: { ...EVERYTHING.books, pairs: [] }, spreads: { pairs: [] } };
  const life = await machine.start({ limits: { ...none, trades: { pairs: ['ETH-USDT'] } } });
  life.trade(3);
  life.trade(2, 'alpha:ETH-USDT');
  machine.trades -= 2;
  life.trade(2, 'alpha:ETH-USDT');
  for (const { id } of INSTRUMENTS) quote(life.board, id, 100, 101, 1);
  await machine.time.advance(3_000);
  t.equal(life.account().stored, 2);
  t.equal(life.recording.account().repeatedTrades, 2);
  t.same(
    life.recording.account().tables.map(({ received }) => received),
    [2, 0, 0],
  );
  t.match(life.system.inspect('tick-recorder')?.summary, { repeatedTrades: 2 });
  await life.kill();
});
