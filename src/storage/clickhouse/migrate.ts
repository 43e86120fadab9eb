import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ArbotError } from '../../messages/errors.js';
import type { ModeName } from '../../messages/primitives.js';
import { migrationsFolder } from '../sql/migrate.js';
import { mixedMode } from '../sql/settings-store.js';
import type { Engine } from './engine.js';

/**
 * Brings the tables of ticks up to date from migrations/clickhouse. ClickHouse has no transactions: every statement of a file may
 * run again (`IF NOT EXISTS`), and a file counts as applied once its last statement stands.
 */

const VERSIONS = `CREATE TABLE IF NOT EXISTS schema_migrations
  (version UInt32, name String, checksum String, applied_at DateTime64(6, 'UTC') DEFAULT now64(6))
  ENGINE = MergeTree ORDER BY version`;

interface Migration {
  readonly version: number;
  /** `<version>.do.<name>.sql` */
  readonly file: string;
  readonly text: string;
  readonly checksum: string;
}

export function clickHouseMigrations(): string {
  return join(migrationsFolder(), 'clickhouse');
}

function migrationsIn(folder: string): Migration[] {
  // eslint-disable-next-line no-restricted-syntax -- dst-ok: sorted by version below
  const files = readdirSync(folder).filter((name) => /^\d+\.do\..+\.sql$/.test(name));
  return files
    .map((file) => {
      const text = readFileSync(join(folder, file), 'utf8').replaceAll('\r\n', '\n');
      const checksum = createHash('sha256').update(text).digest('hex');
      return { version: Number(file.split('.')[0]), file, text, checksum };
    })
    .sort((a, b) => a.version - b.version);
}

/** Statements end with a semicolon at the end of a line; comments are whole lines. */
function statementsOf(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => !line.trimStart().startsWith('--'))
    .join('\n')
    .split(/;[ \t]*(?:\n|$)/)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}

function refused(message: string): ArbotError {
  return new ArbotError('ARB_MIGRATION_REFUSED', message);
}

function requireKnown(applied: ReadonlyMap<number, string>, files: readonly Migration[]): void {
  for (const [version, checksum] of applied) {
    const file = files.find((one) => one.version === version);
    if (file === undefined)
      throw refused(
        `migration ${version} was applied to this tick store and is unknown here: a newer version of ArBot wrote it, or its file is gone`,
      );
    if (file.checksum !== checksum)
      throw refused(`${file.file}: the file was edited after it had been applied`);
  }
}

/** The migrations that were applied, by version, with the checksum of their files. */
async function appliedTo(engine: Engine): Promise<Map<number, string>> {
  await engine.command(VERSIONS);
  const rows = await engine.select('SELECT version, checksum FROM schema_migrations ORDER BY applied_at');
  return new Map(rows.map((cells) => [Number(cells[0]), String(cells[1])]));
}

/**
 * Applies what is missing and returns the names of the files. Rejects ARB_MIGRATION_REFUSED when the store was written by a newer
 * version or a file was edited.
 */
export async function migrateTicks(engine: Engine, folder = clickHouseMigrations()): Promise<string[]> {
  const files = migrationsIn(folder);
  const applied = await appliedTo(engine);
  requireKnown(applied, files);
  const missing = files.filter((file) => !applied.has(file.version));
  for (const { version, file, text, checksum } of missing) {
    for (const statement of statementsOf(text)) await engine.command(statement);
    const row = `${version}\t${file}\t${checksum}\n`;
    await engine.insert(
      'INSERT INTO schema_migrations (version, name, checksum) SETTINGS async_insert = 0 FORMAT TabSeparated',
      [Buffer.from(row)],
    );
  }
  return missing.map((one) => one.file);
}

/** Stamps the store with its mode at first use; rejects ARB_MODE_MIXED when it was written in another. */
export async function claimTickMode(engine: Engine, mode: ModeName, location: string): Promise<void> {
  const claimed = 'SELECT mode FROM installation ORDER BY claimed_at LIMIT 1';
  let [first] = await engine.select(claimed);
  if (first === undefined) {
    const claim = 'INSERT INTO installation (mode) SETTINGS async_insert = 0 FORMAT TabSeparated';
    await engine.insert(claim, [Buffer.from(`${mode}\n`)]);
    [first] = await engine.select(claimed);
  }
  if (first?.[0] !== mode) throw mixedMode(location, String(first?.[0]), mode);
}
