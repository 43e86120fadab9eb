import { ArbotError } from '../messages/errors.js';
import type { ZonedTime } from '../exports/period.js';

/** Times in a zone of the IANA database, by the rules that this machine's Node knows. */

const QUARTER_MS = 900_000;
/** Offsets remembered at a time; a year has 35,000 quarters of an hour. */
const REMEMBERED = 50_000;

function formatterOf(timeZone: string): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' });
  } catch {
    throw new ArbotError('ARB_CLI_USAGE', '--tz: must be a zone such as Asia/Seoul, Europe/Berlin or UTC');
  }
}

/** Minutes east of UTC, and the seconds that very old offsets had, as ms. */
function offsetMsAt(formatter: Intl.DateTimeFormat, atMs: number): number {
  const name = formatter.formatToParts(atMs).find(({ type }) => type === 'timeZoneName')?.value ?? 'GMT';
  const match = /^GMT(?:([+-])(\d{2}):(\d{2})(?::(\d{2}))?)?$/.exec(name);
  const [sign, hours, minutes, seconds] = [match?.[1] === '-' ? -1 : 1, match?.[2], match?.[3], match?.[4]];
  return (
    sign * (Number(hours ?? 0) * 3_600_000 + Number(minutes ?? 0) * 60_000 + Number(seconds ?? 0) * 1_000)
  );
}

function offsetText(offsetMs: number): string {
  const minutes = Math.abs(Math.trunc(offsetMs / 60_000));
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${offsetMs < 0 ? '-' : '+'}${two(Math.trunc(minutes / 60))}:${two(minutes % 60)}`;
}

/** Throws ARB_CLI_USAGE for a zone that is not known. Zones change their offset at whole quarters of an hour. */
export function timeZone(name: string): ZonedTime {
  const formatter = formatterOf(name);
  const offsets = new Map<number, number>();
  const offsetOf = (atMs: number): number => {
    const quarter = Math.floor(atMs / QUARTER_MS);
    const known = offsets.get(quarter);
    if (known !== undefined) return known;
    if (offsets.size >= REMEMBERED) offsets.clear();
    const offset = offsetMsAt(formatter, quarter * QUARTER_MS);
    offsets.set(quarter, offset);
    return offset;
  };
  const local = (atMs: number): string => new Date(Math.floor(atMs) + offsetOf(atMs)).toISOString();
  return {
    dayOf: (atMs) => local(atMs).slice(0, 10),
    textOf: (atMs) => local(atMs).slice(0, -1) + offsetText(offsetOf(atMs)),
  };
}
