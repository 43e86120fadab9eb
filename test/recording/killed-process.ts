import { appendFileSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { tickRecorderActor } from '../../src/actors/tick-recorder.js';
import { QuoteBoard } from '../../src/market/quote-board.js';
import type { TickSpool } from '../../src/ports/tick-spool.js';
import type { TickBatch, TickStore } from '../../src/ports/tick-store.js';
import { TickRecording } from '../../src/recording/tick-recording.js';
import { PlainEngine } from '../../src/runtime/engine-plain.js';
import { SystemClock, SystemTimers } from '../../src/runtime/platform/clock.js';
import { LocalFiles } from '../../src/runtime/platform/files.js';
import { CryptoRandom, TimeOrderedIds } from '../../src/runtime/platform/random.js';
import { ActorSystem } from '../../src/runtime/system.js';
import { DiskSpool } from '../../src/storage/spool/disk-spool.js';
import { KeptLog } from '../runtime/harness.js';
import { away } from './model.js';

/**
 * A process that records until it is killed. Arguments: folder, number of its first trade, whether its store answers. It notes
 * what it hears before it hands it over, and what was acknowledged after; its store is one file, a batch per line.
 */
const [folder = '', first = '0', mode = 'up'] = process.argv.slice(2);
const notes = openSync(join(folder, 'notes'), 'a');
const note = (what: string, ids: readonly string[]): void =>
  void writeSync(notes, `${what} ${ids.join(' ')}\n`);
const idsOf = (batch: TickBatch): string[] =>
  batch.table === 'tick_trades' ? batch.rows.map(({ tradeId }) => tradeId) : [];

let inserts = 0;
const store = {
  insert: (batch: TickBatch) => {
    if (mode === 'down') return Promise.reject(away('down'));
    appendFileSync(join(folder, 'store'), `${JSON.stringify(batch)}\n`);
    // Every third acknowledgement is lost.
    if (++inserts % 3 === 0) return Promise.reject(away('reset'));
    note('acked', idsOf(batch));
    return Promise.resolve();
  },
} as unknown as TickStore;

const [clock, timers, log] = [new SystemClock(), new SystemTimers(), new KeptLog()];
const random = new CryptoRandom();
const ids = new TimeOrderedIds(clock, random);
const disk = new DiskSpool({
  files: new LocalFiles(),
  folder: join(folder, 'spool'),
  maxBytes: 1 << 30,
  life: ids.next('life').slice(5),
  pause: () => new Promise((resolve) => setImmediate(resolve)),
  log,
  segmentRecords: 8,
});
const spool: TickSpool = {
  append: async (batch) => {
    const outcome = await disk.append(batch);
    if (outcome === 'kept') note('acked', idsOf(batch));
    return outcome;
  },
  oldest: () => disk.oldest(),
  forget: (batchId) => disk.forget(batchId),
  status: () => disk.status(),
  close: () => disk.close(),
};
const recording = new TickRecording({
  board: new QuoteBoard(4),
  instruments: () => [],
  limits: {
    books: { pairs: [], intervalMs: 1_000, depth: 1 },
    trades: { pairs: 'all' },
    spreads: { pairs: [] },
  },
  sizes: { ringRows: 10_000, batchRows: 40, batchAgeMs: 100 },
  policy: { retry: { minMs: 20, maxMs: 200 }, patienceMs: 500, timeoutMs: 5_000 },
  ...{ store, spool, clock, ids },
});
const engine = new PlainEngine(timers, () => undefined);
const system = new ActorSystem({ node: 'killed', engine, clock, timers, random, ids, log });
await system.spawn('tick-recorder', tickRecorderActor(recording));
process.send?.('recording');

let number = Number(first);
setInterval(() => {
  const heard = Array.from({ length: 10 }, () => String(++number));
  note('heard', heard);
  for (const tradeId of heard)
    recording.trade({
      ...{ instrument: 'alpha:BTC-USDT', tradeId, price: '1.5', quantity: '2', side: 'buy' },
      ...{ exchangeTimeMs: clock.nowMs(), receiveTimeMs: clock.nowMs() },
    });
}, 5);
if (mode === 'last')
  setInterval(() => {
    const { bytes } = disk.status();
    if (bytes === 0) process.send?.('drained');
  }, 50);
