import type { Clock, TimerHandle, Timers } from '../ports/time.js';
import type { ChildNode, TreeNode } from './child-node.js';

/** What a supervisor remembers of one child between its incarnations. */
export class Slot {
  readonly node: ChildNode;
  /** Crashes since the last stable period. */
  crashes = 0;
  /** Quarantines in a row; above 0 while in quarantine or on probation. */
  probes = 0;
  /** Monotonic time of the last successful start. */
  startedAtMs = 0;
  /** Why it must not be started: by a person, or because a temporary child has had its one life. */
  held: 'operator' | 'finished' | null = null;
  private readonly clock: Clock;
  private readonly timers: Timers;
  private startTimer: TimerHandle | null = null;
  private startDueMs = 0;
  private probationTimer: TimerHandle | null = null;

  constructor(node: ChildNode, clock: Clock, timers: Timers) {
    this.node = node;
    this.clock = clock;
    this.timers = timers;
  }

  get isStartPlanned(): boolean {
    return this.startTimer !== null;
  }

  planStart(delayMs: number, start: () => void): void {
    this.cancelTimers();
    this.startDueMs = this.clock.monotonicMs() + delayMs;
    this.startTimer = this.timers.setTimer(() => {
      this.startTimer = null;
      start();
    }, delayMs);
  }

  watchProbation(stableMs: number, passed: () => void): void {
    this.probationTimer = this.timers.setTimer(() => {
      this.probationTimer = null;
      passed();
    }, stableMs);
  }

  cancelTimers(): void {
    if (this.startTimer !== null) this.timers.clearTimer(this.startTimer);
    if (this.probationTimer !== null) this.timers.clearTimer(this.probationTimer);
    this.startTimer = null;
    this.probationTimer = null;
  }

  /** Forgets crashes and quarantine: a person, or a stable period, has given it a new beginning. */
  beginAnew(): void {
    this.crashes = 0;
    this.probes = 0;
  }

  view(): TreeNode {
    const { node } = this;
    const inspection = node.inspect();
    return {
      id: node.id,
      path: node.path,
      kind: node.kind,
      restart: node.restart,
      strategy: node.strategy,
      state: inspection.state,
      crashesUnstable: this.crashes,
      probes: this.probes,
      nextStartInMs: this.isStartPlanned ? Math.max(0, this.startDueMs - this.clock.monotonicMs()) : null,
      heldByOperator: this.held === 'operator',
      inspection,
      children: node.childViews(),
    };
  }
}
