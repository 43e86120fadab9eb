import type { Side } from '../messages/primitives.js';

/** One side of a book at one moment, best first, in ticks and lots. Never changed after it was built. */
export interface LadderSide {
  readonly prices: readonly number[];
  readonly lots: readonly number[];
  /** Number of orders at each price (OKX shows it). */
  readonly orders: readonly number[];
}

/** A whole book at one moment. */
export interface Ladder {
  readonly bids: LadderSide;
  readonly asks: LadderSide;
  /** Count of level changes so far; equal ids mean equal books. */
  readonly updateId: number;
  /** Matching-engine time of the newest change, Unix ms. */
  readonly changedAtMs: number;
}

/** Absolute sizes of the levels that differ; 0 lots = removed. */
export interface LadderDelta {
  readonly bids: LadderSide;
  readonly asks: LadderSide;
}

interface Growing {
  prices: number[];
  lots: number[];
  orders: number[];
}

/** What turns `before` into `after`, looking at the best `depth` levels of both only. Linear: both sides are sorted. */
export function ladderDelta(before: Ladder, after: Ladder, depth: number): LadderDelta {
  return {
    bids: sideDelta(before.bids, after.bids, depth, 'buy'),
    asks: sideDelta(before.asks, after.asks, depth, 'sell'),
  };
}

export function isEmptyDelta(delta: LadderDelta): boolean {
  return delta.bids.prices.length === 0 && delta.asks.prices.length === 0;
}

function sideDelta(before: LadderSide, after: LadderSide, depth: number, side: Side): LadderSide {
  const out: Growing = { prices: [], lots: [], orders: [] };
  const sign = side === 'buy' ? -1 : 1;
  const beforeEnd = Math.min(depth, before.prices.length);
  const afterEnd = Math.min(depth, after.prices.length);
  let i = 0;
  let j = 0;
  while (i < beforeEnd || j < afterEnd) {
    const old = i < beforeEnd ? sign * before.prices[i]! : Number.POSITIVE_INFINITY;
    const now = j < afterEnd ? sign * after.prices[j]! : Number.POSITIVE_INFINITY;
    if (old < now) {
      append(out, before.prices[i]!, 0, 0);
      i++;
      continue;
    }
    const same = old === now;
    if (!same || before.lots[i] !== after.lots[j] || before.orders[i] !== after.orders[j]) {
      append(out, after.prices[j]!, after.lots[j]!, after.orders[j]!);
    }
    if (same) i++;
    j++;
  }
  return out;
}

/** Adds one level at the end of a side under construction. */
export function append(out: Growing, price: number, lots: number, orders: number): void {
  out.prices.push(price);
  out.lots.push(lots);
  out.orders.push(orders);
}

/** The best `depth` levels of a side. */
export function topOf(side: LadderSide, depth: number): LadderSide {
  if (side.prices.length <= depth) return side;
  return {
    prices: side.prices.slice(0, depth),
    lots: side.lots.slice(0, depth),
    orders: side.orders.slice(0, depth),
  };
}

/** True when price and size of both best levels are the same. */
export function sameBest(a: Ladder, b: Ladder): boolean {
  return sameFirst(a.bids, b.bids) && sameFirst(a.asks, b.asks);
}

function sameFirst(a: LadderSide, b: LadderSide): boolean {
  return a.prices[0] === b.prices[0] && a.lots[0] === b.lots[0] && a.orders[0] === b.orders[0];
}
