import { Decimal } from 'decimal.js';
import type { MessageKind } from '../../../src/messages/catalogue.js';
import type { ArbitrageClosed, LegResult, SubmitLeg } from '../../../src/messages/order.js';
import { listingOf, type SimulatedExchange } from '../../../src/simulator/listings.js';
import type { ExchangeTrade } from '../accounts.js';
import type { MoneyAuditor } from './money.js';
import type { Auditor, Scene } from './scene.js';

/** What was under way when a process died must have its one end this long after it. */
const ENDED_WITHIN_MS = 120_000;

const END_OF: Readonly<Record<ArbitrageClosed['outcome'], string>> = {
  completed: 'resumed',
  partial: 'resumed',
  failed: 'resumed',
  unwound: 'unwound',
  flagged: 'handed over',
};

/**
 * I2, I11, F18, F19: every arbitrage ends once and is told as it is stored; what a death left half done ends too; and an end that is
 * not handed to a person leaves nothing over, by the trades that the exchanges themselves remember.
 */
export class EndAuditor implements Auditor {
  private readonly scene: Scene;
  private readonly money: MoneyAuditor;
  /** Arbitrage → when the process died that had it in hand. */
  private readonly halfDoneMs = new Map<string, number>();
  private readonly trades = new Map<string, ExchangeTrade[]>();

  constructor(scene: Scene, money: MoneyAuditor) {
    this.scene = scene;
    this.money = money;
  }

  processEnded(): void {
    const { legs, arbitrages } = this.scene.database;
    for (const body of legs.values()) {
      const { arbitrageId } = JSON.parse(body) as SubmitLeg;
      if (!arbitrages.has(arbitrageId)) this.halfDoneMs.set(arbitrageId, this.scene.nowMs());
    }
  }

  traded(trade: ExchangeTrade): void {
    const known = this.trades.get(trade.clientOrderId) ?? [];
    this.trades.set(trade.clientOrderId, [...known, trade]);
  }

  told(kind: MessageKind, body: unknown): void {
    if (kind !== 'arbitrageClosed') return;
    const told = body as ArbitrageClosed;
    const row = this.scene.database.arbitrages.get(told.arbitrageId);
    const stored = row === undefined ? 'nothing' : (JSON.parse(row) as ArbitrageClosed).outcome;
    if (stored !== told.outcome)
      this.scene.violated('one-end', `${told.arbitrageId} is told as ${told.outcome}, stored is ${stored}`);
  }

  audit(): void {
    const { arbitrages } = this.scene.database;
    for (const [id, sinceMs] of this.halfDoneMs) {
      const row = arbitrages.get(id);
      if (row !== undefined)
        this.scene.reached(`half-done ${END_OF[(JSON.parse(row) as ArbitrageClosed).outcome]}`);
      else if (this.scene.nowMs() - sinceMs > ENDED_WITHIN_MS)
        this.scene.violated('half-done-has-its-end', `${id} was in hand when its process died`);
    }
    if (this.scene.books === null) return;
    const legsOf = this.legsByArbitrage();
    for (const body of arbitrages.values()) {
      const closed = JSON.parse(body) as ArbitrageClosed;
      // What an exchange traded after its own word of the end came too late for this end.
      if (!this.money.isSurprised(closed.arbitrageId))
        this.compareEnd(closed, legsOf.get(closed.arbitrageId) ?? []);
    }
  }

  private legsByArbitrage(): Map<string, SubmitLeg[]> {
    const byId = new Map<string, SubmitLeg[]>();
    for (const body of this.scene.database.legs.values()) {
      const leg = JSON.parse(body) as SubmitLeg;
      byId.set(leg.arbitrageId, [...(byId.get(leg.arbitrageId) ?? []), leg]);
    }
    return byId;
  }

  private compareEnd(closed: ArbitrageClosed, legs: readonly SubmitLeg[]): void {
    for (const leg of legs) this.compareResult(leg);
    if (closed.outcome === 'flagged') return;
    const fault = this.faultOf(closed, legs);
    if (fault !== null)
      this.scene.violated('end-leaves-nothing', `${closed.arbitrageId} ${closed.outcome}: ${fault}`);
  }

  /** What the journal knows of an order is what its exchange has done. */
  private compareResult({ clientOrderId }: SubmitLeg): void {
    const body = this.scene.database.results.get(clientOrderId);
    if (body === undefined) return;
    const { status, filledQuantity } = JSON.parse(body) as LegResult;
    const traded = this.tradesOf(clientOrderId).reduce((sum, one) => sum.plus(one.quantity), new Decimal(0));
    if (status !== 'unknown' && !traded.eq(filledQuantity))
      this.scene.violated(
        'result-is-the-exchanges',
        `${clientOrderId} ${status} ${filledQuantity}, its exchange traded ${traded.toFixed()}`,
      );
  }

  private faultOf({ outcome, pair }: ArbitrageClosed, legs: readonly SubmitLeg[]): string | null {
    const [base] = pair.split('-');
    let residue = new Decimal(0);
    let count = 0;
    for (const { clientOrderId, side } of legs)
      for (const trade of this.tradesOf(clientOrderId)) {
        count++;
        residue = side === 'buy' ? residue.plus(trade.quantity) : residue.minus(trade.quantity);
        if (trade.feeAsset === base) residue = residue.minus(trade.fee);
      }
    if (outcome === 'failed') return count === 0 ? null : `${count} trades were made`;
    if (count === 0) return 'nothing was traded';
    const lots = legs.map(({ exchange }) => Number(listingOf(exchange as SimulatedExchange, pair).lot.text));
    return residue.abs().gt(Math.max(...lots)) ? `${residue.toFixed()} ${base} are left over` : null;
  }

  private tradesOf(clientOrderId: string): readonly ExchangeTrade[] {
    return this.trades.get(clientOrderId) ?? [];
  }
}
