import { parseAtoms, type Atoms } from './atoms.js';

/** The body of a call, as it came. */
export type RequestBody = Readonly<Record<string, unknown>>;

/** A text that is there and not empty; null for everything else. */
export function textIn(body: RequestBody, name: string): string | null {
  const value = body[name];
  return typeof value === 'string' && value !== '' ? value : null;
}

/** A text of at most 64 characters; '' for everything else. */
export function shortText(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, 64) : '';
}

/** An amount above 0, as decimal text; null for everything else. */
export function amountIn(value: unknown): Atoms | null {
  const atoms = typeof value === 'string' ? parseAtoms(value) : null;
  return atoms === null || atoms <= 0n ? null : atoms;
}

/** True for a word of the list, and for none at all. */
export function isOneOf(value: unknown, words: readonly string[]): boolean {
  return value === undefined || value === '' || words.some((word) => word === value);
}

/** From the last row to the first, made one by one: who wants a page does not pay for the rest. */
export function* newestFirst<T>(rows: readonly T[]): Generator<T> {
  for (let at = rows.length - 1; at >= 0; at--) yield rows[at]!;
}

/** Rows `from` to `from + count` of those that are wanted; the rest is not even made. `isLast` = there are no more. */
export function sliceOf<T>(
  rows: Iterable<T>,
  { from, count }: { readonly from: number; readonly count: number },
  isWanted: (row: T) => boolean,
): { readonly rows: readonly T[]; readonly isLast: boolean } {
  const upTo: T[] = [];
  for (const row of rows) {
    if (!isWanted(row)) continue;
    upTo.push(row);
    if (upTo.length > from + count) break;
  }
  return { rows: upTo.slice(from, from + count), isLast: upTo.length <= from + count };
}
