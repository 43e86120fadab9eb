import { ArbotError, errorText } from '../messages/errors.js';
import type { SupervisionEvent } from '../messages/supervision.js';
import type { Logger } from '../ports/log.js';
import type { Ids, Random } from '../ports/random.js';
import type { Clock, Timers } from '../ports/time.js';
import type { ActorSystem } from '../runtime/system.js';
import type { ChildNode, EventKind, Surroundings, TreeNode } from './child-node.js';
import { checkChild, checkSpec } from './spec-check.js';
import type { ChildSpec, SupervisorSpec } from './spec.js';
import { SupervisorNode } from './supervisor-node.js';
import { runningShape, type TreeShape } from './tree-shape.js';

export interface SupervisionTreeOptions {
  readonly system: ActorSystem;
  readonly spec: SupervisorSpec;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly ids: Ids;
  readonly log: Logger;
  /** Told of every start, crash, restart, stop and give-up, in order. What it throws is logged. */
  readonly onEvent?: (event: SupervisionEvent) => void;
  /** The root itself was given up: everything has stopped. Whether the process exits is the listener's decision. */
  readonly onRootFailure?: (error: Error) => void;
}

const EVENT_ID_MAX = 240;
const REASON_MAX = 500;
/** Events that people should see; the others are the ordinary course. */
const WARNING_KINDS: ReadonlySet<EventKind> = new Set([
  'crashed',
  'start_failed',
  'hung',
  'abandoned',
  'intensity_reached',
  'escalated',
  'quarantined',
]);

/** The running supervision tree of a node: starts and stops it in order, shows it, and takes a person's commands by path. */
export class SupervisionTree {
  private readonly options: SupervisionTreeOptions;
  private readonly root: SupervisorNode;
  /** Part of every event id: incarnations count from 1 again in the next process. */
  private readonly boot: string;
  private events = 0;

  /** Throws ARB_CONFIG_INVALID that names every wrong field of the specification. */
  constructor(options: SupervisionTreeOptions) {
    checkSpec(options.spec);
    this.options = options;
    this.boot = options.ids.next('boot');
    const around: Surroundings = {
      system: options.system,
      clock: options.clock,
      timers: options.timers,
      random: options.random,
      emit: (node, kind, reason, delayMs) => this.emit(node, kind, reason, delayMs ?? null),
      defect: (path, error) =>
        options.log.error(
          { supervisor: path, error: errorText(error), stack: error.stack },
          'supervisor defect',
        ),
    };
    this.root = new SupervisorNode(options.spec, null, around, ({ error }) => this.rootFailed(error));
  }

  /**
   * Starts everything left to right. Resolves when each child has been tried once: one that failed is in back-off, and what
   * depends on it follows with it. Rejects when the root itself gave up.
   */
  async start(): Promise<void> {
    const outcome = await this.root.start();
    if (!outcome.ok) throw outcome.error;
    this.emit(this.root, 'started', '', null);
  }

  /** Stops everything right to left, each actor within its own time. */
  async stop(): Promise<void> {
    const wasAlive = this.root.isAlive;
    await this.root.stop('shutdown');
    if (wasAlive) this.emit(this.root, 'stopped', 'shutdown', null);
  }

  tree(): TreeNode {
    const inspection = this.root.inspect();
    return {
      id: this.root.id,
      path: this.root.path,
      kind: 'supervisor',
      restart: this.root.restart,
      strategy: this.root.strategy,
      state: inspection.state,
      crashesUnstable: 0,
      probes: 0,
      nextStartInMs: null,
      heldByOperator: false,
      inspection,
      children: this.root.childViews(),
    };
  }

  /** The running tree in the shape of its specification; see `specShape`. */
  runningShape(): TreeShape {
    return runningShape(this.tree());
  }

  /** Ordered restart with a clean record, together with what depends on the child by its supervisor's strategy. */
  restart(path: string): Promise<void> {
    return this.withParent(path, (parent, id) => parent.restartChild(id));
  }

