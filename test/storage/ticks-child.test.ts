import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { ArbotError } from '../../src/messages/errors.js';
import { chdbMissing, type Find } from '../../src/storage/clickhouse/chdb-package.js';
import { openChdbTicks } from '../../src/storage/clickhouse/open-chdb.js';
import { lockFolder } from '../../src/storage/child/folder-lock.js';
import { ticksOfNode } from '../../src/storage/open-ticks.js';
import { killTicks } from '../chaos/ticks.js';
import { skipOrFail } from '../servers/server-process.js';
import { testPorts } from './ports.js';
import { closedContract, tickContract } from './tick-contract.js';
import { batchOf, HOUR_MS, sampleTrade } from './tick-samples.js';
import { until } from './writer.js';

const root = mkdtempSync(join(tmpdir(), 'arbot-ticks-'));
t.teardown(() => rmSync(root, { recursive: true, force: true }));
t.setTimeout(1_400_000);
const absent = chdbMissing();
const HOUR = { fromMs: HOUR_MS, toMs: HOUR_MS + 3_600_000 };

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}

t.test('chdb in its child keeps the contract', async (t) => {
  if (skipOrFail(t, absent)) return;
  const ports = testPorts();
  const folder = join(root, "it's [a] folder");
  const store = await openChdbTicks(folder, 'SIMULATED', ports);
  await tickContract(t, store);

  await t.test('more calls at once than the bound are refused, the others answered', async (t) => {
    const outcomes = await Promise.all(
      Array.from({ length: 100 }, () =>
        store.ping().then(
          () => 'answered',
          (error: ArbotError) => error.code,
        ),
      ),
    );
    t.equal(outcomes.filter((outcome) => outcome === 'answered').length, 64);
    t.equal(outcomes.filter((outcome) => outcome === 'ARB_STORE_UNAVAILABLE').length, 36);
  });

  await t.test('one process per folder, one mode per folder', async (t) => {
    const here = { code: 'ARB_FOLDER_LOCKED', message: new RegExp(String(process.pid)) };
    await t.rejects(openChdbTicks(folder, 'SIMULATED', testPorts()), here);
  });

  const pid = store.childPid() ?? 0;
  await closedContract(t, store);
  t.ok(isGone(pid), 'the child has ended');
  t.notOk(existsSync(join(folder, 'arbot.lock')), 'the lock is gone');
  t.equal(ports.timers.pendingTimers(), 0, 'no timer is left');
  await t.rejects(openChdbTicks(folder, 'PAPER', testPorts()), { code: 'ARB_MODE_MIXED' });
  const reader = await openChdbTicks(folder, null, testPorts());
  t.ok(((await reader.status())[1]?.rows ?? 0) > 100, 'a reader takes any mode, and the rows are there');
  await reader.close();
});

t.test(
  'a killed engine is replaced; a call meanwhile is told at once, and the batch sent again is there once',
  async (t) => {
    if (skipOrFail(t, absent)) return;
    const store = await openChdbTicks(join(root, 'killed'), 'PAPER', testPorts());
    t.teardown(() => store.close());
    const batch = batchOf(
      'tick_trades',
      Array.from({ length: 500 }, (_, at) => sampleTrade('KILL', { tradeId: String(at) })),
    );
    const pid = store.childPid() ?? 0;
    const answer = store.insert(batch).catch((error: ArbotError) => error.code);
    process.kill(pid, 'SIGKILL');
    t.match(await answer, /ARB_STORE_UNAVAILABLE/, 'its outcome is unknown');
    await t.rejects(store.ping(), { code: 'ARB_STORE_UNAVAILABLE', retryable: true });
    await until('the next child is ready', () => store.ping().then(Boolean, () => false));
    t.not(store.childPid(), pid);
    t.equal(store.childRestarts(), 1);
    await store.insert(batch);
    t.equal((await store.trades('okx:KILL-USDT', HOUR, 1_000)).length, 500);
  },
);

t.test('kill -9 of engine and writer loses and doubles nothing that was acknowledged', async (t) => {
  if (skipOrFail(t, absent)) return;
  const report = await killTicks(join(root, 'chaos'), { times: 6, seed: 3, budgetMs: 60_000 });
  t.ok(report.kills.engine >= 1 && report.kills.writer >= 1);
  t.ok(report.acknowledged > 0);
  t.strictSame([report.lost, report.torn, report.doubled], [0, 0, 0], `${report.acknowledged} acknowledged`);
});

t.test('without chdb there is one clear line and no store', async (t) => {
  const nothing: Find = () => {
    throw new Error('not found');
  };
  const noEngine: Find = (name) => (name.startsWith('@chdb') ? nothing(name) : name);
  t.equal(chdbMissing(nothing), 'the optional package chdb is not installed');
  t.match(chdbMissing(noEngine), /chdb (has no engine )?for .* (is not installed)?/);
  const ports = testPorts();
  const choice = { kind: 'chdb', folder: join(root, 'none') } as const;
  t.equal(
    ticksOfNode(choice, 'PAPER', ports, () => 'the optional package chdb is not installed'),
    null,
  );
  t.strictSame(
    ports.lines.map((line) => line.message),
    ['no tick history: the optional package chdb is not installed; everything else works'],
  );
  t.equal(ticksOfNode({ kind: 'none' }, 'PAPER', ports), null);
});

t.test('a node gets its store at once; one that cannot be opened is tried again', async (t) => {
  if (skipOrFail(t, absent)) return;
  const ports = testPorts();
  const folder = join(root, 'later');
  const lock = await lockFolder(folder, Date.now(), () => undefined);
  const store = ticksOfNode({ kind: 'chdb', folder }, 'PAPER', ports);
  if (store === null) throw new Error('no store');
  const batch = batchOf('tick_trades', [sampleTrade('LATER')]);
  await t.rejects(store.insert(batch), {
    code: 'ARB_STORE_UNAVAILABLE',
    retryable: true,
    message: /in use by/,
  });
  await t.rejects(
    store.insert(batch),
    { code: 'ARB_STORE_UNAVAILABLE', retryable: true },
    'not before a pause',
  );
  await lock.release();
  await until('it is open', () =>
    store.insert(batch).then(
      () => true,
      () => false,
    ),
  );
  t.equal((await store.trades('okx:LATER-USDT', HOUR, 10)).length, 1);
  await closedContract(t, store);
});
