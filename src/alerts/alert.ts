import type { AlertDelivery, AlertEvent, AlertSeverity } from '../messages/alerts.js';

/** One thing that people are told. */
export interface Alert {
  /** The same cause has the same id, on every node and after every restart. */
  readonly id: string;
  readonly event: AlertEvent;
  readonly severity: AlertSeverity;
  /** What it is about: an actor, an exchange, an arbitrage. Alerts of one event and subject are told together. */
  readonly subject: string;
  /** For people, a line or a few. */
  readonly text: string;
  /** When it happened, Unix ms. */
  readonly atMs: number;
}

export type Deliveries = Readonly<Record<AlertEvent, AlertDelivery>>;

export const MAX_SUBJECT = 160;
/** Of one alert; a message takes several. */
export const MAX_ALERT_TEXT = 1_000;

/** At most `max` UTF-16 units, never half a character. */
export function cutText(text: string, max: number): string {
  if (text.length <= max) return text;
  const end = max - 1;
  const isHalf = /[\ud800-\udbff]/.test(text.charAt(end - 1));
  return `${text.slice(0, isHalf ? end - 1 : end)}…`;
}

/** Text from outside must neither break lines nor hide or turn what is around it, and must be valid Unicode. */
export function tame(text: string): string {
  return text
    .replaceAll(/\p{Cs}/gu, '\ufffd')
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ')
    .trim();
}

/** `2026-11-27 12:00:01 UTC` */
export function momentText(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
