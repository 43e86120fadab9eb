import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import t from 'tap';
import { tickRecorderActor } from '../../src/actors/tick-recorder.js';
import { QuoteBoard } from '../../src/market/quote-board.js';
import { droppedRows, isBalanced } from '../../src/recording/account.js';
import { TickRecording } from '../../src/recording/tick-recording.js';
import { NactEngine } from '../../src/runtime/engine-nact.js';
import { SystemClock, SystemTimers } from '../../src/runtime/platform/clock.js';
import { LocalFiles } from '../../src/runtime/platform/files.js';
import { CryptoRandom, TimeOrderedIds } from '../../src/runtime/platform/random.js';
import { ActorSystem } from '../../src/runtime/system.js';
import { openServerTicks } from '../../src/storage/clickhouse/open-server.js';
import { DiskSpool } from '../../src/storage/spool/disk-spool.js';
import { KeptLog } from '../runtime/harness.js';
import { available, skipOrFail, startClickHouse } from '../servers/clickhouse.js';

/** `OUTAGE_SECONDS=600` is the whole proof. */
const OUTAGE_SECONDS = Number(process.env['OUTAGE_SECONDS'] ?? 3);
const ROWS_PER_SECOND = 2_000;
const EXCHANGES = 4;
t.setTimeout(600_000 + 3_000 * OUTAGE_SECONDS);

t.test(
  `ClickHouse is killed for ${OUTAGE_SECONDS} s at ${ROWS_PER_SECOND} rows/s: 0 lost, 0 twice`,
  async (t) => {
    if (skipOrFail(t, available())) return;
    const control = await startClickHouse();
    t.teardown(() => control.stop());
    if (control.external) return t.comment('a server that is not ours is not killed');
    const folder = mkdtempSync(join(tmpdir(), 'arbot-outage-'));
    t.teardown(() => rmSync(folder, { recursive: true, force: true }));
    const [clock, timers, log] = [new SystemClock(), new SystemTimers(), new KeptLog()];
    const random = new CryptoRandom();
    const ids = new TimeOrderedIds(clock, random);
    const store = await openServerTicks(control.server, 'SIMULATED', { clock, timers, log });
    const recording = new TickRecording({
      board: new QuoteBoard(4),
      instruments: () => [],
      limits: {
        books: { pairs: [], intervalMs: 1_000, depth: 1 },
        trades: { pairs: 'all' },
        spreads: { pairs: [] },
      },
      sizes: { ringRows: 32_768, batchRows: 5_000, batchAgeMs: 1_000 },
      policy: { retry: { minMs: 250, maxMs: 10_000 }, patienceMs: 2_000, timeoutMs: 30_000 },
      store,
      spool: new DiskSpool({
        ...{ files: new LocalFiles(), folder, log, maxBytes: 1 << 30, life: 'outage' },
        pause: () => new Promise((resolve) => setImmediate(resolve)),
      }),
      ...{ clock, ids },
    });
    const system = new ActorSystem({
      ...{ node: 'outage', engine: new NactEngine(() => undefined), clock, timers, random, ids, log },
    });
    await system.spawn('tick-recorder', tickRecorderActor(recording));
    const startMs = clock.nowMs();
    let number = 0;
    const feed = setInterval(() => {
      const due = ((clock.nowMs() - startMs) * ROWS_PER_SECOND) / 1_000;
      for (; number < due; number++)
        recording.trade({
          ...{ instrument: `alpha${'abcd'[number % EXCHANGES]}:BTC-USDT`, tradeId: String(number) },
          ...{ price: '1.5', quantity: '2', side: 'buy' },
          ...{ exchangeTimeMs: clock.nowMs(), receiveTimeMs: clock.nowMs() },
        });
    }, 10);
    const trades = () => recording.account().tables[0]!;

    await wait(1_500);
    await control.loseNextAnswer();
    await wait(1_500);
    await control.kill();
    await wait(OUTAGE_SECONDS * 1_000);
    t.ok(trades().inSpool > 0 && isBalanced(trades()), JSON.stringify(trades()));
    await control.restart();
    await wait(2_000);
    clearInterval(feed);
    for (let tries = 0; trades().inSpool + trades().inRing > 0; tries++) {
      if (tries > 6_000) throw new Error(`it does not come back: ${JSON.stringify(recording.account())}`);
      await wait(100);
    }
    const seen = new Set<string>();
    let rows = 0;
    const range = { fromMs: startMs - 60_000, toMs: clock.nowMs() + 60_000 };
    for await (const piece of store.export('tick_trades', range)) {
      rows += piece.length;
      for (const { tradeId } of piece) seen.add(tradeId);
    }
    t.equal(droppedRows(trades().dropped), 0);
    t.equal(rows, number, 'as many as came');
    t.equal(seen.size, number, 'each once');
    t.same(readdirSync(folder), []);
    const { appends, replayed } = recording.account().spool;
    t.comment(`${number} rows, ${appends} batches over the disk, ${replayed} replayed`);
    await system.close(1_000);
    await recording.close(timers);
    await store.close();
  },
);
