import { z } from 'zod';
import * as p from './primitives.js';

/** What the nodes of a cluster tell each other about themselves. Nothing that spends depends on it (ACTORS §8). */

export const nodeRole = z.enum(['feeds', 'detectors', 'trade', 'recorder']);
export type NodeRole = z.infer<typeof nodeRole>;

const plainName = z.string().regex(/^[a-z][a-z0-9-]{0,30}$/, 'not the name of a node or region');
const hex = (digits: string) => z.string().regex(new RegExp(`^[0-9a-f]{${digits}}$`), 'not hex digits');

/** Of one process: another nonce under the same name is another process. */
export const nodeNonce = hex('32');

/** A node says each second that it is there, and what it does. */
export const nodeAnnounced = z.strictObject({
  node: plainName,
  nonce: nodeNonce,
  region: plainName,
  roles: z.array(nodeRole).min(1).max(4),
  /** Grows by one with each announcement of the process. */
  seq: p.count,
  /** Of the program's files; nodes that differ do not trade. */
  build: hex('8,64'),
  /** Digests of what must be equal wherever is traded, which is in no file of the program; absent = not told. */
  settings: z.strictObject({ trading: hex('16'), verdictKey: hex('16') }).optional(),
  startedAtMs: p.timeMs,
  atMs: p.timeMs,
  /** It stops in order: others take over at once. */
  leaving: z.boolean(),
  /** A person took its work away; it stays, and is given none until a person says so. */
  draining: z.boolean(),
  feeds: z.array(z.strictObject({ exchange: p.exchangeId, epoch: p.count, live: z.boolean() })).max(64),
  detectors: z.array(z.strictObject({ strategy: p.strategy, assets: p.count })).max(8),
  /** Exchanges whose ticks it records. */
  records: z.array(p.exchangeId).max(64),
  /** It keeps what the whole cluster needs once: signals, portfolio, schedule, newest prices. */
  watches: z.boolean(),
  /** Null without the role. The fence is the last it held, null before. */
  trade: z.strictObject({ held: z.boolean(), fence: p.count.nullable() }).nullable(),
  /** Where its inspection API answers, as itself sees it; empty while it starts. */
  http: z.string().max(300),
  /** Its weight when work is shared out. */
  capacity: z.number().min(0.01).max(1_000),
});
export type NodeAnnounced = z.infer<typeof nodeAnnounced>;

/** What an observer makes of the announcements. Observers may disagree for a while. */
export const memberChanged = z.strictObject({
  /** Stable: observer, its process, node and number. */
  eventId: z.string().min(1).max(240),
  observer: plainName,
  node: plainName,
  nonce: nodeNonce,
  kind: z.enum(['joined', 'lost', 'left', 'restarted', 'build-differs', 'name-taken']),
  region: plainName,
  roles: z.array(nodeRole).min(1).max(4),
  build: hex('8,64'),
  reason: z.string().max(300),
  atMs: p.timeMs,
});
export type MemberChanged = z.infer<typeof memberChanged>;
