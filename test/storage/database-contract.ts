import type { Test } from 'tap';
import { copyFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync, appendFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ArbotError } from '../../src/messages/errors.js';
import type { Db } from '../../src/storage/sql/db.js';
import { migrate, migrationsFolder } from '../../src/storage/sql/migrate.js';

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
      `update ledger_balances set amount = 0`,
      `delete from ledger_balances`,
      `insert into ledger_balances values ('fees', 'MADEUP', 1)`,
      `truncate ledger_balances`,
      `delete from open_legs`,
      `truncate open_legs`,
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
    for (const name of readdirSync(migrationsFolder()))
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
    await db.query(`drop table made_later`);
    await db.query(`delete from schema_migrations where version = 900`);
  });
}
