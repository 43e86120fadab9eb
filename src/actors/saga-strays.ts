import { fillEntryId } from '../execution/ledger.js';
import type { Fill, LegResult } from '../messages/order.js';

/** What may wait for the ledger at once; beyond it the oldest is told no more, and its alert remains. */
const MAX_WAITING = 4_096;

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
