import { invariant } from '../../messages/errors.js';
import type { Row } from './db.js';

/** Values on their way into and out of columns; everything travels as text. */

export function jsonOf(value: unknown): string {
  return JSON.stringify(value);
}

/** Unix ms for `to_timestamp($n::text::float8 / 1000)`. */
export function timeOf(atMs: number): string {
  return String(atMs);
}

export function textOf(row: Row, column: string): string {
  const value = row[column];
  invariant(typeof value === 'string', `column ${column} is missing or null`);
  return value;
}

/** The single row of a statement that always gives one. */
export function only(rows: readonly Row[] | undefined): Row {
  const row = rows?.[0];
  invariant(row !== undefined && rows?.length === 1, 'a statement gave not exactly one row');
  return row;
}
