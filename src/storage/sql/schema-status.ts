import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { textOf } from './columns.js';
import type { Db, Row } from './db.js';
import { filesByVersion, migrationsFolder, SCHEMA_TABLE } from './migrate.js';

/** What a database looks like beside the migrations of this program; nothing is changed. */

export interface MigrationStatus {
  readonly version: number;
  /** File of this program; null for a version it does not know. */
  readonly file: string | null;
  /** `edited`: the file is not the one that was applied. `unknown`: a newer program applied it. */
  readonly state: 'applied' | 'pending' | 'edited' | 'unknown';
  /** UTC, as recorded; null while pending. */
  readonly appliedAt: string | null;
}

export interface TableStatus {
  readonly table: string;
  readonly rows: number;
  /** True for a large table on a server, whose rows were estimated. */
  readonly isEstimate: boolean;
  /** On disk with its indexes. */
  readonly bytes: number;
}

export interface SchemaStatus {
  readonly migrations: readonly MigrationStatus[];
  readonly tables: readonly TableStatus[];
  readonly bytes: number;
  /** The mode that wrote it; null before the first start. */
  readonly mode: string | null;
}

/** Rows above which a server's own estimate is told instead of counting. */
const COUNTED_ROWS = 1_000_000;

const APPLIED = `select version::text, md5, run_at::text from ${SCHEMA_TABLE} where version > 0 order by version`;

const TABLES = `
  select c.relname as table, pg_total_relation_size(c.oid)::text as bytes, c.reltuples::bigint::text as estimate
  from pg_class c where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p')
  order by c.relname collate "C"`;

async function exists(db: Db, table: string): Promise<boolean> {
  const [row] = await db.query(`select to_regclass($1::text)::text as name`, [table]);
  return row?.['name'] !== null;
}

/** As the runner computes it: MD5 of the text with LF line ends. */
const checksumOf = (path: string): string =>
  createHash('md5')
    .update(readFileSync(path, 'utf8').replaceAll(/\r\n|\r/g, '\n'), 'utf8')
    .digest('hex');

function statusOf(
  version: number,
  row: Row | undefined,
  folder: string,
  file: string | null,
): MigrationStatus {
  if (row === undefined) return { version, file, state: 'pending', appliedAt: null };
  const appliedAt = row['run_at'] ?? null;
  if (file === null) return { version, file, state: 'unknown', appliedAt };
  const isSame = row['md5'] === checksumOf(join(folder, file));
  return { version, file, state: isSame ? 'applied' : 'edited', appliedAt };
}

/** Every version known here or there, in order. `folder` holds the files of this program. */
export async function migrationStatus(
  db: Db,
  folder: string = migrationsFolder(),
): Promise<MigrationStatus[]> {
  const files = filesByVersion(folder);
  const rows = (await exists(db, SCHEMA_TABLE)) ? await db.query(APPLIED) : [];
  const applied = new Map(rows.map((row) => [Number(textOf(row, 'version')), row]));
  const versions = [...new Set([...files.keys(), ...applied.keys()])].sort((a, b) => a - b);
  return versions.map((version) =>
    statusOf(version, applied.get(version), folder, files.get(version) ?? null),
  );
}

async function tables(db: Db): Promise<TableStatus[]> {
  const found: TableStatus[] = [];
  for (const row of await db.query(TABLES)) {
    const [table, bytes] = [textOf(row, 'table'), Number(textOf(row, 'bytes'))];
    const estimate = Number(textOf(row, 'estimate'));
    const isEstimate = estimate > COUNTED_ROWS;
    // The name comes from the database's own catalogue.
    const [counted] = isEstimate
      ? []
      : await db.query(`select count(*)::text as rows from "${table.replaceAll('"', '""')}"`);
    found.push({
      table,
      bytes,
      isEstimate,
      rows: counted === undefined ? estimate : Number(textOf(counted, 'rows')),
    });
  }
  return found;
}

/** The mode whose data this is; null before the first start. */
export async function claimedMode(db: Db): Promise<string | null> {
  if (!(await exists(db, 'installation'))) return null;
  return (await db.query('select mode from installation'))[0]?.['mode'] ?? null;
}

/** Versions, drift, sizes and row counts. `folder` holds the migrations. */
export async function schemaStatus(db: Db, folder: string = migrationsFolder()): Promise<SchemaStatus> {
  const [size] = await db.query('select pg_database_size(current_database())::text as bytes');
  return {
    migrations: await migrationStatus(db, folder),
    tables: await tables(db),
    bytes: size === undefined ? 0 : Number(textOf(size, 'bytes')),
    mode: await claimedMode(db),
  };
}
