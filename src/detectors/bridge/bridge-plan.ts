import type { EdgeBreakdown, PlannedLeg, Signal } from '../../messages/signal.js';
import { BPS, Decimal, decimalOf, ZERO } from '../../market/decimal.js';
import { violationsOf } from '../../market/order-rules.js';
import { BOARD_DEPTH, type QuoteBoard } from '../../market/quote-board.js';
import type { Level } from '../depth.js';
import { boardLevels, legOf, orderOf } from '../spatial-orders.js';
import type { SpatialParameters } from '../spatial-parameters.js';
import type { NoTrade } from '../spatial-plan.js';
import type { SpatialMarket } from '../spatial-route.js';
import { bridgeEdgeText, bridgeMoney, residueTexts, type BridgeMoney } from './bridge-money.js';
import { bridgeOrders, type BridgeOrders, type Taken } from './bridge-orders.js';
import { marketsOf, type BridgeRoute } from './bridge-route.js';
import { bridgeSize, type BridgeBooks, type BridgeObstacle } from './bridge-size.js';

/** A bridged trade worth doing, down to its orders. */
export interface BridgePlan {
  readonly kind: 'trade';
  /** Coins bought and kept = sold. */
  readonly quantity: Decimal;
  readonly notional: Decimal;
  readonly net: Decimal;
  readonly grossBps: number;
  readonly netBps: number;
  readonly edge: EdgeBreakdown;
  readonly residues: NonNullable<Signal['residues']>;
  /** In the order of the money; with `inventory` the one that buys first, and none that converts. */
  readonly legs: readonly PlannedLeg[];
  /** Exchange time of the oldest of the three books, Unix ms. */
  readonly oldestBookMs: number;
}

/**
 * The exact, net-optimal bridged trade on the books the board holds now. As on two books, a smaller size is sought of which every unit earns
 * the minimum edge when the optimum does not earn it on average.
 */
export function planBridge(
  route: BridgeRoute,
  board: QuoteBoard,
  parameters: SpatialParameters,
): BridgePlan | NoTrade {
  const books = bridgeBooks(route, board, parameters.depth);
  const widest = planAt(route, { books, board, parameters, hurdle: ZERO });
  if (widest.kind === 'trade' || widest.reason !== 'NET_EDGE') return widest;
  const hurdle = decimalOf(Math.max(parameters.minNetBps, 0)).div(BPS);
  return hurdle.isZero() ? widest : planAt(route, { books, board, parameters, hurdle });
}

/** The sides that a route takes from; of the conversion no more than its exchange takes in one order. */
export function bridgeBooks(route: BridgeRoute, board: QuoteBoard, depth: number): BridgeBooks {
  const sellsLocal = route.direction === 'sell-local';
  const levels = (market: SpatialMarket, isAsk: boolean) =>
    boardLevels(board, market, isAsk ? 'ask' : 'bid', depth);
  const rate = levels(route.rate, sellsLocal);
  const { maxQuantity } = route.rate.rules;
  return {
    dollar: levels(route.dollar, sellsLocal),
    local: levels(route.local, !sellsLocal),
    rate: maxQuantity === null || route.kind === 'inventory' ? rate : capped(rate, maxQuantity),
  };
}

function capped(levels: readonly Level[], most: Decimal): Level[] {
  let left = most;
  return levels.map(([price, size]): Level => {
    const taken = Decimal.min(size, left);
    left = left.minus(taken);
    return [price, taken];
  });
}

interface Ground {
  readonly books: BridgeBooks;
  readonly board: QuoteBoard;
  readonly parameters: SpatialParameters;
  readonly hurdle: Decimal;
}

/** The least amounts that a route's orders must trade, in dollars and in local money. */
export function leastAmounts({ dollar, local, rate, limits, kind }: BridgeRoute) {
  return {
    minDollar: Decimal.max(dollar.rules.minNotional, limits.minNotional),
    minLocal: local.rules.minNotional,
    minRate: kind === 'leg' ? rate.rules.minNotional : ZERO,
  };
}

function planAt(route: BridgeRoute, ground: Ground): BridgePlan | NoTrade {
  const { books, hurdle } = ground;
  const { terms, maxBase, lot, minBase, limits } = route;
  const { continuous, size, obstacle } = bridgeSize({
    ...{ terms, books, hurdle, maxBase, lot, minBase },
    maxQuote: limits.maxNotional,
    ...leastAmounts(route),
  });
  if (size === null) return noSize(route, continuous, obstacle);
  const orders = bridgeOrders(route, books, size);
  return orders === null ? noSize(route, continuous, 'LOT_SIZE') : judge(route, orders, ground);
}

