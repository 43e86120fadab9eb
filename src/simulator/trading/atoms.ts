import { invariant } from '../../messages/errors.js';
import type { StepUnit } from '../exact-units.js';
import type { Listing } from '../listings.js';

/** An amount or a price as an exact integer count of 10^-18: finer than any product of tick, lot and fee rate. */
export type Atoms = bigint;

const PLACES = 18;
const ONE: Atoms = 10n ** 18n;

/** Reads a plain decimal of up to 18 places, sign allowed; null for everything else. */
export function parseAtoms(text: string): Atoms | null {
  const match = /^(-?)(\d{1,20})(?:\.(\d{1,18}))?$/.exec(text);
  if (match === null) return null;
  const scaled = BigInt(match[2]!) * ONE + BigInt((match[3] ?? '').padEnd(PLACES, '0'));
  return match[1] === '-' ? -scaled : scaled;
}

/** Reads what the program itself wrote. Throws ARB_INVARIANT for anything but a plain decimal. */
export function atomsOf(text: string): Atoms {
  const atoms = parseAtoms(text);
  invariant(atoms !== null, `${JSON.stringify(text)} is not a decimal of at most 18 places`);
  return atoms;
}

/** Without trailing zeros, at least `places` decimals: `0.5`, with 8 places `0.50000000`. */
export function atomsText(atoms: Atoms, places = 0): string {
  const digits = (atoms < 0n ? -atoms : atoms).toString().padStart(PLACES + 1, '0');
  const whole = digits.slice(0, -PLACES);
  const fraction = digits.slice(-PLACES).replace(/0+$/, '').padEnd(places, '0');
  return `${atoms < 0n ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}

/** Product of two amounts; exact as long as both together have no more than 18 places, else rounded towards zero. */
export const times = (a: Atoms, b: Atoms): Atoms => (a * b) / ONE;

/** Rounded towards zero to `places` decimals. */
export function truncated(atoms: Atoms, places: number): Atoms {
  const unit = 10n ** BigInt(PLACES - places);
  return (atoms / unit) * unit;
}

const stepAtoms = (step: StepUnit): Atoms => BigInt(step.units) * 10n ** BigInt(PLACES - step.decimals);

/** Tick, lot and one lot at one tick of a market. */
export interface MarketUnits {
  readonly tick: Atoms;
  readonly lot: Atoms;
}

export const unitsOf = ({ tick, lot }: Listing): MarketUnits => ({
  tick: stepAtoms(tick),
  lot: stepAtoms(lot),
});

/** Whole steps in an amount; null when it does not lie on the step. */
export function stepsIn(atoms: Atoms, step: Atoms): number | null {
  if (atoms % step !== 0n) return null;
  const count = atoms / step;
  return count <= BigInt(Number.MAX_SAFE_INTEGER) && count >= 0n ? Number(count) : null;
}
