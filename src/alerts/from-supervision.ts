import type { AlertEvent, AlertSeverity } from '../messages/alerts.js';
import type { SupervisionEvent } from '../messages/supervision.js';
import { cutText, MAX_ALERT_TEXT, MAX_SUBJECT, tame, type Alert } from './alert.js';

interface Told {
  readonly event: AlertEvent;
  readonly severity: AlertSeverity;
  readonly says: (event: SupervisionEvent) => string;
}

/**
 * Which events of supervisors people are told. A crash comes as `crashed`, `restarting`, `restarted`: the middle one knows the
 * reason and the delay, and is told; the others are in log and inspection.
 */
const TOLD: Partial<Record<SupervisionEvent['kind'], Told>> = {
  restarting: {
    event: 'restart',
    severity: 'warning',
    says: ({ reason, delayMs }) => `crashed (${reason || 'no reason given'}), restarts ${inDelay(delayMs)}`,
  },
  abandoned: {
    event: 'abandoned',
    severity: 'warning',
    says: ({ reason }) => `did not end and was left behind: ${reason}`,
  },
  intensity_reached: {
    event: 'giveUp',
    severity: 'warning',
    says: ({ reason }) => `is given up: ${reason}`,
  },
  quarantined: {
    event: 'quarantine',
    severity: 'warning',
    says: ({ reason, delayMs }) => `is parked (${reason}), tried again ${inDelay(delayMs)}`,
  },
  recovered: {
    event: 'quarantine',
    severity: 'info',
    says: ({ reason }) => `has recovered: ${reason}`,
  },
  escalated: {
    event: 'escalation',
    severity: 'critical',
    says: ({ reason }) => `failed beyond what its supervisor may repair: ${reason}`,
  },
};

const inDelay = (delayMs: number | null): string =>
  delayMs === null ? 'later' : `in ${delayMs < 1_000 ? `${Math.round(delayMs)} ms` : seconds(delayMs)}`;
const seconds = (ms: number): string => `${Math.round(ms / 100) / 10} s`;

/** Null = nobody is told. */
export function supervisionAlert(event: SupervisionEvent): Alert | null {
  const { eventId, node, path, kind, restarts, atMs } = event;
  // The root alone has no supervisor above it: the node is up.
  if (kind === 'started' && !path.includes('/'))
    return { id: eventId, event: 'node', severity: 'info', subject: node, text: `${node} has started`, atMs };
  const told = TOLD[kind];
  if (told === undefined) return null;
  const count = restarts > 0 && kind === 'restarting' ? `, ${restarts} restarts before` : '';
  return {
    id: eventId,
    event: told.event,
    severity: told.severity,
    // What is over is told as soon as it is, and not held back because its beginning was just told.
    subject: cutText(`${node}:${path}${kind === 'recovered' ? ' recovered' : ''}`, MAX_SUBJECT),
    text: cutText(tame(`${path} on ${node} ${told.says(event)}${count}`), MAX_ALERT_TEXT),
    atMs,
  };
}
