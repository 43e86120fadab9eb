import type { ExchangeId, InstrumentId } from '../messages/primitives.js';
import { bookProblem } from '../market/book-problem.js';
import { Decimal, ZERO } from '../market/decimal.js';
import { effectiveRate } from '../market/fees.js';
import { BOARD_DEPTH, type QuoteBoard } from '../market/quote-board.js';
import { transferShareBps } from './amortisation.js';
import { Amounts, type AmountAt } from './holdings.js';
import { inventoryPriceBps } from './inventory-price.js';
import { leastCosts, routeCosts, type CostsBps, type SpatialParameters } from './spatial-parameters.js';
import {
  withFastTerms,
  type Hindrance,
  type RouteWatch,
  type SpatialMarket,
  type SpatialRoute,
} from './spatial-route.js';

/** What one leg pays its fee in now: as its market says, or, where the fee coin is short, in what it receives at the full rate. */
type FeeSource = 'listed' | 'received' | 'unknown';

/** What the terms of a route hang on; equal terms need no new route. */
interface Terms {
  readonly costs: CostsBps;
  readonly feeBuy: FeeSource;
  readonly feeSell: FeeSource;
  /** What is above the reserve on the sides whose way back is not open; null = such a way is open. */
  readonly caps: {
    readonly base: Decimal | null;
    readonly quote: Decimal | null;
    readonly way: string;
  } | null;
  readonly hindrance: Hindrance | null;
}

/**
 * Puts a route on the terms of the moment: what is held decides the price of inventory, what may be withdrawn the size, the price of
 * a fee coin the fee. It is asked when an edge is looked at, not at every tick; without such terms it does nothing.
 */
export class RoutePricing {
  private readonly board: QuoteBoard;
  private readonly parameters: SpatialParameters;
  private held: Amounts | null = null;
  private slots = new Map<InstrumentId, number>();
  private readonly hasTerms: boolean;
  private hasFeeCoins = false;

  constructor(board: QuoteBoard, parameters: SpatialParameters) {
    this.board = board;
    this.parameters = parameters;
    const { inventory, transfers, refillWay } = parameters;
    this.hasTerms = inventory !== undefined || transfers !== undefined || refillWay !== undefined;
  }

  /** Every market that is followed: a fee coin is valued in one of them. */
  follow(markets: readonly SpatialMarket[]): void {
    this.slots = new Map(markets.map(({ instrument, slot }) => [instrument.id, slot]));
    this.hasFeeCoins = markets.some(({ fee }) => fee.mode === 'third');
  }

  /** What is held everywhere, as the ledger says it. */
  hold(amounts: readonly AmountAt[]): void {
    this.held = new Amounts(amounts);
  }

  /** Brings `watch.route` and `watch.hindrance` up to date. `ask` = best price of the market that is bought on. */
  update(watch: RouteWatch, ask: number, monotonicMs: number): void {
    if ((!this.hasTerms && !this.hasFeeCoins) || !(ask > 0)) return;
    const { listed } = watch;
    const terms = this.termsOf(listed, ask / listed.fast.askUnits, monotonicMs);
    const key = keyOf(terms);
    if (key === watch.pricedBy) return;
    watch.pricedBy = key;
    watch.hindrance = terms.hindrance;
    watch.route = onTerms(listed, terms);
  }

  private termsOf(route: SpatialRoute, price: number, monotonicMs: number): Terms {
    const feeBuy = this.feeSource(route, route.buy, monotonicMs);
    const feeSell = this.feeSource(route, route.sell, monotonicMs);
    const transfer = this.transferBps(route, price);
    const caps = this.capsOf(route);
    const costs = { ...this.costsOf(route, price), transfer: transfer ?? 0 };
    return {
      costs,
      feeBuy,
      feeSell,
      caps,
      hindrance: hindranceOf(route, { feeBuy, feeSell, transfer, caps }),
    };
  }

  private costsOf({ buy, sell, limits }: SpatialRoute, price: number): CostsBps {
    const { parameters, held } = this;
    const { pair, base, quote, exchange: buyOn } = buy.instrument;
    const sellOn = sell.instrument.exchange;
    const least = leastCosts(parameters, { pair, buyOn, sellOn });
    const { inventory } = parameters;
    if (inventory === undefined) return least;
    const notional = limits.maxNotional.toNumber();
    const move = { base, quote, buyOn, sellOn, price, notional };
    // Not knowing what is held, the worst is charged.
    return {
      ...least,
      inventory: held === null ? -inventory.limitBps : inventoryPriceBps(inventory, held, move),
    };
  }

  /** Null while the fee of a withdrawal is not known. */
  private transferBps({ buy, sell }: SpatialRoute, price: number): number | null {
    const { transfers, transferCostBps } = this.parameters;
    if (transfers === undefined) return transferCostBps;
    const base = transfers.withdrawFee(buy.instrument.exchange, buy.instrument.base);
    const quote = transfers.withdrawFee(sell.instrument.exchange, sell.instrument.quote);
    if (base === null || quote === null) return null;
    return transferCostBps + transferShareBps(transfers.batch, { base, quote, price });
  }

