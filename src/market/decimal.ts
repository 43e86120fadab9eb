import { Decimal as BaseDecimal } from 'decimal.js';
import { ArbotError, invariant } from '../messages/errors.js';
import type { DecimalText, Side } from '../messages/primitives.js';

/**
 * Exact money. 100 significant digits hold every product of two 44-digit message numbers and a fee factor without
 * rounding, so only division rounds, and far below the 40 digits that anything is compared at. The exponent limits for
 * printing are switched off: `toString` never answers `1e-7`.
 */
export const Decimal = BaseDecimal.clone({
  precision: 100,
  rounding: BaseDecimal.ROUND_HALF_EVEN,
  toExpNeg: -9e15,
  toExpPos: 9e15,
});
export type Decimal = BaseDecimal;

export const ZERO: Decimal = new Decimal(0);
export const ONE: Decimal = new Decimal(1);
/** Basis points in one. */
export const BPS: Decimal = new Decimal(10_000);

/** Fraction and integer digits that messages carry (`decimalText`). */
const MAX_FRACTION_DIGITS = 20;
const MAX_INTEGER_DIGITS = 24;
const MAX_TEXT_LENGTH = 48;
const PLAIN = /^-?(?:0|[1-9]\d{0,23})(?:\.\d{1,20})?$/;
/** Its digits in front of the point are few, so that more may stand behind it; `fits` counts what they come to. */
const EXPONENT = /^-?\d(?:\.\d{1,40})?[eE][+-]?\d{1,2}$/;
const ALL_ZERO = /^-[0.]+(?:[eE].*)?$/;

export interface DecimalSyntax {
  /** Also take `1.1E8`, as exchanges written in Java print doubles. */
  readonly exponent?: boolean;
}

/** True for a plain decimal in the range of messages; `-0` is refused, since no exchange means it. */
export function isDecimalText(text: string, syntax: DecimalSyntax = {}): boolean {
  if (text.length > MAX_TEXT_LENGTH || ALL_ZERO.test(text)) return false;
  if (PLAIN.test(text)) return true;
  return syntax.exponent === true && EXPONENT.test(text) && fits(new Decimal(text));
}

/**
 * Exact value of a decimal text. `field` names the place for the reader of the error.
 * @throws ArbotError ARB_DECIMAL_INVALID for anything else than a plain decimal in range.
 */
export function parseDecimal(text: unknown, field = 'number', syntax: DecimalSyntax = {}): Decimal {
  if (typeof text !== 'string' || !isDecimalText(text, syntax)) throw invalid(field, 'a plain decimal', text);
  return new Decimal(text);
}

/** As `parseDecimal`, and above 0. */
export function parsePositive(text: unknown, field = 'number', syntax: DecimalSyntax = {}): Decimal {
  const value = parseDecimal(text, field, syntax);
  if (!value.greaterThan(0)) throw invalid(field, 'a decimal above 0', text);
  return value;
}

/** As `parseDecimal`, and not negative. */
export function parseUnsigned(text: unknown, field = 'number', syntax: DecimalSyntax = {}): Decimal {
  const value = parseDecimal(text, field, syntax);
  if (value.isNegative()) throw invalid(field, 'a decimal not below 0', text);
  return value;
}

/** Exact decimal of a float64 that came from an exchange's text: its shortest form gives that text back (≤ 15 digits). */
export function decimalOf(value: number): Decimal {
  invariant(Number.isFinite(value), 'a float64 that becomes money must be finite');
  return new Decimal(value);
}

function invalid(field: string, wanted: string, text: unknown): ArbotError {
  return new ArbotError('ARB_DECIMAL_INVALID', `${field} is not ${wanted}: ${excerpt(text)}`);
}

/** A short, printable piece of what was received; the rest may be huge or hostile. */
function excerpt(value: unknown): string {
  if (typeof value !== 'string') return value === null ? 'null' : typeof value;
  const printable = value.slice(0, 24).replaceAll(/[^\x20-\x7e]/g, '?');
  return `'${printable}'${value.length > 24 ? `… (${value.length} characters)` : ''}`;
}

function fits(value: Decimal): boolean {
  return value.isZero() || (value.e < MAX_INTEGER_DIGITS && value.decimalPlaces() <= MAX_FRACTION_DIGITS);
}

/**
 * Plain notation, as messages carry it; `-0` prints `0`.
 * @throws ArbotError ARB_DECIMAL_INVALID when the value needs more digits than a message has: round first, on purpose.
 */
export function toText(value: Decimal): DecimalText {
  if (!value.isFinite() || !fits(value)) {
    throw invalid('value', 'representable in a message', value.toExponential(8));
  }
  return value.isZero() ? '0' : value.toFixed();
}

/** Nearest value with at most 20 decimals in the direction named: `down` towards −∞, `up` towards +∞. */
export function roundForMessage(value: Decimal, direction: 'down' | 'up'): Decimal {
  const mode = direction === 'down' ? BaseDecimal.ROUND_FLOOR : BaseDecimal.ROUND_CEIL;
  return value.toDecimalPlaces(MAX_FRACTION_DIGITS, mode);
}

/** Largest multiple of `step` not above `value`. `step` > 0. */
export function floorToStep(value: Decimal, step: Decimal): Decimal {
  invariant(step.greaterThan(0), 'a lattice step must be above 0');
  // divToInt truncates exactly; an ordinary division could round up to the next multiple.
  const below = value.divToInt(step).times(step);
  return value.isNegative() && !below.equals(value) ? below.minus(step) : below;
}

/** Smallest multiple of `step` not below `value`. `step` > 0. */
export function ceilToStep(value: Decimal, step: Decimal): Decimal {
  const below = floorToStep(value, step);
  return below.equals(value) ? below : below.plus(step);
}

export function isOnStep(value: Decimal, step: Decimal): boolean {
  return floorToStep(value, step).equals(value);
}

/** A limit price on the tick that is never worse than asked: buys round down, sells up (reference §2). */
export function roundToTick(price: Decimal, tick: Decimal, side: Side): Decimal {
  return side === 'buy' ? floorToStep(price, tick) : ceilToStep(price, tick);
}

/** Smallest step that is a whole multiple of both: what a quantity must be on to suit both legs. */
export function commonStep(a: Decimal, b: Decimal): Decimal {
  invariant(a.greaterThan(0) && b.greaterThan(0), 'lattice steps must be above 0');
  // Almost always one is a multiple of the other.
  if (isOnStep(a, b)) return a;
  if (isOnStep(b, a)) return b;
  const scale = Math.max(a.decimalPlaces(), b.decimalPlaces());
  const unit = new Decimal(10).pow(scale);
  const whole = (x: Decimal) => BigInt(x.times(unit).toFixed(0));
  const [x, y] = [whole(a), whole(b)];
  return new Decimal(((x / greatestDivisor(x, y)) * y).toString()).div(unit);
}

function greatestDivisor(a: bigint, b: bigint): bigint {
  while (b !== 0n) [a, b] = [b, a % b];
  return a;
}

/** Exchange units → canonical units of the asset: 3 of `1000SATS` are 3000 SATS. */
export function toCanonicalSize(size: Decimal, unitMultiplier: Decimal): Decimal {
  return size.times(unitMultiplier);
}

/** Price per exchange unit → price per canonical unit. */
export function toCanonicalPrice(price: Decimal, unitMultiplier: Decimal): Decimal {
  return price.div(unitMultiplier);
}

export { parsePrice, parseSize } from './float-text.js';
