import { Decimal, isDecimalText, toText } from '../market/decimal.js';
import type { DecimalText } from '../messages/primitives.js';
import { member, type Fields } from './fields.js';
import { FrameError } from './frame-error.js';

/**
 * Strict readers for exchanges that print amounts as JSON numbers, also with exponents (`1.16539E8`, `5.673e-05`). A number of
 * up to 15 digits survives float64 exactly: its shortest form is what was sent. Longer ones arrive from the parser as text, and
 * only such text is taken: an amount in quotes is not what these exchanges send.
 */

/** Beyond what messages carry, in either direction, nothing is an amount. */
const LARGEST = 1e24;
const SMALLEST = 1e-20;
const LONG_DIGITS = 16;
const MAX_TEXT = 48;

/** A price above 0; 0 where the exchange pads a side (`padded`). @throws FrameError */
export function numberPriceAt(fields: Fields, key: string, path: string, padded = false): number {
  const value = member(fields, key);
  const price = floatOf(value);
  if (price > 0 || (padded && price === 0)) return price;
  throw new FrameError(path + key, padded ? 'a price not below 0' : 'a price above 0', value);
}

/** A size not below 0. @throws FrameError */
export function numberSizeAt(fields: Fields, key: string, path: string): number {
  const value = member(fields, key);
  const size = floatOf(value);
  if (size >= 0) return size;
  throw new FrameError(path + key, 'a size not below 0', value);
}

/** An amount above 0, exact, in plain notation. @throws FrameError */
export function numberTextAt(fields: Fields, key: string, path: string): DecimalText {
  const value = member(fields, key);
  if (floatOf(value) > 0) {
    const exact = new Decimal(value as number | string);
    if (exact.decimalPlaces() <= 20) return toText(exact);
  }
  throw new FrameError(path + key, 'an amount above 0', value);
}

const MILLISECONDS_BELOW = 1e14;

/**
 * A Unix time in ms or µs as whole µs: both are printed, also by one exchange in one field (PROTOCOLS §7, and an Upbit frame of
 * 2023 [P]). Times of both kinds lie far apart. @throws FrameError
 */
export function microsecondsAt(fields: Fields, key: string, path: string): number {
  const value = member(fields, key);
  const time = typeof value === 'string' && /^\d{16}$/.test(value) ? Number(value) : value;
  if (typeof time === 'number' && Number.isSafeInteger(time) && time >= 0)
    return time < MILLISECONDS_BELOW ? time * 1000 : time;
  throw new FrameError(path + key, 'a Unix time in ms or µs', value);
}

/** NaN for what is no amount; −0 is none. */
function floatOf(value: unknown): number {
  const number = typeof value === 'string' ? ofLongText(value) : value;
  if (typeof number !== 'number' || Object.is(number, -0)) return NaN;
  return number === 0 || (number >= SMALLEST && number < LARGEST) ? number : NaN;
}

/** Text that the parser made of a number with too many digits for float64. */
function ofLongText(text: string): number {
  if (text.length > MAX_TEXT || !isDecimalText(text, { exponent: true })) return NaN;
  return text.replaceAll(/\D/g, '').length >= LONG_DIGITS ? Number(text) : NaN;
}
