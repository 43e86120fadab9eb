import type { ArbitrageClosed, LegResult, SubmitLeg } from '../../../src/messages/order.js';
import type { ApprovedVerdict } from '../../../src/messages/risk.js';
import type { Auditor, Scene } from './scene.js';

/** An approval must have ended, or lapsed, this long after it was given. */
const ENDED_WITHIN_MS = 120_000;
/** The whole journal is read for it. */
const LOOK_EVERY = 32;

/** I3: what an approval reserves is released when its arbitrage has ended, and never stays. */
export class ReservationAuditor implements Auditor {
  private readonly scene: Scene;
  private readonly approvedAtMs: number[] = [];
  private looks = 0;
  /** Client order id → its arbitrage. */
  private readonly arbitrageOf = new Map<string, string>();

  /** Verdicts that no gate has given: nothing is kept for them, and no gateway takes their orders. */
  private readonly forged: ReadonlySet<string>;

  constructor(scene: Scene, forged: ReadonlySet<string>) {
    this.scene = scene;
    this.forged = forged;
  }

  approved(_verdict: ApprovedVerdict): void {
    this.approvedAtMs.push(this.scene.nowMs());
  }

  sometimes(): void {
    if (++this.looks % LOOK_EVERY === 0) this.checkUnknown();
  }

  /** The gate has room kept for everything of which an end is not known, at its full size (R2). */
  private checkUnknown(): void {
    const reserved = this.reserved();
    // A gate that starts reads the journal before it is one.
    if (reserved === null || this.scene.process()?.state !== 'running') return;
    const unknown = this.unknownArbitrages();
    if (reserved < unknown.length)
      this.scene.violated(
        'unknown-stays-reserved',
        `${reserved} are reserved, without a known end are ${unknown.join(', ')}`,
      );
  }

  /** Null while there is no gate. */
  private reserved(): number | null {
    const count = this.scene.process()?.node?.system.inspect('node/trade/gate')?.summary['inFlight'];
    return typeof count === 'number' ? count : null;
  }

  /** Without an end, or handed over with an order that has none. */
  private unknownArbitrages(): string[] {
    const { legs, arbitrages, results } = this.scene.database;
    const open = new Set<string>();
    for (const [id, body] of legs) {
      const arbitrageId = this.arbitrageOf.get(id) ?? this.ownArbitrage(body);
      this.arbitrageOf.set(id, arbitrageId);
      if (arbitrageId === '') continue;
      const end = arbitrages.get(arbitrageId);
      if (end === undefined) open.add(arbitrageId);
      else if (this.isUnsettled(end) && !isEnded(results.get(id))) open.add(arbitrageId);
    }
    return [...open];
  }

  /** Empty for one of a forged approval. */
  private ownArbitrage(body: string): string {
    const { arbitrageId, verdictId } = JSON.parse(body) as SubmitLeg;
    return this.forged.has(verdictId) ? '' : arbitrageId;
  }

  /** The gate's reservations against the approvals that can still be under way. */
  audit(): void {
    const reserved = this.reserved() ?? 0;
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

const isEnded = (row: string | undefined): boolean =>
  row !== undefined && (JSON.parse(row) as LegResult).status !== 'unknown';
