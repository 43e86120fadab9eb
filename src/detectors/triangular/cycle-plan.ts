import type { EdgeBreakdown, PlannedLeg, ResidueText } from '../../messages/signal.js';
import { BPS, Decimal, decimalOf, ONE, roundForMessage, toText, ZERO } from '../../market/decimal.js';
import { effectiveRate } from '../../market/fees.js';
import { violationsOf } from '../../market/order-rules.js';
import type { QuoteBoard } from '../../market/quote-board.js';
import { boardLevels, legOf, orderOf } from '../spatial-orders.js';
import type { NoTrade } from '../spatial-plan.js';
import { bookedLeg, fillFrom, type BookedLeg, type FilledLeg, type Obstructed } from './cycle-lattice.js';
import type { CycleRoute, RouteLeg } from './cycle-route.js';
import type { FastCycle, FastRoute } from './fast-cycle.js';
import type { TriangularParameters } from './triangular-parameters.js';

/** A cycle worth trading, down to its orders. Money in the start asset. */
export interface CyclePlan {
  readonly kind: 'trade';
  /** Base of the first leg, in canonical units. */
  readonly quantity: Decimal;
  /** Spent on the first leg, fees included. */
  readonly notional: Decimal;
  /** With what rounding leaves over, at its marks; what is decided by is without. */
  readonly net: Decimal;
  readonly grossBps: number;
  readonly netBps: number;
  readonly edge: EdgeBreakdown;
  readonly legs: readonly PlannedLeg[];
  readonly residues: readonly ResidueText[];
}

export interface CyclePlanner {
  readonly board: QuoteBoard;
  readonly parameters: TriangularParameters;
  /** Its float64 twin; left as it is after the last walk. */
  readonly fast: FastCycle;
}

/**
 * The exact, best trade of a cycle on the books that the board holds now: realised profit decides, and of equal sizes the smaller
 * wins. When the best earns less than the minimum edge on average, a size is sought of which every unit earns it.
 */
export function planCycle(
  route: CycleRoute,
  fastRoute: FastRoute,
  planner: CyclePlanner,
): CyclePlan | NoTrade {
  const widest = planAt(route, fastRoute, planner, 0);
  if (widest.kind === 'trade' || widest.reason !== 'NET_EDGE') return widest;
  const hurdle = Math.max(planner.parameters.minNetBps, 0) / 1e4;
  return hurdle === 0 ? widest : planAt(route, fastRoute, planner, hurdle);
}

function planAt(
  route: CycleRoute,
  fastRoute: FastRoute,
  planner: CyclePlanner,
  hurdle: number,
): CyclePlan | NoTrade {
  const { board, parameters, fast } = planner;
  fast.walk(fastRoute, parameters.depth, hurdle);
  if (!(fast.start > 0)) return none('NET_EDGE', 'no unit earns more than it costs', ZERO);
  const legs = route.legs.map((leg) =>
    bookedLeg(leg, boardLevels(board, leg.market, leg.side === 'buy' ? 'ask' : 'bid', parameters.depth)),
  );
  const { pivot, lots } = fast.candidates(fastRoute, hurdle);
  const sized = bestOf(route, legs, { pivot, lots, cost: ONE.plus(route.costRate).plus(decimalOf(hurdle)) });
  if ('obstacle' in sized) return noSize(route, fast, sized);
  return judge(route, legs, sized.filled, planner);
}

interface Search {
  readonly pivot: number;
  readonly lots: readonly number[];
  readonly cost: Decimal;
}

/** The first of the best: candidates come by size. */
function bestOf(
  route: CycleRoute,
  legs: readonly BookedLeg[],
  { pivot, lots, cost }: Search,
): { readonly filled: readonly FilledLeg[] } | Obstructed {
  let best: { readonly filled: readonly FilledLeg[]; readonly value: Decimal } | null = null;
  let problem: Obstructed = { obstacle: 'LOT_SIZE', leg: pivot };
  for (const count of lots) {
    const quantity = legs[pivot]!.leg.lot.times(count);
    const filled = fillFrom(legs, pivot, quantity, route.limits.maxNotional);
    if ('obstacle' in filled) {
      problem = filled;
      continue;
    }
    const value = filled.at(-1)!.received.minus(filled[0]!.used.times(cost));
    if (best === null || value.greaterThan(best.value)) best = { filled, value };
  }
  return best ?? problem;
}

