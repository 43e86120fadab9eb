import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import { tickRecorderActor } from '../src/actors/tick-recorder.js';
import type { Instrument } from '../src/market/instrument.js';
import { OrderBook } from '../src/market/order-book.js';
import { QuoteBoard } from '../src/market/quote-board.js';
import { ArbotError } from '../src/messages/errors.js';
import type { TickStore } from '../src/ports/tick-store.js';
import { TickRecording } from '../src/recording/tick-recording.js';
import { NactEngine } from '../src/runtime/engine-nact.js';
import { SystemClock, SystemTimers } from '../src/runtime/platform/clock.js';
import { LocalFiles } from '../src/runtime/platform/files.js';
import { CryptoRandom, TimeOrderedIds } from '../src/runtime/platform/random.js';
import { ActorSystem } from '../src/runtime/system.js';
import { openTicks } from '../src/storage/open-ticks.js';
import { DiskSpool } from '../src/storage/spool/disk-spool.js';
import { instrument } from '../test/risk/fixtures.js';
import { KeptLog } from '../test/runtime/harness.js';
import { quartilesOf } from './quartiles.js';

/**
 * Recording into ClickHouse: how much it takes in without holding the event loop, and what its store's absence does to the way
 * from a due quote to the board. Wall times: a machine that others use shows in all rows alike.
 */
export interface RecordingSize {
  readonly ticksPerSecond: number;
  readonly sustainedMs: number;
  readonly outageRowsPerSecond: number;
  /** Each phase of the comparison, once with the store and once without. */
  readonly phaseMs: number;
  readonly phases: number;
}

export const RECORDING_SIZES = {
  full: {
    ticksPerSecond: 50_000,
    sustainedMs: 30_000,
    outageRowsPerSecond: 2_000,
    phaseMs: 10_000,
    phases: 8,
  },
  quick: {
    ticksPerSecond: 50_000,
    sustainedMs: 15_000,
    outageRowsPerSecond: 2_000,
    phaseMs: 5_000,
    phases: 5,
  },
  tiny: { ticksPerSecond: 1_000, sustainedMs: 300, outageRowsPerSecond: 200, phaseMs: 100, phases: 1 },
} as const satisfies Record<string, RecordingSize>;

const EXCHANGES = ['alpha', 'beta', 'gamma', 'delta', 'epsilon'];
const BASES = ['BTC', 'ETH', 'SOL', 'XRP', 'DOGE', 'ADA', 'LTC', 'DOT', 'BNB', 'TRX'];
const BEAT_MS = 5;
const BOOK_MS = 100;

/** A store that can be away. */
class Switched {
  isAway = false;
  readonly store: TickStore;

  constructor(inner: TickStore) {
    this.store = {
      ...inner,
      insert: (batch) =>
        this.isAway
          ? Promise.reject(new ArbotError('ARB_STORE_UNAVAILABLE', 'away', { retryable: true }))
          : inner.insert(batch),
    };
  }
}

/** A recorder as a node has it, over a store, and the markets it records. */
class Bench {
  readonly board = new QuoteBoard();
  readonly clock = new SystemClock();
  readonly recording: TickRecording;
  private readonly instruments: readonly Instrument[] = EXCHANGES.flatMap((exchange) =>
    BASES.map((base) => instrument(exchange, base)),
  );
  private readonly system: ActorSystem;
  private readonly timers = new SystemTimers();
  private readonly books = this.instruments.map((_, at) => bookAround(100 + at / 10));
  private trades = 0;
  private published = 0;

  constructor(store: TickStore, folder: string) {
    const { clock, timers } = this;
    const random = new CryptoRandom();
    const ids = new TimeOrderedIds(clock, random);
    const log = new KeptLog();
    this.recording = new TickRecording({
      board: this.board,
      instruments: () => this.instruments,
      limits: {
        books: { pairs: 'all', intervalMs: BOOK_MS, depth: 10 },
        trades: { pairs: 'all' },
        spreads: { pairs: 'all' },
      },
      sizes: { ringRows: 65_536, batchRows: 5_000, batchAgeMs: 1_000 },
      policy: { retry: { minMs: 250, maxMs: 1_000 }, patienceMs: 2_000, timeoutMs: 30_000 },
      store,
      spool: new DiskSpool({
        ...{ files: new LocalFiles(), folder, log, maxBytes: 1 << 30 },
        life: ids.next('life').slice(5),
        pause: () => new Promise((resolve) => timers.setImmediate(resolve)),
      }),
      clock,
      ids,
    });
    const engine = new NactEngine(() => undefined);
    this.system = new ActorSystem({ node: 'bench', engine, clock, timers, random, ids, log });
  }

