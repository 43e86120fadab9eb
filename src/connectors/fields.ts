import { parsePrice, parseSize } from '../market/float-text.js';
import { isDecimalText } from '../market/decimal.js';
import type { DecimalText } from '../messages/primitives.js';
import { FrameError } from './frame-error.js';
import type { LevelBuffer } from './level-buffer.js';

/**
 * Strict readers of received JSON: own properties only, no coercion, every error names the field. The path is joined only
 * when something is wrong, so that a good frame costs no string.
 */

/** An object with unknown members, as received. */
export type Fields = Readonly<Record<string, unknown>>;

const MAX_TEXT = 256;
const MAX_SYMBOL = 64;
/** End of the year 9999 fits; the wall clock of a replay may stand anywhere in it. */
const MAX_TIME_MS = 8.64e15;
const DIGITS = /^(?:0|[1-9]\d{0,31})$/;

/** The member, or undefined. Never one that a `__proto__` key or the prototype supplies. */
export function member(fields: Fields, key: string): unknown {
  return Object.hasOwn(fields, key) ? fields[key] : undefined;
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function asFields(value: unknown, field: string): Fields {
  if (!isFields(value)) throw new FrameError(field, 'an object', value);
  return value;
}

export function fieldsAt(fields: Fields, key: string, path: string): Fields {
  const value = member(fields, key);
  if (!isFields(value)) throw new FrameError(path + key, 'an object', value);
  return value;
}

export function listAt(fields: Fields, key: string, path: string, maxLength: number): readonly unknown[] {
  const value = member(fields, key);
  if (!Array.isArray(value)) throw new FrameError(path + key, 'an array', value);
  if (value.length > maxLength) {
    throw new FrameError(path + key, `an array of at most ${maxLength}`, value);
  }
  return value;
}

/** Text of 1 to 256 characters. */
export function textAt(fields: Fields, key: string, path: string): string {
  const value = member(fields, key);
  if (typeof value !== 'string' || value.length === 0 || value.length > MAX_TEXT) {
    throw new FrameError(path + key, 'a text', value);
  }
  return value;
}

/** A market's own name: 1 to 64 characters. */
export function symbolAt(fields: Fields, key: string, path: string): string {
  const value = member(fields, key);
  if (typeof value !== 'string' || value.length === 0 || value.length > MAX_SYMBOL) {
    throw new FrameError(path + key, 'a symbol', value);
  }
  return value;
}

export function booleanAt(fields: Fields, key: string, path: string): boolean {
  const value = member(fields, key);
  if (typeof value !== 'boolean') throw new FrameError(path + key, 'true or false', value);
  return value;
}

/**
 * A counter of the exchange as an exact number. Counters beyond 2^53 are refused here, never rounded: an exchange that
 * sends them reads them as text.
 */
export function counterAt(fields: Fields, key: string, path: string, lowest = 0): number {
  const value = member(fields, key);
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < lowest) {
    throw new FrameError(path + key, `a whole number from ${lowest}`, value);
  }
  return value;
}

/** Unix milliseconds, as a number. */
export function timeAt(fields: Fields, key: string, path: string): number {
  const value = member(fields, key);
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > MAX_TIME_MS) {
    throw new FrameError(path + key, 'a Unix time in ms', value);
  }
  return value;
}

/** Unix milliseconds, spelled as text. */
export function timeTextAt(fields: Fields, key: string, path: string): number {
  const value = member(fields, key);
  const time = typeof value === 'string' && DIGITS.test(value) ? Number(value) : NaN;
  if (!(time <= MAX_TIME_MS)) throw new FrameError(path + key, 'a Unix time in ms', value);
  return time;
}

/** An identifier as text: digits of any length when it was a number, else 1 to 64 printable characters. */
export function idAt(fields: Fields, key: string, path: string): string {
  const value = member(fields, key);
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return String(value);
  if (typeof value === 'string' && /^[\x21-\x7e]{1,64}$/.test(value)) return value;
  throw new FrameError(path + key, 'an identifier', value);
}

/** Decimal text above 0, as messages carry it, spelled as received. */
export function positiveTextAt(fields: Fields, key: string, path: string): DecimalText {
  const value = member(fields, key);
  if (typeof value !== 'string' || !isDecimalText(value) || !(parsePrice(value) > 0)) {
    throw new FrameError(path + key, 'a decimal above 0', value);
  }
  return value;
}

/** Decimal text not below 0. */
export function unsignedTextAt(fields: Fields, key: string, path: string): DecimalText {
  const value = member(fields, key);
  if (typeof value !== 'string' || !isDecimalText(value) || !(parseSize(value) >= 0)) {
    throw new FrameError(path + key, 'a decimal not below 0', value);
  }
  return value;
}

export function priceAt(fields: Fields, key: string, path: string): number {
  const value = member(fields, key);
  const price = parsePrice(value as string);
  if (!(price > 0)) throw new FrameError(path + key, 'a price above 0', value);
  return price;
}

export function sizeAt(fields: Fields, key: string, path: string): number {
  const value = member(fields, key);
  const size = parseSize(value as string);
  if (!(size >= 0)) throw new FrameError(path + key, 'a size not below 0', value);
  return size;
}

/** One price level as received: price, size and what else the exchange adds. */
export type LevelRow = readonly string[];

/**
 * Reads `[[price, size, …], …]` into `into` (cleared first). Returns the rows, whose first two members are then known to
 * be decimal text; checksums are computed over them.
 */
export function levelsAt(fields: Fields, key: string, path: string, into: LevelBuffer): readonly LevelRow[] {
  const rows = listAt(fields, key, path, into.maxLevels);
  into.clear();
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i];
    if (!Array.isArray(row) || row.length < 2) {
      throw new FrameError(`${path}${key}[${i}]`, 'a level [price, size]', row);
    }
    const price = parsePrice(row[0] as string);
    if (!(price > 0)) throw new FrameError(`${path}${key}[${i}][0]`, 'a price above 0', row[0]);
    const size = parseSize(row[1] as string);
    if (!(size >= 0)) throw new FrameError(`${path}${key}[${i}][1]`, 'a size not below 0', row[1]);
    into.add(price, size);
  }
  return rows as readonly LevelRow[];
}
