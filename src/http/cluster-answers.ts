import { z } from 'zod';
import { memberChanged, nodeRole } from '../messages/cluster.js';
import * as p from '../messages/primitives.js';
import { supervisionEvent } from '../messages/supervision.js';

/**
 * What nodes answer each other, and the API its readers, about all nodes. The same schemas check what comes from another node and
 * are in the OpenAPI document. Fields of a newer version are left out, not refused: while a cluster is deployed, both are there.
 */

export const nodeName = z.string().regex(/^[a-z][a-z0-9-]{0,30}$/, 'not the name of a node');
export const actorPath = z
  .string()
  .max(200)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*(?:\/[A-Za-z0-9][A-Za-z0-9._-]*)*$/, 'not the path of an actor');
export const actorState = z.enum([
  'starting',
  'running',
  'stopping',
  'backing_off',
  'quarantined',
  'stopped',
]);

const share = z.number().finite().min(0);
const moment = p.timeMs.nullable();
const text = (max: number) => z.string().max(max);

const figures = {
  state: actorState,
  incarnation: p.count,
  mailboxDepth: p.count,
  mailboxCapacity: p.count,
  handled: p.count,
  dead: p.count,
  dropped: p.count,
  handledPerSecond: share,
  handlingP50Ms: share,
  handlingP99Ms: share,
  crashes: p.count,
  restarts: p.count,
  startedAtMs: moment,
};

/** One line of a supervision tree. A tree is its lines in order: a child follows its parent, one deeper. */
export const actorRow = z.object({
  path: actorPath,
  id: text(200),
  /** 0 = the root. */
  depth: p.count,
  /** `supervisor`, or what the actor calls itself. */
  kind: text(64),
  restart: text(32),
  /** Of a supervisor. */
  strategy: text(32).nullable(),
  ...figures,
  /** A person stopped it. */
  heldByOperator: z.boolean(),
  /** Until the planned restart or probe. */
  nextStartInMs: share.nullable(),
  lastError: z.object({ message: text(300), atMs: p.timeMs }).nullable(),
});
export type ActorRow = z.infer<typeof actorRow>;

/** How a node could be asked. A silent one is shown, not left out. */
const asked = {
  node: nodeName,
  state: z.enum(['up', 'silent']),
  /** Why nothing is known of it; empty while it answers. */
  detail: text(300),
  isSelf: z.boolean(),
};
export type Asked = { readonly [K in keyof typeof asked]: z.infer<(typeof asked)[K]> };

/** A node's whole tree, as it tells it itself. */
export const ownActors = z.object({
  version: text(40),
  draining: z.boolean(),
  /** Under which it may trade; null while it may not. */
  fence: p.count.nullable(),
  actors: z.array(actorRow).max(10_000),
});
export type OwnActors = z.infer<typeof ownActors>;

export const nodeActors = z.object({ ...asked, ...ownActors.partial().shape, actors: z.array(actorRow) });
export const clusterActors = z.object({ atMs: p.timeMs, nodes: z.array(nodeActors) });
export type ClusterActors = z.infer<typeof clusterActors>;

export const actorDetail = z.object({
  path: actorPath,
  /** Where it lives. */
  node: nodeName,
  kind: text(64),
  ...figures,
  sent: p.count,
  conflated: p.count,
  summary: z.record(z.string(), z.unknown()),
  lastError: z.object({ message: text(2_000), stack: text(8_000), atMs: p.timeMs }).nullable(),
  watchers: z.array(text(300)).max(1_000),
  /** Of what spends: the fence that it spends under; null for anything else, and while the lease is not held. */
  fence: p.count.nullable(),
  restart: text(32),
  strategy: text(32).nullable(),
  heldByOperator: z.boolean(),
  nextStartInMs: share.nullable(),
});
export type ActorDetail = z.infer<typeof actorDetail>;

export const deadLetters = z.object({
  total: p.count,
  byReason: z.record(z.string(), p.count),
  /** Newest first; never the content of a message. */
  recent: z
    .array(
      z.object({
        path: text(300),
        incarnation: p.count,
        reason: text(32),
        label: text(64),
        atMs: p.timeMs,
      }),
    )
    .max(1_000),
});
export type DeadLetterAnswer = z.infer<typeof deadLetters>;
export const clusterDeadLetters = z.object({
  nodes: z.array(z.object({ ...asked, ...deadLetters.partial().shape })),
});
export type ClusterDeadLetters = z.infer<typeof clusterDeadLetters>;

