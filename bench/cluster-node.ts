import { monitorEventLoopDelay } from 'node:perf_hooks';
import { connect } from 'nats';
import { BoardFollower, BoardPublisher } from '../src/cluster/board-bridge.js';
import { NatsBus } from '../src/cluster/nats-bus.js';
import type { Instrument } from '../src/market/instrument.js';
import { BOARD_DEPTH, QuoteBoard, TRUST_OK } from '../src/market/quote-board.js';
import { SystemClock, SystemTimers } from '../src/runtime/platform/clock.js';
import { SeededRandom, TimeOrderedIds } from '../src/runtime/platform/random.js';
import { KeptLog } from '../test/runtime/harness.js';
import type { DelayFigures, NodeFigures, NodeTask } from './cluster.js';

type Sent = Pick<NodeFigures, 'bytes' | 'batches'>;
const NOTHING: Sent = { bytes: 0, batches: 0 };

/** One process of `bench -- cluster`: it publishes or follows, through ArBot or the bare client, until its parent has the figures. */

const LEVELS = 20;
/** Updates are due in portions, one each millisecond of a beat that no delay shifts. */
const BEAT_MS = 1;
/** What a stalled machine does not get done within this is left out, and counted as left out. */
const MOST_BEHIND_MS = 1_000;
/** Kept of all that were measured, each as likely as any other. */
const MOST_KEPT = 1_000_000;

/** The machine's monotonic clock, the same in every process. */
const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6;

/** Delays, all of them or a fair sample. */
class Delays {
  private readonly kept = new Float64Array(MOST_KEPT);
  private seen = 0;

  add(ms: number): void {
    const at = this.seen < MOST_KEPT ? this.seen : Math.floor(Math.random() * (this.seen + 1));
    if (at < MOST_KEPT) this.kept[at] = ms;
    this.seen++;
  }

  restart(): void {
    this.seen = 0;
  }

  figures(): DelayFigures | null {
    if (this.seen === 0) return null;
    const sorted = this.kept.slice(0, Math.min(this.seen, MOST_KEPT)).sort();
    const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))]!;
    return { p50Ms: at(0.5), p99Ms: at(0.99), p999Ms: at(0.999) };
  }
}

class Meter {
  /** From when an update was due, whoever was late. */
  readonly due = new Delays();
  /** From when the newest update of a book was written. */
  readonly written = new Delays();
  /** By how much the sender itself was late. */
  readonly late = new Delays();
  leftOut = 0;
  private readonly loop = monitorEventLoopDelay({ resolution: 1 });
  private updates = 0;
  private records = 0;
  private from = start();

  constructor() {
    this.loop.enable();
  }

  count(updates: number, records: number): void {
    this.updates += updates;
    this.records += records;
  }

  restart(): void {
    for (const one of [this.due, this.written, this.late]) one.restart();
    this.loop.reset();
    this.updates = 0;
    this.records = 0;
    this.leftOut = 0;
    this.from = start();
  }

  figures(sent: Sent): NodeFigures {
    const { user, system } = process.cpuUsage(this.from.cpu);
    const seconds = (nowMs() - this.from.wallMs) / 1e3;
    const { involuntaryContextSwitches: switches } = process.resourceUsage();
    return {
      ...{
        seconds,
        cpuSeconds: (user + system) / 1e6,
        updates: this.updates,
        records: this.records,
        ...sent,
      },
      ...{ due: this.due.figures(), written: this.written.figures(), late: this.late.figures() },
      leftOut: this.leftOut,
      loopP99Ms: this.loop.percentile(99) / 1e6,
      pushedAsidePerSecond: (switches - this.from.switches) / seconds,
    };
  }
}

const start = () => ({
  wallMs: nowMs(),
  cpu: process.cpuUsage(),
  switches: process.resourceUsage().involuntaryContextSwitches,
});

/**
 * Calls `update` so often per second, on a beat of a millisecond, with the time that it was due. A sender that was held up does what it
 * owes, and the updates count as late as they are: load does not wait for whoever carries it.
 */
function paced(perSecond: number, meter: Meter, update: (dueMs: number) => void): void {
  const fromMs = nowMs();
  let beats = 0;
  const owed = (until: number): number => Math.floor((until * BEAT_MS * perSecond) / 1e3);
  const tick = (): void => {
    const beatNow = Math.floor((nowMs() - fromMs) / BEAT_MS);
    const first = Math.max(beats, beatNow - MOST_BEHIND_MS / BEAT_MS);
    meter.leftOut += owed(first) - owed(beats);
    for (let beat = first; beat < beatNow; beat++) {
      const dueMs = fromMs + (beat + 1) * BEAT_MS;
      const count = owed(beat + 1) - owed(beat);
      if (count > 0) meter.late.add(nowMs() - dueMs);
      for (let i = 0; i < count; i++) update(dueMs);
    }
    beats = Math.max(beats, beatNow);
    setTimeout(tick, BEAT_MS);
  };
  setTimeout(tick, BEAT_MS);
}

function namesOf({ exchanges, symbols }: NodeTask): string[] {
  return exchanges.flatMap((exchange) => Array.from({ length: symbols }, (_, i) => `${exchange}:S${i}-USDT`));
}

async function busOf(task: NodeTask): Promise<NatsBus> {
  const clock = new SystemClock();
  const random = new SeededRandom(task.node);
  const ids = new TimeOrderedIds(clock, random);
  const parts = { clock, timers: new SystemTimers(), ids, log: new KeptLog(), random, sender: task.node };
  return NatsBus.connect({ ...parts, servers: [task.url], prefix: 'bench', connection: 'market' });
}

