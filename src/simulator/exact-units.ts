import { ArbotError } from '../messages/errors.js';
import type { DecimalText } from '../messages/primitives.js';

/**
 * Whole numbers of one step (tick or lot) as exact decimal text. A step such as 0.01 or 0.5 is `units` × 10^−`decimals`;
 * every amount of a market is an integer count of steps, so nothing is ever rounded.
 */
export interface StepUnit {
  readonly text: DecimalText;
  readonly units: number;
  readonly decimals: number;
  /** The step as float64, for the price model only. */
  readonly value: number;
}

/** Parses a step size. Throws ARB_DECIMAL_INVALID unless it is a plain decimal above 0 with at most 12 places. */
export function stepUnit(text: DecimalText): StepUnit {
  const match = /^(\d{1,9})(?:\.(\d{1,12}))?$/.exec(text);
  const decimals = match?.[2]?.length ?? 0;
  const units = match === null ? 0 : Number(`${match[1]}${match[2] ?? ''}`);
  if (units <= 0 || !Number.isSafeInteger(units)) {
    throw new ArbotError('ARB_DECIMAL_INVALID', `step size ${JSON.stringify(text)} is not a decimal above 0`);
  }
  return { text, units, decimals, value: Number(text) };
}

/** `count` steps with exactly `places` decimals (at least the step's own): 680012 of 0.01 at 8 → `6800.12000000`. */
export function paddedText(step: StepUnit, count: number, places: number): string {
  const plain = fixedText(count * step.units, step.decimals);
  if (places <= step.decimals) return plain;
  return `${plain}${step.decimals === 0 ? '.' : ''}${'0'.repeat(places - step.decimals)}`;
}

/** `count` steps without trailing zeros: 125000 of 0.00001 → `1.25`. */
export function plainText(step: StepUnit, count: number): string {
  const text = fixedText(count * step.units, step.decimals);
  if (step.decimals === 0) return text;
  let end = text.length;
  while (text.charCodeAt(end - 1) === 48) end--;
  if (text.charCodeAt(end - 1) === 46) end--;
  return end === text.length ? text : text.slice(0, end);
}

/** A display figure (turnover, change) with at most `places` decimals and no trailing zeros. */
export function displayText(value: number, places: number): string {
  const text = value.toFixed(places);
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

/** Integer over 10^decimals as text; `scaled` is a non-negative safe integer. */
export function fixedText(scaled: number, decimals: number): string {
  const digits = String(scaled);
  if (decimals === 0) return digits;
  const padded = digits.length > decimals ? digits : digits.padStart(decimals + 1, '0');
  return `${padded.slice(0, padded.length - decimals)}.${padded.slice(padded.length - decimals)}`;
}
