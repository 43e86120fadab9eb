import { errorText } from '../messages/errors.js';
import type { Logger } from '../ports/log.js';
import { childId } from '../supervisors/spec-check.js';
import type { ChildSpec } from '../supervisors/spec.js';
import type { SupervisionTree } from '../supervisors/supervisor.js';

export interface BranchParts {
  readonly tree: () => SupervisionTree;
  readonly log: Logger;
  /** Path of the supervisor below which it grows. */
  readonly below: string;
}

/**
 * Children of one supervisor that come and go together while a node runs: started left to right, stopped right to left. The
 * newest wish counts; what is under way is finished first. Nothing here rejects.
 */
export class Branch {
  private readonly parts: BranchParts;
  private wanted: readonly ChildSpec[] = [];
  private running: readonly ChildSpec[] = [];
  private working: Promise<void> | null = null;
  private closed = false;

  constructor(parts: BranchParts) {
    this.parts = parts;
  }

  get isRunning(): boolean {
    return this.running.length > 0;
  }

  /** Other children than before replace them. Resolves when the newest wish is carried out. */
  want(children: readonly ChildSpec[]): Promise<void> {
    if (this.closed) return Promise.resolve();
    this.wanted = children;
    return (this.working ??= this.work().finally(() => this.ended()));
  }

  /** The tree stops its children itself from now on. */
  async close(): Promise<void> {
    this.closed = true;
    await this.working;
  }

  /** Between the last look and this a new wish may have come: whoever made it waits for this promise too. */
  private ended(): Promise<void> | undefined {
    this.working = null;
    return this.wanted === this.running || this.closed ? undefined : this.want(this.wanted);
  }

  private async work(): Promise<void> {
    while (this.wanted !== this.running && !this.closed) {
      const next = this.wanted;
      for (const child of [...this.running].reverse()) await this.remove(child);
      this.running = next;
      for (const child of next) if (this.wanted === next && !this.closed) await this.add(child);
    }
  }

  private async add(child: ChildSpec): Promise<void> {
    const { tree, below, log } = this.parts;
    await tree()
      .addChild(below, child)
      .catch((error: unknown) => {
        log.error({ below, child: childId(child), error: errorText(error) }, 'could not be added');
      });
  }

  /** What was never added is no child, and nothing to tell. */
  private async remove(child: ChildSpec): Promise<void> {
    const { tree, below, log } = this.parts;
    const path = `${below}/${childId(child)}`;
    await tree()
      .removeChild(path)
      .catch((error: unknown) => log.debug({ path, error: errorText(error) }, 'was not there'));
  }
}