  async start(): Promise<void> {
    await this.system.spawn('tick-recorder', tickRecorderActor(this.recording));
  }

  trade(count: number): void {
    const nowMs = this.clock.nowMs();
    for (let i = 0; i < count; i++) {
      const number = ++this.trades;
      this.recording.trade({
        instrument: this.instruments[number % this.instruments.length]!.id,
        tradeId: String(number),
        price: `${100 + (number % 997)}.25`,
        quantity: '0.00125',
        side: number % 2 === 0 ? 'buy' : 'sell',
        exchangeTimeMs: nowMs - 4,
        receiveTimeMs: nowMs,
      });
    }
  }

  /** The next market's book changes. */
  publish(): void {
    const at = this.published++ % this.instruments.length;
    const book = this.books[at]!;
    book.setBid(book.bestBid, 1 + (this.published % 89) / 10);
    const { id } = this.instruments[at]!;
    const nowMs = this.clock.nowMs();
    this.board.publish(this.board.slotOf(id), book, 1, nowMs - 4, nowMs, this.clock.monotonicMs());
  }

  get received(): number {
    return this.sum(({ received }) => received);
  }

  get stored(): number {
    return this.sum(({ stored }) => stored);
  }

  get lost(): number {
    return this.sum(({ dropped }) => dropped.ring + dropped.refused + dropped.damaged + dropped.stop);
  }

  get waiting(): number {
    return this.sum(({ inRing, inSpool }) => inRing + inSpool);
  }

  private sum(pick: (table: ReturnType<TickRecording['account']>['tables'][number]) => number): number {
    return this.recording.account().tables.reduce((all, table) => all + pick(table), 0);
  }

  async settle(mostMs: number): Promise<void> {
    const untilMs = performance.now() + mostMs;
    while (this.waiting > 0 && performance.now() < untilMs) await wait(50);
  }

  async close(): Promise<void> {
    await this.system.close(1_000);
    await this.recording.close(this.timers);
  }
}

function bookAround(price: number): OrderBook {
  const book = new OrderBook();
  for (let level = 0; level < 20; level++) {
    book.setBid(price - level / 100, 1 + level);
    book.setAsk(price + 0.01 + level / 100, 2 + level);
  }
  return book;
}

/** Calls back on a fixed timetable with how many units are due; what a stall held up comes together. */
async function paced(
  perSecond: number,
  forMs: number,
  due: (count: number, dueMs: number) => void,
): Promise<void> {
  const startMs = performance.now();
  let done = 0;
  while (performance.now() - startMs < forMs) {
    const until = Math.floor(((performance.now() - startMs) * perSecond) / 1_000);
    if (until > done) due(until - done, startMs + (done * 1_000) / perSecond);
    done = Math.max(done, until);
    await wait(BEAT_MS);
  }
}

/** Runs both parts and prints them. Throws when a row is missing or there twice. */
export async function benchRecording(size: RecordingSize, print: (line: string) => void): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'arbot-bench-recording-'));
  const [clock, timers, log] = [new SystemClock(), new SystemTimers(), new KeptLog()];
  const store = await openTicks({ kind: 'chdb', folder: join(root, 'ticks') }, 'SIMULATED', {
    clock,
    timers,
    log,
  });
  try {
    print('## recording into ClickHouse (chdb in its child process)');
    await sustained(new Bench(store, join(root, 'spool')), store, size, print);
    await outage(new Switched(store), join(root, 'spool-2'), size, print);
  } finally {
    await store.close();
    rmSync(root, { recursive: true, force: true });
  }
}

