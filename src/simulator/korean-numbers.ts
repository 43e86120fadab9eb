import { fixedText, plainText, type StepUnit } from './exact-units.js';

/** Amounts as JSON numbers, in the spellings that Upbit and Bithumb print (PROTOCOLS §6, §7). All of them are exact. */

/**
 * Java's spelling of a double: from ten million on and below a thousandth with an exponent, `1.16539E8`, `7.9276E-4`, `5.0E-4`;
 * otherwise with at least one decimal, which these exchanges leave out of whole numbers.
 */
export function javaText(plain: string): string {
  const digits = plain.replace('.', '').replace(/^0+/, '');
  if (digits === '') return '0';
  const point = plain.indexOf('.') < 0 ? plain.length : plain.indexOf('.');
  const first = plain.search(/[1-9]/);
  const exponent = first < point ? point - first - 1 : point - first;
  if (exponent >= -3 && exponent < 7) return plain;
  const mantissa = digits.replace(/0+$/, '');
  return `${mantissa[0]}.${mantissa.slice(1) || '0'}E${exponent}`;
}

/** With exactly eight decimals. */
export function eightPlaces(step: StepUnit, count: number): string {
  const text = fixedText(count * step.units, step.decimals);
  if (step.decimals >= 8) return text;
  return `${text}${step.decimals === 0 ? '.' : ''}${'0'.repeat(8 - step.decimals)}`;
}

/** Sum of counts of a step, without trailing zeros. */
export function sumText(step: StepUnit, counts: readonly number[]): string {
  return plainText(
    step,
    counts.reduce((sum, count) => sum + count, 0),
  );
}

/** Date and time of day in UTC: `2026-09-23`, `12:18:33`. */
export function dayAndTime(ms: number): readonly [string, string] {
  const text = new Date(ms).toISOString();
  return [text.slice(0, 10), text.slice(11, 19)];
}
