import type { ModeName } from '../messages/primitives.js';
import type { Logger } from '../ports/log.js';
import type { Stores } from '../ports/stores.js';
import type { Clock, Timers } from '../ports/time.js';
import { bordered } from './bordered-stores.js';
import {
  createMemoryDatabase,
  MemoryEngine,
  noFaults,
  type MemoryDatabase,
  type StoreFaults,
} from './memory/memory-database.js';
import { memoryStores } from './memory/memory-stores.js';
import { openPgliteDb } from './pglite/pglite-db.js';
import type { Db } from './sql/db.js';
import { migrate } from './sql/migrate.js';
import { openPostgresDb } from './sql/postgres-db.js';
import { sqlStores } from './sql/sql-stores.js';

/** Where the stores are, and the mode that may use them. */
export type StoreChoice =
  | { readonly kind: 'pglite'; readonly folder: string; readonly mode: ModeName }
  | { readonly kind: 'postgres'; readonly url: string; readonly mode: ModeName }
  | {
      readonly kind: 'memory';
      readonly mode: ModeName;
      /** Content that outlives these stores; absent = new. */
      readonly database?: MemoryDatabase;
      /** Switches that may be turned while the stores are in use. */
      readonly faults?: StoreFaults;
    };

/** A choice with a database behind it. */
export type DatabaseChoice = Exclude<StoreChoice, { kind: 'memory' }>;

export interface StorePorts {
  readonly log: Logger;
  readonly timers: Timers;
  readonly clock: Clock;
}

/** The engine alone, before any migration. */
export async function openDb(choice: DatabaseChoice, ports: StorePorts): Promise<Db> {
  if (choice.kind === 'pglite') return openPgliteDb(choice.folder, ports);
  const wait = (ms: number): Promise<void> => new Promise((done) => ports.timers.setTimer(done, ms));
  return openPostgresDb(choice.url, ports.log, wait);
}

async function openSqlStores(choice: DatabaseChoice, ports: StorePorts): Promise<Stores> {
  const startedMs = ports.clock.monotonicMs();
  const db = await openDb(choice, ports);
  try {
    const applied = await migrate(db);
    const stores = bordered(sqlStores(db, ports.clock));
    await stores.settings.claimMode(choice.mode);
    const tookMs = Math.round(ports.clock.monotonicMs() - startedMs);
    ports.log.info(
      { engine: await db.engine(), location: db.location, mode: choice.mode, applied, tookMs },
      'stores are open',
    );
    return stores;
  } catch (error) {
    await db.close();
    throw error;
  }
}

/**
 * Opens the stores: takes the folder lock (PGlite), starts or connects the engine, brings the schema up to date and claims the
 * mode. Rejects ARB_FOLDER_LOCKED, ARB_STORE_UNAVAILABLE, ARB_MIGRATION_REFUSED, ARB_MODE_MIXED or ARB_CONFIG_INVALID, with
 * nothing left open. `close` takes at most about one second.
 */
export async function openStores(choice: StoreChoice, ports: StorePorts): Promise<Stores> {
  if (choice.kind !== 'memory') return openSqlStores(choice, ports);
  const database = choice.database ?? createMemoryDatabase();
  const engine = new MemoryEngine(database, choice.faults ?? noFaults(), ports.timers, ports.clock);
  const stores = bordered(memoryStores(engine));
  await stores.settings.claimMode(choice.mode);
  return stores;
}
