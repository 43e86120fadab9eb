import type { Db } from './db.js';

/** What decides whether an acknowledged commit survives, and how it is reached. */
const SETTINGS = ['fsync', 'synchronous_commit', 'full_page_writes', 'wal_sync_method', 'ssl'] as const;

/** Durability settings as the server says them to this user: `fsync on`, `synchronous_commit off` … */
export async function postgresSettings(db: Pick<Db, 'query'>): Promise<string[]> {
  const rows = await db.query(
    `select name, setting from pg_settings where name = any (string_to_array($1::text, ','))`,
    [SETTINGS.join(',')],
  );
  const known = new Map(rows.map((row) => [row['name'], row['setting']]));
  return SETTINGS.flatMap((name) => (known.has(name) ? [`${name} ${known.get(name)}`] : []));
}
