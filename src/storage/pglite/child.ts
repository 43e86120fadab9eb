import { existsSync, cpSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { engineError } from '../sql/sql-errors.js';
import type { Row } from '../sql/db.js';
import { claimEngine, releaseEngine } from '../child/engine-claim.js';
import { EXIT, type ChildMessage } from '../child/protocol.js';
import { PGLITE_CONFIG, PLACES, type ParentMessage, type Results } from './protocol.js';

/**
 * The process that owns the embedded database. Arguments: data folder, seed folder (`-` for none). It does one request at a
 * time in order of arrival and ends with its parent.
 */

/** Every type as the text PostgreSQL sent: bool, bytea-free numerics, json and times would otherwise become objects. */
const TEXT_TYPES = [
  16, 18, 19, 20, 21, 23, 25, 26, 114, 700, 701, 1043, 1082, 1114, 1184, 1700, 2278, 3802, 5069,
];
const AS_TEXT = Object.fromEntries(TEXT_TYPES.map((oid) => [oid, (value: string) => value]));

function tell(message: ChildMessage<Results>): void {
  process.send?.(message);
}

/** A first start copies the seed beside its place and renames it, so that a crash never leaves half a cluster. */
function prepareCluster(folder: string, seed: string): string {
  const cluster = join(folder, PLACES.cluster);
  const unfinished = `${cluster}.new`;
  rmSync(unfinished, { recursive: true, force: true });
  if (existsSync(cluster)) return cluster;
  cpSync(seed, unfinished, { recursive: true });
  renameSync(unfinished, cluster);
  return cluster;
}

async function answer(
  db: PGlite,
  message: Exclude<ParentMessage, { kind: 'close' }>,
): Promise<readonly (readonly Row[])[]> {
  const options = { parsers: AS_TEXT };
  if (message.kind === 'query')
    return [(await db.query<Row>(message.sql, [...message.values], options)).rows];
  if (message.kind === 'exec') {
    await db.exec(message.script);
    return [];
  }
  return db.transaction(async (transaction) => {
    const results: (readonly Row[])[] = [];
    for (const { sql, values } of message.statements)
      results.push((await transaction.query<Row>(sql, [...values], options)).rows);
    return results;
  });
}

async function handle(db: PGlite, message: ParentMessage): Promise<void> {
  if (message.kind === 'close') return;
  try {
    tell({ kind: 'done', id: message.id, results: await answer(db, message) });
  } catch (error) {
    const { code, message: text, constraint } = engineError(error);
    tell({ kind: 'failed', id: message.id, code, message: text, constraint });
    // No SQLSTATE: not the database's refusal but a broken engine, which only a new process heals.
    if (code === undefined) throw error;
  }
}

async function closeAndExit(db: PGlite, folder: string): Promise<void> {
  await db.close();
  releaseEngine(join(folder, PLACES.writer));
  process.exit(EXIT.closed);
}

async function main(folder: string, seed: string): Promise<void> {
  // Signals of a terminal or service manager reach the whole group: the parent decides when this process ends.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => undefined);
  process.once('disconnect', () => process.exit(EXIT.crashed));
  if (!process.connected) process.exit(EXIT.crashed);
  claimEngine(join(folder, PLACES.writer));
  const cluster = prepareCluster(folder, seed);
  const db = await PGlite.create({ dataDir: cluster, postgresqlconf: PGLITE_CONFIG });
  let turn = Promise.resolve();
  process.on('message', (message: ParentMessage) => {
    turn = turn
      .then(() => (message.kind === 'close' ? closeAndExit(db, folder) : handle(db, message)))
      .catch((error: unknown) => fail(error));
  });
  // eslint-disable-next-line no-restricted-syntax -- dst-ok: a process of its own, which has no Clock
  tell({ kind: 'ready', openedInMs: Math.round(process.uptime() * 1000) });
}

function fail(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(EXIT.crashed);
}

main(process.argv[2] ?? '', process.argv[3] ?? '').catch(fail);