  /** The base comes back from where it was bought, the quote from where the base was sold. */
  private capsOf({ buy, sell }: SpatialRoute): Terms['caps'] {
    const { refillWay } = this.parameters;
    if (refillWay === undefined) return null;
    const { base, quote, exchange: buyOn } = buy.instrument;
    const sellOn = sell.instrument.exchange;
    const baseWay = refillWay(base, buyOn, sellOn);
    const quoteWay = refillWay(quote, sellOn, buyOn);
    const shut = [
      ...(baseWay === 'open' ? [] : [`${base} from ${buyOn} to ${sellOn} is ${baseWay}`]),
      ...(quoteWay === 'open' ? [] : [`${quote} from ${sellOn} to ${buyOn} is ${quoteWay}`]),
    ];
    if (shut.length === 0) return null;
    return {
      base: baseWay === 'open' ? null : this.above(sellOn, base),
      quote: quoteWay === 'open' ? null : this.above(buyOn, quote),
      way: shut.join(', '),
    };
  }

  /** Held above the reserve; 0 while what is held is not known. */
  private above(exchange: ExchangeId, asset: string): Decimal {
    if (this.held === null) return ZERO;
    const kept = this.parameters.reserve?.of(exchange, asset) ?? ZERO;
    return Decimal.max(this.held.of(exchange, asset).minus(kept), ZERO);
  }

  /**
   * A fee coin has to be priced by a good book of its exchange and to be there for the largest trade. One that is short is not used:
   * the exchange then takes the full fee out of what is received (reference §4).
   */
  private feeSource(route: SpatialRoute, { instrument, fee }: SpatialMarket, monotonicMs: number): FeeSource {
    if (fee.mode !== 'third') return 'listed';
    const { exchange, quote, feeCoin } = instrument;
    const price = feeCoin === undefined ? null : this.priceOf(exchange, feeCoin, quote, monotonicMs);
    if (feeCoin === undefined || price === null || this.held === null) return 'unknown';
    const needed = route.limits.maxNotional.times(effectiveRate(fee));
    return this.held.of(exchange, feeCoin).times(price).greaterThanOrEqualTo(needed) ? 'listed' : 'received';
  }

  /** Best bid of a coin on its exchange; null while there is no good book of it. */
  private priceOf(exchange: ExchangeId, coin: string, quote: string, monotonicMs: number): number | null {
    if (coin === quote) return 1;
    const slot = this.slots.get(`${exchange}:${coin}-${quote}`);
    if (slot === undefined) return null;
    const { board, parameters } = this;
    const offsetMs = parameters.clockOffsetMs?.(exchange) ?? 0;
    const isGood =
      board.bidLevels[slot]! > 0 && bookProblem(board, slot, monotonicMs, parameters, offsetMs) === null;
    return isGood ? board.bidPrices[slot * BOARD_DEPTH]! : null;
  }
}

function keyOf({ costs, feeBuy, feeSell, caps, hindrance }: Terms): string {
  const { latencyDecay, transfer, inventory } = costs;
  const sizes = caps === null ? '' : `${String(caps.base)} ${String(caps.quote)} ${caps.way}`;
  return `${latencyDecay} ${transfer} ${inventory} ${feeBuy} ${feeSell} ${hindrance?.on ?? ''} ${sizes}`;
}

function onTerms(route: SpatialRoute, { costs, feeBuy, feeSell, caps }: Terms): SpatialRoute {
  const { limits, maxBase } = route;
  return withFastTerms({
    ...route,
    buy: withFee(route.buy, feeBuy),
    sell: withFee(route.sell, feeSell),
    costs: routeCosts(costs),
    ...(caps !== null && {
      unrefilled: caps.way,
      maxBase: least(maxBase, caps.base),
      limits: { ...limits, maxNotional: least(limits.maxNotional, caps.quote) ?? limits.maxNotional },
    }),
  });
}

const least = (a: Decimal | null, b: Decimal | null): Decimal | null =>
  a === null || b === null ? (a ?? b) : Decimal.min(a, b);

const withFee = (market: SpatialMarket, source: FeeSource): SpatialMarket =>
  source === 'received'
    ? { ...market, fee: { rate: market.fee.rate, mode: 'received', discount: ZERO } }
    : market;

function hindranceOf(
  { buy, sell, minBase, limits }: SpatialRoute,
  found: Pick<Terms, 'feeBuy' | 'feeSell' | 'caps'> & { readonly transfer: number | null },
): Hindrance | null {
  const { feeBuy, feeSell, caps, transfer } = found;
  if (feeBuy === 'unknown' || feeSell === 'unknown') {
    const { id, feeCoin } = (feeBuy === 'unknown' ? buy : sell).instrument;
    return { reason: 'FEE_COIN', on: `price or balance of ${feeCoin ?? 'the fee coin'} of ${id}` };
  }
  if (transfer === null)
    return { reason: 'TRANSFER_COST', on: `withdrawal of ${buy.instrument.base} or ${buy.instrument.quote}` };
  if (caps === null) return null;
  const isDry = caps.base?.isZero() === true || caps.quote?.isZero() === true;
  const isSmall = caps.base?.lessThan(minBase) === true || caps.quote?.lessThan(limits.minNotional) === true;
  return isDry || isSmall ? { reason: 'NOT_REFILLABLE', on: caps.way } : null;
}
