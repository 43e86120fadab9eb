import type { EdgeBreakdown, PlannedLeg } from '../messages/signal.js';
import {
  BPS,
  ceilToStep,
  Decimal,
  decimalOf,
  ONE,
  roundForMessage,
  toText,
  ZERO,
} from '../market/decimal.js';
import { buyFactor, effectiveRate } from '../market/fees.js';
import { violationsOf } from '../market/order-rules.js';
import type { QuoteBoard } from '../market/quote-board.js';
import type { Level } from './depth.js';
import { optimalSize } from './optimal-size.js';
import { boardLevels, legOf, orderOf } from './spatial-orders.js';
import type { SpatialParameters } from './spatial-parameters.js';
import type { SpatialMarket, SpatialRoute } from './spatial-route.js';
import { takeBase } from './two-books.js';

/** A trade worth doing, down to its orders. Base in canonical units, orders in exchange units. */
export interface TradePlan {
  readonly kind: 'trade';
  readonly quantity: Decimal;
  /** Quote spent on the buy leg, fees included. */
  readonly notional: Decimal;
  readonly net: Decimal;
  readonly grossBps: number;
  readonly netBps: number;
  readonly edge: EdgeBreakdown;
  readonly buy: PlannedLeg;
  readonly sell: PlannedLeg;
}

/** Why a gross edge cannot be traded. */
export interface NoTrade {
  readonly kind: 'none';
  readonly reason: string;
  readonly detail: string;
  readonly netBps: number;
  readonly net: Decimal;
  readonly quantity: Decimal;
}

interface Books {
  readonly asks: readonly Level[];
  readonly bids: readonly Level[];
}

/** A size with what its two real orders trade. */
interface Sized {
  readonly q: Decimal;
  /** Ordered on the buying side so that q is kept, on its lot. */
  readonly ordered: Decimal;
  /** Σ ask over all that is ordered, and over q alone. */
  readonly paid: Decimal;
  readonly asked: Decimal;
  readonly bid: Decimal;
  /** Worst levels needed. */
  readonly limitBuy: Decimal;
  readonly limitSell: Decimal;
}

/**
 * The exact, net-optimal trade of a route on the books the board holds now. When the optimum earns less than the minimum
 * edge on average, a smaller size is sought of which every unit earns it.
 */
export function planTrade(
  route: SpatialRoute,
  board: QuoteBoard,
  parameters: SpatialParameters,
): TradePlan | NoTrade {
  const books = {
    asks: boardLevels(board, route.buy, 'ask', parameters.depth),
    bids: boardLevels(board, route.sell, 'bid', parameters.depth),
  };
  const widest = planAt(route, books, board, parameters, ZERO);
  if (widest.kind === 'trade' || widest.reason !== 'NET_EDGE') return widest;
  const hurdle = decimalOf(Math.max(parameters.minNetBps, 0)).div(BPS);
  return hurdle.isZero() ? widest : planAt(route, books, board, parameters, hurdle);
}

function planAt(
  route: SpatialRoute,
  books: Books,
  board: QuoteBoard,
  parameters: SpatialParameters,
  hurdle: Decimal,
): TradePlan | NoTrade {
  const { lattice, continuous } = optimalSize({
    ...books,
    feeBuy: route.buy.fee,
    feeSell: route.sell.fee,
    costRate: route.costs.rate,
    hurdle,
    maxQuote: route.limits.maxNotional,
    maxBase: route.maxBase,
    lot: route.lot,
    minNotionalBuy: Decimal.max(route.buy.rules.minNotional, route.limits.minNotional),
    minNotionalSell: Decimal.max(route.sell.rules.minNotional, route.limits.minNotional),
    minBase: route.minBase,
    fixedCost: ZERO,
  });
  const qStar = continuous.size.q;
  const obstacle = lattice?.obstacle ?? null;
  if (lattice === null || obstacle !== null) return noSize(route, qStar, obstacle);
  const sized = orderSizes(route, books, lattice.size.q);
  return sized === null ? noSize(route, qStar, 'LOT_SIZE') : judge(route, sized, books, board, parameters);
}

function noSize(route: SpatialRoute, qStar: Decimal, obstacle: string | null): NoTrade {
  const base = route.buy.instrument.base;
  const detail = `best size ${short(qStar)} ${base}`;
  if (obstacle === 'LOT_SIZE') return none('LOT_SIZE', `${detail}, common lot ${short(route.lot)}`, qStar);
  if (obstacle !== 'MIN_SIZE') return none('NET_EDGE', 'no unit earns more than it costs', ZERO);
  if (qStar.lessThan(route.minBase)) {
    return none('MIN_QUANTITY', `${detail}, minimum ${short(route.minBase)}`, qStar);
  }
  const { buy, sell, limits } = route;
  const least = ({ rules }: SpatialMarket) => short(Decimal.max(rules.minNotional, limits.minNotional));
  const minimums = `${least(buy)} and ${least(sell)}`;
  return none('MIN_NOTIONAL', `${detail}, minimums ${minimums} ${buy.instrument.quote}`, qStar);
}

function none(reason: string, detail: string, quantity: Decimal, netBps = 0, net = ZERO): NoTrade {
  return { kind: 'none', reason, detail, netBps, net, quantity };
}

/**
 * Order quantities on both lots. In `received` mode the buy order is rounded up, so that both fills leave at most one lot;
 * when that overruns depth, budget or maximum, the trade is made one lot smaller.
 */
