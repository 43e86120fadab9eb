import { randomBytes } from 'node:crypto';
import { openPgliteDb } from '../../src/storage/pglite/pglite-db.js';
import { bordered } from '../../src/storage/bordered-stores.js';
import type { Db } from '../../src/storage/sql/db.js';
import { migrate } from '../../src/storage/sql/migrate.js';
import { openPostgresDb } from '../../src/storage/sql/postgres-db.js';
import { sqlStores } from '../../src/storage/sql/sql-stores.js';
import { claimOf } from './lease-contract.js';
import { testPorts } from './ports.js';
import * as s from './samples.js';
import type { WriterPlace, WriterReport } from './writer.js';

/** Books, journals and settles without end and reports what was acknowledged, until it is killed. */

const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));
const report = (message: WriterReport): void => void process.send?.(message);

async function open(place: WriterPlace): Promise<{ readonly db: Db; readonly databasePid: number }> {
  const ports = testPorts();
  if (place.kind === 'postgres')
    return { db: await openPostgresDb(place.url, ports.log, sleep), databasePid: 0 };
  const db = await openPgliteDb(place.folder, ports);
  return { db, databasePid: db.childPid() ?? 0 };
}

async function main(place: WriterPlace): Promise<void> {
  const { db, databasePid } = await open(place);
  await migrate(db);
  const stores = bordered(sqlStores(db, testPorts().clock));
  await stores.settings.claimMode('PAPER');
  const nonce = randomBytes(16).toString('hex');
  const claim = claimOf('trade', 'writer', { nonce, succeeds: true });
  let answer = await stores.leases.acquire(claim);
  // The session of the killed former process may need a moment to end.
  for (; answer.kind === 'held'; answer = await stores.leases.acquire(claim)) await sleep(20);
  const { fence } = answer.lease;
  report({ kind: 'opened', databasePid, fence });
  for (let number = 0; ; number++) {
    const key = `${process.pid}-${Date.now()}-${number}`;
    const leg = s.sampleLeg(key);
    await stores.trades.journalLegs([leg, s.sampleLeg(key, { legIndex: 1 })], fence);
    report({ kind: 'journalled', clientOrderId: leg.clientOrderId });
    const entry = s.opening(key, 'BTC', '0.00000001');
    await stores.ledger.append(entry);
    report({ kind: 'booked', entryId: entry.entryId });
    const fill = s.sampleFill(key, { clientOrderId: leg.clientOrderId });
    const booking = s.fillEntry(fill);
    await stores.ledger.bookFill(fill, booking);
    report({ kind: 'booked', entryId: booking.entryId });
    await stores.trades.saveLegResult(s.sampleResult(leg));
  }
}

process.once('disconnect', () => process.exit(1));
await main(JSON.parse(process.argv[2] ?? '') as WriterPlace);
