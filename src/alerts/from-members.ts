import type { AlertSeverity } from '../messages/alerts.js';
import type { MemberChanged } from '../messages/cluster.js';
import { cutText, MAX_ALERT_TEXT, MAX_SUBJECT, tame, type Alert } from './alert.js';

/** What people are told of the nodes of a cluster. */

interface Told {
  readonly severity: AlertSeverity;
  readonly says: string;
}

const TOLD: Readonly<Record<MemberChanged['kind'], Told>> = {
  joined: { severity: 'info', says: 'has joined' },
  left: { severity: 'info', says: 'has left in order' },
  lost: { severity: 'critical', says: 'is lost' },
  restarted: { severity: 'warning', says: 'is another process now' },
  'build-differs': {
    severity: 'critical',
    says: 'runs another build: nothing trades until all are the same',
  },
  'name-taken': { severity: 'critical', says: 'is the name of two processes' },
};

const MINUTE_MS = 60_000;

/**
 * Every node observes the others, and each tells: the id is made of what happened and of the minute, so that several observers of one
 * event count once.
 */
export function memberAlert({ kind, node, nonce, region, reason, atMs }: MemberChanged): Alert {
  const { severity, says } = TOLD[kind];
  const why = reason === '' ? '' : `: ${reason}`;
  return {
    id: `member-${kind}-${node}-${nonce}-${Math.floor(atMs / MINUTE_MS)}`,
    event: 'node',
    severity,
    subject: cutText(`${node} ${kind}`, MAX_SUBJECT),
    text: cutText(tame(`${node} (${region}) ${says}${why}`), MAX_ALERT_TEXT),
    atMs,
  };
}