function orderSizes(route: SpatialRoute, books: Books, q: Decimal): Sized | null {
  const { numerator, keep } = buyFactor(route.buy.fee);
  const buyLot = route.buy.rules.lot.times(route.buy.units);
  const buyMaximum = route.buy.rules.maxQuantity?.times(route.buy.units) ?? null;
  for (let size = q, tries = 0; size.greaterThan(0) && tries < 3; size = size.minus(route.lot), tries++) {
    const ordered = ceilToStep(size.div(keep), buyLot);
    const whole = takeBase(books.asks, ordered);
    const kept = ordered.equals(size) ? whole : takeBase(books.asks, size);
    const sold = takeBase(books.bids, size);
    if (whole === null || kept === null || sold === null) continue;
    const spend = keep.equals(1) ? whole.quote.times(numerator) : whole.quote;
    if (spend.greaterThan(route.limits.maxNotional)) continue;
    if (buyMaximum !== null && ordered.greaterThan(buyMaximum)) continue;
    const limits = { limitBuy: whole.worst, limitSell: sold.worst };
    return { q: size, ordered, paid: whole.quote, asked: kept.quote, bid: sold.quote, ...limits };
  }
  return null;
}

interface Money {
  readonly gross: Decimal;
  readonly feeBuy: Decimal;
  readonly feeSell: Decimal;
  readonly latencyDecay: Decimal;
  readonly transfer: Decimal;
  readonly inventory: Decimal;
  readonly net: Decimal;
  readonly notional: Decimal;
}

/**
 * The parts of the edge, each rounded against us to what a message carries, and the net as their exact sum. In `received`
 * mode the fee is what the larger order costs beyond q, less the residue it leaves at the order's own average price.
 */
function moneyOf(route: SpatialRoute, sized: Sized): Money {
  const { costs, buy, sell } = route;
  const { paid } = sized;
  const up = (value: Decimal) => roundForMessage(value, 'up');
  const inReceived = buy.fee.mode === 'received';
  const residue = inReceived ? sized.ordered.times(ONE.minus(buy.fee.rate)).minus(sized.q) : ZERO;
  const residueWorth = roundForMessage(residue.times(paid).div(sized.ordered), 'down');
  const quoteFee = inReceived ? ZERO : up(paid.times(effectiveRate(buy.fee)));
  const gross = roundForMessage(sized.bid.minus(sized.asked), 'down');
  const feeBuy = inReceived ? up(paid.minus(sized.asked).minus(residueWorth)) : quoteFee;
  const feeSell = up(sized.bid.times(effectiveRate(sell.fee)));
  const latencyDecay = up(sized.asked.times(costs.latencyDecay));
  const transfer = up(sized.asked.times(costs.transfer));
  const inventory = roundForMessage(sized.asked.times(costs.inventory), 'down');
  const net = gross.minus(feeBuy).minus(feeSell).minus(latencyDecay).minus(transfer).plus(inventory);
  const notional = up(paid.plus(quoteFee));
  return { gross, feeBuy, feeSell, latencyDecay, transfer, inventory, net, notional };
}

function judge(
  route: SpatialRoute,
  sized: Sized,
  books: Books,
  board: QuoteBoard,
  parameters: SpatialParameters,
): TradePlan | NoTrade {
  const money = moneyOf(route, sized);
  const netBps = bps(money.net, money.notional);
  const quote = route.buy.instrument.quote;
  if (netBps < parameters.minNetBps) {
    const detail = `net ${netBps.toFixed(2)} bps, minimum ${parameters.minNetBps} bps`;
    return none('NET_EDGE', detail, sized.q, netBps, money.net);
  }
  if (money.net.lessThan(route.limits.minNetProfit)) {
    const detail = `net ${short(money.net)} ${quote}, minimum ${short(route.limits.minNetProfit)}`;
    return none('MIN_PROFIT', detail, sized.q, netBps, money.net);
  }
  const slackBps = Math.min(parameters.limitSlackBps, Math.max(0, (netBps - parameters.minNetBps) / 2));
  const slack = decimalOf(slackBps).div(BPS);
  const buy = orderOf(route.buy, 'buy', sized.ordered, sized.limitBuy, slack);
  const sell = orderOf(route.sell, 'sell', sized.q, sized.limitSell, slack);
  for (const order of [buy, sell]) {
    const broken = violationsOf(order, order.market.rules, order.market.instrument.state)[0];
    if (broken !== undefined) {
      const detail = `${order.market.instrument.id}: ${broken.actual}, limit ${broken.limit}`;
      return none(broken.rule, detail, sized.q, netBps, money.net);
    }
  }
  return {
    kind: 'trade',
    quantity: sized.q,
    notional: money.notional,
    net: money.net,
    grossBps: bps(money.gross, sized.asked),
    netBps,
    edge: edgeText(money),
    buy: legOf(buy, sized.paid.div(sized.ordered), books.asks, board),
    sell: legOf(sell, sized.bid.div(sized.q), books.bids, board),
  };
}

function edgeText(money: Money): EdgeBreakdown {
  return {
    gross: toText(money.gross),
    feeBuy: toText(money.feeBuy),
    feeSell: toText(money.feeSell),
    latencyDecay: toText(money.latencyDecay),
    transfer: toText(money.transfer),
    inventory: toText(money.inventory),
    net: toText(money.net),
  };
}

const bps = (part: Decimal, whole: Decimal): number => part.times(BPS).div(whole).toNumber();

/** For people. */
const short = (value: Decimal): string => value.toSignificantDigits(8).toString();
