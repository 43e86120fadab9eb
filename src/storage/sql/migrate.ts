import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import Postgrator from 'postgrator';
import { ArbotError, errorText, invariant } from '../../messages/errors.js';
import type { Db, Session } from './db.js';
import { grantRoles } from './roles.js';
import { engineError } from './sql-errors.js';

/** Applied versions, with the checksum of each file. */
export const SCHEMA_TABLE = 'schema_migrations';
/** Two nodes that start at once migrate one after the other. */
const LOCK = 'select pg_advisory_xact_lock(8202100)::text';

/** `migrations/` of the repository, from the sources or from the build folder one level deeper. */
export function migrationsFolder(): string {
  for (const up of ['../../../migrations/', '../../../../migrations/']) {
    const folder = fileURLToPath(new URL(up, import.meta.url));
    if (existsSync(folder)) return folder;
  }
  throw new ArbotError('ARB_MIGRATION_REFUSED', 'the migrations folder is missing from this installation');
}

/** The folder's `<version>.do.<name>.sql` files by version. */
export function filesByVersion(folder: string): Map<number, string> {
  // eslint-disable-next-line no-restricted-syntax -- dst-ok: a map by version, whose order nobody uses
  const files = readdirSync(folder).filter((name) => name.endsWith('.sql'));
  return new Map(files.map((name) => [Number(name.split('.')[0]), name]));
}

const MOST_TRIES = 4;

function postgratorOver(session: Session, folder: string): Postgrator {
  return new Postgrator({
    driver: 'pg',
    schemaTable: SCHEMA_TABLE,
    validateChecksums: true,
    newline: 'LF',
    // A glob: characters of the path that mean something to it are bracketed.
    migrationPattern: `${folder.replaceAll('\\', '/').replaceAll(/[[\](){}?*!+@]/g, '[$&]')}/*.sql`,
    execQuery: async (query) => ({ rows: [...(await session.query(query))] }),
    execSqlScript: (script) => session.exec(script),
  });
}

async function appliedVersions(session: Session): Promise<number[]> {
  const found = await session.query(`select to_regclass('${SCHEMA_TABLE}')::text as name`);
  if (found[0]?.['name'] === null) return [];
  const rows = await session.query(`select version::text from ${SCHEMA_TABLE} where version > 0`);
  return rows.map((row) => Number(row['version']));
}

/** A database from a newer version would otherwise be "migrated" backwards; a vanished file would go unnoticed. */
function requireKnown(applied: readonly number[], files: ReadonlyMap<number, string>): void {
  const unknown = applied.find((version) => !files.has(version));
  if (unknown !== undefined)
    throw new ArbotError(
      'ARB_MIGRATION_REFUSED',
      `migration ${unknown} was applied to this database and is unknown here: a newer version of ArBot wrote it, or its file is gone`,
    );
}

function named(error: unknown, files: ReadonlyMap<number, string>): unknown {
  if (engineError(error).code === '42501')
    return new ArbotError(
      'ARB_MIGRATION_REFUSED',
      `this user may not change the schema (${errorText(error)}); migrate once as its owner, then start again`,
    );
  const edited = /checksum failed for migration \[(\d+)\]/.exec(errorText(error));
  if (edited === null) return error;
  const file = files.get(Number(edited[1])) ?? edited[1];
  return new ArbotError('ARB_MIGRATION_REFUSED', `${file}: the file was edited after it had been applied`);
}

async function migrateIn(session: Session, folder: string): Promise<string[]> {
  const files = filesByVersion(folder);
  await session.query(LOCK);
  requireKnown(await appliedVersions(session), files);
  try {
    const runner = postgratorOver(session, folder);
    const seen = await runner.getMigrations();
    invariant(seen.length === files.size && seen.length > 0, `migrations in ${folder} could not be read`);
    const applied = await runner.migrate();
    if (applied.length > 0) await grantRoles(session);
    return applied.map((migration) => files.get(migration.version) ?? String(migration.version));
  } catch (error) {
    throw named(error, files);
  }
}

/**
 * Brings the schema to the newest version in one transaction, so that a crash leaves the old schema or the new one.
 * Returns the files applied, none when up to date. Rejects ARB_MIGRATION_REFUSED naming a file that was edited after it
 * had been applied, or a version this program does not know. Afterwards the roles may do what the tables of today need
 * (`roles.ts`). A user who may not change the schema can start on one that is up to date. A node that waits for another's migration
 * asks again when its statement has waited for as long as statements may.
 */
export async function migrate(db: Db, folder: string = migrationsFolder()): Promise<string[]> {
  for (let tries = 1; ; tries++)
    try {
      return await db.session((session) => migrateIn(session, folder));
    } catch (error) {
      if (tries >= MOST_TRIES || !(error instanceof ArbotError) || !error.retryable) throw error;
    }
}
