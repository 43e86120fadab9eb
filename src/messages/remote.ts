import { z } from 'zod';
import { senderName } from './header.js';
import * as p from './primitives.js';

/** Actors of one node as seen from another: calls, watches and ends. What an actor is told travels as JSON text, checked by its own schema. */

export const MAX_REMOTE_BODY = 65_536;

const actorPath = z
  .string()
  .max(200)
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*(?:\/[A-Za-z0-9_.-]+)*$/, 'not an actor path');
/** One per process: a node that began anew has another. */
const nonce = p.entityId;
const jsonText = z.string().min(1).max(MAX_REMOTE_BODY);
const endReason = z.enum([
  'shutdown',
  'restart',
  'crash',
  'hung',
  'escalation',
  'exit',
  'node_lost',
  'node_restarted',
]);
const ended = z.strictObject({ reason: endReason, error: z.string().max(500).nullable() });

/** Tells or asks an actor of another node. `nonce` null = whichever process the node is now. */
export const remoteCall = z.strictObject({
  path: actorPath,
  nonce: nonce.nullable(),
  body: jsonText,
  /** How long an answer is waited for; null = nobody waits. */
  waitMs: z.number().int().min(1).max(600_000).nullable(),
});
export type RemoteCall = z.infer<typeof remoteCall>;

/** What became of it at the mailbox, and the answer to a question. */
export const remoteAnswer = z.strictObject({
  nonce,
  result: z.enum(['queued', 'conflated', 'full', 'dead']),
  value: jsonText.nullable(),
});
export type RemoteAnswer = z.infer<typeof remoteAnswer>;

/** A node wants to know when the actor ends. `incarnation` null = the one that lives now; else it asks whether that still lives. */
export const remoteWatch = z.strictObject({
  path: actorPath,
  watcher: senderName,
  incarnation: p.count.nullable(),
});
export type RemoteWatch = z.infer<typeof remoteWatch>;

export const remoteWatched = z.strictObject({ nonce, incarnation: p.count, ended: ended.nullable() });
export type RemoteWatched = z.infer<typeof remoteWatched>;

/** An incarnation that the receiving node watches has ended. */
export const remoteEnded = z.strictObject({
  node: senderName,
  nonce,
  path: actorPath,
  incarnation: p.count,
  ...ended.shape,
});
export type RemoteEnded = z.infer<typeof remoteEnded>;
