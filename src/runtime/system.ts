import { ArbotError, errorText, invariant } from '../messages/errors.js';
import type { Logger } from '../ports/log.js';
import type { Ids, Random } from '../ports/random.js';
import type { Clock, Timers } from '../ports/time.js';
import { ActorRecord, LocalAddress, type MessageCounts } from './actor-record.js';
import type { ActorDefinition, ActorInspection, Address, Reply, StopReason, Terminated } from './actor.js';
import { ask } from './asking.js';
import { DeadLetters, type DeadLetter, type DeadLetterReason } from './dead-letters.js';
import type { ActorEngine, EngineSystem } from './engine.js';
import { Incarnation, type StartOutcome, type StopOutcome, type UnrequestedEnd } from './incarnation.js';
import { accountFor, addCounts, inspectRecord, type MessageAccounting } from './inspection.js';
import { asError, type RuntimeReport, type RuntimeServices } from './services.js';
import { watchRecord } from './watching.js';

export interface ActorSystemOptions {
  /** Name of the node, shown in inspection. */
  readonly node: string;
  readonly engine: ActorEngine;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly ids: Ids;
  readonly log: Logger;
  /** Told of every crash, hang and late failure. What it throws is logged. */
  readonly onEvent?: (report: RuntimeReport) => void;
  /** Messages per turn, DEFAULT_BATCH when absent. */
  readonly batch?: number;
  /** Longest turn in ms before others get theirs, DEFAULT_SLICE_MS when absent. */
  readonly sliceMs?: number;
  readonly deadLetterCapacity?: number;
  readonly maxActors?: number;
}

/** An incarnation without its message type. */
type Living = Pick<Incarnation<never>, 'phase' | 'stop' | 'crash'>;

export const DEFAULT_BATCH = 64;
export const DEFAULT_SLICE_MS = 5;
const DEFAULT_DEAD_LETTERS = 1_000;
const DEFAULT_MAX_ACTORS = 10_000;

/**
 * All actors of one node: it starts incarnations from definitions, finds them by path and shows them. Who is restarted, and
 * when, is the business of `supervisors/`.
 */
export class ActorSystem {
  readonly node: string;
  private readonly services: RuntimeServices;
  private readonly records = new Map<string, ActorRecord>();
  private readonly living = new Map<string, Living>();
  private readonly letters: DeadLetters;
  private readonly forgotten: MessageCounts = { sent: 0, handled: 0, dead: 0, dropped: 0, conflated: 0 };
  private readonly maxActors: number;
  private readonly engineSystem: EngineSystem;

  constructor(options: ActorSystemOptions) {
    this.node = options.node;
    this.maxActors = options.maxActors ?? DEFAULT_MAX_ACTORS;
    this.letters = new DeadLetters(options.deadLetterCapacity ?? DEFAULT_DEAD_LETTERS);
    this.engineSystem = options.engine.start(options.node);
    this.services = {
      ...options,
      engineSystem: this.engineSystem,
      deadLetters: this.letters,
      batch: options.batch ?? DEFAULT_BATCH,
      sliceMs: options.sliceMs ?? DEFAULT_SLICE_MS,
      report: reporter(options),
    };
  }

  /**
   * Starts the next incarnation at `path`. Resolves when it runs or has failed to start, never rejects. `onEnded` is told
   * when a running incarnation ends without `stop` having been called. Throws ARB_INVARIANT when one lives there already.
   */
  spawn<M>(
    path: string,
    definition: ActorDefinition<M>,
    onEnded: (end: UnrequestedEnd) => void = () => undefined,
  ): Promise<StartOutcome> {
    this.declare(path, definition);
    const record = this.recordOf(path);
    invariant(record.current === null, `an actor lives at ${path} already`);
    const incarnation = new Incarnation<M>(
      record,
      this.address<M>(path),
      definition,
      this.services,
      (end) => {
        this.living.delete(path);
        onEnded(end);
      },
    );
    this.living.set(path, incarnation);
    return incarnation.start().then((outcome) => {
      if (!outcome.ok && this.living.get(path) === incarnation) this.living.delete(path);
      return outcome;
    });
  }

  /** Makes a path known to inspection before its actor has ever run. */
  declare<M>(path: string, definition: ActorDefinition<M>): void {
    const record = this.recordOf(path);
    record.kind = definition.kind;
    record.capacity = definition.mailbox.capacity;
  }

  /** Ordered stop of what lives at `path`; see Incarnation.stop. Nothing there is `stopped`. */
  async stop(path: string, reason: StopReason, timeoutMs: number): Promise<StopOutcome> {
    const incarnation = this.living.get(path);
    if (incarnation === undefined) return 'stopped';
    const outcome = await incarnation.stop(reason, timeoutMs);
    if (this.living.get(path) === incarnation) this.living.delete(path);
    return outcome;
  }

