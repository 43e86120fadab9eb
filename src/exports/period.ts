/** Times as the reader's zone tells them. Handed in, since a zone's rules are data of the machine. */
export interface ZonedTime {
  /** `2026-11-27`. */
  dayOf(atMs: number): string;
  /** `2026-11-27T17:31:01.123+09:00`. */
  textOf(atMs: number): string;
}

/** Days of the zone, both included; null = without an end. */
export interface Period {
  readonly from: string | null;
  readonly to: string | null;
}

export const isWithin = ({ from, to }: Period, day: string): boolean =>
  (from === null || day >= from) && (to === null || day <= to);

export const isAfter = ({ to }: Period, day: string): boolean => to !== null && day > to;
