import * as f from './fields.js';
import { FrameError } from './frame-error.js';

/** Times as only Gate spells them. */

/** `"1631824310261.896"`: milliseconds with a fraction, which is cut off. */
export function fractionalTimeAt(fields: f.Fields, key: string, path: string): number {
  const value = f.member(fields, key);
  const whole = typeof value === 'string' ? /^(\d{1,16})(?:\.\d{1,9})?$/.exec(value)?.[1] : undefined;
  const time = whole === undefined ? NaN : Number(whole);
  if (!(time <= 8.64e15)) throw new FrameError(path + key, 'a Unix time in ms with a fraction', value);
  return time;
}

/** `<key>_ms` as a number or as text, or else whole seconds in `<key>`, as older answers have them. */
export function momentAt(fields: f.Fields, key: string, path: string): number {
  const ms = f.member(fields, `${key}_ms`);
  if (typeof ms === 'number') return f.timeAt(fields, `${key}_ms`, path);
  if (ms !== undefined) return fractionalTimeAt(fields, `${key}_ms`, path);
  return secondsAt(fields, key, path);
}

/** Whole seconds, as text or as a number, in ms. */
export function secondsAt(fields: f.Fields, key: string, path: string): number {
  const value = f.member(fields, key);
  const seconds =
    typeof value === 'number'
      ? value
      : typeof value === 'string' && /^\d{1,12}$/.test(value)
        ? Number(value)
        : NaN;
  if (!Number.isInteger(seconds) || seconds < 0 || seconds > 8.64e12)
    throw new FrameError(path + key, 'a Unix time in seconds', value);
  return seconds * 1000;
}
