import { openPgliteDb } from '../../src/storage/pglite/pglite-db.js';
import { bordered } from '../../src/storage/bordered-stores.js';
import { migrate } from '../../src/storage/sql/migrate.js';
import { sqlStores } from '../../src/storage/sql/sql-stores.js';
import { testPorts } from './ports.js';
import * as s from './samples.js';

/** Books entries without end and reports each that was acknowledged, until it is killed. */
async function main(folder: string): Promise<void> {
  const ports = testPorts();
  const db = await openPgliteDb(folder, ports);
  await migrate(db);
  const stores = bordered(sqlStores(db, ports.clock));
  await stores.settings.claimMode('PAPER');
  process.send?.({ databasePid: db.childPid() });
  for (let number = 0; ; number++) {
    const entry = s.opening(`${process.pid}-${Date.now()}-${number}`, 'BTC', '0.00000001');
    await stores.ledger.append(entry);
    process.send?.({ entryId: entry.entryId });
  }
}

process.once('disconnect', () => process.exit(1));
await main(process.argv[2] ?? '');
