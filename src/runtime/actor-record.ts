import { invariant } from '../messages/errors.js';
import type { ActorInspection, Address, TellResult, Terminated } from './actor.js';
import type { DeadLetterReason, DeadLetters } from './dead-letters.js';
import { HandlingTimes } from './handling-times.js';

/** Somebody who wants to know when an incarnation ends. */
export interface Watcher {
  readonly path: string;
  notify(ended: Terminated): void;
}

/** A question that can still be refused. */
export interface Refusable {
  reject(error: Error): void;
}

/** What the outside sees of a living incarnation. */
export interface LiveIncarnation {
  readonly number: number;
  readonly phase: 'starting' | 'running' | 'stopping' | 'ended';
  readonly depth: number;
  readonly watchers: Set<Watcher>;
  /** Asks that it has received and not answered; rejected when it ends. */
  readonly owed: Set<Refusable>;
  accept(message: never): TellResult;
  summary(): Readonly<Record<string, unknown>>;
}

/** Messages over all incarnations: sent = handled + dead + dropped + conflated + waiting in the mailbox. */
export interface MessageCounts {
  sent: number;
  handled: number;
  dead: number;
  dropped: number;
  conflated: number;
}

/** What is known of one path over all its incarnations. Addresses point here and so survive restarts. */
export class ActorRecord {
  readonly path: string;
  readonly counts: MessageCounts = { sent: 0, handled: 0, dead: 0, dropped: 0, conflated: 0 };
  kind = 'unknown';
  capacity = 0;
  times = new HandlingTimes();
  incarnations = 0;
  crashes = 0;
  lastError: ActorInspection['lastError'] = null;
  lastEnd: Terminated | null = null;
  startedAtMs: number | null = null;
  current: LiveIncarnation | null = null;
  /** What is shown while no incarnation lives. */
  resting: 'stopped' | 'backing_off' | 'quarantined' = 'stopped';
  private readonly deadLetters: DeadLetters;
  private readonly wallMs: () => number;

  constructor(path: string, deadLetters: DeadLetters, wallMs: () => number) {
    this.path = path;
    this.deadLetters = deadLetters;
    this.wallMs = wallMs;
  }

  tell(message: unknown): TellResult {
    invariant(message !== undefined, `undefined was told to ${this.path}`);
    this.counts.sent += 1;
    if (this.current !== null) return this.current.accept(message as never);
    this.bury(message, 'no_actor');
    return 'dead';
  }

  /** Counts a message as dead and shows it among the dead letters. */
  bury(message: unknown, reason: DeadLetterReason): void {
    this.counts.dead += 1;
    this.show(message, reason);
  }

  /** Shows a message among the dead letters that is counted elsewhere. */
  show(message: unknown, reason: DeadLetterReason): void {
    this.deadLetters.add(this.path, this.incarnations, reason, message, this.wallMs());
  }
}

/** The address of an actor of this process. The message type is erased behind it and restored by its own parameter. */
export class LocalAddress<in M> implements Address<M> {
  readonly path: string;
  private readonly lookUp: (path: string) => ActorRecord;
  private found: ActorRecord;
  private readonly isForgotten: (record: ActorRecord) => boolean;

  constructor(
    path: string,
    lookUp: (path: string) => ActorRecord,
    isForgotten: (record: ActorRecord) => boolean,
  ) {
    this.path = path;
    this.lookUp = lookUp;
    this.isForgotten = isForgotten;
    this.found = lookUp(path);
  }

  /** The record behind the path; a path that was removed and added again has a new one. */
  get record(): ActorRecord {
    if (this.isForgotten(this.found)) this.found = this.lookUp(this.path);
    return this.found;
  }

  tell(message: M): TellResult {
    return this.record.tell(message);
  }
}
