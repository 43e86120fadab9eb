import {
  BPS,
  Decimal,
  decimalOf,
  floorToStep,
  ceilToStep,
  ONE,
  roundForMessage,
  ZERO,
} from '../../market/decimal.js';
import { buyFactor, effectiveRate } from '../../market/fees.js';
import { legOf } from '../spatial-orders.js';
import type { QuoteLimitsExact } from '../spatial-parameters.js';
import type { NoTrade, TradePlan } from '../spatial-plan.js';
import type { SpatialMarket } from '../spatial-route.js';
import { takeBase } from '../two-books.js';
import {
  booksOf,
  bps,
  brokenRule,
  edgeText,
  lotOf,
  nearestStep,
  none,
  ordersOf,
  short,
  up,
  type PairMoney,
  type PlanGround,
  type SideBooks,
} from './pair-orders.js';
import { bestPairSize, depthOf, floatLevels, type PairSizeQuestion, type SizedSide } from './pair-size.js';

/** The orders into a position, sized by what its return is worth after the whole way in and out. */

export interface EntryQuestion {
  readonly buy: SpatialMarket;
  readonly sell: SpatialMarket;
  /** Quote of each leg, relative to the other. */
  readonly weightBuy: number;
  readonly weightSell: number;
  /** What the return to the exit gains, as a share of the quote of a leg of weight 1. */
  readonly reversion: number;
  readonly limits: QuoteLimitsExact;
  readonly minNetBps: number;
  readonly latencyDecayBps: number;
  readonly transferCostBps: number;
  /** Base above the reserve where it is sold, and quote where it is spent. */
  readonly inventory: Decimal;
  readonly cash: Decimal;
}

export function planEntry(question: EntryQuestion, ground: PlanGround): TradePlan | NoTrade {
  const [buy, sell] = [booksOf(question.buy, ground), booksOf(question.sell, ground)];
  const [sizedBuy, sizedSell] = [sizedSide(buy), sizedSide(sell)];
  if (!(sizedBuy.mid > 0 && sizedSell.mid > 0)) return none('NO_QUOTE', 'a book has one side only');
  const size: Omit<PairSizeQuestion, 'maxBase'> = {
    buy: sizedBuy,
    sell: sizedSell,
    ratio: (question.weightSell / sizedSell.mid / question.weightBuy) * sizedBuy.mid,
    gainPerBase: (question.reversion * sizedBuy.mid) / question.weightBuy,
    costRate: (question.latencyDecayBps + question.transferCostBps) / 1e4,
  };
  const most = bestPairSize({ ...size, maxBase: Math.min(depthOf(size), budgetOf(question, size)) });
  if (!(most.q > 0)) return none('NET_EDGE', worthAgainstCost(size, most.bestReturn));
  return withinMeans({ question, ground, buy, sell, size }, most.q);
}

/** Most base bought so that neither leg is larger than one trade may be. */
function budgetOf({ buy, sell, limits }: EntryQuestion, size: Omit<PairSizeQuestion, 'maxBase'>): number {
  const most = limits.maxNotional.toNumber() / (1 + 1e-9);
  const capped = ({ rules, units }: SpatialMarket) => rules.maxQuantity?.times(units).toNumber() ?? Infinity;
  return Math.min(
    // The walk may pay more than the mid; the exact plan looks again.
    most / (size.buy.mid * (1 + size.buy.feeOnTop)),
    most / (size.sell.mid * size.ratio),
    capped(buy) * size.buy.keep,
    capped(sell) / size.ratio,
  );
}

interface Sizing {
  readonly question: EntryQuestion;
  readonly ground: PlanGround;
  readonly buy: SideBooks;
  readonly sell: SideBooks;
  readonly size: Omit<PairSizeQuestion, 'maxBase'>;
}