function bridgeOf(task: NodeTask, bus: NatsBus) {
  const instruments = namesOf(task).map((id) => ({ id }) as Instrument);
  const board = new QuoteBoard(Math.max(64, instruments.length));
  const shared = { board, bus, node: task.node, clock: new SystemClock(), timers: new SystemTimers() };
  return { board, options: { ...shared, instruments: () => instruments } };
}

/** A book of 20 levels per side, whose best size and time change at each update: each slot as likely as any other. */
async function publish(task: NodeTask, meter: Meter): Promise<() => Sent> {
  const { board, options } = bridgeOf(task, await busOf(task));
  const publisher = new BoardPublisher(options);
  const random = new SeededRandom(`slots of ${task.node}`);
  const slots = namesOf(task).map((name) => board.slotOf(name));
  const stamp = { epoch: 1, exchangeTimeMs: 0, receiveTimeMs: 0, lastFrameMs: 0 };
  for (const slot of slots) fill(board, slot);
  const update = (dueMs: number): void => {
    const slot = slots[Math.floor(random.next() * slots.length)]!;
    const at = slot * BOARD_DEPTH;
    board.bidSizes[at] = 1 + random.next();
    // The last so many updates of the book travel with it as sizes: also of one that another one replaced, it is told how late it came.
    board.askSizes.copyWithin(at + 1, at, at + LEVELS - 1);
    board.askSizes[at] = dueMs;
    board.sequence[slot]!++;
    board.trust[slot] = TRUST_OK;
    stamp.exchangeTimeMs = nowMs();
    stamp.receiveTimeMs = options.clock.nowMs();
    stamp.lastFrameMs = options.clock.monotonicMs();
    board.stamp(slot, stamp);
    meter.count(1, 0);
  };
  for (const slot of slots) board.stamp(slot, { ...stamp, lastFrameMs: options.clock.monotonicMs() });
  for (const exchange of task.exchanges) publisher.publish(exchange);
  paced(task.perSecond, meter, update);
  return () => {
    const { bytes, exchanges } = publisher.statistics();
    return { bytes, batches: exchanges.reduce((sum, one) => sum + one.batches, 0) };
  };
}

function fill(board: QuoteBoard, slot: number): void {
  const at = slot * BOARD_DEPTH;
  for (let level = 0; level < LEVELS; level++) {
    board.bidPrices[at + level] = 100 - level;
    board.askPrices[at + level] = 101 + level;
    board.bidSizes[at + level] = 1;
    board.askSizes[at + level] = 1;
  }
  board.bidLevels[slot] = LEVELS;
  board.askLevels[slot] = LEVELS;
}

/** Handles each book that is written on its board; the updates between two of them count, since the newest tells of them all. */
async function follow(task: NodeTask, meter: Meter): Promise<() => Sent> {
  const { board, options } = bridgeOf(task, await busOf(task));
  const follower = new BoardFollower(options);
  const seen = new Float64Array(board.capacity);
  board.onDirty((slot) => {
    const sequence = board.sequence[slot]!;
    if (board.trust[slot] !== TRUST_OK) return;
    const fresh = sequence - seen[slot]!;
    if (seen[slot]! > 0 && fresh > 0) {
      const atMs = nowMs();
      meter.count(fresh, 1);
      meter.written.add(atMs - board.exchangeTimeMs[slot]!);
      const at = slot * BOARD_DEPTH;
      for (let i = 0; i < Math.min(fresh, LEVELS); i++) meter.due.add(atMs - board.askSizes[at + i]!);
    }
    seen[slot] = sequence;
  });
  for (const exchange of task.exchanges) follower.follow(exchange);
  return () => NOTHING;
}

/** The bare client: one message per update, as large as a record of a book. */
async function rawPublish(task: NodeTask, meter: Meter): Promise<() => Sent> {
  const connection = await connect({ servers: task.url });
  const payload = new Uint8Array(56 + LEVELS * 4 * 8);
  const view = new DataView(payload.buffer);
  let [bytes, batches] = [0, 0];
  paced(task.perSecond, meter, (dueMs) => {
    view.setFloat64(0, dueMs, true);
    view.setFloat64(8, nowMs(), true);
    connection.publish('raw.book', payload.slice());
    bytes += payload.length;
    batches++;
    meter.count(1, 1);
  });
  return () => ({ bytes, batches });
}

async function rawFollow(task: NodeTask, meter: Meter): Promise<() => Sent> {
  const connection = await connect({ servers: task.url });
  connection.subscribe('raw.book', {
    callback: (_, { data }) => {
      const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
      const atMs = nowMs();
      meter.count(1, 1);
      meter.due.add(atMs - view.getFloat64(0, true));
      meter.written.add(atMs - view.getFloat64(8, true));
    },
  });
  return () => NOTHING;
}

const WORK = { publish, follow, 'raw publish': rawPublish, 'raw follow': rawFollow };

const meter = new Meter();
let sentOf = (): Sent => NOTHING;
let before = NOTHING;
process.on('message', (message: NodeTask | 'measure' | 'report') => {
  if (message === 'measure') {
    before = sentOf();
    meter.restart();
  } else if (message === 'report') {
    const { bytes, batches } = sentOf();
    const sent = { bytes: bytes - before.bytes, batches: batches - before.batches };
    process.send?.(meter.figures(sent), () => process.exit(0));
  } else {
    void WORK[message.work](message, meter).then((sent) => {
      sentOf = sent;
      process.send?.('ready');
    });
  }
});
