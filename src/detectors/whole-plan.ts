import { Decimal, decimalOf, roundForMessage, toText } from '../market/decimal.js';
import { divided, FIXED_ONE, fixedText, nearestRatio } from '../market/fixed.js';
import { effectiveRate } from '../market/fees.js';
import { BOARD_DEPTH, type QuoteBoard } from '../market/quote-board.js';
import type { DecimalText, LevelText } from '../messages/primitives.js';
import type { EdgeBreakdown, PlannedLeg } from '../messages/signal.js';
import type { SideView } from './optimal-size-fast.js';
import type { SpatialParameters } from './spatial-parameters.js';
import type { TradePlan } from './spatial-plan.js';
import type { SpatialMarket, SpatialRoute } from './spatial-route.js';
import { WholeLevels } from './whole-levels.js';
import { wholeRouteOf, type OrderBounds, type WholeRoute } from './whole-route.js';
import { bestLots, takeUnits } from './whole-size.js';

const BPS = 10_000n;
/** As `planTrade`: an order that overruns budget or maximum is tried again one lot smaller. */
const TRIES = 3;

/** A size with what its two orders trade; base in units, quote in 10^-20. */
interface WholeSized {
  readonly q: bigint;
  readonly ordered: bigint;
  readonly paid: bigint;
  readonly asked: bigint;
  readonly bid: bigint;
  /** Worst prices needed, in units. */
  readonly limitBuy: bigint;
  readonly limitSell: bigint;
}

/** Money in 10^-20. */
interface WholeMoney {
  readonly gross: bigint;
  readonly feeBuy: bigint;
  readonly feeSell: bigint;
  readonly latencyDecay: bigint;
  readonly transfer: bigint;
  readonly inventory: bigint;
  readonly net: bigint;
  readonly notional: bigint;
}

/**
 * The plan that `planTrade` makes, worked out in whole numbers near the size that the float64 walk found. Null where there is no
 * trade, where it has no such numbers, and where its size is not proven: then `planTrade` answers.
 */
export class WholePlanner {
  private readonly board: QuoteBoard;
  private readonly parameters: SpatialParameters;
  private readonly askView: SideView;
  private readonly bidView: SideView;
  private readonly asks = new WholeLevels();
  private readonly bids = new WholeLevels();
  private readonly routes = new WeakMap<SpatialRoute, { readonly whole: WholeRoute | null }>();

  constructor(board: QuoteBoard, parameters: SpatialParameters) {
    this.board = board;
    this.parameters = parameters;
    this.askView = { prices: board.askPrices, sizes: board.askSizes };
    this.bidView = { prices: board.bidPrices, sizes: board.bidSizes };
  }

  /** `guess` = base that the float64 walk would trade, canonical. */
  plan(route: SpatialRoute, guess: number): TradePlan | null {
    const { board, parameters } = this;
    const whole = parameters.limitSlackBps > 0 ? null : this.wholeOf(route);
    if (whole === null) return null;
    const { priceScale, sizeScale } = whole;
    const [buyAt, sellAt] = [route.buy.slot, route.sell.slot];
    const askLevels = Math.min(board.askLevels[buyAt]!, parameters.depth);
    const bidLevels = Math.min(board.bidLevels[sellAt]!, parameters.depth);
    this.asks.begin(this.askView, buyAt * BOARD_DEPTH, askLevels, priceScale, sizeScale);
    this.bids.begin(this.bidView, sellAt * BOARD_DEPTH, bidLevels, priceScale, sizeScale);
    const lots = bestLots(whole, { asks: this.asks, bids: this.bids }, guess / whole.lotBase);
    const sized = lots === null ? null : this.orderSizes(whole, lots);
    return sized === null ? null : this.planOf(route, whole, sized);
  }

  private wholeOf(route: SpatialRoute): WholeRoute | null {
    const known = this.routes.get(route);
    if (known !== undefined) return known.whole;
    const whole = wholeRouteOf(route);
    this.routes.set(route, { whole });
    return whole;
  }

  private orderSizes(whole: WholeRoute, lots: bigint): WholeSized | null {
    const { asks, bids } = this;
    for (let left = lots, tried = 0; left > 0n && tried < TRIES; left -= 1n, tried++) {
      const q = left * whole.lot;
      const ordered = divided(q * whole.keepOf, whole.keep * whole.buyLot, 'up') * whole.buyLot;
      const paid = takeUnits(asks, ordered, 1n, 1n);
      const kept = ordered === q ? paid : takeUnits(asks, q, 1n, 1n);
      const sold = takeUnits(bids, q, 1n, 1n);
      if (asks.isBroken || bids.isBroken) return null;
      if (paid === null || kept === null || sold === null) continue;
      const spent = paid.quote * whole.quoteTo20;
      const budget = whole.maxNotional * FIXED_ONE;
      if (spent * (whole.isReceived ? FIXED_ONE : whole.numerator) > budget) continue;
      const { maxQuantity } = whole.buyBounds;
      if (maxQuantity !== null && ordered > maxQuantity) continue;
      return {
        ...{ q, ordered, paid: spent },
        asked: kept.quote * whole.quoteTo20,
        bid: sold.quote * whole.quoteTo20,
        ...{ limitBuy: paid.worst, limitSell: sold.worst },
      };
    }
    return null;
  }

