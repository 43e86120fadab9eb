import type { InstrumentId } from '../messages/primitives.js';

/** Bounded memory of trade ids, for the time in which two connections bring the same trades. */
export class RecentTrades {
  private readonly perInstrument: number;
  private readonly known = new Map<InstrumentId, Set<string>>();

  constructor(perInstrument = 512) {
    this.perInstrument = perInstrument;
  }

  /** True the first time. */
  isNew(instrument: InstrumentId, tradeId: string): boolean {
    const ids = this.known.get(instrument) ?? new Set<string>();
    this.known.set(instrument, ids);
    if (ids.has(tradeId)) return false;
    ids.add(tradeId);
    const oldest = ids.values().next();
    if (ids.size > this.perInstrument && !oldest.done) ids.delete(oldest.value);
    return true;
  }

  clear(): void {
    this.known.clear();
  }
}