/** Why no size fits: the first leg whose least order is more than the best size without rounding brings to it. */
function noSize(route: CycleRoute, fast: FastCycle, { obstacle, leg }: Obstructed): NoTrade {
  const best = (at: number) => new Decimal(fast.base[at]!);
  const small = route.legs.findIndex(({ minBase }, at) => best(at).lessThan(minBase));
  const at = small >= 0 ? small : leg;
  const { market, lot, minBase, minNotional } = route.legs[at]!;
  const { id, base, quote } = market.instrument;
  const size = `${id}: best size ${short(best(at))} ${base}`;
  if (best(at).lessThan(lot)) return none('LOT_SIZE', `${size}, lot ${short(lot)}`, best(0));
  if (small >= 0) return none('MIN_QUANTITY', `${size}, minimum ${short(minBase)}`, best(0));
  if (obstacle === 'LOT_SIZE' || obstacle === 'MIN_NOTIONAL')
    return none('MIN_NOTIONAL', `${size}, minimum ${short(minNotional)} ${quote}`, best(0));
  return none(obstacle, size, best(0));
}

const none = (reason: string, detail: string, quantity: Decimal, netBps = 0, net = ZERO): NoTrade => ({
  kind: 'none',
  reason,
  detail,
  netBps,
  net,
  quantity,
});

interface Money {
  readonly edge: EdgeBreakdown;
  readonly gross: Decimal;
  /** After costs, without marks. */
  readonly realised: Decimal;
  readonly net: Decimal;
  readonly notional: Decimal;
  readonly residues: readonly ResidueText[];
}

function judge(
  route: CycleRoute,
  legs: readonly BookedLeg[],
  filled: readonly FilledLeg[],
  { board, parameters }: CyclePlanner,
): CyclePlan | NoTrade {
  const money = moneyOf(route, filled, board);
  const quantity = filled[0]!.quantity;
  const netBps = bps(money.realised, money.notional);
  if (netBps < parameters.minNetBps) {
    const detail = `net ${netBps.toFixed(2)} bps, minimum ${parameters.minNetBps} bps`;
    return none('NET_EDGE', detail, quantity, netBps, money.realised);
  }
  const { minNetProfit } = route.limits;
  if (money.realised.lessThan(minNetProfit)) {
    const detail = `net ${short(money.realised)} ${route.start}, minimum ${short(minNetProfit)}`;
    return none('MIN_PROFIT', detail, quantity, netBps, money.realised);
  }
  const spare = Math.max(0, netBps - parameters.minNetBps) / legs.length;
  const slack = decimalOf(Math.min(parameters.limitSlackBps, spare)).div(BPS);
  const orders = legs.map(({ leg: { market, side } }, at) =>
    orderOf(market, side, filled[at]!.quantity, filled[at]!.worst, slack),
  );
  for (const order of orders) {
    const broken = violationsOf(order, order.market.rules, order.market.instrument.state)[0];
    if (broken === undefined) continue;
    const detail = `${order.market.instrument.id}: ${broken.actual}, limit ${broken.limit}`;
    return none(broken.rule, detail, quantity, netBps, money.realised);
  }
  return {
    kind: 'trade',
    quantity,
    notional: money.notional,
    net: money.net,
    grossBps: bps(money.gross, filled[0]!.used),
    netBps: bps(money.net, money.notional),
    edge: money.edge,
    legs: orders.map((order, at) =>
      legOf(order, filled[at]!.quote.div(filled[at]!.quantity), legs[at]!.levels, board),
    ),
    residues: money.residues,
  };
}

