import { connect } from 'nats';
import { BoardFollower, BoardPublisher } from '../src/cluster/board-bridge.js';
import { NatsBus } from '../src/cluster/nats-bus.js';
import type { Instrument } from '../src/market/instrument.js';
import { BOARD_DEPTH, QuoteBoard, TRUST_OK } from '../src/market/quote-board.js';
import { SystemClock, SystemTimers } from '../src/runtime/platform/clock.js';
import { SeededRandom, TimeOrderedIds } from '../src/runtime/platform/random.js';
import { KeptLog } from '../test/runtime/harness.js';
import type { NodeFigures, NodeTask } from './cluster.js';

/** One process of `bench -- cluster`: it publishes or follows, through ArBot or the bare client, until its parent has the figures. */

const LEVELS = 20;
/** What a stalled machine does not get done within this is not made up for. */
const MOST_BEHIND_S = 0.05;

/** The machine's monotonic clock, the same in every process. */
const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6;

class Meter {
  private readonly delaysMs: number[] = [];
  private updates = 0;
  private records = 0;
  private from = { wallMs: nowMs(), cpu: process.cpuUsage() };

  count(updates: number, records: number): void {
    this.updates += updates;
    this.records += records;
  }

  delay(ms: number): void {
    if (this.delaysMs.length < 2_000_000) this.delaysMs.push(ms);
  }

  restart(): void {
    this.delaysMs.length = 0;
    this.updates = 0;
    this.records = 0;
    this.from = { wallMs: nowMs(), cpu: process.cpuUsage() };
  }

  figures(bytes: number): NodeFigures {
    const { user, system } = process.cpuUsage(this.from.cpu);
    const sorted = Float64Array.from(this.delaysMs).sort();
    const at = (share: number): number | null => sorted[Math.floor(share * (sorted.length - 1))] ?? null;
    return {
      seconds: (nowMs() - this.from.wallMs) / 1e3,
      cpuSeconds: (user + system) / 1e6,
      ...{ updates: this.updates, records: this.records, bytes, p50Ms: at(0.5), p99Ms: at(0.99) },
    };
  }
}

/** Calls `update` so often per second, in portions of about a millisecond. */
function paced(perSecond: number, update: () => void): () => void {
  let doneMs = nowMs();
  const tick = (): void => {
    const behindS = Math.min((nowMs() - doneMs) / 1e3, MOST_BEHIND_S);
    const due = Math.floor(behindS * perSecond);
    if (due > 0) doneMs = nowMs() - (behindS - due / perSecond) * 1e3;
    for (let i = 0; i < due; i++) update();
    timer = setTimeout(tick, 1);
  };
  let timer = setTimeout(tick, 1);
  return () => clearTimeout(timer);
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
async function publish(task: NodeTask, meter: Meter): Promise<() => number> {
  const { board, options } = bridgeOf(task, await busOf(task));
  const publisher = new BoardPublisher(options);
  const random = new SeededRandom(`slots of ${task.node}`);
  const slots = namesOf(task).map((name) => board.slotOf(name));
  const stamp = { epoch: 1, exchangeTimeMs: 0, receiveTimeMs: 0, lastFrameMs: 0 };
  for (const slot of slots) fill(board, slot);
  const update = (): void => {
    const slot = slots[Math.floor(random.next() * slots.length)]!;
    board.bidSizes[slot * BOARD_DEPTH] = 1 + random.next();
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
  paced(task.perSecond, update);
  return () => publisher.statistics().bytes;
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
async function follow(task: NodeTask, meter: Meter): Promise<() => number> {
  const { board, options } = bridgeOf(task, await busOf(task));
  const follower = new BoardFollower(options);
  const seen = new Float64Array(board.capacity);
  board.onDirty((slot) => {
    const sequence = board.sequence[slot]!;
    if (board.trust[slot] !== TRUST_OK) return;
    if (seen[slot]! > 0) {
      meter.count(sequence - seen[slot]!, 1);
      meter.delay(nowMs() - board.exchangeTimeMs[slot]!);
    }
    seen[slot] = sequence;
  });
  for (const exchange of task.exchanges) follower.follow(exchange);
  return () => 0;
}

/** The bare client: one message per update, as large as a record of a book. */
async function rawPublish(task: NodeTask, meter: Meter): Promise<() => number> {
  const connection = await connect({ servers: task.url });
  const payload = new Uint8Array(56 + LEVELS * 4 * 8);
  const view = new DataView(payload.buffer);
  let bytes = 0;
  paced(task.perSecond, () => {
    view.setFloat64(0, nowMs(), true);
    connection.publish('raw.book', payload.slice());
    bytes += payload.length;
    meter.count(1, 1);
  });
  return () => bytes;
}

async function rawFollow(task: NodeTask, meter: Meter): Promise<() => number> {
  const connection = await connect({ servers: task.url });
  connection.subscribe('raw.book', {
    callback: (_, { data }) => {
      const sentMs = new DataView(data.buffer, data.byteOffset, data.byteLength).getFloat64(0, true);
      meter.count(1, 1);
      meter.delay(nowMs() - sentMs);
    },
  });
  return () => 0;
}

const WORK = { publish, follow, 'raw publish': rawPublish, 'raw follow': rawFollow };

const meter = new Meter();
let bytesOf = (): number => 0;
let bytesBefore = 0;
process.on('message', (message: NodeTask | 'measure' | 'report') => {
  if (message === 'measure') {
    bytesBefore = bytesOf();
    meter.restart();
  } else if (message === 'report') {
    process.send?.(meter.figures(bytesOf() - bytesBefore), () => process.exit(0));
  } else {
    void WORK[message.work](message, meter).then((bytes) => {
      bytesOf = bytes;
      process.send?.('ready');
    });
  }
});
