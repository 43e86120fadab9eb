import { parsePrice, parseSize } from '../market/float-text.js';
import { listAt, member, isFields, type Fields } from './fields.js';
import { FrameError } from './frame-error.js';
import type { LevelBuffer } from './level-buffer.js';

/**
 * Gate's futures spell levels as `{p,s}` with sizes in contracts, whole numbers until 2026 and text since [P]. Their frames are
 * read because they follow the sequence rule of `spot.order_book_update`; no contract is ever traded.
 */

/** A count of contracts, as a number or as text. */
export function contractsAt(fields: Fields, key: string, path: string): number {
  const value = member(fields, key);
  const size = contractsOf(value);
  if (!(size >= 0)) throw new FrameError(path + key, 'a count of contracts', value);
  return size;
}

/** Reads `[{p,s}, …]` into `into` (cleared first). */
export function contractLevelsAt(fields: Fields, key: string, path: string, into: LevelBuffer): void {
  const rows = listAt(fields, key, path, into.maxLevels);
  into.clear();
  for (const [index, row] of rows.entries()) {
    const at = `${path}${key}[${index}]`;
    if (!isFields(row)) throw new FrameError(at, 'a level {p,s}', row);
    const price = parsePrice(member(row, 'p') as string);
    if (!(price > 0)) throw new FrameError(`${at}.p`, 'a price above 0', member(row, 'p'));
    into.add(price, contractsAt(row, 's', `${at}.`));
  }
}

function contractsOf(value: unknown): number {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : NaN;
  return parseSize(value as string);
}
