import type { ExchangeId } from '../messages/primitives.js';

/** One order of an approval, as long as nothing is known of its end. */
interface AwaitedLeg {
  readonly legIndex: number;
  readonly exchange: ExchangeId;
}

interface Awaited {
  readonly decidedAtMs: number;
  legs: AwaitedLeg[];
}

/**
 * Approvals whose orders have not answered. It knows how long an answer took, and which orders are silent for too long.
 * Bounded by the number of reservations: what is released is forgotten.
 */
export class InFlight {
  private readonly awaited = new Map<string, Awaited>();

  approved(arbitrageId: string, exchanges: readonly ExchangeId[], nowMs: number): void {
    const legs = exchanges.map((exchange, legIndex) => ({ legIndex, exchange }));
    this.awaited.set(arbitrageId, { decidedAtMs: nowMs, legs });
  }

  /** Since the approval, ms; null for what was not awaited any more. */
  answered(arbitrageId: string, legIndex: number, atMs: number): number | null {
    const awaited = this.awaited.get(arbitrageId);
    if (awaited?.legs.some((leg) => leg.legIndex === legIndex) !== true) return null;
    awaited.legs = awaited.legs.filter((leg) => leg.legIndex !== legIndex);
    return Math.max(0, atMs - awaited.decidedAtMs);
  }

  /** Orders of these arbitrages that are silent since `sinceMs` or longer; each is told once. */
  silent(isSent: (arbitrageId: string) => boolean, sinceMs: number): ExchangeId[] {
    const found: ExchangeId[] = [];
    for (const [arbitrageId, awaited] of this.awaited) {
      if (awaited.decidedAtMs > sinceMs || !isSent(arbitrageId)) continue;
      found.push(...awaited.legs.map(({ exchange }) => exchange));
      awaited.legs = [];
    }
    return found;
  }

  /** Orders of an exchange of which nothing is known yet; those that were silent for too long are not waited for. */
  unanswered(exchange: ExchangeId): number {
    let orders = 0;
    for (const { legs } of this.awaited.values())
      for (const leg of legs) if (leg.exchange === exchange) orders++;
    return orders;
  }

  /** Approvals whose arbitrage has not ended. */
  get arbitrages(): number {
    return this.awaited.size;
  }

  forget(arbitrageId: string): void {
    this.awaited.delete(arbitrageId);
  }
}
