import { fillEntryId } from '../execution/ledger.js';
import type { Fill, LegResult } from '../messages/order.js';

/** What may wait for the ledger at once; beyond it the oldest is told no more, and its alert remains. */
const MAX_WAITING = 4_096;
/** Of one arbitrage while it is looked up. */
const MAX_RESULTS = 64;

/**
 * Fills of arbitrages that this actor has forgotten, or never knew. Each is told to the ledger until the ledger has it: fills
 * are applied for ever (R4). The ledger itself refuses what it has booked.
 */
export class StrayFills {
  private readonly waiting = new Map<string, Fill>();
  private seen = 0;

  /** Those of a result that do not wait already. */
  take(result: LegResult): readonly Fill[] {
    const fresh = result.fills.filter((fill) => !this.waiting.has(fillEntryId(fill)));
    for (const fill of fresh) this.waiting.set(fillEntryId(fill), fill);
    this.seen += fresh.length;
    while (this.waiting.size > MAX_WAITING) this.waiting.delete(this.waiting.keys().next().value!);
    return fresh;
  }

  /** What was told of an arbitrage while it was looked up, oldest first; bounded. */
  private readonly pending = new Map<string, LegResult[]>();

  /** Keeps a result until its arbitrage has been looked up. True when this begins the look-up. */
  await(result: LegResult): boolean {
    const waiting = this.pending.get(result.arbitrageId);
    if (waiting !== undefined) {
      if (waiting.length < MAX_RESULTS) waiting.push(result);
      return false;
    }
    this.pending.set(result.arbitrageId, [result]);
    return true;
  }

  /** What has waited for an arbitrage. */
  release(arbitrageId: string): readonly LegResult[] {
    const waiting = this.pending.get(arbitrageId) ?? [];
    this.pending.delete(arbitrageId);
    return waiting;
  }

  booked(entryId: string): void {
    this.waiting.delete(entryId);
  }

  /** To be told again. */
  list(): readonly Fill[] {
    return [...this.waiting.values()];
  }

  get counts(): { readonly seen: number; readonly waiting: number } {
    return { seen: this.seen, waiting: this.waiting.size };
  }
}
