import type {
  ActorDetail,
  ActorRow,
  DeadLetterAnswer,
  OwnActors,
  OwnFacts,
  TradeHold,
} from '../http/cluster-answers.js';
import type { ActorNode, InspectionSource } from '../http/source.js';
import type { Hold } from '../risk/holds.js';
import type { ActorInspection } from '../runtime/actor.js';
import { PATHS } from './tree.js';

/** What a node tells about itself, to its own API and to other nodes: bounded, and without what is large. */

const MAX_ACTORS = 10_000;
const MAX_HOLDS = 64;

export interface NodeReports {
  actors(): OwnActors;
  /** Null = nobody has this path. */
  actor(path: string): ActorDetail | null;
  deadLetters(limit: number): DeadLetterAnswer;
  facts(): Promise<OwnFacts>;
}

export function nodeReports(inspection: InspectionSource, isDraining: () => boolean): NodeReports {
  const fence = (): number | null => {
    const lease = inspection.lease();
    return lease?.held === true ? lease.fence : null;
  };
  return {
    actors: () => ({
      version: inspection.version,
      draining: isDraining(),
      fence: fence(),
      actors: rowsOf(inspection.actors(), 0).slice(0, MAX_ACTORS),
    }),
    actor: (path) => {
      const place = placeOf(inspection.actors(), path);
      const found = place?.inspection ?? inspection.actor(path);
      if (found === null) return null;
      return { ...detailOf(found, place), fence: path.startsWith(`${PATHS.trade}/`) ? fence() : null };
    },
    deadLetters: (limit) => {
      const letters = inspection.deadLetters();
      return { ...letters, recent: letters.recent.slice(0, limit) };
    },
    facts: async () => {
      const [{ ok, checks }, holds] = await Promise.all([inspection.ready(), inspection.holds()]);
      const lease = inspection.lease();
      return {
        version: inspection.version,
        mode: inspection.mode,
        startedAtMs: inspection.startedAtMs,
        draining: isDraining(),
        ready: ok,
        unready: checks.flatMap((one) => (one.ok ? [] : [`${one.name}: ${one.detail}`.slice(0, 400)])),
        bus: inspection.counters().bus,
        lease: lease === null ? null : { ...lease, detail: lease.detail.slice(0, 600) },
        holds: holds === null ? null : holds.slice(0, MAX_HOLDS).map(holdOf),
        deadLetters: inspection.deadLetters().total,
      };
    },
  };
}

const holdOf = ({ source, reason, exchange, asset }: Hold): TradeHold => ({
  ...{ source: source.slice(0, 100), reason: reason.slice(0, 300) },
  ...(exchange !== undefined && { exchange }),
  ...(asset !== undefined && { asset }),
});

/** A parent, then its children, each one deeper. */
function rowsOf(node: ActorNode, depth: number): ActorRow[] {
  return [rowOf(node, depth), ...node.children.flatMap((child) => rowsOf(child, depth + 1))];
}

function rowOf(node: ActorNode, depth: number): ActorRow {
  const { inspection } = node;
  const { lastError } = inspection;
  return {
    ...figuresOf(inspection),
    ...{ path: node.path, id: node.id, depth, kind: inspection.kind, state: node.state },
    ...placed(node),
    lastError: lastError === null ? null : { message: lastError.message.slice(0, 300), atMs: lastError.atMs },
  };
}

function detailOf(found: ActorInspection, place: ActorNode | null): Omit<ActorDetail, 'fence'> {
  const { path, node, kind, sent, conflated, summary, lastError, watchers } = found;
  return {
    ...figuresOf(found),
    ...{ path, node, kind, sent, conflated, summary },
    ...placed(place),
    lastError:
      lastError === null
        ? null
        : {
            message: lastError.message.slice(0, 2_000),
            stack: lastError.stack.slice(0, 8_000),
            atMs: lastError.atMs,
          },
    watchers: watchers.slice(0, 1_000).map((watcher) => watcher.slice(0, 300)),
  };
}

const placed = (place: ActorNode | null) => ({
  restart: place?.restart ?? '',
  strategy: place?.strategy ?? null,
  heldByOperator: place?.heldByOperator ?? false,
  nextStartInMs: place?.nextStartInMs ?? null,
});

const figuresOf = (one: ActorInspection) => ({
  state: one.state,
  incarnation: one.incarnation,
  mailboxDepth: one.mailboxDepth,
  mailboxCapacity: one.mailboxCapacity,
  handled: one.handled,
  dead: one.dead,
  dropped: one.dropped,
  handledPerSecond: one.handledPerSecond,
  handlingP50Ms: one.handlingP50Ms,
  handlingP99Ms: one.handlingP99Ms,
  crashes: one.crashes,
  restarts: one.restarts,
  startedAtMs: one.startedAtMs,
});

function placeOf(node: ActorNode, path: string): ActorNode | null {
  if (node.path === path) return node;
  const child = node.children.find((one) => path === one.path || path.startsWith(`${one.path}/`));
  return child === undefined ? null : placeOf(child, path);
}
