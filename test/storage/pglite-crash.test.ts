import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { ArbotError } from '../../src/messages/errors.js';
import { bordered } from '../../src/storage/bordered-stores.js';
import { openStores } from '../../src/storage/open-stores.js';
import { openPgliteDb } from '../../src/storage/pglite/pglite-db.js';
import { migrate } from '../../src/storage/sql/migrate.js';
import { sqlStores } from '../../src/storage/sql/sql-stores.js';
import { testPorts } from './ports.js';
import * as s from './samples.js';
import { startWriter, until } from './writer.js';

const root = mkdtempSync(join(tmpdir(), 'arbot-crash-'));
t.teardown(() => rmSync(root, { recursive: true, force: true }));
t.setTimeout(175_000);

/** Each loop does its rounds, or on a very busy machine as many as fit, but never fewer than two. */
const BUDGET_MS = 45_000;

function goesOn(round: number, rounds: number, startedMs: number): boolean {
  return round <= rounds && (round <= 2 || performance.now() - startedMs < BUDGET_MS);
}

t.test('a killed child is replaced, and nothing acknowledged is lost', async (t) => {
  const ports = testPorts();
  const db = await openPgliteDb(join(root, 'child'), ports);
  await migrate(db);
  const stores = bordered(sqlStores(db, ports.clock));
  const acknowledged: string[] = [];
  let number = 0;
  const startedMs = performance.now();
  let rounds = 0;
  for (let round = 1; goesOn(round, 4, startedMs); round++) {
    rounds = round;
    const before = acknowledged.length;
    let failed: ArbotError | null = null;
    const lanes = Array.from({ length: 4 }, async () => {
      while (failed === null) {
        const entry = s.opening(`kill-${number++}`, 'KILL', '1');
        try {
          await stores.ledger.append(entry);
          acknowledged.push(entry.entryId);
        } catch (error) {
          failed = error as ArbotError;
        }
      }
    });
    await until('writes', () => acknowledged.length >= before + 5 + round);
    const pid = db.childPid() ?? 0;
    process.kill(pid, 'SIGKILL');
    await Promise.all(lanes);
    t.equal((failed as ArbotError | null)?.code, 'ARB_STORE_UNAVAILABLE');
    await t.rejects(
      stores.ping(),
      { code: 'ARB_STORE_UNAVAILABLE', retryable: true },
      'at once while it is away',
    );
    await until('the next child is ready', () => stores.ping().then(Boolean, () => false));
    t.not(db.childPid(), pid);
  }
  t.equal(db.childRestarts(), rounds);
  const kept = await db.query(`select entry_id from ledger_entries where entry_id like 'test:kill-%'`);
  const keptIds = new Set(kept.map((row) => row['entry_id']));
  t.strictSame(
    acknowledged.filter((id) => !keptIds.has(id)),
    [],
    `${acknowledged.length} acknowledged`,
  );
  const lines = ports.lines.filter((line) => line.level === 'error');
  t.ok(
    lines.length >= rounds && lines.every((line) => JSON.stringify(line).length < 600),
    'told in short lines',
  );
});

t.test('a process killed while it writes loses nothing acknowledged and leaves no child', async (t) => {
  const folder = join(root, 'killed');
  const acknowledged: string[] = [];
  const startedMs = performance.now();
  for (let round = 1; goesOn(round, 8, startedMs); round++) {
    t.comment(`kill ${round}`);
    const writer = await startWriter(folder);
    await until(
      'it has written',
      () => writer.acknowledged.length >= 3 * round || writer.process.exitCode !== null,
    );
    // Every other time the database process goes first, as when a machine runs out of memory.
    if (round % 2 === 0) process.kill(writer.databasePid(), 'SIGKILL');
    writer.process.kill('SIGKILL');
    await until('it is gone', () => writer.process.signalCode !== null);
    acknowledged.push(...writer.acknowledged);
  }
  const stores = await openStores({ kind: 'pglite', folder, mode: 'PAPER' }, testPorts());
  const kept = new Set<string>();
  for (let after = 0; ;) {
    const page = await stores.ledger.entries(after, 10_000);
    for (const row of page) kept.add(row.entry.entryId);
    const last = page.at(-1);
    if (last === undefined) break;
    after = last.position;
  }
  t.strictSame(
    acknowledged.filter((id) => !kept.has(id)),
    [],
    `${acknowledged.length} acknowledged`,
  );
  t.ok(kept.size >= acknowledged.length);
  await stores.close();
});
