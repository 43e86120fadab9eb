import { ArbotError, errorText, invariant } from '../messages/errors.js';
import type { ActorInspection, StopReason } from '../runtime/actor.js';
import type { StartOutcome } from '../runtime/incarnation.js';
import { asError } from '../runtime/services.js';
import type { ChildNode, NodeEnd, RestingState, Surroundings, TreeNode } from './child-node.js';
import { Lane } from './lane.js';
import { backoffMs, countCrash, groupOf, probeDelayMs, shouldRestart, type Group } from './restart-policy.js';
import { Slot } from './slot.js';
import {
  DEFAULT_BACKOFF,
  type Backoff,
  type ChildSpec,
  type GiveUp,
  type RestartType,
  type Strategy,
  type SupervisorSpec,
} from './spec.js';
import { inspectSupervisor } from './supervisor-inspection.js';
import { WorkerNode } from './worker-node.js';

type Phase = 'stopped' | 'starting' | 'running' | 'failed';

/**
 * A supervisor: it starts its children left to right, stops them right to left, and decides after each unrequested end by
 * the pure rules of `restart-policy.ts`. All its decisions run one after the other in a lane; only stopping may cut in.
 */
export class SupervisorNode implements ChildNode {
  readonly id: string;
  readonly path: string;
  readonly kind = 'supervisor';
  readonly restart: RestartType;
  readonly strategy: Strategy;
  readonly backoff: Backoff;
  readonly giveUp: GiveUp;
  incarnation = 0;
  private readonly spec: SupervisorSpec;
  private readonly around: Surroundings;
  private readonly onEnded: (end: NodeEnd) => void;
  private readonly lane = new Lane();
  private readonly slots: Slot[] = [];
  private phase: Phase = 'stopped';
  private resting: RestingState = 'stopped';
  private halting = false;
  private starting: ChildNode | null = null;
  private failure: Error | null = null;
  private failedAtMs = 0;
  private startedAtMs: number | null = null;
  private crashes = 0;

  constructor(
    spec: SupervisorSpec,
    parentPath: string | null,
    around: Surroundings,
    onEnded: (end: NodeEnd) => void,
  ) {
    this.id = spec.id;
    this.path = parentPath === null ? spec.id : `${parentPath}/${spec.id}`;
    this.restart = spec.restart;
    this.strategy = spec.strategy;
    this.backoff = spec.backoff ?? DEFAULT_BACKOFF;
    this.giveUp = spec.giveUp ?? { kind: 'escalate' };
    this.spec = spec;
    this.around = around;
    this.onEnded = onEnded;
    for (const child of spec.children) this.slots.push(this.slotOf(child));
  }

  get isAlive(): boolean {
    return this.phase === 'starting' || this.phase === 'running';
  }

  start(): Promise<StartOutcome> {
    this.halting = false;
    this.phase = 'starting';
    this.incarnation += 1;
    return this.lane.run(async () => {
      for (const slot of this.slots) {
        slot.beginAnew();
        if (slot.held === 'finished') slot.held = null;
      }
      await this.startGroup({ from: 0, to: this.slots.length });
      return this.startOutcome();
    });
  }

  stop(reason: StopReason): Promise<void> {
    this.interruptStart();
    for (const slot of this.slots) slot.cancelTimers();
    return this.lane.run(async () => {
      await this.stopSlots(this.slots, reason);
      this.phase = 'stopped';
      this.resting = 'stopped';
    });
  }

  interruptStart(): void {
    this.halting = true;
    this.starting?.interruptStart();
  }

  rest(state: RestingState): void {
    this.resting = state;
  }

  inspect(): ActorInspection {
    return inspectSupervisor(this.path, this.around.system.node, {
      state: this.isAlive ? (this.phase === 'starting' ? 'starting' : 'running') : this.resting,
      strategy: this.strategy,
      children: this.slots.map((slot) => slot.node.id),
      incarnation: this.incarnation,
      crashes: this.crashes,
      failure: this.failure,
      failedAtMs: this.failedAtMs,
      startedAtMs: this.startedAtMs,
    });
  }

  childViews(): TreeNode[] {
    return this.slots.map((slot) => slot.view());
  }

  forget(): void {
    for (const slot of this.slots) slot.node.forget();
  }

  /** The child of that id, null when there is none. */
  child(id: string): ChildNode | null {
    return this.slots.find((slot) => slot.node.id === id)?.node ?? null;
  }

  /** Stops the child, and by the strategy those that depend on it, and starts them again with a clean record. */
  restartChild(id: string): Promise<void> {
    return this.lane.run(async () => {
      const slot = this.slot(id);
      const group = this.groupFor(slot);
      await this.stopSlots(this.slots.slice(group.from, group.to), 'restart');
      slot.held = null;
      slot.beginAnew();
      await this.startGroup(group);
    });
  }

