import { invariant } from '../messages/errors.js';
import type { Side } from '../messages/primitives.js';

/**
 * One market's matching engine: price-time priority on integer ticks and lots, hence exact. Deterministic: equal calls give
 * equal events. It knows orders and who placed them (`account`), but neither balances nor filters: those stand in front.
 */
export type OrderType = 'limit' | 'post_only' | 'ioc' | 'market';

export interface NewOrder {
  readonly account: string;
  readonly side: Side;
  readonly type: OrderType;
  /** Limit in ticks, above 0; not read for `market`. */
  readonly priceTicks: number;
  readonly lots: number;
}

export interface EngineTrade {
  /** Rises by one per trade, from 1. */
  readonly id: number;
  readonly priceTicks: number;
  readonly lots: number;
  readonly takerSide: Side;
  readonly takerOrderId: number;
  readonly makerOrderId: number;
  readonly takerAccount: string;
  readonly makerAccount: string;
  readonly timeMs: number;
  /** Update id of the level change that this trade belongs to. */
  readonly updateId: number;
}

/** `expired`: an IOC or market remainder that found nobody; `rejected`: a post-only order that would have taken. */
export interface Placement {
  readonly orderId: number;
  readonly status: 'resting' | 'filled' | 'expired' | 'rejected';
  readonly filledLots: number;
  readonly restingLots: number;
  readonly trades: readonly EngineTrade[];
}

export interface RestingOrder {
  readonly id: number;
  readonly account: string;
  readonly side: Side;
  readonly priceTicks: number;
  /** What is still open. */
  lots: number;
}

/** All orders at one price; a Map keeps arrival order, which is the time priority. */
export interface PriceLevel {
  readonly priceTicks: number;
  lots: number;
  readonly orders: Map<number, RestingOrder>;
}

/** Told of every change in the order it happens. `lots` of a level is absolute; 0 = the level is gone. */
export interface EngineListener {
  onLevel?(side: Side, priceTicks: number, lots: number, orders: number, updateId: number): void;
  onTrade?(trade: EngineTrade): void;
  onBest?(bid: PriceLevel | null, ask: PriceLevel | null, updateId: number): void;
}

export class MatchingEngine {
  /** Best level LAST, so that matching works at the cheap end. */
  private readonly bids: PriceLevel[] = [];
  private readonly asks: PriceLevel[] = [];
  private readonly orders = new Map<number, RestingOrder>();
  private readonly listener: EngineListener;
  private lastOrderId = 0;
  private lastTradeId = 0;
  /** Counts level changes; the exchanges' update and sequence ids are derived from it. */
  updateId = 0;
  /** Time of the newest level change, Unix ms. */
  changedAtMs = 0;

  constructor(listener: EngineListener = {}) {
    this.listener = listener;
  }

  /** Places an order. Throws ARB_INVARIANT when ticks or lots are not safe integers above 0. */
  submit(order: NewOrder, nowMs: number): Placement {
    invariant(Number.isSafeInteger(order.lots) && order.lots > 0, `lots ${order.lots} is not above 0`);
    const limit = order.type === 'market' ? marketLimit(order.side) : order.priceTicks;
    invariant(limit > 0 && (order.type === 'market' || Number.isSafeInteger(limit)), `bad ticks ${limit}`);
    const orderId = ++this.lastOrderId;
    if (order.type === 'post_only' && this.wouldTake(order.side, limit)) {
      return { orderId, status: 'rejected', filledLots: 0, restingLots: 0, trades: [] };
    }
    const before = this.bestState();
    const trades = this.match(order, orderId, limit, nowMs);
    const filledLots = trades.reduce((sum, trade) => sum + trade.lots, 0);
    const rest = order.lots - filledLots;
    const rests = rest > 0 && (order.type === 'limit' || order.type === 'post_only');
    if (rests) this.rest(order, orderId, rest, nowMs);
    this.reportBest(before);
    const status = rest === 0 ? 'filled' : rests ? 'resting' : 'expired';
    return { orderId, status, filledLots, restingLots: rests ? rest : 0, trades };
  }

  /** Takes an order out of the book. False when it is not there (filled, cancelled or never placed). */
  cancel(orderId: number, nowMs: number): boolean {
    const order = this.orders.get(orderId);
    if (order === undefined) return false;
    const before = this.bestState();
    const half = this.half(order.side);
    const at = find(half, order.side, order.priceTicks);
    const level = half[at]!;
    level.orders.delete(orderId);
    level.lots -= order.lots;
    this.orders.delete(orderId);
    this.levelChanged(order.side, level, at, nowMs);
    this.reportBest(before);
    return true;
  }

  /** Takes `lots` off a resting order, which keeps its place in time. False when it is not there or has no more than that. */
  reduce(orderId: number, lots: number, nowMs: number): boolean {
    const order = this.orders.get(orderId);
    if (order === undefined || lots <= 0 || order.lots <= lots) return false;
    const before = this.bestState();
    const half = this.half(order.side);
    const at = find(half, order.side, order.priceTicks);
    const level = half[at]!;
    order.lots -= lots;
    level.lots -= lots;
    this.levelChanged(order.side, level, at, nowMs);
    this.reportBest(before);
    return true;
  }