export const busStatistics = z.object({
  state: z.enum(['connected', 'reconnecting', 'closed']),
  published: p.count,
  delivered: p.count,
  droppedStale: p.count,
  droppedInvalid: p.count,
  droppedFull: p.count,
  handlerErrors: p.count,
});

/** Somebody who lets the gate approve nothing new: everywhere, on one exchange, or in one asset. */
export const tradeHold = z.object({
  source: text(100),
  reason: text(300),
  exchange: p.exchangeId.optional(),
  asset: p.assetId.optional(),
});
export type TradeHold = z.infer<typeof tradeHold>;

/** A node in few words, as it tells them itself. */
export const ownFacts = z.object({
  version: text(40),
  mode: p.modeName,
  startedAtMs: p.timeMs,
  draining: z.boolean(),
  ready: z.boolean(),
  /** What is not ready. */
  unready: z.array(text(400)).max(200),
  bus: busStatistics.nullable(),
  /** Null where nothing trades. */
  lease: z.object({ held: z.boolean(), fence: p.count.nullable(), detail: text(600) }).nullable(),
  /** Why its gate approves nothing new; empty = it does. Null = no gate runs there, or it does not answer; absent = an older program. */
  holds: z.array(tradeHold).max(64).nullable().optional(),
  deadLetters: p.count,
});
export type OwnFacts = z.infer<typeof ownFacts>;

const announcedNode = z.object({
  region: text(64),
  roles: z.array(nodeRole),
  build: text(64),
  sameBuild: z.boolean(),
  /** Since it was heard last; 0 of the node that answers. */
  silentMs: z.number(),
  clockAheadMs: z.number(),
  feeds: z.array(z.object({ exchange: p.exchangeId, epoch: p.count, live: z.boolean() })),
  detectors: z.array(z.object({ strategy: text(32), assets: p.count })),
  records: z.array(p.exchangeId),
  watches: z.boolean(),
  trade: z.object({ held: z.boolean(), fence: p.count.nullable() }).nullable(),
  http: text(300),
});

export const topologyNode = z.object({
  ...asked,
  /** What membership knows of it; null = it was not heard. */
  member: announcedNode.nullable(),
  /** What it says when it is asked; null = it is silent. */
  facts: ownFacts.nullable(),
});

/** Who is there, who does what, who may trade. */
export const topology = z.object({
  atMs: p.timeMs,
  cluster: text(64),
  /** The node that answers. */
  self: nodeName,
  nodes: z.array(topologyNode),
  /** Where feeds (by exchange), detectors (by asset) and recorders (by exchange) belong; null = no member may do it. */
  placement: z.object({
    feeds: z.record(z.string(), nodeName.nullable()),
    detectors: z.record(z.string(), nodeName.nullable()),
    /** By exchange; absent where no cycles are looked for. */
    cycles: z.record(z.string(), nodeName.nullable()).optional(),
    /** Absent where no statistical pairs are looked for. */
    pairs: nodeName.nullable().optional(),
    recorders: z.record(z.string(), nodeName.nullable()),
    watch: nodeName.nullable(),
  }),
  /** Null while nobody holds it, as far as this node knows. */
  lease: z.object({ holder: nodeName, fence: p.count.nullable() }).nullable(),
});
export type Topology = z.infer<typeof topology>;

/** `id` is what `Last-Event-ID` takes. */
export const clusterEvent = z.discriminatedUnion('kind', [
  z.object({ id: text(64), kind: z.literal('supervision'), event: supervisionEvent }),
  z.object({ id: text(64), kind: z.literal('member'), event: memberChanged }),
]);
export type ClusterEvent = z.infer<typeof clusterEvent>;

/** What a person may ask of a node; the same over HTTP and between nodes. */
export const nodeAction = z.discriminatedUnion('verb', [
  z.strictObject({ verb: z.literal('restart'), path: actorPath }),
  z.strictObject({ verb: z.literal('stop'), path: actorPath }),
  z.strictObject({ verb: z.literal('drain') }),
  z.strictObject({ verb: z.literal('resume') }),
]);
export type NodeAction = z.infer<typeof nodeAction>;

export const auditEntry = z.object({
  atMs: p.timeMs,
  /** `actor.restart`, `node.drain`, `kill-switch` … */
  action: text(64),
  /** Who asked, and over what. */
  by: text(300),
  outcome: z.enum(['accepted', 'done', 'failed']),
  error: text(1_000).optional(),
  detail: z.record(z.string(), z.unknown()),
});
export type AuditEntry = z.infer<typeof auditEntry>;
