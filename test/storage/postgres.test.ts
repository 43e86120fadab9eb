import { readdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import t from 'tap';
import type { ArbotError } from '../../src/messages/errors.js';
import { bordered } from '../../src/storage/bordered-stores.js';
import { openStores } from '../../src/storage/open-stores.js';
import { migrate } from '../../src/storage/sql/migrate.js';
import { openPostgresDb } from '../../src/storage/sql/postgres-db.js';
import { sqlStores } from '../../src/storage/sql/sql-stores.js';
import { available, skipOrFail, startPostgres } from '../servers/postgres.js';
import { storeContract } from './contract.js';
import { databaseContract } from './database-contract.js';
import { testPorts } from './ports.js';
import * as s from './samples.js';

t.setTimeout(170_000);

const MIGRATIONS = resolve(import.meta.dirname, '../../migrations');

const missing = available();
if (missing !== null) skipOrFail(t, missing);
else await withServer();

async function withServer(): Promise<void> {
  const server = await startPostgres();
  t.teardown(() => server.stop());
  const ports = testPorts();
  const wait = (ms: number): Promise<void> => new Promise((done) => ports.timers.setTimer(done, ms));
  const db = await openPostgresDb(server.url, ports.log, wait);

  await t.test('two nodes that start at once migrate one after the other', async (t) => {
    const second = await openPostgresDb(server.url, ports.log, wait);
    const applied = await Promise.all([migrate(db), migrate(second)]);
    const scripts = (await readdir(MIGRATIONS)).filter((name) => name.endsWith('.sql'));
    t.strictSame(applied.map((files) => files.length).sort(), [0, scripts.length]);
    await second.close();
  });

  await t.test('a real server keeps the contract', async (t) => {
    const stores = bordered(sqlStores(db, ports.clock));
    await stores.settings.claimMode('SIMULATED');
    await storeContract(t, stores);
    await databaseContract(t, db);
    const description = await stores.describe();
    t.match(description.engine, /^postgresql \d+/);
    t.notMatch(JSON.stringify(description), new URL(server.url).password, 'no password is shown');
  });

  await t.test('stores that are opened by URL claim their mode', async (t) => {
    const stores = await openStores({ kind: 'postgres', url: server.url, mode: 'SIMULATED' }, testPorts());
    t.equal(await stores.settings.get('hostile-3'), '__proto__', 'what another connection wrote');
    await stores.close();
    const live = openStores({ kind: 'postgres', url: server.url, mode: 'LIVE' }, testPorts());
    await t.rejects(live, { code: 'ARB_MODE_MIXED' });
  });

  await t.test('a connection that is cut means unknown: nothing is booked twice or half', async (t) => {
    const stores = bordered(sqlStores(db, ports.clock));
    let acknowledged = 0;
    let unknown = 0;
    const entries = Array.from({ length: 300 }, (_, index) => s.opening(`cut-${index}`, 'CUT', '1'));
    const booking = Promise.all(
      entries.map(async (entry) => {
        try {
          await stores.ledger.append(entry);
          acknowledged++;
        } catch (error) {
          t.equal((error as ArbotError).code, 'ARB_STORE_UNAVAILABLE', (error as Error).message);
          unknown++;
        }
      }),
    );
    const admin = await openPostgresDb(server.url, ports.log, wait);
    const cut = `select pg_terminate_backend(pid)::text from pg_stat_activity
      where application_name = 'arbot' and pid <> pg_backend_pid() and datname = current_database()`;
    for (let round = 0; round < 3; round++) await admin.query(cut);
    await booking;
    t.equal(acknowledged + unknown, 300);
    const settled = await Promise.all(entries.map((entry) => stores.ledger.append(entry)));
    t.ok(
      settled.filter((result) => result === 'duplicate').length >= acknowledged,
      'all acknowledged are there',
    );
    const held = (await stores.ledger.holdings()).find((holding) => holding.asset === 'CUT');
    t.equal(held?.amount, '300');
    await admin.close();
  });

  await t.test('a statement that hangs is given up by its own limit', async (t) => {
    await t.rejects(db.query('select pg_sleep(60)::text'), {
      code: 'ARB_STORE_UNAVAILABLE',
      retryable: true,
    });
  });

  await t.test('a server that cannot be used is told clearly, without the password', async (t) => {
    await db.close();
    await t.rejects(db.query('select 1'), { code: 'ARB_STORE_UNAVAILABLE' });
    const wrong = new URL(server.url);
    wrong.password = 'a-secret-password';
    const unknownDatabase = new URL(server.url);
    unknownDatabase.pathname = '/no_such_database';
    const nowhere = new URL(server.url);
    nowhere.port = '1';
    const cases = [
      [nowhere.href, 'ARB_STORE_UNAVAILABLE', true],
      [unknownDatabase.href, 'ARB_STORE_UNAVAILABLE', false],
      [wrong.href, 'ARB_STORE_UNAVAILABLE', false],
      ['mysql://localhost/x', 'ARB_CONFIG_INVALID', false],
      ['a-secret-password', 'ARB_CONFIG_INVALID', false],
    ] as const;
    for (const [url, code, retryable] of cases)
      try {
        await openStores({ kind: 'postgres', url, mode: 'PAPER' }, testPorts());
        t.fail('opened');
      } catch (error) {
        const { message } = error as Error;
        t.strictSame(
          [(error as ArbotError).code, (error as ArbotError).retryable],
          [code, retryable],
          message,
        );
        t.notMatch(message, /a-secret-password/);
      }
  });
}
