import type { AlertEvent, AlertSeverity } from '../messages/alerts.js';
import type { Alert } from './alert.js';

/** All alerts of one event and subject that wait to be told in one chat. */
export interface Entry {
  readonly event: AlertEvent;
  readonly subject: string;
  readonly severity: AlertSeverity;
  readonly silent: boolean;
  /** The newest text. */
  readonly text: string;
  /** How many alerts this stands for. */
  readonly count: number;
  readonly firstAtMs: number;
  readonly lastAtMs: number;
  /** How often a message with it was refused as such. */
  readonly refusals: number;
}

export const keyOf = ({ event, subject }: Pick<Entry, 'event' | 'subject'>): string => `${event}|${subject}`;

const RANK: Readonly<Record<AlertSeverity, number>> = { info: 0, warning: 1, critical: 2 };
export const isGraver = (a: AlertSeverity, b: AlertSeverity): boolean => RANK[a] > RANK[b];
export const isCritical = ({ severity }: Pick<Entry, 'severity'>): boolean => severity === 'critical';

export function entryOf({ event, subject, severity, text, atMs }: Alert, silent: boolean): Entry {
  return {
    ...{ event, subject, severity, silent, text },
    count: 1,
    firstAtMs: atMs,
    lastAtMs: atMs,
    refusals: 0,
  };
}

/** One entry for both; the graver severity and the newer text count. */
export function merged(a: Entry, b: Entry): Entry {
  const newer = b.lastAtMs >= a.lastAtMs ? b : a;
  return {
    ...newer,
    severity: isGraver(a.severity, b.severity) ? a.severity : b.severity,
    silent: a.silent && b.silent,
    count: a.count + b.count,
    firstAtMs: Math.min(a.firstAtMs, b.firstAtMs),
    lastAtMs: Math.max(a.lastAtMs, b.lastAtMs),
    refusals: Math.max(a.refusals, b.refusals),
  };
}