  /** Stops the child alone; it stays stopped, whatever its restart type, until it is restarted by hand. */
  stopChild(id: string): Promise<void> {
    return this.lane.run(async () => {
      const slot = this.slot(id);
      const othersWait = slot.isStartPlanned && this.strategy !== 'one_for_one';
      const group = this.groupFor(slot);
      slot.held = 'operator';
      slot.cancelTimers();
      await this.stopSlots([slot], 'shutdown');
      slot.node.rest('stopped');
      if (othersWait) await this.startGroup(group);
    });
  }

  /** Probes a quarantined child now, with a clean record. Rejects ARB_ACTOR_STOPPED when it is not in quarantine. */
  releaseChild(id: string): Promise<void> {
    return this.lane.run(async () => {
      const slot = this.slot(id);
      if (slot.probes === 0 || !slot.isStartPlanned)
        throw new ArbotError('ARB_ACTOR_STOPPED', `${slot.node.path} is not in quarantine`);
      slot.cancelTimers();
      slot.beginAnew();
      await this.startGroup(this.groupFor(slot));
    });
  }

  /** Adds a child to the right of all others and starts it when the supervisor runs. */
  addChild(spec: ChildSpec): Promise<void> {
    return this.lane.run(async () => {
      this.slots.push(this.slotOf(spec));
      const last = this.slots.length - 1;
      if (this.phase === 'running') await this.startGroup({ from: last, to: last + 1 });
    });
  }

  removeChild(id: string): Promise<void> {
    return this.lane.run(async () => {
      const slot = this.slot(id);
      slot.cancelTimers();
      await this.stopSlots([slot], 'shutdown');
      this.slots.splice(this.slots.indexOf(slot), 1);
      slot.node.forget();
    });
  }

  private slotOf(spec: ChildSpec): Slot {
    const ended = (end: NodeEnd): void => this.childEnded(slot, end);
    const node =
      'worker' in spec
        ? new WorkerNode(spec.worker, this.path, this.around, ended)
        : new SupervisorNode(spec.supervisor, this.path, this.around, ended);
    const slot: Slot = new Slot(node, this.around.clock, this.around.timers);
    return slot;
  }

  private slot(id: string): Slot {
    const slot = this.slots.find((candidate) => candidate.node.id === id);
    if (slot === undefined) throw new ArbotError('ARB_ACTOR_UNKNOWN', `${this.path} has no child ${id}`);
    return slot;
  }

  private get goesOn(): boolean {
    return !this.halting && this.isAlive;
  }

  private startOutcome(): StartOutcome {
    if (this.phase === 'failed') return { ok: false, error: this.failure ?? new Error('failed') };
    if (this.halting) return { ok: false, error: new Error('stopped while starting') };
    this.phase = 'running';
    this.startedAtMs = this.around.clock.nowMs();
    return { ok: true };
  }

  /** The group of a slot; with `rest_for_one` it begins at an earlier child that waits for its own restart. */
  private groupFor(slot: Slot): Group {
    const own = this.slots.indexOf(slot);
    const waiting = this.slots.findIndex((candidate) => candidate.isStartPlanned);
    const lead = this.strategy === 'rest_for_one' && waiting >= 0 ? Math.min(own, waiting) : own;
    return groupOf(this.strategy, lead, this.slots.length);
  }

  private async startGroup(group: Group): Promise<void> {
    for (const slot of this.slots.slice(group.from, group.to)) {
      if (!this.goesOn) return;
      if (slot.held !== null || slot.node.isAlive) continue;
      const error = await this.startSlot(slot);
      if (error === null || !this.goesOn) continue;
      this.around.emit(slot.node, 'start_failed', errorText(error));
      await this.afterEnd(slot, 'crash', error, 0);
      // What comes later depends on this child; the whole group is started again with it.
      if (this.strategy !== 'one_for_one') return;
    }
  }

  /** Null when the child runs, else why not. */
  private async startSlot(slot: Slot): Promise<Error | null> {
    slot.cancelTimers();
    if (slot.probes > 0) this.around.emit(slot.node, 'probing', `probe ${slot.probes}`);
    const isFirst = slot.node.incarnation === 0;
    this.starting = slot.node;
    const outcome = await slot.node.start();
    this.starting = null;
    if (!outcome.ok) return outcome.error;
    slot.startedAtMs = this.around.clock.monotonicMs();
    this.around.emit(slot.node, isFirst ? 'started' : 'restarted', '');
    if (slot.probes > 0) slot.watchProbation(this.spec.intensity.stableMs, () => this.recover(slot));
    return null;
  }

  private recover(slot: Slot): void {
    slot.beginAnew();
    this.around.emit(slot.node, 'recovered', `ran for ${this.spec.intensity.stableMs} ms`);
  }