  private planOf(route: SpatialRoute, whole: WholeRoute, sized: WholeSized): TradePlan | null {
    const money = moneyOf(whole, sized);
    const netBps = nearestRatio(money.net * BPS, money.notional);
    const grossBps = nearestRatio(money.gross * BPS, sized.asked);
    if (netBps === null || grossBps === null || netBps < this.parameters.minNetBps) return null;
    if (money.net < whole.minNetProfit) return null;
    const buyPrice = divided(sized.limitBuy, whole.buyTick, 'up') * whole.buyTick;
    const sellPrice = divided(sized.limitSell, whole.sellTick, 'down') * whole.sellTick;
    const { quoteTo20 } = whole;
    if (!isOrder(whole.buyBounds, sized.ordered * buyPrice * quoteTo20, sized.ordered)) return null;
    if (!isOrder(whole.sellBounds, sized.q * sellPrice * quoteTo20, sized.q)) return null;
    const [q20, ordered20] = [sized.q * whole.sizeTo20, sized.ordered * whole.sizeTo20];
    const quantity = fixedText(q20);
    return {
      kind: 'trade',
      quantity: new Decimal(quantity),
      notional: new Decimal(fixedText(money.notional)),
      net: new Decimal(fixedText(money.net)),
      ...{ grossBps, netBps, edge: edgeText(money) },
      buy: this.legOf(route.buy, 'buy', fixedText(ordered20), {
        price: fixedText(buyPrice * whole.priceTo20),
        vwap: fixedText(divided(sized.paid * FIXED_ONE, ordered20, 'up')),
      }),
      sell: this.legOf(route.sell, 'sell', quantity, {
        price: fixedText(sellPrice * whole.priceTo20),
        vwap: fixedText(divided(sized.bid * FIXED_ONE, q20, 'down')),
      }),
    };
  }

  private legOf(
    { instrument, slot, fee }: SpatialMarket,
    side: 'buy' | 'sell',
    quantity: DecimalText,
    { price, vwap }: { readonly price: DecimalText; readonly vwap: DecimalText },
  ): PlannedLeg {
    const { board } = this;
    return {
      instrument: instrument.id,
      exchange: instrument.exchange,
      side,
      quantity,
      limitPrice: price,
      expectedVwap: vwap,
      feeRate: toText(effectiveRate(fee)),
      feeMode: fee.mode,
      bookEpoch: board.epoch[slot]!,
      bookSequence: board.sequence[slot]!,
      exchangeTimeMs: board.exchangeTimeMs[slot]!,
      receiveTimeMs: board.receiveTimeMs[slot]!,
      levels: this.levelsWithin(slot, side, Number(price)),
    };
  }

  private levelsWithin(slot: number, side: 'buy' | 'sell', limit: number): LevelText[] {
    const { board, parameters } = this;
    const { prices, sizes } = side === 'buy' ? this.askView : this.bidView;
    const count = Math.min((side === 'buy' ? board.askLevels : board.bidLevels)[slot]!, parameters.depth);
    const levels: LevelText[] = [];
    for (let i = slot * BOARD_DEPTH; i < slot * BOARD_DEPTH + count; i++) {
      const isWithin = side === 'buy' ? prices[i]! <= limit : prices[i]! >= limit;
      if (isWithin) levels.push([levelText(prices[i]!, 'up'), levelText(sizes[i]!, 'down')]);
    }
    return levels;
  }
}

/** As `moneyOf` of `planTrade`, part by part and rounded alike. */
function moneyOf(whole: WholeRoute, { q, ordered, paid, asked, bid }: WholeSized): WholeMoney {
  const { isReceived } = whole;
  let residueWorth = 0n;
  if (isReceived) {
    const residue = ordered * whole.keep - q * whole.keepOf;
    residueWorth = divided(residue * paid, ordered * whole.keepOf, 'down');
  }
  const quoteFee = isReceived ? 0n : shareOf(paid, whole.buyRate, 'up');
  const gross = bid - asked;
  const feeBuy = isReceived ? paid - asked - residueWorth : quoteFee;
  const feeSell = shareOf(bid, whole.sellRate, 'up');
  const latencyDecay = shareOf(asked, whole.latencyDecay, 'up');
  const transfer = shareOf(asked, whole.transfer, 'up');
  const inventory = shareOf(asked, whole.inventory, 'down');
  const net = gross - feeBuy - feeSell - latencyDecay - transfer + inventory;
  return { gross, feeBuy, feeSell, latencyDecay, transfer, inventory, net, notional: paid + quoteFee };
}

const shareOf = (amount: bigint, rate: bigint, direction: 'down' | 'up'): bigint =>
  rate === 0n ? 0n : divided(amount * rate, FIXED_ONE, direction);

function edgeText(money: WholeMoney): EdgeBreakdown {
  return {
    gross: fixedText(money.gross),
    feeBuy: fixedText(money.feeBuy),
    feeSell: fixedText(money.feeSell),
    latencyDecay: fixedText(money.latencyDecay),
    transfer: fixedText(money.transfer),
    inventory: fixedText(money.inventory),
    net: fixedText(money.net),
  };
}

/** Its exchange would take it; that it is on tick and lot is how it was made. */
function isOrder(bounds: OrderBounds, worth: bigint, quantity: bigint): boolean {
  const { minQuantity, maxQuantity, minNotional } = bounds;
  return (
    worth >= minNotional &&
    worth > 0n &&
    quantity >= minQuantity &&
    (maxQuantity === null || quantity <= maxQuantity)
  );
}

/** Longer texts have more digits behind the point than a message carries, or an exponent. */
const PLAIN_FROM = 1e-6;
const MOST_CHARACTERS = 21;

/** A float of the board as its exchange printed it. */
function levelText(value: number, direction: 'down' | 'up'): DecimalText {
  const text = String(value);
  if (value === 0 || (value >= PLAIN_FROM && value < 1e15 && text.length <= MOST_CHARACTERS)) return text;
  return toText(roundForMessage(decimalOf(value), direction));
}
