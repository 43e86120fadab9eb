import { ArbotError } from '../messages/errors.js';
import type { Stores } from '../ports/stores.js';
import { bordered } from './bordered-stores.js';
import { openDb, type DatabaseChoice, type StorePorts } from './open-stores.js';
import { hasCluster } from './pglite/pglite-db.js';
import type { Db } from './sql/db.js';
import { migrate } from './sql/migrate.js';
import { claimedMode, migrationStatus, schemaStatus, type SchemaStatus } from './sql/schema-status.js';
import { mixedMode } from './sql/settings-store.js';
import { sqlStores } from './sql/sql-stores.js';

/** A database that is looked at by a command and not by a node. */

export interface DatabaseStatus extends SchemaStatus {
  readonly engine: string;
  /** Folder, or host and database. */
  readonly location: string;
}

/** False for a data folder in which no node ever started; a server is asked by opening it. */
export function isThere(choice: DatabaseChoice): boolean {
  return choice.kind === 'postgres' || hasCluster(choice.folder);
}

async function withDb<T>(
  choice: DatabaseChoice,
  ports: StorePorts,
  work: (db: Db) => Promise<T>,
): Promise<T> {
  const db = await openDb(choice, ports);
  try {
    return await work(db);
  } finally {
    await db.close();
  }
}

/** Brings the schema up to date, making the database of a data folder when there is none. Returns the files applied. */
export function migrateDatabase(choice: DatabaseChoice, ports: StorePorts): Promise<string[]> {
  return withDb(choice, ports, (db) => migrate(db));
}

/** Looks and changes nothing. */
export function databaseStatus(choice: DatabaseChoice, ports: StorePorts): Promise<DatabaseStatus> {
  return withDb(choice, ports, async (db) => ({
    engine: await db.engine(),
    location: db.location,
    ...(await schemaStatus(db)),
  }));
}

async function requireReadable(db: Db, choice: DatabaseChoice): Promise<void> {
  const off = (await migrationStatus(db)).find(({ state }) => state !== 'applied');
  if (off !== undefined)
    throw new ArbotError(
      'ARB_MIGRATION_REFUSED',
      `${off.file ?? `migration ${off.version}`} is ${off.state} in ${db.location}: arbot db status shows all, arbot db migrate applies what is pending`,
    );
  const mode = await claimedMode(db);
  if (mode !== null && mode !== choice.mode) throw mixedMode(db.location, mode, choice.mode);
}

/**
 * Opens the stores as they are: neither migrated nor claimed. Rejects ARB_STORE_UNAVAILABLE when there is no database yet,
 * ARB_MIGRATION_REFUSED when the schema is not that of this program, ARB_MODE_MIXED for another mode's data.
 */
export async function openExistingStores(choice: DatabaseChoice, ports: StorePorts): Promise<Stores> {
  if (!isThere(choice))
    throw new ArbotError(
      'ARB_STORE_UNAVAILABLE',
      `there is no data yet in ${choice.kind === 'pglite' ? choice.folder : ''}`,
    );
  const db = await openDb(choice, ports);
  try {
    await requireReadable(db, choice);
    return bordered(sqlStores(db, ports.clock));
  } catch (error) {
    await db.close();
    throw error;
  }
}
