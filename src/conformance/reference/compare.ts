import { Decimal } from '../../market/decimal.js';

/** One place where an answer differs from the reference. */
export interface Difference {
  readonly field: string;
  readonly expected: string;
  readonly actual: string;
}

/** An answer that is computed in float64 on purpose: it judges markets, not money. */
export class Float64 {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

/** Digits the reference keeps of a number without a finite decimal form. */
const REFERENCE_DIGITS = 40;
/** Working digits that survive a chain of divisions; a finite number may have passed through some. */
const RELIABLE_DIGITS = 80;
/** What a statistic may be off that the reference states as a float64 (its table of tolerances). */
const FLOAT_TOLERANCE = new Decimal('1e-9');

interface ReferenceNumber {
  readonly dec: string;
  /** Nearest float64. */
  readonly num?: number;
  readonly exact: boolean;
}

function isReferenceNumber(value: unknown): value is ReferenceNumber {
  return typeof value === 'object' && value !== null && 'dec' in value && 'exact' in value;
}

/**
 * Every difference between a reference answer and ours. Only fields that the reference names are compared, except inside
 * `closed` fields, where keys we add are differences too. Numbers compare as decimals: exactly when the reference is exact,
 * else on its 40 digits; a decimal against a float64, and what we answer as a Float64, by the reference's own tolerance.
 */
export function differences(
  expected: unknown,
  actual: unknown,
  field = '',
  closed: ReadonlySet<string> = new Set(),
): Difference[] {
  const differs = () => [{ field, expected: show(expected), actual: show(actual) }];
  if (isReferenceNumber(expected)) return equalNumbers(expected, actual) ? [] : differs();
  if (typeof expected === 'number' && actual instanceof Float64)
    return equalFloats(expected, actual.value) ? [] : differs();
  if (typeof expected === 'number' && actual instanceof Decimal) {
    const allowed = FLOAT_TOLERANCE.times(Math.abs(expected));
    return actual.minus(expected).abs().lte(allowed) ? [] : differs();
  }
  if (typeof expected === 'string' && actual instanceof Decimal) {
    return equalNumbers({ dec: expected, exact: significantDigits(expected) < REFERENCE_DIGITS }, actual)
      ? []
      : differs();
  }
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual) || actual.length !== expected.length) return differs();
    return expected.flatMap((item, i) => differences(item, actual[i], `${field}[${i}]`, closed));
  }
  if (typeof expected === 'object' && expected !== null) {
    if (
      typeof actual !== 'object' ||
      actual === null ||
      actual instanceof Decimal ||
      actual instanceof Float64
    )
      return differs();
    return objectDifferences(expected, actual, field, closed);
  }
  return expected === actual ? [] : differs();
}

function objectDifferences(
  expected: object,
  actual: object,
  field: string,
  closed: ReadonlySet<string>,
): Difference[] {
  const ours = new Map<string, unknown>(Object.entries(actual));
  const path = (key: string) => (field === '' ? key : `${field}.${key}`);
  const found = Object.entries(expected).flatMap(([key, value]) =>
    differences(value, ours.get(key), path(key), closed),
  );
  if (!closed.has(field.split('.').at(-1) ?? '')) return found;
  const named = new Set(Object.keys(expected));
  const extra = [...ours].filter(([key]) => !named.has(key));
  return [
    ...found,
    ...extra.map(([key, value]) => ({ field: path(key), expected: 'absent', actual: show(value) })),
  ];
}

function equalFloats(expected: number, actual: number): boolean {
  return Math.abs(expected - actual) <= FLOAT_TOLERANCE.toNumber() * Math.max(1, Math.abs(expected));
}

function equalNumbers(expected: ReferenceNumber, actual: unknown): boolean {
  if (actual instanceof Float64) return expected.num !== undefined && equalFloats(expected.num, actual.value);
  if (!(actual instanceof Decimal)) return false;
  const wanted = new Decimal(expected.dec);
  if (actual.equals(wanted)) return true;
  const digits = expected.exact ? RELIABLE_DIGITS : REFERENCE_DIGITS;
  return actual.toSignificantDigits(digits).equals(wanted);
}

const significantDigits = (text: string): number => text.replace(/^-?0*\.?0*/, '').replace('.', '').length;

function show(value: unknown): string {
  if (value instanceof Decimal) return value.toSignificantDigits(REFERENCE_DIGITS).toString();
  if (isReferenceNumber(value)) return value.dec;
  if (value instanceof Float64) return String(value.value);
  return value === undefined ? 'absent' : JSON.stringify(value);
}
