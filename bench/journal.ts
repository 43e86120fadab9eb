import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Stores } from '../src/ports/stores.js';
import { openPgliteDb } from '../src/storage/pglite/pglite-db.js';
import type { Db } from '../src/storage/sql/db.js';
import { migrate } from '../src/storage/sql/migrate.js';
import { openPostgresDb } from '../src/storage/sql/postgres-db.js';
import { sqlStores } from '../src/storage/sql/sql-stores.js';
import { available, startPostgres } from '../test/servers/postgres.js';
import { claimOf } from '../test/storage/lease-contract.js';
import { testPorts } from '../test/storage/ports.js';
import * as s from '../test/storage/samples.js';
import { timeText } from './report.js';

/**
 * `npm run bench -- journal`: how long an order waits for its journal row, on a real PostgreSQL with fsync and on PGlite. Wall
 * time, since waiting for a disk is what it is about; the floor of the same run (write and fdatasync of as many bytes) and the
 * bare insert of the same row say what of it is the machine.
 */

export interface JournalSize {
  /** Calls of each row of the table. */
  readonly calls: number;
  readonly writers: number;
}

const ROW_BYTES = 1_024;

interface Line {
  readonly name: string;
  /** Of single calls, ns. */
  readonly times: readonly number[];
  readonly perSecond: number;
}

const at = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;

async function timed(
  name: string,
  calls: number,
  lanes: number,
  call: (index: number) => unknown,
): Promise<Line> {
  const times: number[] = [];
  let next = 0;
  const startedNs = performance.now() * 1e6;
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      while (next < calls) {
        const index = next++;
        const fromNs = performance.now() * 1e6;
        await call(index);
        times.push(performance.now() * 1e6 - fromNs);
      }
    }),
  );
  const perSecond = calls / ((performance.now() * 1e6 - startedNs) / 1e9);
  return { name, times: times.sort((a, b) => a - b), perSecond };
}

function table(title: string, lines: readonly Line[]): string {
  const rows = lines.map(({ name, times, perSecond }) => [
    name,
    timeText(at(times, 0.5)),
    timeText(at(times, 0.99)),
    timeText(times.at(-1) ?? NaN),
    perSecond.toFixed(0),
  ]);
  const all = [['', 'p50', 'p99', 'worst', 'calls/s'], ...rows];
  const widths = all[0]!.map((_, column) => Math.max(...all.map((cells) => cells[column]!.length)));
  const lineOf = (cells: readonly string[]): string =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ');
  return [title, ...all.map(lineOf), ''].join('\n');
}

/** As many bytes as a row with its WAL records takes, made durable. */
async function floorOf(folder: string, calls: number): Promise<Line> {
  const file = openSync(join(folder, 'floor'), 'w');
  const bytes = Buffer.alloc(ROW_BYTES, 1);
  try {
    return await timed(`write ${ROW_BYTES} B and fdatasync`, calls, 1, () => {
      writeSync(file, bytes);
      fdatasyncSync(file);
    });
  } finally {
    closeSync(file);
  }
}

async function linesOf(db: Db, stores: Stores, { calls, writers }: JournalSize): Promise<Line[]> {
  const { lease } = await stores.leases.acquire(claimOf('trade', 'bench', { succeeds: true }));
  const key = { resource: 'trade', fence: lease.fence, nonce: claimOf('trade', 'bench').nonce };
  const journal = (run: string) => (index: number) => {
    const name = `${run}-${index}`;
    return stores.trades.journalLegs([s.sampleLeg(name), s.sampleLeg(name, { legIndex: 1 })], lease.fence);
  };
  await db.query('create table if not exists bare (id text primary key, body jsonb)');
  const body = JSON.stringify([s.sampleLeg('bare'), s.sampleLeg('bare', { legIndex: 1 })]);
  const bare = (run: string) => (index: number) =>
    db.query('insert into bare values ($1::text, $2::text::jsonb)', [`${run}-${index}`, body]);
  const entry = (run: string) => (index: number) => {
    const fill = s.sampleFill(`${run}-${index}`);
    return stores.ledger.bookFill(fill, s.fillEntry(fill));
  };
  // First calls plan their statements and fill caches.
  await timed('', 50, 1, journal('warm'));
  await timed('', 50, 1, bare('warm'));
  return [
    await timed('bare insert of the same JSON, one at a time', calls, 1, bare('one')),
    await timed('journal of two legs under the fence, one at a time', calls, 1, journal('one')),
    await timed(`journal of two legs, ${writers} writers`, calls, writers, journal('many')),
    await timed('renewal of the lease', Math.min(calls, 300), 1, () => stores.leases.renew(key)),
    await timed('fill with its ledger entry, one at a time', Math.min(calls, 300), 1, entry('one')),
  ];
}

const SETTINGS = 'fsync,synchronous_commit,full_page_writes,wal_sync_method,shared_buffers,max_wal_size';

async function postgresTable(size: JournalSize): Promise<string> {
  const missing = available();
  if (missing !== null) return `## journal on PostgreSQL\nskipped: ${missing}\n`;
  const server = await startPostgres({ durable: true });
  const db = await openPostgresDb(server.url, testPorts().log, (ms) => sleep(ms));
  try {
    await migrate(db);
    const rows = await db.query(`
      select name, current_setting(name) as value from unnest(string_to_array('${SETTINGS}', ',')) as name`);
    const settings = rows.map((row) => `${row['name']} = ${row['value']}`).join(', ');
    const lines = await linesOf(db, sqlStores(db, testPorts().clock), size);
    return table(`## journal on ${await db.engine()}, loopback TCP, ${settings}`, lines);
  } finally {
    await db.close();
    await server.stop();
  }
}

async function pgliteTable(folder: string, size: JournalSize): Promise<string> {
  const db = await openPgliteDb(join(folder, 'data'), testPorts());
  try {
    await migrate(db);
    const lines = await linesOf(db, sqlStores(db, testPorts().clock), size);
    return table(`## journal on ${await db.engine()} in its child process, no fsync`, lines);
  } finally {
    await db.close();
  }
}

/** All tables as text, with the machine they were made on. */
export async function journalReport(size: JournalSize): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'arbot-bench-'));
  try {
    const memory = `${Math.round(totalmem() / 2 ** 30)} GB`;
    const machine = `${cpus().length} × ${cpus()[0]?.model.trim()}, ${memory}, Node ${process.version}`;
    const floor = table(`## floor of the disk under ${tmpdir()}`, [await floorOf(folder, size.calls)]);
    const postgres = await postgresTable(size);
    return [machine, '', floor, postgres, await pgliteTable(folder, size)].join('\n');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
