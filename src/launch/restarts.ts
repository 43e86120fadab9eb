/**
 * When a node that ended is started again, where no systemd does it. The same as the unit file says: a crash is started again for
 * ever, with growing pauses; an end as planned and a wrong configuration are not.
 */

export interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly ranMs: number;
}

export type Decision =
  | { readonly kind: 'restart'; readonly delayMs: number; readonly failuresInRow: number }
  | { readonly kind: 'end'; readonly code: number; readonly why: string };

export const FIRST_DELAY_MS = 1_000;
export const MAX_DELAY_MS = 30_000;
/** A node that ran so long has no history. */
export const STABLE_MS = 60_000;

export function afterEnd(ended: Ended, failuresInRow: number, isStopping: boolean): Decision {
  if (isStopping) return { kind: 'end', code: 0, why: 'stopped as asked' };
  if (ended.code === 0) return { kind: 'end', code: 0, why: 'ended as planned' };
  if (ended.code === 2)
    return { kind: 'end', code: 2, why: 'wrong usage or configuration: starting again would not help' };
  const failures = ended.ranMs >= STABLE_MS ? 1 : failuresInRow + 1;
  const delayMs = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(failures - 1, 16));
  return { kind: 'restart', delayMs, failuresInRow: failures };
}
