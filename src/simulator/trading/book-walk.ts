import type { Side } from '../../messages/primitives.js';
import type { SimulatedMarket } from '../market.js';
import type { RestingOrder } from '../matching-engine.js';
import type { Atoms } from './atoms.js';
import type { StpMode } from './desk-types.js';
import { marketUnits } from './order-checks.js';

/** The resting orders that a taker meets, best price and oldest first. `limitTicks` 0 = at any price. */
function* inItsWay(market: SimulatedMarket, side: Side, limitTicks: number): Generator<RestingOrder> {
  const other: Side = side === 'buy' ? 'sell' : 'buy';
  for (let i = 0, count = market.engine.levelCount(other); i < count; i++) {
    const level = market.engine.level(other, i)!;
    const isBeyond = side === 'buy' ? level.priceTicks > limitTicks : level.priceTicks < limitTicks;
    if (limitTicks > 0 && isBeyond) return;
    yield* level.orders.values();
  }
}

/** Lots on offer to a taker within its limit. */
export function lotsWithin(market: SimulatedMarket, side: Side, limitTicks: number): number {
  let lots = 0;
  for (const order of inItsWay(market, side, limitTicks)) lots += order.lots;
  return lots;
}

/** What a market order would get now, and what it costs or brings. */
export interface Sweep {
  readonly lots: number;
  readonly quote: Atoms;
}

/** How far a sweep goes. */
export interface SweepLimits {
  readonly lots: number;
  /** Quote units; null = whatever it costs. */
  readonly budget: Atoms | null;
  /** An account whose orders are not counted. */
  readonly skip: string | null;
}

/** Walks the book until `lots` are found, or until one more lot would cost more than `budget`. */
export function sweep(market: SimulatedMarket, side: Side, limits: SweepLimits): Sweep {
  const { tick, lot } = marketUnits(market);
  const perLotAtTick = (tick * lot) / 10n ** 18n;
  let lots = 0;
  let quote = 0n;
  for (const order of inItsWay(market, side, 0)) {
    if (order.account === limits.skip) continue;
    const price = perLotAtTick * BigInt(order.priceTicks);
    const affordable = limits.budget === null ? order.lots : Number((limits.budget - quote) / price);
    const taken = Math.min(order.lots, limits.lots - lots, affordable);
    if (taken <= 0) break;
    lots += taken;
    quote += price * BigInt(taken);
  }
  return { lots, quote };
}

/** What self-trade prevention does to a taker and to the account's own resting orders, before anything is matched. */
export interface StpPlan {
  /** Engine ids of own orders that are cancelled. */
  readonly cancelled: readonly number[];
  /** Own orders that lose some lots and stay. */
  readonly reduced: readonly { readonly engineOrderId: number; readonly lots: number }[];
  /** What of the taker may go to the engine. */
  readonly takerLots: number;
  /** True when the rest of the taker ends here. */
  readonly endsTaker: boolean;
  readonly preventedLots: number;
}

export interface Taker {
  readonly market: SimulatedMarket;
  readonly account: string;
  readonly side: Side;
  readonly limitTicks: number;
  readonly lots: number;
}

/** Pure: reads the book, changes nothing. */
export function planSelfTrade(taker: Taker, mode: StpMode): StpPlan {
  const free = { cancelled: [], reduced: [], takerLots: taker.lots, endsTaker: false, preventedLots: 0 };
  if (mode === 'none') return free;
  const cancelled: number[] = [];
  const reduced: { engineOrderId: number; lots: number }[] = [];
  let others = 0;
  let prevented = 0;
  for (const resting of inItsWay(taker.market, taker.side, taker.limitTicks)) {
    const left = taker.lots - others - prevented;
    if (left <= 0) break;
    if (resting.account !== taker.account) {
      others += Math.min(left, resting.lots);
      continue;
    }
    if (mode === 'cancel_maker') {
      cancelled.push(resting.id);
    } else if (mode === 'decrement') {
      const both = Math.min(left, resting.lots);
      prevented += both;
      if (both === resting.lots) cancelled.push(resting.id);
      else reduced.push({ engineOrderId: resting.id, lots: both });
    } else {
      if (mode === 'cancel_both') cancelled.push(resting.id);
      return { cancelled, reduced, takerLots: others, endsTaker: true, preventedLots: taker.lots - others };
    }
  }
  const takerLots = taker.lots - prevented;
  return { cancelled, reduced, takerLots, endsTaker: takerLots === 0, preventedLots: prevented };
}
