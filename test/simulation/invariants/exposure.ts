import { Decimal } from 'decimal.js';
import type { ApprovedVerdict } from '../../../src/messages/risk.js';
import type { PlannedLeg } from '../../../src/messages/signal.js';
import type { MoneyAuditor } from './money.js';
import type { OrderAuditor } from './orders.js';
import type { Auditor, Scene } from './scene.js';

/** The gate's marks are mid prices of a moment before; the auditor's are the exchanges' own. */
const MARK_TOLERANCE = 1.01;
/** Books that the gate may have marked by. */
const MARKED_MS = 3_000;

interface Interval {
  low: Decimal;
  high: Decimal;
}

/**
 * I3, I8: at each approval, what may be lost or owed at its worst, from rows, executions and open orders alone, is within the
 * limits and within what is there.
 */
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
    const flows = this.flows();
    this.checkAsset(verdict.signal.base, flows);
    this.checkTotal(flows);
    for (const { exchange } of verdict.signal.legs) this.checkExchange(exchange, flows);
    this.checkPromises(flows);
  }

  private checkAsset(base: string, flows: readonly Flow[]): void {
    const { assetNotional } = this.scene.trading.limits;
    const worst = worstOf(this.intervalOf(base, flows)).times(this.markOf(base));
    if (worst.gt(new Decimal(assetNotional).times(MARK_TOLERANCE)))
      this.scene.violated(
        'asset-exposure-within-limit',
        `${base} may reach ${worst.toFixed(2)}, the limit is ${assetNotional}`,
      );
  }

  private checkTotal(flows: readonly Flow[]): void {
    const { totalNotional } = this.scene.trading.limits;
    const total = this.bases().reduce(
      (sum, base) => sum.plus(worstOf(this.intervalOf(base, flows)).times(this.markOf(base))),
      new Decimal(0),
    );
    if (total.gt(new Decimal(totalNotional).times(MARK_TOLERANCE)))
      this.scene.violated(
        'total-exposure-within-limit',
        `all assets may reach ${total.toFixed(2)}, the limit is ${totalNotional}`,
      );
  }

  /** Everything held there and everything that may still arrive there. */
  private checkExchange(exchange: string, flows: readonly Flow[]): void {
    const { exchangeNotional } = this.scene.trading.limits;
    let worth = new Decimal(0);
    for (const asset of ['USDT', ...this.bases()]) {
      let amount = this.heldAt(exchange, asset);
      for (const flow of flows)
        if (flow.exchange === exchange && flow.inAsset === asset) amount = amount.plus(flow.inAmount);
      worth = worth.plus(amount.times(this.markOf(asset)));
    }
    if (worth.gt(new Decimal(exchangeNotional).times(MARK_TOLERANCE)))
      this.scene.violated(
        'exchange-holdings-within-limit',
        `${exchange} may hold ${worth.toFixed(2)}, the limit is ${exchangeNotional}`,
      );
  }

  /** Reserved and spent is at most what is available: no order can find its exchange without the means. */
  private checkPromises(flows: readonly Flow[]): void {
    for (const [exchange, { reserve }] of Object.entries(this.scene.trading.exchanges))
      for (const asset of ['USDT', ...this.bases()]) {
        const promised = flows
          .filter((flow) => flow.exchange === exchange && flow.outAsset === asset)
          .reduce((sum, flow) => sum.plus(flow.outAmount), new Decimal(0));
        if (promised.isZero()) continue;
        const available = this.heldAt(exchange, asset).minus(reserve[asset] ?? 0);
        if (promised.gt(available))
          this.scene.violated(
            'promised-within-available',
            `${promised.toFixed()} ${asset} at ${exchange} are promised, ${available.toFixed()} are there`,
          );
      }
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

  private bases(): string[] {
    return [...new Set(this.scene.knobs.pairs.map((pair) => pair.split('-')[0]!))];
  }

  /** What the rows say and what an exchange has carried out and the rows do not hold yet. */
  private heldAt(exchange: string, asset: string): Decimal {
    let held = new Decimal(this.money.holdings.get(`${exchange} ${asset}`)?.toFixed() ?? 0);
    for (const fill of this.money.unbooked()) {
      if (fill.exchange !== exchange || !this.orders.submissions.has(fill.clientOrderId)) continue;
      const [base, quote] = fill.instrument.slice(exchange.length + 1).split('-');
      const sign = fill.side === 'buy' ? 1 : -1;
      if (asset === base) held = held.plus(new Decimal(fill.quantity).times(sign));
      if (asset === quote) held = held.minus(new Decimal(fill.quantity).times(fill.price).times(sign));
      if (asset === fill.feeAsset) held = held.minus(fill.fee);
    }
    return held;
  }

  private intervalOf(asset: string, flows: readonly Flow[]): Interval {
    let current = new Decimal(0);
    for (const [exchange, { opening }] of Object.entries(this.scene.trading.exchanges))
      current = current.plus(this.heldAt(exchange, asset)).minus(opening[asset] ?? 0);
    const interval = { low: current, high: current };
    for (const flow of flows) {
      if (flow.inAsset === asset) interval.high = interval.high.plus(flow.inAmount);
      if (flow.outAsset === asset) interval.low = interval.low.minus(flow.outAmount);
    }
    return interval;
  }

  /** All that may still come and go: orders without a known end, and approvals that are no orders yet. */
  private flows(): Flow[] {
    return [
      ...this.orders.openOrders().map(flowOf),
      ...this.waiting.flatMap(({ signal }) => signal.legs.map(flowOf)),
    ];
  }

  /** The lowest price that any exchange showed lately, so that a difference of marks is never a violation. */
  private markOf(asset: string): number {
    if (asset === 'USDT') return 1;
    const pair = `${asset}-USDT`;
    const { world, history } = this.scene;
    let lowest = Infinity;
    for (const exchange of world.exchangesOf(pair)) {
      const { tick } = world.market(exchange, pair).listing;
      for (const { ladder } of history.inForceSince(`${exchange}:${pair}`, this.scene.nowMs() - MARKED_MS)) {
        const mid = ((ladder.bids.prices[0] ?? 0) + (ladder.asks.prices[0] ?? 0)) / 2;
        if (mid > 0) lowest = Math.min(lowest, mid * tick.value);
      }
      lowest = Math.min(lowest, world.fair(exchange, pair));
    }
    return lowest;
  }
}

/** An order at its worst: it may give all of `out` and it may bring all of `in`. */
interface Flow {
  readonly exchange: string;
  readonly outAsset: string;
  readonly outAmount: Decimal;
  readonly inAsset: string;
  readonly inAmount: Decimal;
}

type AnyOrder = Pick<PlannedLeg, 'exchange' | 'instrument' | 'side' | 'quantity' | 'limitPrice'>;

function flowOf({ exchange, instrument, side, quantity, limitPrice }: AnyOrder): Flow {
  const [base = '', quote = ''] = instrument.slice(exchange.length + 1).split('-');
  const amount = new Decimal(quantity);
  const worth = amount.times(limitPrice);
  return side === 'buy'
    ? { exchange, outAsset: quote, outAmount: worth, inAsset: base, inAmount: amount }
    : { exchange, outAsset: base, outAmount: amount, inAsset: quote, inAmount: worth };
}

function worstOf({ low, high }: Interval): Decimal {
  return Decimal.max(low.abs(), high.abs());
}