  private childEnded(slot: Slot, end: NodeEnd): void {
    const ranMs = this.around.clock.monotonicMs() - slot.startedAtMs;
    const kind = end.reason === 'exit' ? 'stopped' : end.reason === 'hung' ? 'hung' : 'crashed';
    this.around.emit(slot.node, kind, end.error === null ? end.reason : errorText(end.error));
    this.submit(async () => {
      const isOld = slot.node.incarnation !== end.incarnation || slot.node.isAlive;
      if (!this.goesOn || isOld || slot.held !== null || !this.slots.includes(slot)) return;
      await this.afterEnd(slot, end.reason, end.error, ranMs);
    });
  }

  /** Decides what follows an unrequested end or a failed start (`ranMs` 0). */
  private async afterEnd(slot: Slot, reason: StopReason, error: Error | null, ranMs: number): Promise<void> {
    slot.cancelTimers();
    if (!shouldRestart(slot.node.restart, reason)) {
      slot.held = slot.node.restart === 'temporary' ? 'finished' : null;
      slot.node.rest('stopped');
      return;
    }
    if (slot.probes > 0 && ranMs < this.spec.intensity.stableMs) return this.quarantine(slot, error);
    slot.probes = 0;
    const decision = countCrash(slot.crashes, ranMs, this.spec.intensity);
    slot.crashes = decision.crashes;
    if (decision.giveUp) return this.giveUpOn(slot, error);
    const delayMs = backoffMs(slot.node.backoff, decision.crashes, this.around.random.next());
    await this.park(slot, 'backing_off', reasonText(error, reason), delayMs);
  }

  private async giveUpOn(slot: Slot, error: Error | null): Promise<void> {
    const text = `${slot.crashes} crashes without a stable period of ${this.spec.intensity.stableMs} ms`;
    this.around.emit(slot.node, 'intensity_reached', text);
    if (slot.node.giveUp.kind === 'quarantine') return this.quarantine(slot, error);
    this.around.emit(slot.node, 'escalated', reasonText(error, 'crash'));
    await this.fail(new Error(`${slot.node.path} was given up: ${reasonText(error, 'crash')}`));
  }

  private async quarantine(slot: Slot, error: Error | null): Promise<void> {
    const { giveUp, backoff } = slot.node;
    invariant(giveUp.kind === 'quarantine', `${slot.node.path} has no quarantine`);
    slot.probes += 1;
    slot.crashes = 0;
    const delayMs = probeDelayMs(giveUp, slot.probes, backoff.jitter, this.around.random.next());
    await this.park(slot, 'quarantined', reasonText(error, 'crash'), delayMs);
  }

  /** Stops the group of a child that has ended and plans its next start. */
  private async park(
    slot: Slot,
    state: 'backing_off' | 'quarantined',
    reason: string,
    delayMs: number,
  ): Promise<void> {
    const group = groupOf(this.strategy, this.slots.indexOf(slot), this.slots.length);
    const members = this.slots.slice(group.from, group.to);
    await this.stopSlots(members, 'restart');
    if (!this.goesOn) return;
    for (const member of members) if (member.held === null) member.node.rest(state);
    slot.planStart(delayMs, () => this.submit(() => this.startGroup(this.groupFor(slot))));
    this.around.emit(slot.node, state === 'quarantined' ? 'quarantined' : 'restarting', reason, delayMs);
  }

  /** Right to left. */
  private async stopSlots(slots: readonly Slot[], reason: StopReason): Promise<void> {
    for (const slot of [...slots].reverse()) {
      slot.cancelTimers();
      if (!slot.node.isAlive) continue;
      await slot.node.stop(reason);
      this.around.emit(slot.node, 'stopped', reason);
      if (slot.node.restart === 'temporary' && reason === 'restart') slot.held = 'finished';
    }
  }

  /** Gives up itself: all children stop, then the parent decides. */
  private async fail(error: Error): Promise<void> {
    const wasStarting = this.phase === 'starting';
    this.phase = 'failed';
    this.failure = error;
    this.failedAtMs = this.around.clock.nowMs();
    this.startedAtMs = null;
    this.crashes += 1;
    await this.stopSlots(this.slots, 'escalation');
    // A failing first pass is the outcome of `start`; the parent must not hear of it twice.
    if (!wasStarting) this.onEnded({ incarnation: this.incarnation, reason: 'crash', error });
  }

  private submit(task: () => Promise<void>): void {
    this.lane.run(task).catch((error: unknown) => {
      this.around.defect(this.path, asError(error));
      void this.lane.run(() => this.fail(asError(error)));
    });
  }
}

function reasonText(error: Error | null, reason: StopReason): string {
  return error === null ? reason : errorText(error);
}
