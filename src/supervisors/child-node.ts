import type { SupervisionEvent } from '../messages/supervision.js';
import type { Random } from '../ports/random.js';
import type { Clock, Timers } from '../ports/time.js';
import type { ActorInspection, StopReason } from '../runtime/actor.js';
import type { StartOutcome } from '../runtime/incarnation.js';
import type { ActorSystem } from '../runtime/system.js';
import type { Backoff, GiveUp, RestartType, Strategy } from './spec.js';

export type EventKind = SupervisionEvent['kind'];

/** What every node of a tree shares. */
export interface Surroundings {
  readonly system: ActorSystem;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  /** Logs the event and hands it to whoever listens; never throws. */
  emit(node: ChildNode, kind: EventKind, reason: string, delayMs?: number): void;
  /** A defect of the supervisor itself; never throws. */
  defect(path: string, error: Error): void;
}

/** An end that no stop asked for. */
export interface NodeEnd {
  readonly incarnation: number;
  readonly reason: StopReason;
  readonly error: Error | null;
}

/** A child as its supervisor sees it: a worker or another supervisor. */
export interface ChildNode {
  readonly id: string;
  readonly path: string;
  readonly kind: 'worker' | 'supervisor';
  readonly restart: RestartType;
  readonly backoff: Backoff;
  readonly giveUp: GiveUp;
  /** Null for a worker. */
  readonly strategy: Strategy | null;
  /** Number of the newest start, 0 before the first. */
  readonly incarnation: number;
  readonly isAlive: boolean;
  /** Resolves when it runs or has failed to; never rejects. */
  start(): Promise<StartOutcome>;
  /** Ordered stop within the child's own time; does nothing when it does not live. Never rejects. */
  stop(reason: StopReason): Promise<void>;
  /** Breaks off a start in progress, so that a stop need not wait for it. */
  interruptStart(): void;
  /** What is shown while it does not live. */
  rest(state: RestingState): void;
  inspect(): ActorInspection;
  /** Empty for a worker. */
  childViews(): TreeNode[];
  /** Removes every trace from the actor system; only when stopped. */
  forget(): void;
}

export type RestingState = 'stopped' | 'backing_off' | 'quarantined';

/** The running tree for people, the page and the comparison with its specification. */
export interface TreeNode {
  readonly id: string;
  readonly path: string;
  readonly kind: 'worker' | 'supervisor';
  readonly restart: RestartType;
  readonly strategy: Strategy | null;
  readonly state: ActorInspection['state'];
  /** Crashes since the last stable period. */
  readonly crashesUnstable: number;
  /** Failed probes of a quarantined child, 0 when not in quarantine. */
  readonly probes: number;
  /** ms until the planned restart or probe; null when none is planned. */
  readonly nextStartInMs: number | null;
  /** True when a person stopped it: it stays stopped until restarted by hand. */
  readonly heldByOperator: boolean;
  readonly inspection: ActorInspection;
  readonly children: readonly TreeNode[];
}
