import { z } from 'zod';
import { alertsHandled } from './alerts.js';
import { boardBatch, boardWanted } from './board.js';
import { memberChanged, nodeAnnounced } from './cluster.js';
import { bookTop, feedStatus, instrumentStateChanged, tradePrint, walletStateChanged } from './feed.js';
import { externalFlow, gatewayStatus } from './gateway.js';
import { balancesChanged, ledgerEntry } from './ledger.js';
import {
  arbitrageClosed,
  askRecovery,
  fill,
  legResult,
  queryOrder,
  recoveryAnswer,
  submitLeg,
} from './order.js';
import { dailyPerformance } from './performance.js';
import { remoteAnswer, remoteCall, remoteEnded, remoteWatch, remoteWatched } from './remote.js';
import { breakerChanged, controlRisk, limitsChanged } from './risk-control.js';
import { haltChanged, riskHold, verdict } from './risk.js';
import { opportunityEvent, signal } from './signal.js';
import { supervisionEvent } from './supervision.js';

/**
 * The one table of what may travel on the bus: kind ⇔ schema ⇔ subject ⇔ version ⇔ maximum age. `docs/messages.md` shows the
 * same table; a test compares both ways.
 */
export interface MessageSpec {
  readonly schema: z.ZodType;
  /** Grows when the shape changes; a receiver refuses versions it does not know. */
  readonly version: number;
  /** Pattern with one `*` per variable token. */
  readonly subject: string;
  /** Older messages are dropped by the receiver; null = never stale (facts about money). */
  readonly maxAgeMs: number | null;
}

export const MESSAGES = {
  feedStatus: { schema: feedStatus, version: 1, subject: 'feed.status.*', maxAgeMs: 60_000 },
  instrumentStateChanged: {
    schema: instrumentStateChanged,
    version: 1,
    subject: 'feed.instrument.*',
    maxAgeMs: null,
  },
  walletStateChanged: {
    schema: walletStateChanged,
    version: 1,
    subject: 'feed.wallet.*',
    maxAgeMs: 3_600_000,
  },
  tradePrint: { schema: tradePrint, version: 1, subject: 'md.trade.*.*', maxAgeMs: 5_000 },
  bookTop: { schema: bookTop, version: 1, subject: 'md.book.*.*', maxAgeMs: 1_000 },
  boardBatch: { schema: boardBatch, version: 1, subject: 'md.board.*', maxAgeMs: 1_000 },
  boardWanted: { schema: boardWanted, version: 1, subject: 'md.wanted.*', maxAgeMs: 5_000 },
  signal: { schema: signal, version: 1, subject: 'signal.*', maxAgeMs: 2_000 },
  opportunityEvent: { schema: opportunityEvent, version: 1, subject: 'opportunity.*', maxAgeMs: 60_000 },
  verdict: { schema: verdict, version: 1, subject: 'risk.verdict.*', maxAgeMs: 5_000 },
  haltChanged: { schema: haltChanged, version: 1, subject: 'risk.halt', maxAgeMs: null },
  riskHold: { schema: riskHold, version: 1, subject: 'risk.hold', maxAgeMs: null },
  limitsChanged: { schema: limitsChanged, version: 1, subject: 'risk.limits', maxAgeMs: null },
  breakerChanged: { schema: breakerChanged, version: 1, subject: 'risk.breaker', maxAgeMs: 3_600_000 },
  controlRisk: { schema: controlRisk, version: 1, subject: 'risk.control', maxAgeMs: null },
  askRecovery: { schema: askRecovery, version: 1, subject: 'risk.recovery', maxAgeMs: 2_000 },
  recoveryAnswer: { schema: recoveryAnswer, version: 1, subject: 'risk.recovery.answer', maxAgeMs: 2_000 },
  submitLeg: { schema: submitLeg, version: 1, subject: 'order.submit.*', maxAgeMs: 2_000 },
  queryOrder: { schema: queryOrder, version: 1, subject: 'order.query.*', maxAgeMs: 2_000 },
  legResult: { schema: legResult, version: 1, subject: 'order.result.*', maxAgeMs: null },
  fill: { schema: fill, version: 1, subject: 'order.fill.*', maxAgeMs: null },
  arbitrageClosed: { schema: arbitrageClosed, version: 1, subject: 'arbitrage.closed.*', maxAgeMs: null },
  ledgerEntry: { schema: ledgerEntry, version: 1, subject: 'ledger.entry', maxAgeMs: null },
  balancesChanged: { schema: balancesChanged, version: 1, subject: 'ledger.balances', maxAgeMs: null },
  gatewayStatus: { schema: gatewayStatus, version: 1, subject: 'gateway.status.*', maxAgeMs: null },
  externalFlow: { schema: externalFlow, version: 1, subject: 'ledger.external', maxAgeMs: null },
  dayClosed: { schema: dailyPerformance, version: 1, subject: 'performance.day', maxAgeMs: 3_600_000 },
  alertsHandled: { schema: alertsHandled, version: 1, subject: 'alert.handled', maxAgeMs: 3_600_000 },
  remoteCall: { schema: remoteCall, version: 1, subject: 'actor.call.*', maxAgeMs: 5_000 },
  remoteAnswer: { schema: remoteAnswer, version: 1, subject: 'actor.answer.*', maxAgeMs: 5_000 },
  remoteWatch: { schema: remoteWatch, version: 1, subject: 'actor.watch.*', maxAgeMs: 5_000 },
  remoteWatched: { schema: remoteWatched, version: 1, subject: 'actor.watched.*', maxAgeMs: 5_000 },
  remoteEnded: { schema: remoteEnded, version: 1, subject: 'actor.ended.*', maxAgeMs: null },
  /** Also of a node whose clock is wrong, so that this can be seen. */
  nodeAnnounced: { schema: nodeAnnounced, version: 1, subject: 'cluster.node.*', maxAgeMs: 600_000 },
  memberChanged: { schema: memberChanged, version: 1, subject: 'cluster.member.*', maxAgeMs: null },
  supervisionEvent: { schema: supervisionEvent, version: 1, subject: 'supervision.*', maxAgeMs: null },
} as const satisfies Record<string, MessageSpec>;

export type MessageKind = keyof typeof MESSAGES;
export type MessageOf<K extends MessageKind> = z.infer<(typeof MESSAGES)[K]['schema']>;

/** The subject of a kind with its variable tokens filled in; dots and spaces inside a token become `_`. */
export function subjectOf(kind: MessageKind, ...tokens: string[]): string {
  let index = 0;
  return MESSAGES[kind].subject.replaceAll('*', () => (tokens[index++] ?? '_').replaceAll(/[.\s*>]/g, '_'));
}
