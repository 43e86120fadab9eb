import { readdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import pg from 'pg';
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
import { claimOf } from './lease-contract.js';
import { testPorts } from './ports.js';
import * as s from './samples.js';
import { until } from './writer.js';

t.setTimeout(170_000);

/** The same server for another user, and perhaps another database. */
function urlOf(url: string, user: string, password: string, database?: string): string {
  const other = new URL(url);
  other.username = user;
  other.password = password;
  if (database !== undefined) other.pathname = `/${database}`;
  return other.href;
}

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

  await t.test('a user who may not make roles migrates all the same', async (t) => {
    await db.query(`create role plain_owner login password 'plain' nosuperuser nocreatedb nocreaterole`);
    // A slow disk may take longer for it than a statement of a node may.
    const create = () => db.query(`create database plain_database owner plain_owner`);
    await create().catch(create).catch(create);
    const plain = await openPostgresDb(
      urlOf(server.url, 'plain_owner', 'plain', 'plain_database'),
      ports.log,
      wait,
    );
    t.ok((await migrate(plain)).length > 8);
    t.strictSame(await migrate(plain), []);
    const stores = bordered(sqlStores(plain, ports.clock));
    t.equal(await stores.ledger.append(s.opening('plain', 'PLAIN', '1')), 'booked');
    t.equal((await stores.leases.acquire(claimOf('trade', 'plain'))).kind, 'granted');
    await plain.close();
    if (server.external) await db.query(`drop database plain_database with (force)`);
    if (server.external) await db.query(`drop role plain_owner`);
  });

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

  await t.test(
    'a process of the same name takes over once the former one is gone, and not before',
    async (t) => {
      const former = await openPostgresDb(server.url, ports.log, wait);
      const later = bordered(sqlStores(db, ports.clock)).leases;
      const claim = claimOf('session', 'node-1', { succeeds: true });
      t.equal((await bordered(sqlStores(former, ports.clock)).leases.acquire(claim)).kind, 'granted');
      const reborn = { ...claim, nonce: 'b'.repeat(32) };
      t.equal((await later.acquire(reborn)).kind, 'held', 'two processes of one name live');
      await former.close();
      await until('the session ends', async () => (await later.acquire(reborn)).kind === 'granted');
      t.equal((await later.current('session'))?.fence, 2, 'long before the lease expires');
    },
  );

  await t.test('a take-over waits for the row that is being written, because of the row lock', async (t) => {
    const leases = bordered(sqlStores(db, ports.clock)).leases;
    await db.query(`update leases set holder = null, nonce = null where resource = 'trade'`);
    const { lease } = await leases.acquire(claimOf('trade', 'slow'));
    const key = { resource: 'trade', fence: lease.fence, nonce: claimOf('trade', 'slow').nonce };
    const writer = new pg.Client({ connectionString: server.url });
    await writer.connect();
    t.teardown(() => writer.end());
    const insert = (id: string): string => `
      insert into order_legs (client_order_id, arbitrage_id, leg_index, attempt, verdict_id, instrument, exchange, side,
                              quantity, limit_price, submitted_at, body, fence)
      values ('${id}', 'a-${id}', 0, 0, 'v-${id}', 'okx:BTC-USDT', 'okx', 'buy', 1, 1, now(), '{}', ${lease.fence})`;
    const state = { released: false };
    const release = async (): Promise<void> => {
      // Asked again when it was given up because it had to wait too long.
      while (!state.released)
        await leases.release(key).then(
          () => (state.released = true),
          () => undefined,
        );
    };
    await writer.query('begin');
    await writer.query(insert('locked'));
    const releasing = release();
    const blocked = `select 1 from pg_stat_activity where application_name = 'arbot lease' and wait_event_type = 'Lock'`;
    await until('the take-over waits', async () => state.released || (await db.query(blocked)).length > 0);
    t.notOk(state.released, 'it waits while the row is not committed');
    await writer.query('commit');
    await releasing;
    await t.rejects(
      writer.query(insert('late')),
      { code: 'AR003' },
      'and from then on nothing comes under it',
    );

    const source = await db.query(`select pg_get_functiondef('check_fence'::regproc) as text`);
    const text = source[0]?.['text'] ?? '';
    t.match(text, /for share;/);
    await db.query(text.replace(/\s+for share;/, ';'));
    const second = await leases.acquire(claimOf('trade', 'slow'));
    await writer.query('begin');
    await writer.query(insert('unlocked').replace(/\d+\)$/, `${second.lease.fence})`));
    await leases.release({ ...key, fence: second.lease.fence });
    t.equal((await leases.acquire(claimOf('trade', 'fast'))).lease.fence, second.lease.fence + 1);
    await writer.query('commit');
    t.pass('without the lock a row of the former fence was committed after the take-over: the test can fail');
    await db.query(text);
    await leases.release({ ...key, fence: second.lease.fence + 1, nonce: claimOf('trade', 'fast').nonce });
  });

  await t.test('who connects as a writer adds and edits nothing, as a reader reads', async (t) => {
    for (const [login, role] of [
      ['trader_login', 'arbot_writer'],
      ['auditor_login', 'arbot_reader'],
    ])
      await db.query(`create role ${login} login password 'secret' in role ${role}`);
    const url = (login: string): string => urlOf(server.url, login, 'secret');
    const stores = await openStores(
      { kind: 'postgres', url: url('trader_login'), mode: 'SIMULATED' },
      testPorts(),
    );
    t.equal(await stores.ledger.append(s.opening('writer', 'WRITER', '1')), 'booked');
    const { lease } = await stores.leases.acquire(claimOf('trade', 'writer'));
    const leg = s.sampleLeg('writer');
    await stores.trades.journalLegs([leg], lease.fence);
    await stores.trades.saveLegResult(s.sampleResult(leg));
    const fill = s.sampleFill('writer');
    t.equal(await stores.ledger.bookFill(fill, s.fillEntry(fill)), 'booked');
    await stores.settings.set('writer', 'was here');
    t.ok(
      (await stores.ledger.holdings()).some(({ asset }) => asset === 'WRITER'),
      'sums follow',
    );
    await stores.leases.release({
      resource: 'trade',
      fence: lease.fence,
      nonce: claimOf('trade', 'writer').nonce,
    });
    await stores.close();

    const tables = ['ledger_entries', 'ledger_postings', 'fills', 'order_legs', 'leg_results', 'arbitrages'];
    const more = [
      'arbitrage_signals',
      'verdicts',
      'opportunity_events',
      'portfolio_snapshots',
      'installation',
    ];
    const columns: Readonly<Record<string, string>> = { installation: 'mode', ledger_postings: 'account' };
    const edits = [...tables, ...more].flatMap((table) => [
      `update ${table} set ${columns[table] ?? 'body'} = null`,
      `delete from ${table}`,
      `truncate ${table} cascade`,
      `drop table ${table} cascade`,
      `alter table ${table} disable trigger all`,
    ]);
    const others = [
      `insert into ledger_balances values ('fees', 'X', 1)`,
      `delete from leases`,
      `create table mine (a int)`,
      `create temporary table leases (a int)`,
      `create function f() returns int language sql as 'select 1'`,
      `set session_replication_role = replica`,
      `update schema_migrations set md5 = ''`,
      `alter role arbot_writer superuser`,
      `set role ${new URL(server.url).username}`,
    ];
    const denied =
      /permission denied|must be owner|must be able to SET ROLE|must be superuser|permission to|only roles with/i;
    for (const [login, statements] of [
      ['trader_login', [...edits, ...others]],
      [
        'auditor_login',
        [...edits, ...others, `insert into settings values ('a', 'b')`, `update leases set fence = 9`],
      ],
    ] as const) {
      const client = new pg.Client({ connectionString: url(login) });
      await client.connect();
      t.ok((await client.query('select * from signal_outcomes limit 1')).rows.length === 1, `${login} reads`);
      for (const sql of statements)
        await t.rejects(client.query(sql), { message: denied }, `${login}: ${sql}`);
      await client.end();
    }
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
      where application_name like 'arbot%' and pid <> pg_backend_pid() and datname = current_database()`;
    for (let round = 0; round < 3; round++) await admin.query(cut);
    await booking;
    t.equal(acknowledged + unknown, 300);
    const settled: string[] = [];
    // As many at once as there are connections: none waits for one so long that it is given up.
    for (let at = 0; at < entries.length; at += 8)
      settled.push(
        ...(await Promise.all(entries.slice(at, at + 8).map((entry) => stores.ledger.append(entry)))),
      );
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