  /** Ends what lives at `path` as a crash. False when nothing lives there. */
  crash(path: string, error: Error): boolean {
    const incarnation = this.living.get(path);
    if (incarnation === undefined || incarnation.phase === 'ended') return false;
    incarnation.crash(error);
    return true;
  }

  /**
   * The stable address of a path, whether or not an actor lives there yet. This is where a message type enters: name the
   * one of the definition that is spawned at the path.
   */
  address<M>(path: string): Address<M> {
    return new LocalAddress<M>(
      path,
      (wanted) => this.recordOf(wanted),
      (record) => this.records.get(record.path) !== record,
    );
  }

  /** Asks from outside all actors, e.g. for an HTTP request. Errors as ActorContext.ask. */
  ask<Q, R>(target: Address<Q>, build: (reply: Reply<R>) => Q, timeoutMs: number): Promise<R> {
    return ask({ target, build, timeoutMs, timers: this.services.timers, asker: null });
  }

  /** Death watch from outside all actors, under the name `watcher`; as ActorContext.watch. Returns what ends it. */
  watch(path: string, watcher: string, notify: (ended: Terminated) => void): () => void {
    return watchRecord(this.recordOf(path), watcher, { notify, scope: null });
  }

  /** The number of the newest incarnation at the path, 0 before the first, and whether it lives. */
  lifeOf(path: string): { readonly incarnation: number; readonly isAlive: boolean } {
    const record = this.recordOf(path);
    return { incarnation: record.incarnations, isAlive: record.current !== null };
  }

  /** Says what is shown while nothing lives at the path. */
  rest(path: string, state: 'stopped' | 'backing_off' | 'quarantined'): void {
    this.recordOf(path).resting = state;
  }

  /** Removes a path whose actor has ended; its messages stay in the accounts. */
  forget(path: string): void {
    const record = this.records.get(path);
    if (record === undefined) return;
    invariant(record.current === null, `${path} lives and cannot be forgotten`);
    addCounts(this.forgotten, record.counts);
    this.records.delete(path);
  }

  inspect(): ActorInspection[];
  inspect(path: string): ActorInspection | null;
  inspect(path?: string): ActorInspection[] | ActorInspection | null {
    const nowMs = this.services.clock.monotonicMs();
    if (path === undefined)
      return [...this.records.values()].map((record) => inspectRecord(record, this.node, nowMs));
    const record = this.records.get(path);
    return record === undefined ? null : inspectRecord(record, this.node, nowMs);
  }

  /** How full each mailbox is; far cheaper than `inspect`, whose pictures ask the actors. */
  mailboxes(): { readonly path: string; readonly depth: number; readonly capacity: number }[] {
    return [...this.records.values()].map(({ path, current, capacity }) => ({
      path,
      depth: current?.depth ?? 0,
      capacity,
    }));
  }

  /** The newest dead letters, oldest first. */
  deadLetters(): readonly DeadLetter[] {
    return this.letters.recent();
  }

  deadLetterTotals(): Readonly<Partial<Record<DeadLetterReason, number>>> {
    return this.letters.totals();
  }

  /** Where every message ever told on this node went. */
  accounting(): MessageAccounting {
    return accountFor(this.records.values(), this.forgotten);
  }

  /** Stops everything that still lives, at once, and the engine's system. After an ordered stop nothing is left to do. */
  async close(timeoutMs: number): Promise<void> {
    await Promise.all([...this.living.keys()].map((path) => this.stop(path, 'shutdown', timeoutMs)));
    this.services.engine.stop(this.engineSystem);
  }

  private recordOf(path: string): ActorRecord {
    const known = this.records.get(path);
    if (known !== undefined) return known;
    if (this.records.size >= this.maxActors)
      throw new ArbotError('ARB_INVARIANT', `more than ${this.maxActors} actor paths on one node`);
    const record = new ActorRecord(path, this.letters, () => this.services.clock.nowMs());
    this.records.set(path, record);
    return record;
  }
}

/** Logs what went wrong and hands it on; the listener's own failure is logged and goes no further. */
function reporter(options: ActorSystemOptions): RuntimeServices['report'] {
  return (kind, path, incarnation, thrown) => {
    const error = asError(thrown);
    options.log.error(
      { actor: path, incarnation, error: errorText(error), stack: error.stack },
      `actor ${kind}`,
    );
    try {
      options.onEvent?.({ kind, path, incarnation, error, atMs: options.clock.nowMs() });
    } catch (failure) {
      options.log.error({ actor: path, error: errorText(failure) }, 'the listener of runtime events failed');
    }
  };
}
