import type { ArbitrageClosed } from '../../../src/messages/order.js';
import type { ApprovedVerdict } from '../../../src/messages/risk.js';
import type { Auditor, Scene } from './scene.js';

/** An approval must have ended, or lapsed, this long after it was given. */
const ENDED_WITHIN_MS = 120_000;

/** I3: what an approval reserves is released when its arbitrage has ended, and never stays. */
export class ReservationAuditor implements Auditor {
  private readonly scene: Scene;
  private readonly approvedAtMs: number[] = [];

  constructor(scene: Scene) {
    this.scene = scene;
  }

  approved(_verdict: ApprovedVerdict): void {
    this.approvedAtMs.push(this.scene.nowMs());
  }

  /** The gate's reservations against the approvals that can still be under way. */
  audit(): void {
    const summary = this.scene.process()?.node?.system.inspect('node/trade/gate')?.summary ?? {};
    const reserved = Number(summary['inFlight'] ?? 0);
    const nowMs = this.scene.nowMs();
    const young = this.approvedAtMs.filter((atMs) => nowMs - atMs < ENDED_WITHIN_MS).length;
    const open = this.openArbitrages();
    if (reserved > young + open)
      this.scene.violated(
        'reservations-released',
        `${reserved} are reserved, ${young} approvals are young and ${open} arbitrages open`,
      );
    if (this.approvedAtMs.length > 0) this.scene.reached('reservations compared');
  }

  /** Handed to a person: an order of it may have no known end. */
  private isUnsettled(arbitrage: string): boolean {
    return (JSON.parse(arbitrage) as ArbitrageClosed).outcome === 'flagged';
  }

  private openArbitrages(): number {
    const { legs, arbitrages } = this.scene.database;
    const journalled = new Set<string>();
    for (const body of legs.values())
      journalled.add((JSON.parse(body) as { arbitrageId: string }).arbitrageId);
    return [...journalled].filter((id) => !arbitrages.has(id) || this.isUnsettled(arbitrages.get(id)!))
      .length;
  }
}
