/**
 * The hot path from an exchange's text to float64: strict, without allocation. Money that is booked or ordered goes
 * through `decimal.ts` instead.
 */

const ZERO_CODE = 48;
const DOT_CODE = 46;
const MAX_LENGTH = 48;
const MAX_INTEGER_DIGITS = 24;
/** Up to 15 digits an integer is exact in float64, and so is 10^22: one division then rounds correctly (Clinger 1990). */
const EXACT_DIGITS = 15;
const POWERS = Float64Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));

/**
 * float64 of an unsigned plain decimal (`0`, `12`, `0.50`); NaN for everything else: empty, signs, exponents, blanks,
 * `.5`, `5.`, leading zeros, other alphabets, longer than 48 characters. Never throws, never answers −0 or ±Infinity.
 */
function parseUnsignedFloat(text: string): number {
  const length = typeof text === 'string' ? text.length : 0;
  if (length === 0 || length > MAX_LENGTH) return NaN;
  let mantissa = 0;
  let significant = 0;
  let dotAt = -1;
  for (let i = 0; i < length; i++) {
    const digit = text.charCodeAt(i) - ZERO_CODE;
    if (digit >= 0 && digit <= 9) {
      mantissa = mantissa * 10 + digit;
      if (significant > 0 || digit > 0) significant++;
    } else if (digit === DOT_CODE - ZERO_CODE && dotAt < 0 && i > 0 && i < length - 1) {
      dotAt = i;
    } else {
      return NaN;
    }
  }
  const integerDigits = dotAt < 0 ? length : dotAt;
  if (integerDigits > MAX_INTEGER_DIGITS || (integerDigits > 1 && text.charCodeAt(0) === ZERO_CODE))
    return NaN;
  const fractionDigits = dotAt < 0 ? 0 : length - dotAt - 1;
  if (significant <= EXACT_DIGITS && fractionDigits <= 22) return mantissa / POWERS[fractionDigits]!;
  return Number(text);
}

/** A price: above 0, else NaN. Callers test `price > 0`, which NaN fails. */
export function parsePrice(text: string): number {
  const value = parseUnsignedFloat(text);
  return value > 0 ? value : NaN;
}

/** A size: 0 (the level is gone) or above, else NaN. Callers test `size >= 0`. */
export function parseSize(text: string): number {
  return parseUnsignedFloat(text);
}
