/** A time in which the trader wants no new trades, every week on the same days (TRADING §8). */
export interface NoTradeWindow {
  /** As it is told in refusals: the span, its time zone and the trader's reason. */
  readonly name: string;
  /** Begins at this minute of the day, local time, 0…1439. */
  readonly fromMinute: number;
  /** Ends before this minute of the day, local time, 1…1440; not above `fromMinute` = on the day after. */
  readonly toMinute: number;
  /** Local time − UTC, minutes. Zones without daylight saving only, so that no window moves by itself. */
  readonly utcOffsetMinutes: number;
  /** Days on which it begins, local, 0 = Sunday; empty = every day. */
  readonly days: readonly number[];
}

interface LocalTime {
  readonly day: number;
  /** Since local midnight, with fractions. */
  readonly minute: number;
}

const MINUTE_MS = 60_000;
const DAY_MINUTES = 1_440;
/** The Unix epoch was a Thursday. */
const EPOCH_DAY = 4;

function localTimeOf(nowMs: number, utcOffsetMinutes: number): LocalTime {
  const minutes = nowMs / MINUTE_MS + utcOffsetMinutes;
  const days = Math.floor(minutes / DAY_MINUTES);
  return { day: (((days + EPOCH_DAY) % 7) + 7) % 7, minute: minutes - days * DAY_MINUTES };
}

/** Whether the window is in force at `nowMs` (Unix ms). The first moment belongs to it, the last does not. */
export function isInWindow(window: NoTradeWindow, nowMs: number): boolean {
  const { fromMinute, toMinute, days } = window;
  const { day, minute } = localTimeOf(nowMs, window.utcOffsetMinutes);
  const begins = (on: number) => days.length === 0 || days.includes(on);
  if (fromMinute < toMinute) return begins(day) && minute >= fromMinute && minute < toMinute;
  // Over midnight it belongs to the day on which it began.
  return (begins(day) && minute >= fromMinute) || (begins((day + 6) % 7) && minute < toMinute);
}

const DAY_NAMES = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const twoDigits = (value: number): string => String(value).padStart(2, '0');

/** `Sun 23:57` in the window's own time zone. */
export function localTimeText(window: NoTradeWindow, nowMs: number): string {
  const { day, minute } = localTimeOf(nowMs, window.utcOffsetMinutes);
  return `${DAY_NAMES[day]!} ${twoDigits(Math.floor(minute / 60))}:${twoDigits(Math.floor(minute % 60))}`;
}
