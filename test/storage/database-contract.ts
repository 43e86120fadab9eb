import type { Test } from 'tap';
import { copyFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync, appendFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ArbotError } from '../../src/messages/errors.js';
import type { Db } from '../../src/storage/sql/db.js';
import { migrate, migrationsFolder } from '../../src/storage/sql/migrate.js';
import { rolesContract } from './roles-contract.js';
import { schemaStatus } from '../../src/storage/sql/schema-status.js';

/** What the database itself guarantees, whatever code writes to it: asked with plain SQL past the stores. */

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'accepted';
  } catch (error) {
    return error instanceof ArbotError ? error.code : String(error);
  }
}

const ENTRY = (id: string): string =>
  `insert into ledger_entries (entry_id, kind, booked_at, body) values ('${id}', 'adjustment', now(), '{}')`;
const POSTING = (id: string, line: number, asset: string, amount: string): string =>
  `insert into ledger_postings (position, line, account, asset, amount)
   select position, ${line}, 'fees', '${asset}', '${amount}' from ledger_entries where entry_id = '${id}'`;

function transaction(db: Db, ...statements: string[]): Promise<unknown> {
  return db.transaction(statements.map((sql) => ({ sql, values: [] })));
}

export async function databaseContract(t: Test, db: Db): Promise<void> {
  await t.test('the database refuses an unbalanced entry at commit', async (t) => {
    const off = transaction(
      db,
      ENTRY('raw-off'),
      POSTING('raw-off', 0, 'BTC', '1'),
      POSTING('raw-off', 1, 'BTC', '-0.999'),
    );
    t.equal(await codeOf(off), 'ARB_LEDGER_UNBALANCED');
    t.equal(await codeOf(transaction(db, ENTRY('raw-bare'))), 'ARB_LEDGER_UNBALANCED', 'without postings');
    const single = transaction(db, ENTRY('raw-single'), POSTING('raw-single', 0, 'BTC', '0'));
    t.equal(await codeOf(single), 'ARB_LEDGER_UNBALANCED', 'one posting');
    const assets = transaction(
      db,
      ENTRY('raw-two'),
      POSTING('raw-two', 0, 'BTC', '1'),
      POSTING('raw-two', 1, 'ETH', '-1'),
    );
    t.equal(await codeOf(assets), 'ARB_LEDGER_UNBALANCED', 'balanced only across assets');
    const rows = await db.query(`select count(*)::text as n from ledger_entries where entry_id like 'raw-%'`);
    t.equal(rows[0]?.['n'], '0');
  });

  await t.test('a booked entry cannot be changed, removed or added to', async (t) => {
    await transaction(
      db,
      ENTRY('sealed'),
      POSTING('sealed', 0, 'BTC', '1'),
      POSTING('sealed', 1, 'BTC', '-1'),
    );
    const later = transaction(db, POSTING('sealed', 2, 'BTC', '5'), POSTING('sealed', 3, 'BTC', '-5'));
    t.equal(await codeOf(later), 'ARB_STORE_CONFLICT', 'a balanced pair added later');
    for (const sql of [
      `update ledger_postings set amount = amount * 2`,
      `delete from ledger_postings`,
      `update ledger_entries set kind = 'opening'`,
      `delete from ledger_entries`,
      `truncate ledger_entries, ledger_postings, fills`,
      `truncate fills`,
      `truncate order_legs, leg_results`,
      `truncate arbitrages`,
      `insert into arbitrages (arbitrage_id, opportunity_id, signal_id, pair, buy_exchange, sell_exchange, outcome,
         bought_quantity, sold_quantity, residual_base, expected_net, realised_net, fees, opened_at, closed_at, body)
       values ('arb-forged', 'o', 's', 'BTC-USDT', 'okx', 'bybit', 'failed', 0, 0, 0, 1, 0, 0, now(), now(),
         '{"attribution":{"priceMove":"0","fees":"0","slippage":"0","latency":"0","legFailure":"0"}}')`,
      `update ledger_balances set amount = 0`,
      `delete from ledger_balances`,
      `insert into ledger_balances values ('fees', 'MADEUP', 1)`,
      `truncate ledger_balances`,
      `delete from open_legs`,
      `truncate open_legs`,
      `update fills set price = price * 2`,
      `delete from fills`,
      `update order_legs set fence = fence + 1`,
      `delete from order_legs`,
      `update leg_results set status = 'filled'`,
      `delete from arbitrages`,
      `update daily_performance set drawdown = 0`,
      `delete from daily_performance`,
      `truncate daily_performance`,
      `delete from opportunity_events`,
      `update opportunity_events set reason = ''`,
      `truncate opportunity_events`,
      `delete from portfolio_snapshots`,
      `delete from verdicts`,
      `truncate arbitrage_signals, verdicts`,
      `update arbitrage_signals set pair = 'BTC-EUR'`,
      `delete from retention_runs`,
      `update retention_runs set removed = 0`,
      `insert into retention_runs (table_name, keep_days, asked_at, batch) values ('fills', 1, now(), 10)`,
      `insert into retention_runs (table_name, keep_days, asked_at, batch) values ('opportunity_events', 0, now(), 10)`,
    ])
      t.equal(await codeOf(db.query(sql)), 'ARB_STORE_CONFLICT', sql);
  });

  await t.test('kept balances and open legs are what the history says, whoever wrote it', async (t) => {
    await transaction(
      db,
      ENTRY('raw-sum'),
      POSTING('raw-sum', 0, 'RAWSUM', '0.1'),
      POSTING('raw-sum', 1, 'RAWSUM', '-0.1'),
    );
    const work = transaction(db, ENTRY('raw-lost'), POSTING('raw-lost', 0, 'RAWSUM', '7'));
    t.equal(await codeOf(work), 'ARB_LEDGER_UNBALANCED', 'what is rolled back is not summed');
    const differing = await db.query(`
      select account, asset from ledger_balances
      full join (select account, asset, sum(amount) as total from ledger_postings group by account, asset) as history
        using (account, asset)
      where amount is distinct from total`);
    t.strictSame(differing, []);
    t.equal((await db.query(`select 1 from ledger_balances where asset = 'RAWSUM'`)).length, 1);
    const wrong = await db.query(`
      select client_order_id from order_legs l
      where exists (select 1 from open_legs o where o.client_order_id = l.client_order_id)
        = exists (select 1 from leg_results r where r.client_order_id = l.client_order_id and r.status <> 'unknown')`);
    t.strictSame(wrong, []);
  });

  await t.test('a trade id books once, whoever says so', async (t) => {
    const fill = (entry: string, change = ''): string => `
      insert into fills (exchange, trade_id, client_order_id, arbitrage_id, instrument, side, price, quantity, fee,
                         fee_asset, liquidity, exchange_time, entry_id, body)
      values ('okx', 'raw-trade', 'o', 'a', 'okx:BTC-USDT', 'buy', ${change === '' ? '1' : change}, 1, 0, 'USDT',
              'taker', now(), '${entry}', '{}')`;
    const booked = (entry: string, change = ''): Promise<unknown> =>
      transaction(
        db,
        ENTRY(entry),
        POSTING(entry, 0, 'RAWFILL', '1'),
        POSTING(entry, 1, 'RAWFILL', '-1'),
        fill(entry, change),
      );
    await booked('raw-fill-1');
    t.equal(await codeOf(booked('raw-fill-2')), 'ARB_STORE_CONFLICT', 'the same trade with another entry');
    for (const price of ["'NaN'", '0', '-1', "'Infinity'"])
      t.equal(await codeOf(booked('raw-fill-3', price)), 'ARB_STORE_CONFLICT', `price ${price}`);
    t.equal(await codeOf(db.query(fill('raw-nowhere'))), 'ARB_STORE_CONFLICT', 'without an entry');
    const rows = await db.query(`select amount::text from ledger_balances where asset = 'RAWFILL'`);
    t.strictSame(rows, [{ amount: '0' }], 'nothing of the refused ones is summed');
  });

  await t.test('no SQL brings a fence back, and none journals under another', async (t) => {
    await db.query(`update leases set holder = null, nonce = null where resource = 'trade'`);
    const now = (await db.query(`select fence::text from leases where resource = 'trade'`))[0];
    const fence = Number(now?.['fence']);
    t.ok(fence > 0);
    for (const sql of [
      `update leases set fence = fence - 1 where resource = 'trade'`,
      `update leases set fence = fence + 2 where resource = 'trade'`,
      `update leases set fence = 1`,
      `update leases set nonce = repeat('9', 32), holder = 'thief' where resource = 'trade'`,
      `update leases set resource = 'other' where resource = 'trade'`,
      `delete from leases`,
      `truncate leases`,
    ])
      t.equal(await codeOf(db.query(sql)), 'ARB_STORE_CONFLICT', sql);
    const leg = (under: string): string => `
      insert into order_legs (client_order_id, arbitrage_id, leg_index, attempt, verdict_id, instrument, exchange, side,
                              quantity, limit_price, submitted_at, body, fence)
      values ('raw-leg', 'a', 0, 0, 'raw-v', 'okx:BTC-USDT', 'okx', 'buy', 1, 1, now(), '{}', ${under})`;
    for (const under of ['0', '-1', String(fence), String(fence + 1), 'null', '9223372036854775807'])
      t.equal(
        await codeOf(db.query(leg(under))),
        'ARB_FENCE_STALE',
        `nobody holds the lease: fence ${under}`,
      );
    t.equal((await db.query(`select 1 from order_legs where client_order_id = 'raw-leg'`)).length, 0);
  });

  await t.test('what became of a signal, why, and on which books, are columns', async (t) => {
    const one = async (id: string): Promise<unknown[]> => {
      const rows = await db.query(
        `select status, reason, refused_actual from signal_outcomes where signal_id = $1::text`,
        [id],
      );
      return rows.map((row) => [row['status'], row['reason'], row['refused_actual']]);
    };
    t.strictSame(await one('sig-one'), [['refused', 'NET_EDGE', '11.66']]);
    t.strictSame(await one('sig-two'), [['detected', null, null]]);
    t.strictSame(await one('sig-outcome-done'), [['executed', 'COMPLETED', null]]);
    t.strictSame(await one('sig-outcome-late'), [['missed', 'FAILED', null]]);
    const books = await db.query(
      `select leg_index::text, exchange, side, book_epoch::text, book_sequence::text, levels::text,
              (extract(epoch from receive_time - exchange_time) * 1000)::float8::text as lag_ms
       from signal_books where signal_id = 'sig-one' order by leg_index`,
    );
    const book = { book_epoch: '1', book_sequence: '77', levels: '[["60000", "0.5"]]', lag_ms: '2' };
    t.strictSame(books, [
      { leg_index: '0', exchange: 'binance', side: 'buy', ...book },
      { leg_index: '1', exchange: 'okx', side: 'sell', ...book },
    ]);
  });

  await rolesContract(t, db);

  await t.test('money columns take no NaN and no infinity', async (t) => {
    for (const amount of ['NaN', 'Infinity', '-Infinity']) {
      const work = transaction(
        db,
        ENTRY('nan'),
        POSTING('nan', 0, 'BTC', amount),
        POSTING('nan', 1, 'BTC', '0'),
      );
      t.equal(await codeOf(work), 'ARB_STORE_CONFLICT', amount);
    }
  });

  await t.test('SQL that makes no sense is reported as a defect, not as an outage', async (t) => {
    t.equal(await codeOf(db.query('select nothing from nowhere')), 'ARB_INVARIANT');
    t.equal((await db.query('select 1::text as one'))[0]?.['one'], '1', 'and the connection lives on');
  });

  await migrationContract(t, db);
}

