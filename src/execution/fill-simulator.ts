import type { AssetId, Side } from '../messages/primitives.js';
import { BPS, Decimal, floorToStep, ONE, roundToTick, ZERO } from '../market/decimal.js';
import { feeOfFill, type Fee } from '../market/fees.js';
import type { OrderRules } from '../market/order-rules.js';
import { OwnConsumption, type SimulatedLevel } from './fill-simulator-consumption.js';

/** A snapshot of one instrument, best first; sizes may be 0. */
export interface SimulatedBook {
  readonly timeMs: number;
  readonly asks: readonly SimulatedLevel[];
  readonly bids: readonly SimulatedLevel[];
}

export interface SimulatedOrder {
  readonly side: Side;
  readonly type: 'market' | 'limit_ioc' | 'limit_fok';
  readonly quantity: Decimal;
  /** Limit; null for market orders. */
  readonly price: Decimal | null;
  /** Best price of the side taken when the order was decided, for slippage; null = unknown. */
  readonly decisionPrice: Decimal | null;
}

export type SimulatedReject =
  'LOT_SIZE' | 'NO_BOOK' | 'STALE_BOOK' | 'NO_LIQUIDITY' | 'MIN_NOTIONAL' | 'INSUFFICIENT_BALANCE';

export interface SimulatedFill {
  readonly price: Decimal;
  readonly quantity: Decimal;
  /** Signed: positive is charged. */
  readonly fee: Decimal;
  readonly feeAsset: AssetId;
}

export interface SimulatedResult {
  readonly status: 'FILLED' | 'PARTIALLY_FILLED' | 'EXPIRED' | 'REJECTED';
  readonly reject: SimulatedReject | null;
  readonly quantityRounded: Decimal;
  readonly priceRounded: Decimal | null;
  readonly fills: readonly SimulatedFill[];
  readonly filledQuantity: Decimal;
  readonly averagePrice: Decimal | null;
  readonly slippageVsDecisionBps: Decimal | null;
  readonly feesByAsset: ReadonlyMap<AssetId, Decimal>;
  /** What the fills and fees add to each holding. */
  readonly balanceChanges: ReadonlyMap<AssetId, Decimal>;
}

export interface SimulatedMarket {
  readonly base: AssetId;
  readonly quote: AssetId;
  readonly rules: OrderRules;
  readonly fee: Fee;
  /** The coin of `third` mode and its price in quote; null in the other modes. */
  readonly third: { readonly asset: AssetId; readonly price: Decimal } | null;
  /** Older books than this reject; null = no limit. */
  readonly maxStaleMs: number | null;
}

interface Rounded {
  readonly quantity: Decimal;
  readonly price: Decimal | null;
}

/**
 * What a taker order would have got on a market that does not know of it (reference §4): the book in force when the order
 * ARRIVES, less what our own earlier orders took from the same displayed liquidity. Feed books and orders in time order.
 */
export class FillSimulator {
  private readonly market: SimulatedMarket;
  private readonly consumption = new OwnConsumption();
  private book: SimulatedBook | null = null;

  constructor(market: SimulatedMarket) {
    this.market = market;
  }

  /** A newer snapshot; consumption of levels that changed or left is forgotten. */
  onBook(book: SimulatedBook): void {
    this.book = book;
    this.consumption.onBook(book.asks, book.bids);
  }

  /** Takes `arrivalBook` as the newest snapshot and executes on it: for a gateway that sees the book only now and then. */
  executeOn(
    order: SimulatedOrder,
    arrivalBook: SimulatedBook,
    balances: ReadonlyMap<AssetId, Decimal>,
    arrivalMs: number,
  ): SimulatedResult {
    this.onBook(arrivalBook);
    return this.execute(order, balances, arrivalMs);
  }

  /** Executes on the newest snapshot. Holdings are not changed: the result says how they would. */
  execute(
    order: SimulatedOrder,
    balances: ReadonlyMap<AssetId, Decimal>,
    arrivalMs: number,
  ): SimulatedResult {
    const { rules } = this.market;
    const rounded = {
      quantity: floorToStep(order.quantity, rules.lot),
      price: order.price === null ? null : roundToTick(order.price, rules.tick, order.side),
    };
    const taken = this.walk(order.side, rounded);
    const reject = this.rejectOf(order, rounded, taken, balances, arrivalMs);
    if (reject !== null) return this.finish(order, rounded, 'REJECTED', reject, [], balances);
    const filled = total(taken);
    if (order.type === 'limit_fok' && filled.lessThan(rounded.quantity)) {
      return this.finish(order, rounded, 'EXPIRED', null, [], balances);
    }
    for (const [price, quantity] of taken) this.consumption.add(order.side, price, quantity);
    const complete = filled.equals(rounded.quantity);
    const status = complete ? 'FILLED' : filled.isZero() ? 'EXPIRED' : 'PARTIALLY_FILLED';
    return this.finish(order, rounded, status, null, taken, balances);
  }

  private levels(side: Side): readonly SimulatedLevel[] {
    if (this.book === null) return [];
    return side === 'buy' ? this.book.asks : this.book.bids;
  }

  /** What the book gives within the limit, after our own consumption, each level floored to the lot. */
  private walk(side: Side, { quantity, price }: Rounded): SimulatedLevel[] {
    const taken: SimulatedLevel[] = [];
    let left = quantity;
    for (const [levelPrice, displayed] of this.levels(side)) {
      if (!left.greaterThan(0)) break;
      if (price !== null && (side === 'buy' ? levelPrice.greaterThan(price) : levelPrice.lessThan(price)))
        break;
      const available = displayed.minus(this.consumption.at(side, levelPrice));
      if (!available.greaterThan(0)) continue;
      const quantityHere = Decimal.min(floorToStep(available, this.market.rules.lot), left);
      if (!quantityHere.greaterThan(0)) continue;
      taken.push([levelPrice, quantityHere]);
      left = left.minus(quantityHere);
    }
    return taken;
  }

