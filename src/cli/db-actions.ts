import {
  databaseStatus,
  isThere,
  migrateDatabase,
  type DatabaseStatus,
} from '../storage/existing-database.js';
import type { DatabaseChoice } from '../storage/open-stores.js';
import { chooseDatabase } from './database.js';
import { EXIT, table, type Terminal } from './output.js';
import type { StartFlags } from './start.js';

/** Bytes for people. */
export function sizeText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let [size, unit] = [bytes, 0];
  for (; size >= 1_024 && unit < units.length - 1; unit++) size /= 1_024;
  return `${unit === 0 ? String(size) : size.toFixed(1)} ${units[unit]}`;
}

/** The whole picture in lines. */
export function statusLines(status: DatabaseStatus): string[] {
  const head = [
    ['engine', status.engine],
    ['location', status.location],
    ['mode', status.mode ?? 'not claimed yet'],
    ['size', sizeText(status.bytes)],
  ];
  const versions = status.migrations.map((one) => [
    one.file ?? `version ${one.version}`,
    one.state,
    one.appliedAt ?? '',
  ]);
  const tables = status.tables.map((one) => [
    one.table,
    one.isEstimate ? `about ${one.rows}` : String(one.rows),
    sizeText(one.bytes),
  ]);
  return [
    ...table(head),
    '',
    ...table([['migration', 'state', 'applied (UTC)'], ...versions]),
    '',
    ...table([['table', 'rows', 'size'], ...tables]),
  ];
}

/** What has to be done about it; null when the schema is the one of this program. */
function verdictOf({ migrations }: DatabaseStatus): string | null {
  const drifted = migrations.filter(({ state }) => state === 'edited' || state === 'unknown');
  if (drifted.length > 0)
    return `${drifted.map((one) => one.file ?? `version ${one.version}`).join(', ')}: not what was applied here; use the ArBot version that wrote this database`;
  const pending = migrations.filter(({ state }) => state === 'pending').length;
  return pending === 0 ? null : `${pending} pending: the next start applies them, or arbot db migrate`;
}

const nowhere = (choice: DatabaseChoice): string =>
  `no database yet in ${choice.kind === 'pglite' ? choice.folder : 'the server'}: arbot start or arbot db migrate makes it`;

/** Prints what the database looks like; returns the exit code: 1 when it does not fit this program. */
export async function showStatus(flags: StartFlags, asJson: boolean, terminal: Terminal): Promise<number> {
  const { choice, ports } = await chooseDatabase(flags, terminal);
  if (!isThere(choice)) {
    terminal.print(nowhere(choice));
    return EXIT.done;
  }
  const status = await databaseStatus(choice, ports);
  if (asJson) terminal.print(JSON.stringify(status, null, 2));
  else for (const line of statusLines(status)) terminal.print(line);
  const verdict = verdictOf(status);
  if (verdict !== null) terminal.complain(verdict);
  const isUnusable = status.migrations.some(({ state }) => state === 'edited' || state === 'unknown');
  return isUnusable ? EXIT.failed : EXIT.done;
}

/** Applies what is pending and names each file. */
export async function migrateNow(flags: StartFlags, terminal: Terminal): Promise<number> {
  const { choice, ports } = await chooseDatabase(flags, terminal);
  const applied = await migrateDatabase(choice, ports);
  for (const file of applied) terminal.print(`applied ${file}`);
  terminal.print(
    applied.length === 0 ? 'Nothing to do: the schema is up to date.' : 'The schema is up to date.',
  );
  return EXIT.done;
}
