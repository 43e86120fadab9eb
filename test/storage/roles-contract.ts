import type { Test } from 'tap';
import type { Db } from '../../src/storage/sql/db.js';

/** What the two roles may do, asked by a session that has become one of them. */

const ROLES = ['arbot_writer', 'arbot_reader'] as const;
const MAY = ['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger'] as const;

/** Tables that a writer changes, each under a trigger or a check of its own. */
const CHANGED = ['exchanges', 'leases', 'settings'];
const KEPT_BY_THE_DATABASE = ['ledger_balances', 'open_legs', 'schema_migrations'];

export async function rolesContract(t: Test, db: Db): Promise<void> {
  await t.test('the roles hold exactly the rights they need on every table and view', async (t) => {
    const rows = await db.query(`
      select role, relname as name, relkind::text as kind,
             ${MAY.map((right) => `has_table_privilege(role, c.oid, '${right}')::text as "${right}"`).join(', ')}
      from pg_class c, unnest(array['${ROLES.join("','")}']) as role
      where relnamespace = current_schema()::regnamespace and relkind in ('r', 'v')`);
    t.ok(rows.length >= 36, `${rows.length} rows`);
    for (const row of rows) {
      const name = row['name'] ?? '';
      const held = MAY.filter((right) => row[right] === 'true');
      const isTable = row['kind'] === 'r';
      const adds = row['role'] === 'arbot_writer' && isTable && !KEPT_BY_THE_DATABASE.includes(name);
      const changes = adds && CHANGED.includes(name);
      t.strictSame(
        held,
        ['select', ...(adds ? ['insert'] : []), ...(changes ? ['update'] : [])],
        `${row['role']} ${name}`,
      );
    }
    const elsewhere = await db.query(`
      select role, has_schema_privilege(role, current_schema(), 'create')::text as creates,
             has_database_privilege(role, current_database(), 'temporary')::text as temporary
      from unnest(array['${ROLES.join("','")}']) as role`);
    for (const row of elsewhere)
      t.strictSame([row['creates'], row['temporary']], ['false', 'false'], `${row['role']} makes no tables`);
  });
}
