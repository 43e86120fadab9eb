import { invariant } from '../messages/errors.js';
import type { ActorInspection, StopReason } from '../runtime/actor.js';
import type { StartOutcome, UnrequestedEnd } from '../runtime/incarnation.js';
import { asError } from '../runtime/services.js';
import type { ChildNode, NodeEnd, RestingState, Surroundings, TreeNode } from './child-node.js';
import type { Backoff, GiveUp, RestartType, WorkerSpec } from './spec.js';

/** One supervised actor. */
export class WorkerNode implements ChildNode {
  readonly id: string;
  readonly path: string;
  readonly kind = 'worker';
  readonly strategy = null;
  readonly restart: RestartType;
  readonly backoff: Backoff;
  readonly giveUp: GiveUp;
  private readonly spec: WorkerSpec;
  private readonly around: Surroundings;
  private readonly onEnded: (end: NodeEnd) => void;
  /** The handler that the last incarnation left running when it crashed. */
  private leftover: Promise<void> | null = null;
  private interrupted = false;

  constructor(spec: WorkerSpec, parentPath: string, around: Surroundings, onEnded: (end: NodeEnd) => void) {
    this.id = spec.id;
    this.path = `${parentPath}/${spec.id}`;
    this.restart = spec.restart;
    this.backoff = spec.backoff;
    this.giveUp = spec.giveUp;
    this.spec = spec;
    this.around = around;
    this.onEnded = onEnded;
    around.system.declare(this.path, spec.actor);
  }

  get incarnation(): number {
    return this.around.system.lifeOf(this.path).incarnation;
  }

  get isAlive(): boolean {
    return this.around.system.lifeOf(this.path).isAlive;
  }

  async start(): Promise<StartOutcome> {
    this.interrupted = false;
    await this.awaitLeftover();
    if (this.interrupted) return { ok: false, error: new Error('stopped while starting') };
    try {
      return await this.around.system.spawn(this.path, this.spec.actor, (end) => this.ended(end));
    } catch (error) {
      return { ok: false, error: asError(error) };
    }
  }

  async stop(reason: StopReason): Promise<void> {
    const outcome = await this.around.system.stop(this.path, reason, this.spec.shutdownMs);
    if (outcome === 'abandoned')
      this.around.emit(this, 'abandoned', `did not stop within ${this.spec.shutdownMs} ms`);
  }

  interruptStart(): void {
    this.interrupted = true;
    void this.stop('shutdown');
  }

  rest(state: RestingState): void {
    this.around.system.rest(this.path, state);
  }

  inspect(): ActorInspection {
    const inspection = this.around.system.inspect(this.path);
    invariant(inspection !== null, `no record of ${this.path}`);
    return inspection;
  }

  childViews(): TreeNode[] {
    return [];
  }

  forget(): void {
    this.around.system.forget(this.path);
  }

  private ended(end: UnrequestedEnd): void {
    // A hung handler has had its time; nobody waits for it again.
    this.leftover = end.reason === 'hung' ? null : end.inFlight;
    this.onEnded(end);
  }

  /**
   * When an actor crashes in a callback, a handler of it may still be waiting for something. The next incarnation starts
   * after that has come to its end, so that the two do not act side by side, but not later than a stop would have taken.
   */
  private async awaitLeftover(): Promise<void> {
    const leftover = this.leftover;
    this.leftover = null;
    if (leftover === null) return;
    const finished = await new Promise<boolean>((resolve) => {
      const limit = this.around.timers.setTimer(() => resolve(false), this.spec.shutdownMs);
      void leftover.then(() => {
        this.around.timers.clearTimer(limit);
        resolve(true);
      });
    });
    if (!finished) this.around.emit(this, 'abandoned', 'a handler of the crashed incarnation still runs');
  }
}
