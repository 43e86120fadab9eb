import type { ActorRecord, MessageCounts } from './actor-record.js';
import type { ActorInspection } from './actor.js';

/** The picture of one actor for the inspection API. `nowMs` is monotonic. */
export function inspectRecord(record: ActorRecord, node: string, nowMs: number): ActorInspection {
  const { current, counts, times } = record;
  times.roll(nowMs);
  return {
    path: record.path,
    node,
    kind: record.kind,
    state: stateOf(record),
    summary: current?.summary() ?? {},
    incarnation: record.incarnations,
    mailboxDepth: current?.depth ?? 0,
    mailboxCapacity: record.capacity,
    ...counts,
    handledPerSecond: times.perSecond(),
    handlingP50Ms: times.percentileMs(0.5),
    handlingP99Ms: times.percentileMs(0.99),
    crashes: record.crashes,
    restarts: Math.max(0, record.incarnations - 1),
    lastError: record.lastError,
    startedAtMs: record.startedAtMs,
    watchers: current === null ? [] : [...current.watchers].map((watcher) => watcher.path),
  };
}

function stateOf(record: ActorRecord): ActorInspection['state'] {
  const phase = record.current?.phase ?? 'ended';
  return phase === 'ended' ? record.resting : phase;
}

/** Where every message went. It holds at any instant that sent = handled + dead + dropped + conflated + queued. */
export interface MessageAccounting extends Readonly<MessageCounts> {
  readonly queued: number;
  readonly isBalanced: boolean;
}

export function accountFor(
  records: Iterable<ActorRecord>,
  forgotten: Readonly<MessageCounts>,
): MessageAccounting {
  const sum: MessageCounts = { ...forgotten };
  let queued = 0;
  for (const { counts, current } of records) {
    addCounts(sum, counts);
    queued += current?.depth ?? 0;
  }
  const settled = sum.handled + sum.dead + sum.dropped + sum.conflated;
  return { ...sum, queued, isBalanced: sum.sent === settled + queued };
}

export function addCounts(sum: MessageCounts, counts: Readonly<MessageCounts>): void {
  sum.sent += counts.sent;
  sum.handled += counts.handled;
  sum.dead += counts.dead;
  sum.dropped += counts.dropped;
  sum.conflated += counts.conflated;
}
