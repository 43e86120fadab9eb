import type { DecimalText } from '../messages/primitives.js';

/**
 * Decimals of messages as whole numbers of 10^-20: what a message carries fits without rounding, and sums, products and
 * comparisons of such numbers are those of `decimal.ts` at a fraction of their price.
 */
export const FIXED_DIGITS = 20;
export const FIXED_ONE: bigint = 10n ** 20n;

const MOST_CHARACTERS = 48;
const MOST_INTEGER_DIGITS = 24;
const MINUS = 45;
const DOT = 46;
const ZERO_CODE = 48;
/** Up to 15 digits an integer is exact in float64. */
const EXACT_DIGITS = 15;
const POWERS: readonly bigint[] = Array.from({ length: FIXED_DIGITS + 1 }, (_, i) => 10n ** BigInt(i));

/** A plain decimal as messages carry it, times 10^20; null for every other text, which the caller reads as a decimal. */
export function fixedOf(text: DecimalText): bigint | null {
  const { length } = text;
  const isNegative = text.charCodeAt(0) === MINUS;
  const from = isNegative ? 1 : 0;
  if (length === from || length > MOST_CHARACTERS) return null;
  let dotAt = -1;
  let mantissa = 0;
  for (let i = from; i < length; i++) {
    const digit = text.charCodeAt(i) - ZERO_CODE;
    if (digit >= 0 && digit <= 9) mantissa = mantissa * 10 + digit;
    else if (digit === DOT - ZERO_CODE && dotAt < 0 && i > from && i < length - 1) dotAt = i;
    else return null;
  }
  const fraction = dotAt < 0 ? 0 : length - dotAt - 1;
  const integer = length - from - (dotAt < 0 ? 0 : fraction + 1);
  const hasLeadingZero = integer > 1 && text.charCodeAt(from) === ZERO_CODE;
  if (fraction > FIXED_DIGITS || integer > MOST_INTEGER_DIGITS || hasLeadingZero) return null;
  const isShort = integer + fraction <= EXACT_DIGITS;
  const whole = isShort ? BigInt(mantissa) : BigInt(text.slice(from).replace('.', ''));
  // A zero has no sign.
  if (isNegative && whole === 0n) return null;
  const value = whole * POWERS[FIXED_DIGITS - fraction]!;
  return isNegative ? -value : value;
}

/** The text of a message for it: plain, without zeros that say nothing. */
export function fixedText(value: bigint): DecimalText {
  if (value === 0n) return '0';
  const digits = (value < 0n ? -value : value).toString().padStart(FIXED_DIGITS + 1, '0');
  const whole = digits.slice(0, -FIXED_DIGITS);
  let end = digits.length;
  while (end > whole.length && digits.charCodeAt(end - 1) === ZERO_CODE) end--;
  const text = end === whole.length ? whole : `${whole}.${digits.slice(whole.length, end)}`;
  return value < 0n ? `-${text}` : text;
}

/** a ÷ b towards −∞ or +∞. `b` above 0. */
export function divided(a: bigint, b: bigint, direction: 'down' | 'up'): bigint {
  const quotient = a / b;
  const rest = a % b;
  if (rest === 0n) return quotient;
  if (direction === 'down') return rest < 0n ? quotient - 1n : quotient;
  return rest > 0n ? quotient + 1n : quotient;
}

const RATIO_BITS = 128n;
const RATIO_SCALE = 2 ** -128;
/** So many bits of a quotient say how its float64 is rounded. */
const ENOUGH = 1n << 64n;

/** The float64 next to a ÷ b; null where that takes more digits than are worked out here. `b` above 0. */
export function nearestRatio(a: bigint, b: bigint): number | null {
  const shifted = (a < 0n ? -a : a) << RATIO_BITS;
  const quotient = shifted / b;
  if (quotient < ENOUGH) return a === 0n ? 0 : null;
  // A rest decides where the quotient would lie half-way between two floats.
  const sticky = quotient * b === shifted ? quotient : quotient | 1n;
  return (a < 0n ? -Number(sticky) : Number(sticky)) * RATIO_SCALE;
}