function noSize(route: BridgeRoute, best: Decimal, obstacle: BridgeObstacle | null): NoTrade {
  const { base } = route.dollar.instrument;
  const detail = `best size ${short(best)} ${base}`;
  if (obstacle === 'LOT_SIZE') return none('LOT_SIZE', `${detail}, common lot ${short(route.lot)}`, best);
  if (obstacle !== 'MIN_SIZE') return none('NET_EDGE', 'no unit earns more than it costs', ZERO);
  if (best.lessThan(route.minBase))
    return none('MIN_QUANTITY', `${detail}, minimum ${short(route.minBase)}`, best);
  const { minDollar, minLocal, minRate } = leastAmounts(route);
  const [dollar, local] = [route.dollar.instrument.quote, route.local.instrument.quote];
  const minimums = `${short(minDollar)} ${dollar} and ${short(Decimal.max(minLocal, minRate))} ${local}`;
  return none('MIN_NOTIONAL', `${detail}, minimums ${minimums}`, best);
}

function none(reason: string, detail: string, quantity: Decimal, netBps = 0, net = ZERO): NoTrade {
  return { kind: 'none', reason, detail, netBps, net, quantity };
}

function judge(
  route: BridgeRoute,
  orders: BridgeOrders,
  { books, board, parameters }: Ground,
): BridgePlan | NoTrade {
  const money = bridgeMoney(route, orders, dollarAsk(route, board));
  const netBps = bps(money.net, money.notional);
  if (netBps < parameters.minNetBps) {
    const detail = `net ${netBps.toFixed(2)} bps, minimum ${parameters.minNetBps} bps`;
    return none('NET_EDGE', detail, orders.q, netBps, money.net);
  }
  if (money.net.lessThan(route.limits.minNetProfit)) {
    const least = short(route.limits.minNetProfit);
    const detail = `net ${short(money.net)} ${route.dollar.instrument.quote}, minimum ${least}`;
    return none('MIN_PROFIT', detail, orders.q, netBps, money.net);
  }
  return ordered(route, orders, money, { books, board, parameters, netBps });
}

/** The plan down to its legs; refused where an exchange would refuse one of them. */
function ordered(
  route: BridgeRoute,
  orders: BridgeOrders,
  money: BridgeMoney,
  ground: Omit<Ground, 'hurdle'> & { readonly netBps: number },
): BridgePlan | NoTrade {
  const { books, board, parameters, netBps } = ground;
  const parts = legParts(route, orders, books);
  const room = Math.max(0, (netBps - parameters.minNetBps) / parts.length);
  const slack = decimalOf(Math.min(parameters.limitSlackBps, room)).div(BPS);
  const made = parts.map((part) => ({
    ...part,
    order: orderOf(part.market, part.side, part.taken.ordered, part.taken.worst, slack),
  }));
  for (const { market, order } of made) {
    const broken = violationsOf(order, market.rules, market.instrument.state)[0];
    if (broken === undefined) continue;
    const detail = `${market.instrument.id}: ${broken.actual}, limit ${broken.limit}`;
    return none(broken.rule, detail, orders.q, netBps, money.net);
  }
  return {
    kind: 'trade',
    quantity: orders.q,
    notional: money.notional,
    net: money.net,
    grossBps: bps(money.gross, money.asked),
    netBps,
    edge: bridgeEdgeText(money),
    residues: residueTexts(money),
    legs: made.map(({ order, taken, levels }) => legOf(order, taken.quote.div(taken.ordered), levels, board)),
    oldestBookMs: Math.min(...marketsOf(route).map(({ slot }) => board.exchangeTimeMs[slot]!)),
  };
}

interface LegPart {
  readonly market: SpatialMarket;
  readonly side: 'buy' | 'sell';
  readonly taken: Taken;
  readonly levels: readonly Level[];
}

function legParts(route: BridgeRoute, orders: BridgeOrders, books: BridgeBooks): LegPart[] {
  const sellsLocal = route.direction === 'sell-local';
  const dollar = { market: route.dollar, taken: orders.dollar, levels: books.dollar };
  const local = { market: route.local, taken: orders.local, levels: books.local };
  const rate = { market: route.rate, taken: orders.rate, levels: books.rate };
  const parts: LegPart[] = sellsLocal
    ? [
        { ...dollar, side: 'buy' },
        { ...local, side: 'sell' },
        { ...rate, side: 'buy' },
      ]
    : [
        { ...rate, side: 'sell' },
        { ...local, side: 'buy' },
        { ...dollar, side: 'sell' },
      ];
  return route.kind === 'leg' ? parts : parts.filter(({ market }) => market !== route.rate);
}

/** What a dollar costs in local money at the best ask; null where nobody offers any. */
function dollarAsk({ rate }: BridgeRoute, board: QuoteBoard): Decimal | null {
  return board.askLevels[rate.slot]! > 0 ? decimalOf(board.askPrices[rate.slot * BOARD_DEPTH]!) : null;
}

const bps = (part: Decimal, whole: Decimal): number => part.times(BPS).div(whole).toNumber();

/** For people. */
const short = (value: Decimal): string => value.toSignificantDigits(8).toString();

/** The markets a trade goes through, in the order of its money: `binance:BTC-USDT > upbit:BTC-KRW > upbit:USDT-KRW`. */
export const routeText = (route: BridgeRoute): string =>
  marketsOf(route)
    .map(({ instrument }) => instrument.id)
    .join(' > ')
    .slice(0, 240);
