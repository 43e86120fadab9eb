import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import t from 'tap';
import { tickRecorderActor } from '../../src/actors/tick-recorder.js';
import { QuoteBoard } from '../../src/market/quote-board.js';
import { isBalanced } from '../../src/recording/account.js';
import { TickRecording } from '../../src/recording/tick-recording.js';
import { PlainEngine } from '../../src/runtime/engine-plain.js';
import { SystemClock, SystemTimers } from '../../src/runtime/platform/clock.js';
import { LocalFiles } from '../../src/runtime/platform/files.js';
import { CryptoRandom, TimeOrderedIds } from '../../src/runtime/platform/random.js';
import { ActorSystem } from '../../src/runtime/system.js';
import { MemoryEngine, noFaults } from '../../src/storage/memory/memory-database.js';
import { createMemoryTicks, memoryTicks } from '../../src/storage/memory/memory-ticks.js';
import { DiskSpool } from '../../src/storage/spool/disk-spool.js';
import { KeptLog } from '../runtime/harness.js';

/** A real file system of 600 kB, mounted for this test, where the machine allows that. */
const folder = mkdtempSync(join(tmpdir(), 'arbot-small-disk-'));

function mount(...words: string[]): string | null {
  try {
    execFileSync('mount', words, { stdio: 'pipe' });
    return null;
  } catch (error) {
    return `no file system can be mounted here: ${(error as Error).message.split('\n')[0]}`;
  }
}

const refused = mount('-t', 'tmpfs', '-o', 'size=600k', 'tmpfs', folder);
t.teardown(() => {
  if (refused === null) execFileSync('umount', [folder]);
  rmSync(folder, { recursive: true, force: true });
});
t.setTimeout(120_000);

async function until(what: string, isSo: () => boolean): Promise<void> {
  for (let tries = 0; !isSo(); tries++) {
    if (tries > 1_200) throw new Error(`never: ${what}`);
    await wait(50);
  }
}

t.test(
  'a real disk that is full: counted drops, no crash, recovery by itself',
  { skip: refused ?? false },
  async (t) => {
    const [clock, timers, log] = [new SystemClock(), new SystemTimers(), new KeptLog()];
    const random = new CryptoRandom();
    const ids = new TimeOrderedIds(clock, random);
    const [ticks, faults] = [createMemoryTicks(), noFaults()];
    const recording = new TickRecording({
      board: new QuoteBoard(4),
      instruments: () => [],
      limits: {
        books: { pairs: [], intervalMs: 1_000, depth: 1 },
        trades: { pairs: 'all' },
        spreads: { pairs: [] },
      },
      sizes: { ringRows: 400, batchRows: 100, batchAgeMs: 200 },
      policy: { retry: { minMs: 50, maxMs: 400 }, patienceMs: 2_000, timeoutMs: 10_000 },
      store: memoryTicks(new MemoryEngine(ticks, faults, timers, clock)),
      spool: new DiskSpool({
        ...{ files: new LocalFiles(), folder: join(folder, 'spool'), log, maxBytes: 1 << 30 },
        life: 'small',
        pause: () => new Promise((resolve) => setImmediate(resolve)),
      }),
      ...{ clock, ids },
    });
    const engine = new PlainEngine(timers, () => undefined);
    const system = new ActorSystem({ node: 'small', engine, clock, timers, random, ids, log });
    await system.spawn('tick-recorder', tickRecorderActor(recording));
    let number = 0;
    const feed = setInterval(() => {
      for (let i = 0; i < 20; i++)
        recording.trade({
          ...{
            instrument: 'alpha:BTC-USDT',
            tradeId: String(++number),
            price: '1.5',
            quantity: '2',
            side: 'buy',
          },
          ...{ exchangeTimeMs: clock.nowMs(), receiveTimeMs: clock.nowMs() },
        });
    }, 10);
    const trades = () => recording.account().tables[0]!;
    const spool = () => recording.account().spool;

    faults.down = true;
    writeFileSync(join(folder, 'filler'), Buffer.alloc(250_000));
    await until('the disk is full', () => spool().failures > 2 && trades().dropped.ring > 500);
    t.match(recording.account().store.lastError, /ENOSPC|down/);
    t.ok(log.lines.length > 0 && isBalanced(trades()));
    const before = spool().appends;
    rmSync(join(folder, 'filler'));
    await until('it is used again', () => spool().appends > before + 2);
    faults.down = false;
    clearInterval(feed);
    await until('all is stored', () => trades().inSpool + trades().inRing === 0);
    const { received, stored, dropped } = trades();
    t.equal(stored + dropped.ring, received);
    t.equal(
      new Set(ticks.rows.tick_trades.map(({ tradeId }) => tradeId)).size,
      stored,
      'none is there twice',
    );
    t.same(readdirSync(join(folder, 'spool')), []);
    t.comment(`${received} received, ${stored} stored, ${dropped.ring} dropped and counted`);
    await system.close(1_000);
    await recording.close(timers);
  },
);
