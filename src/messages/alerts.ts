import { z } from 'zod';
import * as p from './primitives.js';

/** What people are told, and how loudly. */

/** Each event that may be told, in the order of docs/alerts.md; `events` of the configuration switches each. */
export const ALERT_EVENTS = [
  'restart',
  'abandoned',
  'giveUp',
  'quarantine',
  'escalation',
  'node',
  'trade',
  'legFailure',
  'flagged',
  'killSwitch',
  'breaker',
  'limits',
  'account',
  'reconciliation',
  'externalFlow',
  'inventory',
  'market',
  'wallet',
  'premium',
  'dailyReport',
  'unknownChat',
] as const;
export const alertEvent = z.enum(ALERT_EVENTS);
export type AlertEvent = z.infer<typeof alertEvent>;

/** `silent`: told without a sound. */
export const alertDelivery = z.enum(['on', 'silent', 'off']);
export type AlertDelivery = z.infer<typeof alertDelivery>;

/** What the configuration does not say. */
export const DEFAULT_DELIVERY: Readonly<Record<AlertEvent, AlertDelivery>> = {
  restart: 'on',
  abandoned: 'on',
  giveUp: 'on',
  quarantine: 'on',
  escalation: 'on',
  node: 'on',
  trade: 'silent',
  legFailure: 'on',
  flagged: 'on',
  killSwitch: 'on',
  breaker: 'on',
  limits: 'on',
  account: 'silent',
  reconciliation: 'on',
  externalFlow: 'silent',
  inventory: 'on',
  market: 'silent',
  wallet: 'on',
  premium: 'off',
  dailyReport: 'silent',
  unknownChat: 'on',
};

/** `critical` is repeated until a person acknowledges it, and never dropped. */
export const alertSeverity = z.enum(['info', 'warning', 'critical']);
export type AlertSeverity = z.infer<typeof alertSeverity>;

const handledAlert = z.strictObject({
  event: alertEvent,
  subject: z.string().max(160),
  /** Everything of this event and subject up to this moment. */
  untilMs: p.timeMs,
  /** By which an acknowledgement names it; 0 where nobody has to acknowledge it. */
  sequence: p.count,
});
export type HandledAlert = z.infer<typeof handledAlert>;

/** The node that owns alerts has told them, or a person has acknowledged them: the others forget theirs. */
export const alertsHandled = z.strictObject({
  node: z.string().min(1).max(64),
  /** Which chat, counted as the configuration lists them. */
  chat: p.count,
  what: z.enum(['delivered', 'acknowledged']),
  alerts: z.array(handledAlert).min(1).max(200),
  atMs: p.timeMs,
});
export type AlertsHandled = z.infer<typeof alertsHandled>;