async function sustained(bench: Bench, store: TickStore, size: RecordingSize, print: (line: string) => void) {
  const books = (EXCHANGES.length * BASES.length * 1_000) / BOOK_MS;
  const trades = size.ticksPerSecond - books;
  print(
    `input: ${size.ticksPerSecond} ticks/s for ${size.sustainedMs / 1_000} s: ${trades} trades/s, ${books} books/s of 10 levels a side, 50 markets; and their spreads`,
  );
  const loop = monitorEventLoopDelay({ resolution: 1 });
  const idle = monitorEventLoopDelay({ resolution: 1 });
  let bookDue = 0;
  const market = (count: number): void => {
    bench.trade(Math.round((count * trades) / size.ticksPerSecond));
    bookDue += (count * books) / size.ticksPerSecond;
    for (; bookDue >= 1; bookDue--) bench.publish();
  };
  idle.enable();
  await paced(size.ticksPerSecond, size.sustainedMs / 5, () => undefined);
  idle.disable();
  await bench.start();
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  loop.enable();
  await paced(size.ticksPerSecond, size.sustainedMs, market);
  loop.disable();
  const tookMs = performance.now() - startMs;
  const [received, stored] = [bench.received, bench.stored];
  const used = process.cpuUsage(cpu);
  await bench.settle(60_000);
  const inStore = (await store.status()).reduce((sum, { rows }) => sum + rows, 0);
  const perSecond = (rows: number): string => Math.round((rows * 1_000) / tookMs).toLocaleString('en-US');
  print(
    `received ${perSecond(received)} rows/s, stored ${perSecond(stored)} rows/s meanwhile; ${bench.lost} dropped; ` +
      `${((used.user + used.system) / 1_000 / tookMs).toFixed(2)} cores in this process`,
  );
  print(
    `event loop: p50 ${delay(loop, 50)}, p99 ${delay(loop, 99)}, max ${delay(loop, 100)}; idle p99 ${delay(idle, 99)}`,
  );
  if (inStore !== bench.stored || bench.waiting > 0 || bench.stored + bench.lost !== bench.received)
    throw new Error(`${inStore} rows are stored, ${bench.stored} of ${bench.received} acknowledged`);
  await bench.close();
}

const delay = (histogram: { percentile(of: number): number }, of: number): string =>
  `${(histogram.percentile(of) / 1e6).toFixed(1)} ms`;

/** Of one phase, ms: from the moment a quote is due to the board, wall; and processor time of a turn with everything in it. */
interface Phase {
  readonly p50: number;
  readonly p99: number;
  readonly turnP99: number;
}

async function phaseOf(bench: Bench, { outageRowsPerSecond, phaseMs }: RecordingSize): Promise<Phase> {
  const delays: number[] = [];
  const turns: number[] = [];
  let used = process.cpuUsage();
  await paced(outageRowsPerSecond, phaseMs, (count, dueMs) => {
    bench.trade(Math.ceil(count * 0.75));
    for (let i = 0; i < Math.ceil(count * 0.25); i++) bench.publish();
    delays.push(performance.now() - dueMs);
    const { user, system } = process.cpuUsage(used);
    used = process.cpuUsage();
    turns.push((user + system) / 1_000);
  });
  return { p50: shareOf(delays, 0.5), p99: shareOf(delays, 0.99), turnP99: shareOf(turns, 0.99) };
}

function shareOf(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length * share)] ?? NaN;
}

async function outage(
  switched: Switched,
  spool: string,
  size: RecordingSize,
  print: (line: string) => void,
): Promise<void> {
  const bench = new Bench(switched.store, spool);
  await bench.start();
  const [there, away]: [Phase[], Phase[]] = [[], []];
  for (let phase = 0; phase < size.phases; phase++) {
    there.push(await phaseOf(bench, size));
    switched.isAway = true;
    away.push(await phaseOf(bench, size));
    switched.isAway = false;
    // What waits comes back before the next comparison.
    await bench.settle(60_000);
  }
  print(
    `store away, ${size.outageRowsPerSecond} rows/s, ${size.phases} × ${size.phaseMs / 1_000} s with and without it in turn; medians of the phases:`,
  );
  const row = (name: string, of: (phase: Phase) => number): void => {
    const [with_, without] = [there, away].map((phases) => quartilesOf(phases.map(of)).median) as [
      number,
      number,
    ];
    const ratio = (without / with_).toFixed(2);
    print(`  ${name}: store there ${with_.toFixed(2)} ms, away ${without.toFixed(2)} ms, ratio ${ratio}`);
  };
  row('due quote → board p50', ({ p50 }) => p50);
  row('due quote → board p99', ({ p99 }) => p99);
  row('processor time of a turn p99', ({ turnP99 }) => turnP99);
  const { spool: state } = bench.recording.account();
  print(`  ${state.appends} batches went over the disk, ${state.replayed} came back; ${bench.lost} dropped`);
  if (bench.waiting > 0 || bench.stored + bench.lost !== bench.received)
    throw new Error(`${bench.stored} of ${bench.received} rows are stored after the outage`);
  await bench.close();
}