  order(orderId: number): RestingOrder | undefined {
    return this.orders.get(orderId);
  }

  get openOrders(): number {
    return this.orders.size;
  }

  levelCount(side: Side): number {
    return this.half(side).length;
  }

  /** The n-th best level, 0 = best; undefined beyond the end. */
  level(side: Side, index: number): PriceLevel | undefined {
    const half = this.half(side);
    return half[half.length - 1 - index];
  }

  private half(side: Side): PriceLevel[] {
    return side === 'buy' ? this.bids : this.asks;
  }

  private wouldTake(side: Side, limitTicks: number): boolean {
    const best = this.level(side === 'buy' ? 'sell' : 'buy', 0);
    if (best === undefined) return false;
    return side === 'buy' ? best.priceTicks <= limitTicks : best.priceTicks >= limitTicks;
  }

  /** Walks the other side while it is at the limit or better and something is left to fill. */
  private match(order: NewOrder, orderId: number, limit: number, nowMs: number): EngineTrade[] {
    const trades: EngineTrade[] = [];
    const makerSide: Side = order.side === 'buy' ? 'sell' : 'buy';
    const half = this.half(makerSide);
    let open = order.lots;
    while (open > 0 && this.wouldTake(order.side, limit)) {
      const level = half[half.length - 1]!;
      const updateId = this.updateId + 1;
      const first = trades.length;
      for (const maker of level.orders.values()) {
        const lots = Math.min(open, maker.lots);
        this.fillMaker(level, maker, lots);
        open -= lots;
        trades.push(this.trade(order, orderId, maker, lots, nowMs, updateId));
        if (open === 0) break;
      }
      this.levelChanged(makerSide, level, half.length - 1, nowMs);
      for (let i = first; i < trades.length; i++) this.listener.onTrade?.(trades[i]!);
    }
    return trades;
  }

  private fillMaker(level: PriceLevel, maker: RestingOrder, lots: number): void {
    maker.lots -= lots;
    level.lots -= lots;
    if (maker.lots > 0) return;
    level.orders.delete(maker.id);
    this.orders.delete(maker.id);
  }

  private trade(
    taker: NewOrder,
    takerOrderId: number,
    maker: RestingOrder,
    lots: number,
    timeMs: number,
    updateId: number,
  ): EngineTrade {
    return {
      id: ++this.lastTradeId,
      priceTicks: maker.priceTicks,
      lots,
      takerSide: taker.side,
      takerOrderId,
      makerOrderId: maker.id,
      takerAccount: taker.account,
      makerAccount: maker.account,
      timeMs,
      updateId,
    };
  }

  private rest(order: NewOrder, id: number, lots: number, nowMs: number): void {
    const { side, priceTicks, account } = order;
    const half = this.half(side);
    const at = find(half, side, priceTicks);
    let level = half[at];
    if (level === undefined || level.priceTicks !== priceTicks) {
      level = { priceTicks, lots: 0, orders: new Map() };
      half.splice(at, 0, level);
    }
    const resting: RestingOrder = { id, account, side, priceTicks, lots };
    level.orders.set(id, resting);
    level.lots += lots;
    this.orders.set(id, resting);
    this.levelChanged(side, level, at, nowMs);
  }

  private levelChanged(side: Side, level: PriceLevel, at: number, nowMs: number): void {
    if (level.lots === 0) this.half(side).splice(at, 1);
    this.updateId++;
    this.changedAtMs = nowMs;
    this.listener.onLevel?.(side, level.priceTicks, level.lots, level.orders.size, this.updateId);
  }

  private bestState(): string | null {
    if (this.listener.onBest === undefined) return null;
    const bid = this.level('buy', 0);
    const ask = this.level('sell', 0);
    return `${bid?.priceTicks}/${bid?.lots}/${ask?.priceTicks}/${ask?.lots}`;
  }

  private reportBest(before: string | null): void {
    if (before === null || before === this.bestState()) return;
    this.listener.onBest?.(this.level('buy', 0) ?? null, this.level('sell', 0) ?? null, this.updateId);
  }
}

function marketLimit(side: Side): number {
  return side === 'buy' ? Number.POSITIVE_INFINITY : Number.MIN_VALUE;
}

/** Index of the price, or where it belongs. Bids ascend, asks descend: the best is always last. */
function find(half: readonly PriceLevel[], side: Side, priceTicks: number): number {
  const sign = side === 'buy' ? 1 : -1;
  const key = sign * priceTicks;
  let low = 0;
  let high = half.length;
  while (low < high) {
    const mid = (low + high) >>> 1;
    if (sign * half[mid]!.priceTicks < key) low = mid + 1;
    else high = mid;
  }
  return low;
}