/**
 * The parts of the edge, each rounded against us to what a message carries, and the net as their exact sum. What fees and rounding
 * take in an asset between is counted at what it would be sold for on its way home.
 */
function moneyOf(route: CycleRoute, filled: readonly FilledLeg[], board: QuoteBoard): Money {
  const up = (value: Decimal) => roundForMessage(value, 'up');
  const down = (value: Decimal) => roundForMessage(value, 'down');
  const marks = route.legs.map((_, at) => markOf(route, filled, at, board));
  const fees = { buy: ZERO, sell: ZERO };
  const residues: ResidueText[] = [];
  let marked = ZERO;
  route.legs.forEach((leg, at) => {
    const { side } = leg;
    const { asset, amount } = feeOfLeg(leg, filled[at]!);
    const worth = asset === route.start ? ONE : marks[(asset === leg.from ? at : at + 1) % marks.length]!;
    fees[side] = fees[side].plus(up(amount.times(worth)));
    const dust = at === 0 ? ZERO : down(filled[at - 1]!.received.minus(filled[at]!.used));
    if (!dust.greaterThan(0)) return;
    const mark = down(dust.times(marks[at]!));
    marked = marked.plus(mark);
    residues.push({ asset: leg.from, quantity: toText(dust), worth: toText(mark) });
  });
  const [first, last] = [filled[0]!, filled.at(-1)!];
  const notional = up(first.used);
  const latencyDecay = up(first.used.times(route.costRate));
  const earned = down(last.received.minus(first.used));
  const gross = earned.plus(fees.buy).plus(fees.sell);
  const realised = earned.minus(latencyDecay);
  const net = realised.plus(marked);
  const edge = {
    gross: toText(gross),
    feeBuy: toText(fees.buy),
    feeSell: toText(fees.sell),
    latencyDecay: toText(latencyDecay),
    // One exchange: nothing has to be moved back, and no exchange holds more than before.
    transfer: '0',
    inventory: '0',
    ...(residues.length > 0 && { marked: toText(marked) }),
    net: toText(net),
  };
  return { edge, gross, realised, net, notional, residues };
}

/** What the fee of a leg is taken in, and how much. */
function feeOfLeg(
  { side, from, to, market: { fee } }: RouteLeg,
  { quantity, quote }: FilledLeg,
): { readonly asset: string; readonly amount: Decimal } {
  if (side === 'sell') return { asset: to, amount: quote.times(effectiveRate(fee)) };
  if (fee.mode === 'received') return { asset: to, amount: quantity.times(fee.rate) };
  return { asset: from, amount: quote.times(effectiveRate(fee)) };
}

/**
 * What one unit of a leg's incoming asset brings in the start asset by the market between the two: the last leg's own, at its worst
 * level; the first leg's for what the first one brings, at the best level of its other side. 0 = no such market, or nobody there.
 */
function markOf(route: CycleRoute, filled: readonly FilledLeg[], at: number, board: QuoteBoard): Decimal {
  if (at === 0) return ONE;
  const last = route.legs.length - 1;
  if (at === last) return bringing(route.legs[last]!, route.legs[last]!.side, filled[last]!.worst);
  if (at !== 1) return ZERO;
  const first = route.legs[0]!;
  const side = first.side === 'buy' ? 'sell' : 'buy';
  const [best] = boardLevels(board, first.market, side === 'buy' ? 'ask' : 'bid', 1);
  return best === undefined ? ZERO : bringing(first, side, best[0]);
}

const bringing = ({ keep, spend, yieldFactor }: RouteLeg, side: 'buy' | 'sell', price: Decimal): Decimal =>
  side === 'sell' ? price.times(yieldFactor) : keep.div(price.times(spend));

const bps = (part: Decimal, whole: Decimal): number => part.times(BPS).div(whole).toNumber();

/** For people. */
const short = (value: Decimal): string => value.toSignificantDigits(8).toString();
