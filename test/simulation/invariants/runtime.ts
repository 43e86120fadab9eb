import type { SupervisionEvent } from '../../../src/messages/supervision.js';
import type { TreeNode } from '../../../src/supervisors/child-node.js';
import type { Life } from '../witnesses.js';
import type { Auditor, Scene } from './scene.js';

/** A crash must have its consequence (restart planned, quarantine, escalation) within this: siblings that start from slow stores come first. */
const ANSWERED_WITHIN_MS = 30_000;
/** Longer than any handler may take, and than a process needs after it stood still. */
const HUNG_WITHIN_MS = 12_000;
/** Ends that follow from faults of the surroundings; everything else was injected or is a defect. */
const EXPECTED_ENDS =
  /injected|crashed on request|ARB_STORE_UNAVAILABLE|does not answer|ARB_FRAME_INVALID|ARB_CHECKSUM|ARB_MAILBOX_FULL|ARB_HANDLER_HUNG|ARB_STALE_INCARNATION|a handler of|did not (start|stop|finish)|was given up|was stopped while starting|stopped while starting/;
/** An actor that cannot take a fact about money starts again from the stores; only tiny mailboxes bring that about. */
const LOST_MESSAGE = /^the [a-z -]+ lost an? |could not take its own message: mailbox full$/;
/** A feed gives itself up over what the line did to it; on lines that nobody touched for so long it is a defect. */
const SPOILED_LINE = /too many bad frames|does not heal/;
const SPOILED_MS = 30_000;
const ENDS = new Set<SupervisionEvent['kind']>(['crashed', 'hung', 'start_failed']);
const ANSWERS = new Set<SupervisionEvent['kind']>([
  'restarting',
  'quarantined',
  'escalated',
  'stopped',
  'restarted',
  'started',
]);

/** I15–I18: turns, accounts, bounds, and that every end has its consequence. */
export class RuntimeAuditor implements Auditor {
  private readonly scene: Scene;
  /** Ends without a consequence yet, by path. */
  private readonly unanswered = new Map<string, number>();
  crashes = 0;

  constructor(scene: Scene) {
    this.scene = scene;
  }

  overlapped(life: Life): void {
    this.scene.violated('one-message-at-a-time', `${life.path} #${life.incarnation} handles two at once`);
  }

  /** Two lives of one path at the same time. */
  born(life: Life, earlier: Life | undefined): void {
    if (earlier !== undefined && earlier.endedMs === null)
      this.scene.violated('one-life-at-a-time', `${life.path} #${earlier.incarnation} still lives`);
  }

  supervision(event: SupervisionEvent): void {
    this.scene.reached(`supervision ${event.kind}`);
    if (ENDS.has(event.kind)) {
      this.crashes++;
      this.unanswered.set(event.path, this.scene.nowMs());
      if (!this.isExplained(event.reason))
        this.scene.violated('no-unexplained-crash', `${event.path}: ${event.reason}`);
      return;
    }
    if (!ANSWERS.has(event.kind)) return;
    for (const path of [...this.unanswered.keys()])
      if (path === event.path || path.startsWith(`${event.path}/`)) this.unanswered.delete(path);
  }

  private isExplained(reason: string): boolean {
    if (EXPECTED_ENDS.test(reason)) return true;
    if (SPOILED_LINE.test(reason)) return !this.scene.isQuietFor(SPOILED_MS);
    return this.scene.knobs.mailbox !== null && LOST_MESSAGE.test(reason);
  }

  processEnded(): void {
    this.unanswered.clear();
  }

  afterStep(): void {
    const system = this.scene.process()?.node?.system;
    if (system === undefined) return;
    const accounts = system.accounting();
    if (!accounts.isBalanced) this.scene.violated('every-message-accounted', JSON.stringify(accounts));
    for (const { path, depth, capacity } of system.mailboxes())
      if (depth > Math.min(capacity, this.scene.mailboxBoundOf(path)))
        this.scene.violated('mailbox-bounded', `${path} holds ${depth} of ${capacity}`);
  }

  sometimes(): void {
    const nowMs = this.scene.nowMs();
    const wokenMs = this.scene.process()?.owner.pausedUntilMs ?? 0;
    for (const lives of this.scene.lives.values()) {
      const life = lives.at(-1)!;
      if (
        life.endedMs === null &&
        life.inHand > 0 &&
        nowMs - Math.max(life.handlingSinceMs, wokenMs) > HUNG_WITHIN_MS
      )
        this.scene.violated('hung-handler-ended', `${life.path} #${life.incarnation} hangs and lives on`);
    }
    for (const [path, sinceMs] of this.unanswered)
      if (nowMs - sinceMs > ANSWERED_WITHIN_MS) {
        this.unanswered.delete(path);
        this.scene.violated('every-crash-answered', `${path} ended and nothing followed`);
      }
  }

  audit(): void {
    this.sometimes();
    const tree = this.scene.process()?.node?.tree.tree();
    if (tree === undefined) return this.scene.violated('all-running', 'no process runs after healing');
    for (const node of flatten(tree))
      if (node.state !== 'running')
        this.scene.violated('all-running', `${node.path} is ${node.state} after healing`);
  }
}

const flatten = (node: TreeNode): TreeNode[] => [node, ...node.children.flatMap(flatten)];