/** Cut to what is held: a leg is sold from inventory above the reserve, or not at all. */
function withinMeans(sizing: Sizing, wanted: number): TradePlan | NoTrade {
  const { question, size } = sizing;
  const byInventory = question.inventory.toNumber() / size.ratio;
  const byCash = question.cash.toNumber() / (size.buy.mid * (1 + size.buy.feeOnTop));
  const plan = exactEntry(sizing, Math.min(wanted, byInventory, byCash));
  const isShort = plan.kind === 'none' && SMALL.has(plan.reason) && Math.min(byInventory, byCash) < wanted;
  if (!isShort) return plan;
  const { base, quote, exchange } = question.sell.instrument;
  return byInventory <= byCash
    ? none(
        'NO_INVENTORY',
        `${short(question.inventory)} ${base} on ${exchange} above the reserve: ${plan.detail}`,
      )
    : none(
        'NO_CASH',
        `${short(question.cash)} ${quote} on ${question.buy.instrument.exchange} above the reserve: ${plan.detail}`,
      );
}

const SMALL = new Set(['LOT_SIZE', 'MIN_QUANTITY', 'MIN_NOTIONAL', 'MIN_PROFIT']);
const TRIES = 4;

function exactEntry(sizing: Sizing, wanted: number): TradePlan | NoTrade {
  const { buy, sell, size, question } = sizing;
  const buyLot = lotOf(buy.market);
  const ratio = decimalOf(Number(size.ratio.toPrecision(15)));
  const most = Decimal.min(question.limits.maxNotional, question.cash);
  let quantity = floorToStep(decimalOf(Math.max(wanted, 0) * (1 + 1e-12)), buyLot);
  for (let tries = 0; tries < TRIES && quantity.greaterThan(0); tries++) {
    const sold = Decimal.min(
      nearestStep(quantity.times(ratio), lotOf(sell.market)),
      floorToStep(question.inventory, lotOf(sell.market)),
    );
    if (!sold.greaterThan(0)) break;
    const money = moneyOf(sizing, quantity, sold);
    if (money !== null && !money.notional.greaterThan(most)) return judge(sizing, money);
    // The walk in float64 knows what the mid costs, and not yet the levels beyond.
    const fitting = money === null ? quantity : quantity.times(most).div(money.notional);
    quantity = Decimal.min(quantity.minus(buyLot), floorToStep(fitting, buyLot));
  }
  const { instrument } = quantity.greaterThan(0) ? sell.market : buy.market;
  return none('LOT_SIZE', `less than one lot of ${instrument.id}`);
}

/** The parts of an entry, each rounded against us. */
interface EntryMoney extends PairMoney {
  /** Of what is bought. */
  readonly kept: Decimal;
  readonly paid: Decimal;
  readonly got: Decimal;
}

/** Null where one of the four sides is too thin. */
function moneyOf({ question, buy, sell }: Sizing, kept: Decimal, sold: Decimal): EntryMoney | null {
  const into = purchaseOf(buy, kept);
  const out = takeBase(sell.bids, sold);
  // The way back, at the books as they are.
  const returned = purchaseOf(sell, sold);
  const back = takeBase(buy.bids, kept);
  if (into === null || out === null || returned === null || back === null) return null;
  const mids = { buy: midOf(buy), sell: midOf(sell) };
  const legWorth = Decimal.min(
    kept.times(mids.buy).div(decimalOf(question.weightBuy)),
    sold.times(mids.sell).div(decimalOf(question.weightSell)),
  );
  const worth = legWorth.times(decimalOf(Number(question.reversion.toPrecision(12))));
  const crossing = into.asked.minus(back.quote).plus(returned.asked.minus(out.quote));
  const gross = roundForMessage(worth.minus(crossing), 'down');
  const feeBuy = up(into.fee.plus(returned.fee));
  const saleFee = (side: SideBooks, quote: Decimal) => quote.times(effectiveRate(side.market.fee));
  const feeSell = up(saleFee(sell, out.quote).plus(saleFee(buy, back.quote)));
  const latencyDecay = up(into.asked.times(decimalOf(question.latencyDecayBps)).div(BPS));
  const transfer = up(into.asked.times(decimalOf(question.transferCostBps)).div(BPS));
  const net = gross.minus(feeBuy).minus(feeSell).minus(latencyDecay).minus(transfer);
  return {
    ...{ kept, sold, gross, feeBuy, feeSell, latencyDecay, transfer, net },
    ordered: into.ordered,
    worstBuy: into.worst,
    worstSell: out.worst,
    paid: into.quote,
    got: out.quote,
    notional: up(into.spend),
  };
}

