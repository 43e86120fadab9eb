import type { EdgeBreakdown } from '../../messages/signal.js';
import {
  BPS,
  type Decimal,
  decimalOf,
  floorToStep,
  roundForMessage,
  toText,
  ZERO,
} from '../../market/decimal.js';
import { violationsOf } from '../../market/order-rules.js';
import type { QuoteBoard } from '../../market/quote-board.js';
import type { Level } from '../depth.js';
import { boardLevels, orderOf } from '../spatial-orders.js';
import type { NoTrade } from '../spatial-plan.js';
import type { SpatialMarket } from '../spatial-route.js';

/** What the plans of entries and exits have in common. */

/** What both plans need to know. */
export interface PlanGround {
  readonly board: QuoteBoard;
  readonly depth: number;
  readonly limitSlackBps: number;
}

export interface SideBooks {
  readonly market: SpatialMarket;
  readonly asks: readonly Level[];
  readonly bids: readonly Level[];
}

/** What both orders trade, and the parts of what it is worth. */
export interface PairMoney {
  readonly ordered: Decimal;
  readonly sold: Decimal;
  readonly worstBuy: Decimal;
  readonly worstSell: Decimal;
  readonly gross: Decimal;
  readonly feeBuy: Decimal;
  readonly feeSell: Decimal;
  readonly latencyDecay: Decimal;
  readonly transfer: Decimal;
  readonly net: Decimal;
  readonly notional: Decimal;
}

export type Orders = readonly [ReturnType<typeof orderOf>, ReturnType<typeof orderOf>];

export function ordersOf(
  { buy, sell }: { readonly buy: SideBooks; readonly sell: SideBooks },
  money: Pick<PairMoney, 'ordered' | 'sold' | 'worstBuy' | 'worstSell'>,
  slackBps: number,
): Orders {
  const slack = decimalOf(slackBps).div(BPS);
  return [
    orderOf(buy.market, 'buy', money.ordered, money.worstBuy, slack),
    orderOf(sell.market, 'sell', money.sold, money.worstSell, slack),
  ];
}

export function brokenRule(orders: Orders): { readonly reason: string; readonly detail: string } | null {
  for (const order of orders) {
    const broken = violationsOf(order, order.market.rules, order.market.instrument.state)[0];
    if (broken !== undefined) {
      const detail = `${order.market.instrument.id}: ${broken.actual}, limit ${broken.limit}`;
      return { reason: broken.rule, detail };
    }
  }
  return null;
}

export function booksOf(market: SpatialMarket, { board, depth }: PlanGround): SideBooks {
  return {
    market,
    asks: boardLevels(board, market, 'ask', depth),
    bids: boardLevels(board, market, 'bid', depth),
  };
}

export const lotOf = ({ rules, units }: SpatialMarket): Decimal => rules.lot.times(units);

export const nearestStep = (value: Decimal, step: Decimal): Decimal =>
  floorToStep(value.plus(step.div(2)), step);

export function none(
  reason: string,
  detail: string,
  edge: { readonly quantity: Decimal; readonly netBps: number; readonly net: Decimal } = NOTHING,
): NoTrade {
  return { kind: 'none', reason, detail, ...edge };
}

const NOTHING = { quantity: ZERO, netBps: 0, net: ZERO };

export function edgeText(
  money: Pick<PairMoney, 'gross' | 'feeBuy' | 'feeSell' | 'latencyDecay' | 'transfer' | 'net'>,
): EdgeBreakdown {
  return {
    gross: toText(money.gross),
    feeBuy: toText(money.feeBuy),
    feeSell: toText(money.feeSell),
    latencyDecay: toText(money.latencyDecay),
    transfer: toText(money.transfer),
    inventory: '0',
    net: toText(money.net),
  };
}

export const up = (value: Decimal): Decimal => roundForMessage(value, 'up');
export const bps = (part: Decimal, whole: Decimal): number => part.times(BPS).div(whole).toNumber();
/** For people. */
export const short = (value: Decimal): string => value.toSignificantDigits(8).toString();
