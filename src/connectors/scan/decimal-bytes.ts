import { frameBytes } from './frame-bytes.js';

/**
 * Digits of the frame to float64, without a string. The grammar is `market/float-text.ts`'s: `0`, `12`, `0.50`; no sign, no
 * exponent, no leading zeros, no `.5` and no `5.`. An integer below 2^53 over a power of ten up to 10^22 rounds once, so that the
 * result is bit-equal to `Number(text)`; what does not fit is left to the JSON decoder.
 *
 * Four digits at a time (as `Piece` compares) was measured and lost: the engine guesses the length of a number well, and then waits
 * for no digit.
 */

/** A constant of this module, whose place the compiler knows; an imported one is looked up at each use. */
const bytes = frameBytes;

const DOT = 0x2e;
const ZERO = 0x30;
/** An int32 holds nine digits; an integer part and a fraction of up to nine each need no float64 arithmetic per digit. */
const FAST_DIGITS = 9;
/** Messages carry no more (`isDecimalText`), and 10^22 is the last exact power of ten. */
const MAX_FRACTION_DIGITS = 20;
const EXACT_BELOW = 2 ** 53;
const POWERS = Float64Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));

/**
 * Reads the number that starts at `at` into `into[index]`; answers the position after it, or -1 when it is none or not exact.
 * The result goes through an array because a float64 that crosses a call may cost an object.
 */
export function readDecimal(start: number, into: Float64Array, index: number): number {
  let at = start;
  let whole = 0;
  let digit = bytes[at]! ^ ZERO;
  while (digit <= 9) {
    whole = (Math.imul(whole, 10) + digit) | 0;
    digit = bytes[++at]! ^ ZERO;
  }
  const wholeDigits = at - start;
  if (wholeDigits === 0 || (wholeDigits > 1 && bytes[start] === ZERO)) return -1;
  if (bytes[at] !== DOT) {
    if (wholeDigits > FAST_DIGITS) return readLong(start, into, index);
    into[index] = whole;
    return at;
  }
  const fractionStart = ++at;
  let fraction = 0;
  digit = bytes[at]! ^ ZERO;
  while (digit <= 9) {
    fraction = (Math.imul(fraction, 10) + digit) | 0;
    digit = bytes[++at]! ^ ZERO;
  }
  const fractionDigits = at - fractionStart;
  if (fractionDigits === 0) return -1;
  if (wholeDigits > FAST_DIGITS || fractionDigits > FAST_DIGITS) return readLong(start, into, index);
  const power = POWERS[fractionDigits]!;
  const mantissa = whole * power + fraction;
  if (mantissa >= EXACT_BELOW) return readLong(start, into, index);
  into[index] = mantissa / power;
  return at;
}

/** Any length; zeros at the end of a fraction are not counted, since exchanges pad (`1250000000.00000000`). */
function readLong(start: number, into: Float64Array, index: number): number {
  let at = start;
  let mantissa = 0;
  let digit = bytes[at]! ^ ZERO;
  for (; digit <= 9; digit = bytes[++at]! ^ ZERO) mantissa = mantissa * 10 + digit;
  let fractionDigits = 0;
  if (bytes[at] === DOT) {
    let zeros = 0;
    for (digit = bytes[++at]! ^ ZERO; digit <= 9; digit = bytes[++at]! ^ ZERO) {
      if (digit === 0) {
        zeros++;
        continue;
      }
      fractionDigits += zeros + 1;
      for (; zeros > 0; zeros--) mantissa *= 10;
      mantissa = mantissa * 10 + digit;
    }
    if (fractionDigits + zeros > MAX_FRACTION_DIGITS) return -1;
  }
  // Rounding on the way only ever happens above the limit, and never leads back below it.
  if (mantissa >= EXACT_BELOW) return -1;
  into[index] = mantissa / POWERS[fractionDigits]!;
  return at;
}

/** Sixteen digits may lie beyond 2^53, so that the caller must ask. */
export const MAX_WHOLE_DIGITS = 16;

/**
 * The whole number at `start` into `into[0]`, and the count of its digits as answer: 0 when there is none, when zeros lead, or when
 * there are more than sixteen.
 */
export function readWhole(start: number, into: Float64Array): number {
  let at = start;
  let high = 0;
  let digit = bytes[at]! ^ ZERO;
  for (; digit <= 9 && at - start < 9; digit = bytes[++at]! ^ ZERO) high = (Math.imul(high, 10) + digit) | 0;
  const lowStart = at;
  let low = 0;
  for (; digit <= 9 && at - start < MAX_WHOLE_DIGITS; digit = bytes[++at]! ^ ZERO)
    low = (Math.imul(low, 10) + digit) | 0;
  if (digit <= 9 || (bytes[start] === ZERO && at > start + 1)) return 0;
  into[0] = high * POWERS[at - lowStart]! + low;
  return at - start;
}

const SMALL_E = 0x65;
const LONGEST_EXPONENTIAL = 15;
const MINUS = 0x2d;
const PLUS = 0x2b;
const EXACT_POWERS = 22;
/** Beyond what messages carry nothing is an amount. */
const SMALLEST_AMOUNT = 1e-20;
const LARGEST_AMOUNT = 1e24;

/** As `readDecimal`, also with an exponent as JSON numbers may have one (`1.16539E8`, `5.673e-05`). */
export function readAmount(at: number, into: Float64Array, index: number): number {
  const end = readDecimal(at, into, index);
  if (end < 0 || (bytes[end]! | 0x20) !== SMALL_E) return end;
  return readExponential(at, into, index);
}

/** One multiplication or division of two exact numbers, which rounds once; every digit of the mantissa counts. */
function readExponential(start: number, into: Float64Array, index: number): number {
  let at = start;
  let mantissa = 0;
  let pointAt = -1;
  for (; (bytes[at]! | 0x20) !== SMALL_E; at++) {
    if (bytes[at] === DOT) pointAt = at;
    else mantissa = mantissa * 10 + (bytes[at]! ^ ZERO);
  }
  const fractionDigits = pointAt < 0 ? 0 : at - pointAt - 1;
  at++;
  const isNegative = bytes[at] === MINUS;
  if (isNegative || bytes[at] === PLUS) at++;
  let exponent = 0;
  const exponentAt = at;
  for (let digit = bytes[at]! ^ ZERO; digit <= 9; digit = bytes[++at]! ^ ZERO)
    exponent = exponent > EXACT_POWERS * 4 ? exponent : exponent * 10 + digit;
  // Longer ones reach the JSON decoder as text, which it judges by a stricter grammar.
  if (at - start > LONGEST_EXPONENTIAL) return -1;
  const shift = (isNegative ? -exponent : exponent) - fractionDigits;
  if (at === exponentAt || mantissa >= EXACT_BELOW || shift > EXACT_POWERS || shift < -EXACT_POWERS)
    return -1;
  const value = shift < 0 ? mantissa / POWERS[-shift]! : mantissa * POWERS[shift]!;
  if (value !== 0 && !(value >= SMALLEST_AMOUNT && value < LARGEST_AMOUNT)) return -1;
  into[index] = value;
  return at;
}
