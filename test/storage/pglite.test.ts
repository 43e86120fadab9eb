import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, rmdirSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import type { ArbotError } from '../../src/messages/errors.js';
import { bordered } from '../../src/storage/bordered-stores.js';
import { openStores } from '../../src/storage/open-stores.js';
import { lockFolder } from '../../src/storage/child/folder-lock.js';
import { openPgliteDb } from '../../src/storage/pglite/pglite-db.js';
import { ensureSeed } from '../../src/storage/pglite/seed.js';
import { migrate, migrationsFolder } from '../../src/storage/sql/migrate.js';
import { sqlStores } from '../../src/storage/sql/sql-stores.js';
import { storeContract } from './contract.js';
import { databaseContract } from './database-contract.js';
import { testPorts } from './ports.js';
import { startWriter, until } from './writer.js';

const root = mkdtempSync(join(tmpdir(), 'arbot-pglite-'));
t.teardown(() => rmSync(root, { recursive: true, force: true }));
t.setTimeout(170_000);

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}

t.test('the embedded database keeps the contract', async (t) => {
  const ports = testPorts();
  const folder = join(root, "it's [a] folder");
  const db = await openPgliteDb(folder, ports);
  const files = readdirSync(migrationsFolder()).filter((name) => name.endsWith('.sql'));
  t.strictSame(await migrate(db), files.sort(), 'an empty folder gets every migration');
  const stores = bordered(sqlStores(db, ports.clock));
  await stores.settings.claimMode('SIMULATED');
  await storeContract(t, stores);
  await databaseContract(t, db);
  t.match((await stores.describe()).unsafeForLive.join(), /power cut/);

  await t.test('more calls at once than the bound are refused, the others answered', async (t) => {
    const calls = Array.from({ length: 700 }, () =>
      db.query('select 1::text as one').then(
        () => 'answered',
        (error: ArbotError) => error.code,
      ),
    );
    const outcomes = await Promise.all(calls);
    t.equal(outcomes.filter((outcome) => outcome === 'answered').length, 512);
    t.equal(outcomes.filter((outcome) => outcome === 'ARB_STORE_UNAVAILABLE').length, 188);
  });

  const childPid = db.childPid() ?? 0;
  const startedMs = performance.now();
  await stores.close();
  await stores.close();
  t.ok(performance.now() - startedMs < 2000, 'closes promptly');
  t.ok(isGone(childPid), 'the child has ended');
  await t.rejects(stores.settings.get('x'), { code: 'ARB_STORE_UNAVAILABLE', retryable: false });
  t.notOk(existsSync(join(folder, 'arbot.lock')), 'the lock is gone');
  t.equal(ports.timers.pendingTimers(), 0, 'no timer is left');
});

t.test('one process per folder, one mode per folder', async (t) => {
  const folder = join(root, 'one');
  const choice = { kind: 'pglite', folder, mode: 'PAPER' } as const;
  const stores = await openStores(choice, testPorts());
  const here = { code: 'ARB_FOLDER_LOCKED', message: new RegExp(`${folder}.*${process.pid}`) };
  await t.rejects(openStores(choice, testPorts()), here, 'the same process twice');
  await stores.close();

  const writer = await startWriter({ kind: 'pglite', folder });
  const there = { code: 'ARB_FOLDER_LOCKED', message: new RegExp(`${folder}.*${writer.process.pid}`) };
  await t.rejects(openStores(choice, testPorts()), there, 'another process');
  writer.process.kill('SIGSTOP');
  await t.rejects(openStores(choice, testPorts()), there, 'another process that is stopped is still alive');
  writer.process.kill('SIGKILL');
  await until(
    'the writer is gone',
    () => writer.process.exitCode !== null || writer.process.signalCode !== null,
  );

  await t.rejects(
    openStores({ ...choice, mode: 'LIVE' }, testPorts()),
    { code: 'ARB_MODE_MIXED', message: /PAPER.*LIVE/ },
    'another mode',
  );
  const again = await openStores(choice, testPorts());
  t.ok((await again.ledger.entries(0, 10)).length > 0, 'the refused openings left the folder free');
  await again.close();
});

t.test('a lock left behind is judged by its holder', async (t) => {
  const folder = join(root, 'left');
  const lost = (reason: string): void => {
    t.fail(reason);
  };
  const taken = async (nowMs = Date.now()): Promise<void> =>
    (await lockFolder(folder, nowMs, lost)).release();
  const leave = (holder: string): void => {
    mkdirSync(join(folder, 'arbot.lock'), { recursive: true });
    writeFileSync(join(folder, 'arbot.lock.json'), holder);
  };
  const here = hostname();
  leave(JSON.stringify({ pid: 1, host: here, startTicks: '1234567890123' }));
  if (existsSync('/proc/1/stat')) await taken();
  else rmdirSync(join(folder, 'arbot.lock'));
  t.notOk(existsSync(join(folder, 'arbot.lock')), 'a pid that was given to another process does not hold');
  leave(JSON.stringify({ pid: 2 ** 30, host: here, startTicks: null }));
  await taken();
  for (const holder of [
    JSON.stringify({ pid: process.pid, host: 'another-host', startTicks: null }),
    '{"pid":1',
  ]) {
    leave(holder);
    const refused = { code: 'ARB_FOLDER_LOCKED', message: /(another-host|unknown process), last seen/ };
    await t.rejects(taken(), refused, 'a holder that cannot be asked is believed while it touches the lock');
    await taken(Date.now() + 60_000);
    t.notOk(existsSync(join(folder, 'arbot.lock')), 'and no longer');
  }
  const [first, ...others] = await Promise.allSettled([taken(), taken(), taken()]);
  t.equal(first.status, 'fulfilled');
  t.ok(others.every((other) => other.status === 'rejected'));
});

t.test('a first start that was killed while it copied starts anew', async (t) => {
  const folder = join(root, 'half');
  // What the kill leaves: the unfinished copy and no cluster.
  mkdirSync(join(folder, 'pglite.new', 'base'), { recursive: true });
  const stores = await openStores({ kind: 'pglite', folder, mode: 'REPLAY' }, testPorts());
  t.strictSame(await stores.ledger.entries(0, 1), []);
  await stores.close();
  t.notOk(readdirSync(folder).includes('pglite.new'));
});

t.test('a folder that cannot be opened is told in one line', async (t) => {
  const folder = join(root, 'broken');
  mkdirSync(join(folder, 'pglite'), { recursive: true });
  writeFileSync(join(folder, 'pglite', 'PG_VERSION'), '9\n');
  const ports = testPorts();
  try {
    await openStores({ kind: 'pglite', folder, mode: 'PAPER' }, ports);
    t.fail('opened a broken cluster');
  } catch (error) {
    t.equal((error as ArbotError).code, 'ARB_STORE_UNAVAILABLE');
    t.ok(
      (error as Error).message.length < 500 && !(error as Error).message.includes('\n'),
      (error as Error).message,
    );
  }
  t.notOk(existsSync(join(folder, 'arbot.lock')));
});

t.test('an installation prepares the first start, and never fails for it', async (t) => {
  const run = () =>
    promisify(execFile)(process.execPath, [fileURLToPath(new URL('../../bin/prepare.mjs', import.meta.url))]);
  t.match(await run(), { stdout: '' });
  const data = join(root, 'prepared');
  const seed = await ensureSeed(data);
  t.ok(existsSync(join(seed, 'PG_VERSION')), 'an empty cluster');
  t.notOk(existsSync(data), 'kept with the installation, not in a data folder');
});
