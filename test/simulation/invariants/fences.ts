import type { LeaseRow } from '../../../src/storage/memory/memory-database.js';
import type { Auditor, Scene } from './scene.js';

/**
 * I19: every row of the journal stands under the fence that was in force when it was written, fences grow and never
 * shrink, and a lease that ran out is acquired anew and never revived. Judged from the rows alone, by the clock that the
 * stores themselves go by.
 */
export class FenceAuditor implements Auditor {
  private readonly scene: Scene;
  private rowsSeen = 0;
  private known: LeaseRow | null = null;

  constructor(scene: Scene) {
    this.scene = scene;
  }

  afterStep(): void {
    const { legFences, leases } = this.scene.database;
    const lease = leases.get('trade') ?? null;
    if (legFences.size !== this.rowsSeen) this.journalled(lease);
    if (lease !== this.known) this.changed(lease);
    this.known = lease;
  }

  /** Unknown at the moment at which the process died over its last write. */
  private nowMs(): number | null {
    return this.scene.process()?.time.nowMs() ?? null;
  }

  private journalled(lease: LeaseRow | null): void {
    const rows = [...this.scene.database.legFences].slice(this.rowsSeen);
    this.rowsSeen += rows.length;
    const nowMs = this.nowMs();
    for (const [id, fence] of rows) {
      if (lease === null || lease.fence !== fence || lease.nonce === null)
        this.scene.violated(
          'journal-under-fence',
          `${id} was journalled under fence ${fence}, the lease is at ${lease?.fence ?? 'none'}`,
        );
      else if (nowMs !== null && lease.expiresAtMs <= nowMs)
        this.scene.violated(
          'journal-under-fence',
          `${id} was journalled under fence ${fence}, which had run out ${nowMs - lease.expiresAtMs} ms ago`,
        );
    }
  }

  private changed(lease: LeaseRow | null): void {
    const { known } = this;
    if (known === null || lease === null) return;
    if (lease.fence !== known.fence) {
      if (lease.fence !== known.fence + 1)
        this.scene.violated('fence-grows', `fence ${lease.fence} after ${known.fence}`);
      this.scene.reached(known.nonce === null ? 'lease taken after a release' : 'lease taken over');
    } else if (lease.expiresAtMs > known.expiresAtMs) this.renewed(known);
  }

  private renewed(known: LeaseRow): void {
    const nowMs = this.nowMs();
    if (nowMs !== null && known.expiresAtMs <= nowMs)
      this.scene.violated(
        'lease-not-revived',
        `fence ${known.fence} was renewed ${nowMs - known.expiresAtMs} ms after it had run out`,
      );
  }
}
