import { errorText } from '../messages/errors.js';
import type { ActorInspection } from '../runtime/actor.js';
import type { Strategy } from './spec.js';

export interface SupervisorPicture {
  readonly state: ActorInspection['state'];
  readonly strategy: Strategy;
  readonly children: readonly string[];
  readonly incarnation: number;
  readonly crashes: number;
  readonly failure: Error | null;
  /** Wall clock, Unix ms. */
  readonly failedAtMs: number;
  readonly startedAtMs: number | null;
}

/** A supervisor in the same shape as an actor, so that one page shows both. It has no mailbox. */
export function inspectSupervisor(path: string, node: string, picture: SupervisorPicture): ActorInspection {
  const { failure } = picture;
  return {
    path,
    node,
    kind: 'supervisor',
    state: picture.state,
    summary: { strategy: picture.strategy, children: picture.children },
    incarnation: picture.incarnation,
    mailboxDepth: 0,
    mailboxCapacity: 0,
    sent: 0,
    handled: 0,
    dead: 0,
    dropped: 0,
    conflated: 0,
    handledPerSecond: 0,
    handlingP50Ms: 0,
    handlingP99Ms: 0,
    crashes: picture.crashes,
    restarts: Math.max(0, picture.incarnation - 1),
    lastError:
      failure === null
        ? null
        : { message: errorText(failure), stack: failure.stack ?? '', atMs: picture.failedAtMs },
    startedAtMs: picture.startedAtMs,
    watchers: [],
  };
}