async function migrationContract(t: Test, db: Db): Promise<void> {
  await t.test('migrations apply once, and an edited or unknown one is refused by name', async (t) => {
    t.strictSame(await migrate(db), [], 'a second run applies nothing');
    const folder = mkdtempSync(join(tmpdir(), 'arbot [migrations] (x)-'));
    t.teardown(() => rmSync(folder, { recursive: true, force: true }));
    for (const name of readdirSync(migrationsFolder()).filter((one) => one.endsWith('.sql')))
      copyFileSync(join(migrationsFolder(), name), join(folder, name));
    t.strictSame(await migrate(db, folder), [], 'brackets in the path do no harm');
    writeFileSync(
      join(folder, '900.do.broken.sql'),
      'create table half_made (a int);\nselect no_such_function();\n',
    );
    t.not(await codeOf(migrate(db, folder)), 'accepted');
    t.equal(
      (await db.query(`select to_regclass('half_made')::text as name`))[0]?.['name'],
      null,
      'nothing half done',
    );
    rmSync(join(folder, '900.do.broken.sql'));
    writeFileSync(join(folder, '900.do.later.sql'), 'create table made_later (a int);\n');
    t.strictSame(await migrate(db, folder), ['900.do.later.sql']);
    await t.rejects(
      migrate(db),
      { code: 'ARB_MIGRATION_REFUSED', message: /migration 900/ },
      'an older program',
    );
    appendFileSync(join(folder, '002.do.ledger.sql'), '-- edited\n');
    const refused = { code: 'ARB_MIGRATION_REFUSED', message: /002\.do\.ledger\.sql/ };
    await t.rejects(migrate(db, folder), refused, 'edited');
    writeFileSync(join(folder, '901.do.pending.sql'), 'select 1;\n');
    rmSync(join(folder, '900.do.later.sql'));
    const { migrations, tables, mode } = await schemaStatus(db, folder);
    t.match(
      migrations.filter(({ state }) => state !== 'applied'),
      [
        { version: 2, file: '002.do.ledger.sql', state: 'edited', appliedAt: /^\d{4}-/ },
        { version: 900, file: null, state: 'unknown' },
        { version: 901, file: '901.do.pending.sql', state: 'pending', appliedAt: null },
      ],
    );
    t.match(
      tables.find(({ table }) => table === 'made_later'),
      { rows: 0, isEstimate: false },
    );
    t.ok(tables.some(({ table, rows, bytes }) => table === 'ledger_entries' && rows > 0 && bytes > 8_000));
    t.equal(mode, 'SIMULATED');
    await db.query(`drop table made_later`);
    await db.query(`delete from schema_migrations where version = 900`);
  });
}
