import { Decimal } from 'decimal.js';
import type { ApprovedVerdict } from '../../../src/messages/risk.js';
import type { MoneyAuditor } from './money.js';
import type { OrderAuditor } from './orders.js';
import type { Auditor, Scene } from './scene.js';

/** The gate's marks are mid prices of a moment before; the auditor's are the exchanges' own. */
const MARK_TOLERANCE = 1.01;

interface Interval {
  low: Decimal;
  high: Decimal;
}

/** I8: at each approval, exposure at its worst, from rows, executions and open orders alone, is within the limits. */
export class ExposureAuditor implements Auditor {
  private readonly scene: Scene;
  private readonly money: MoneyAuditor;
  private readonly orders: OrderAuditor;
  /** Approved by the gate that lives now, and not journalled yet. */
  private waiting: ApprovedVerdict[] = [];
  private gateLife = '';

  constructor(scene: Scene, money: MoneyAuditor, orders: OrderAuditor) {
    this.scene = scene;
    this.money = money;
    this.orders = orders;
  }

  approved(verdict: ApprovedVerdict): void {
    this.forgetOthers();
    this.waiting.push(verdict);
    this.checkOrders(verdict);
    const base = verdict.signal.base;
    const mark = this.markOf(base, verdict.signal.pair);
    const { limits } = this.scene.trading;
    const worst = worstOf(this.intervalOf(base)).times(mark);
    if (worst.gt(new Decimal(limits.assetNotional).times(MARK_TOLERANCE)))
      this.scene.violated(
        'asset-exposure-within-limit',
        `${base} may reach ${worst.toFixed(2)}, the limit is ${limits.assetNotional}`,
      );
  }

  /** What a gate that restarted never approved, and what is in the journal or expired, counts no more here. */
  private forgetOthers(): void {
    const life = this.scene.lives.get('node/trade/gate')?.at(-1);
    const name = `${this.scene.process()?.owner.name ?? ''} ${life?.incarnation ?? 0}`;
    if (name !== this.gateLife) this.waiting = [];
    this.gateLife = name;
    const wallMs = this.scene.process()?.time.nowMs() ?? 0;
    const journalled = new Set<string>();
    for (const body of this.scene.database.legs.values())
      journalled.add((JSON.parse(body) as { verdictId: string }).verdictId);
    this.waiting = this.waiting.filter(
      ({ verdictId, expiresAtMs }) => wallMs < expiresAtMs && !journalled.has(verdictId),
    );
  }

  private checkOrders({ verdictId, signal }: ApprovedVerdict): void {
    const limit = this.scene.trading.limits.orderNotional;
    for (const leg of signal.legs) {
      const notional = new Decimal(leg.quantity).times(leg.limitPrice);
      if (notional.gt(limit))
        this.scene.violated('order-within-limit', `${verdictId}: an order is worth ${notional.toFixed(2)}`);
    }
  }

  private intervalOf(asset: string): Interval {
    let current = new Decimal(0);
    for (const [key, amount] of this.money.holdings)
      if (key.endsWith(` ${asset}`)) current = current.plus(amount);
    for (const { opening } of Object.values(this.scene.trading.exchanges))
      current = current.minus(opening[asset] ?? 0);
    for (const fill of this.money.unbooked())
      if (fill.instrument.includes(`:${asset}-`) && this.orders.submissions.has(fill.clientOrderId))
        current = current.plus(new Decimal(fill.quantity).times(fill.side === 'buy' ? 1 : -1));
    const interval = { low: current, high: current };
    const widen = (side: 'buy' | 'sell', quantity: Decimal.Value): void => {
      if (side === 'buy') interval.high = interval.high.plus(quantity);
      else interval.low = interval.low.minus(quantity);
    };
    for (const open of this.orders.openBase()) if (open.asset === asset) widen(open.side, open.quantity);
    for (const { signal } of this.waiting)
      if (signal.base === asset) for (const leg of signal.legs) widen(leg.side, leg.quantity);
    return interval;
  }

  /** The lowest of the exchanges' fair prices, so that a difference of marks is never a violation. */
  private markOf(_asset: string, pair: string): number {
    const { world } = this.scene;
    return Math.min(...world.exchanges.map((exchange) => world.fair(exchange, pair)));
  }
}

function worstOf({ low, high }: Interval): Decimal {
  return Decimal.max(low.abs(), high.abs());
}