  /** Ends a running actor as a crash; what follows is what follows any crash. */
  async crash(path: string, reason: string): Promise<void> {
    if (this.find(path).kind === 'supervisor')
      throw new ArbotError('ARB_ACTOR_UNKNOWN', `${path} is a supervisor; only actors can be crashed`);
    if (!this.options.system.crash(path, new Error(`crashed on request: ${reason}`)))
      throw new ArbotError('ARB_ACTOR_STOPPED', `${path} is not running`);
  }

  /** Ordered stop; the child stays stopped until `restart`. */
  stopChild(path: string): Promise<void> {
    return this.withParent(path, (parent, id) => parent.stopChild(id));
  }

  /** Probes a quarantined child now. Rejects ARB_ACTOR_STOPPED when it is not in quarantine. */
  releaseQuarantine(path: string): Promise<void> {
    return this.withParent(path, (parent, id) => parent.releaseChild(id));
  }

  /** Adds a child to a running supervisor, e.g. one more order gateway. Rejects ARB_CONFIG_INVALID. */
  async addChild(supervisorPath: string, spec: ChildSpec): Promise<void> {
    const parent = this.supervisorAt(supervisorPath);
    checkChild(
      spec,
      supervisorPath,
      parent.childViews().map((child) => child.id),
    );
    await parent.addChild(spec);
  }

  /** Stops a child and forgets it. */
  removeChild(path: string): Promise<void> {
    return this.withParent(path, (parent, id) => parent.removeChild(id));
  }

  private async withParent(
    path: string,
    action: (parent: SupervisorNode, id: string) => Promise<void>,
  ): Promise<void> {
    const cut = path.lastIndexOf('/');
    if (cut < 0) throw new ArbotError('ARB_ACTOR_UNKNOWN', `${path} has no supervisor`);
    await action(this.supervisorAt(path.slice(0, cut)), path.slice(cut + 1));
  }

  private supervisorAt(path: string): SupervisorNode {
    const node = this.find(path);
    if (node instanceof SupervisorNode) return node;
    throw new ArbotError('ARB_ACTOR_UNKNOWN', `${path} is not a supervisor`);
  }

  private find(path: string): ChildNode {
    const [rootId, ...ids] = path.split('/');
    let node: ChildNode | null = rootId === this.root.id ? this.root : null;
    for (const id of ids) node = node instanceof SupervisorNode ? node.child(id) : null;
    if (node === null) throw new ArbotError('ARB_ACTOR_UNKNOWN', `no actor has the path ${path}`);
    return node;
  }

  private rootFailed(error: Error | null): void {
    const failure = error ?? new Error('the root supervisor failed');
    this.emit(this.root, 'escalated', errorText(failure), null);
    this.tell(() => this.options.onRootFailure?.(failure));
  }

  private emit(node: ChildNode, kind: EventKind, reason: string, delayMs: number | null): void {
    const { system, clock, log, onEvent } = this.options;
    this.events += 1;
    const event: SupervisionEvent = {
      eventId: this.eventId(node),
      node: system.node,
      path: node.path,
      incarnation: node.incarnation,
      kind,
      reason: reason.slice(0, REASON_MAX),
      delayMs,
      restarts: Math.max(0, node.incarnation - 1),
      atMs: clock.nowMs(),
    };
    log[WARNING_KINDS.has(kind) ? 'warn' : 'info']({ ...event }, `supervision: ${node.path} ${kind}`);
    this.tell(() => onEvent?.(event));
  }

  private eventId(node: ChildNode): string {
    const end = `#${node.incarnation}:${this.boot}.${this.events}`;
    return `${this.options.system.node}:${node.path}`.slice(0, EVENT_ID_MAX - end.length) + end;
  }

  private tell(listener: () => void): void {
    try {
      listener();
    } catch (error) {
      this.options.log.error({ error: errorText(error) }, 'a listener of supervision events failed');
    }
  }
}