  /** The first reason to refuse, in the order of the reference; null = accepted. */
  private rejectOf(
    order: SimulatedOrder,
    { quantity, price }: Rounded,
    taken: readonly SimulatedLevel[],
    balances: ReadonlyMap<AssetId, Decimal>,
    arrivalMs: number,
  ): SimulatedReject | null {
    const { rules, maxStaleMs } = this.market;
    const overMaximum = rules.maxQuantity !== null && quantity.greaterThan(rules.maxQuantity);
    if (quantity.isZero() || quantity.lessThan(rules.minQuantity) || overMaximum) return 'LOT_SIZE';
    if (this.book === null) return 'NO_BOOK';
    if (maxStaleMs !== null && arrivalMs - this.book.timeMs > maxStaleMs) return 'STALE_BOOK';
    const best = this.levels(order.side)[0]?.[0];
    if (price === null && best === undefined) return 'NO_LIQUIDITY';
    const reference = price ?? best ?? ZERO;
    if (quantity.times(reference).lessThan(rules.minNotional)) return 'MIN_NOTIONAL';
    return this.isAffordable(order.side, quantity, price, taken, balances) ? null : 'INSUFFICIENT_BALANCE';
  }

  private isAffordable(
    side: Side,
    quantity: Decimal,
    price: Decimal | null,
    taken: readonly SimulatedLevel[],
    balances: ReadonlyMap<AssetId, Decimal>,
  ): boolean {
    const { base, quote, fee } = this.market;
    if (side === 'sell') return quantity.lessThanOrEqualTo(balances.get(base) ?? ZERO);
    const cost = price === null ? notional(taken) : quantity.times(price);
    const locked = fee.mode === 'quote' ? cost.times(ONE.plus(fee.rate)) : cost;
    return locked.lessThanOrEqualTo(balances.get(quote) ?? ZERO);
  }

  private finish(
    order: SimulatedOrder,
    rounded: Rounded,
    status: SimulatedResult['status'],
    reject: SimulatedReject | null,
    taken: readonly SimulatedLevel[],
    balances: ReadonlyMap<AssetId, Decimal>,
  ): SimulatedResult {
    const filledQuantity = total(taken);
    const quoteTraded = notional(taken);
    const fills = this.chargeFees(order.side, taken, balances);
    const nothing = filledQuantity.isZero();
    return {
      status,
      reject,
      quantityRounded: rounded.quantity,
      priceRounded: rounded.price,
      fills,
      filledQuantity,
      averagePrice: nothing ? null : quoteTraded.div(filledQuantity),
      slippageVsDecisionBps: nothing ? null : slippageOf(order, quoteTraded, filledQuantity),
      feesByAsset: sumFees(fills),
      balanceChanges: this.changesOf(order.side, filledQuantity, quoteTraded, fills),
    };
  }

  /** Fees fill by fill: a fill the third coin cannot pay is charged in what is received, undiscounted (reference §4). */
  private chargeFees(
    side: Side,
    taken: readonly SimulatedLevel[],
    balances: ReadonlyMap<AssetId, Decimal>,
  ): SimulatedFill[] {
    const { fee, third, base, quote } = this.market;
    let thirdLeft = third === null ? ZERO : (balances.get(third.asset) ?? ZERO);
    return taken.map(([price, quantity]) => {
      if (fee.mode === 'third' && third !== null) {
        const { amount } = feeOfFill(fee, side, price, quantity, third.price);
        if (amount.lessThanOrEqualTo(thirdLeft)) {
          thirdLeft = thirdLeft.minus(amount);
          return { price, quantity, fee: amount, feeAsset: third.asset };
        }
      }
      const { paidIn, amount } = feeOfFill(fee, side, price, quantity);
      return { price, quantity, fee: amount, feeAsset: paidIn === 'base' ? base : quote };
    });
  }

  private changesOf(
    side: Side,
    filled: Decimal,
    quoteTraded: Decimal,
    fills: readonly SimulatedFill[],
  ): Map<AssetId, Decimal> {
    const changes = new Map<AssetId, Decimal>();
    const add = (asset: AssetId, amount: Decimal) =>
      changes.set(asset, (changes.get(asset) ?? ZERO).plus(amount));
    const sign = side === 'buy' ? 1 : -1;
    add(this.market.base, filled.times(sign));
    add(this.market.quote, quoteTraded.times(-sign));
    for (const fill of fills) add(fill.feeAsset, fill.fee.negated());
    return changes;
  }
}

function sumFees(fills: readonly SimulatedFill[]): Map<AssetId, Decimal> {
  const fees = new Map<AssetId, Decimal>();
  for (const { fee, feeAsset } of fills) fees.set(feeAsset, (fees.get(feeAsset) ?? ZERO).plus(fee));
  return fees;
}

const total = (levels: readonly SimulatedLevel[]): Decimal =>
  levels.reduce((sum, [, quantity]) => sum.plus(quantity), ZERO);

const notional = (levels: readonly SimulatedLevel[]): Decimal =>
  levels.reduce((sum, [price, quantity]) => sum.plus(price.times(quantity)), ZERO);

/** Positive = worse than the best price at decision. */
function slippageOf(order: SimulatedOrder, quoteTraded: Decimal, filled: Decimal): Decimal | null {
  if (order.decisionPrice === null) return null;
  const atDecision = order.decisionPrice.times(filled);
  const worse = order.side === 'buy' ? quoteTraded.minus(atDecision) : atDecision.minus(quoteTraded);
  return worse.times(BPS).div(atDecision);
}