interface Purchase {
  readonly ordered: Decimal;
  /** Of all that is ordered, and of what is kept alone. */
  readonly quote: Decimal;
  readonly asked: Decimal;
  /** On top, or what the larger order costs. */
  readonly fee: Decimal;
  readonly spend: Decimal;
  readonly worst: Decimal;
}

/** An order of which `kept` stays after the fee; null where the asks are too thin. */
function purchaseOf({ market, asks }: SideBooks, kept: Decimal): Purchase | null {
  const { keep } = buyFactor(market.fee);
  const ordered = ceilToStep(kept.div(keep), lotOf(market));
  const whole = takeBase(asks, ordered);
  const asked = takeBase(asks, kept);
  if (whole === null || asked === null) return null;
  const onTop = keep.equals(ONE) ? whole.quote.times(effectiveRate(market.fee)) : ZERO;
  const fee = onTop.plus(whole.quote.minus(asked.quote));
  return {
    ordered,
    quote: whole.quote,
    asked: asked.quote,
    fee,
    spend: whole.quote.plus(onTop),
    worst: whole.worst,
  };
}

function judge(sizing: Sizing, money: EntryMoney): TradePlan | NoTrade {
  const { question, buy, sell, ground } = sizing;
  const { limits, minNetBps } = question;
  const netBps = bps(money.net, money.notional);
  const { quote } = buy.market.instrument;
  const refused = (reason: string, detail: string): NoTrade =>
    none(reason, detail, { quantity: money.kept, netBps, net: money.net });
  if (netBps < minNetBps)
    return refused('NET_EDGE', `net ${netBps.toFixed(2)} bps after the way back, minimum ${minNetBps} bps`);
  if (money.net.lessThan(limits.minNetProfit))
    return refused('MIN_PROFIT', `net ${short(money.net)} ${quote}, minimum ${short(limits.minNetProfit)}`);
  for (const [market, traded] of [
    [buy.market, money.paid],
    [sell.market, money.got],
  ] as const)
    if (traded.lessThan(limits.minNotional))
      return refused(
        'MIN_NOTIONAL',
        `${market.instrument.id}: ${short(traded)}, limit ${short(limits.minNotional)}`,
      );
  const slackBps = Math.min(ground.limitSlackBps, Math.max(0, (netBps - minNetBps) / 4));
  const orders = ordersOf(sizing, money, slackBps);
  const broken = brokenRule(orders);
  if (broken !== null) return refused(broken.reason, broken.detail);
  return {
    kind: 'trade',
    quantity: money.kept,
    notional: money.notional,
    net: money.net,
    grossBps: bps(money.gross, money.paid),
    netBps,
    edge: edgeText(money),
    buy: legOf(orders[0], money.paid.div(money.ordered), buy.asks, ground.board),
    sell: legOf(orders[1], money.got.div(money.sold), sell.bids, ground.board),
  };
}

function sizedSide({ market, asks, bids }: SideBooks): SizedSide {
  const { keep } = buyFactor(market.fee);
  const rate = effectiveRate(market.fee).toNumber();
  const [ask, bid] = [asks[0]?.[0].toNumber() ?? NaN, bids[0]?.[0].toNumber() ?? NaN];
  return {
    asks: floatLevels(asks),
    bids: floatLevels(bids),
    keep: keep.toNumber(),
    feeOnTop: keep.equals(ONE) ? rate : 0,
    feeOfSale: rate,
    mid: (ask + bid) / 2,
  };
}

const midOf = ({ asks, bids }: SideBooks): Decimal => asks[0]![0].plus(bids[0]![0]).div(2);

function worthAgainstCost(size: Omit<PairSizeQuestion, 'maxBase'>, bestReturn: number): string {
  const worth = (size.gainPerBase / size.buy.mid) * 1e4;
  return `the return is worth ${worth.toFixed(1)} bps and the way in and out costs ${(worth - bestReturn * 1e4).toFixed(1)} bps`;
}
