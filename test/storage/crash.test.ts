import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { ArbotError } from '../../src/messages/errors.js';
import { bordered } from '../../src/storage/bordered-stores.js';
import { openPgliteDb } from '../../src/storage/pglite/pglite-db.js';
import { migrate } from '../../src/storage/sql/migrate.js';
import { sqlStores } from '../../src/storage/sql/sql-stores.js';
import { killPglite, killPostgres, type KillReport } from '../chaos/stores.js';
import { available, skipOrFail, startPostgres } from '../servers/postgres.js';
import { testPorts } from './ports.js';
import * as s from './samples.js';
import { until } from './writer.js';

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

const found = ({ lostEntries, lostJournalRows, unclean }: KillReport) => ({
  lostEntries,
  lostJournalRows,
  unclean,
});
const nothing = { lostEntries: [], lostJournalRows: [], unclean: [] };
const isGrowing = (fences: readonly number[]): boolean =>
  fences.every((fence, index) => index === 0 || fence > fences[index - 1]!);

t.test(
  'a process killed while it writes loses nothing acknowledged, and leaves no child and no lock',
  async (t) => {
    const report = await killPglite(join(root, 'killed'), { times: 6, seed: 1, budgetMs: BUDGET_MS });
    t.strictSame(found(report), nothing, `${report.kills} kills, ${report.entries} entries acknowledged`);
    t.ok(report.journalled >= report.kills);
    t.ok(
      isGrowing(report.fences),
      `each takes over at once under a larger fence: ${report.fences.join(' ')}`,
    );
  },
);

t.test('a server killed with all its processes loses nothing acknowledged', async (t) => {
  if (skipOrFail(t, available())) return;
  const server = await startPostgres({ durable: true });
  t.teardown(() => server.stop());
  if (server.external) return t.plan(0, 'the server of PG_URL is not ours to kill');
  const report = await killPostgres(server, { times: 4, seed: 1, budgetMs: BUDGET_MS });
  t.strictSame(found(report), nothing, `${report.kills} kills, ${report.entries} entries acknowledged`);
  t.ok(report.journalled >= report.kills);
  t.ok(isGrowing(report.fences), report.fences.join(' '));
});
