import type { Side } from '../messages/primitives.js';
import type { PairModel } from './listings.js';
import type { SimulatedMarket } from './market.js';
import { Prng } from './prng.js';

const SIDES = ['buy', 'sell'] as const;
const MAKER = 'maker';
const TAKER = 'taker';
const MIN_LEVELS = 28;
const MAX_LEVELS = 36;
/** Quotes keep this distance from the fair price at least … */
const INNER_BPS = 0.3;
/** … are placed at this distance, … */
const QUOTE_BPS = 0.7;
/** … and a better one is added when the best is further away. */
const OUTER_BPS = 1.6;
const SPACING_BPS = 1;
/** Sizes inside this many best levels do not change while the market is calm, so that a planted size stays. */
const CALM_LEVELS = 8;
const TAKER_CHANCE = 0.06;

/** Where the maker quotes. Offsets are basis points of the fair price; zero in normal times. */
export interface Quoting {
  readonly bidOffsetBps: number;
  readonly askOffsetBps: number;
  /** One order in front of all others, at an offset of its own. */
  readonly front: { readonly side: Side; readonly offsetBps: number; readonly lots: number } | null;
  /** No takers and no changes near the best. */
  readonly calm: boolean;
}

export const NORMAL_QUOTING: Quoting = { bidOffsetBps: 0, askOffsetBps: 0, front: null, calm: false };

interface Quote {
  orderId: number;
  readonly ticks: number;
}

/**
 * Keeps a realistic book in one market through its engine, and takes from it now and then. Each step it removes quotes that
 * the fair price has reached, adds better ones when it left, and changes a few sizes: a handful of level changes.
 */
export class MarketMaker {
  private readonly market: SimulatedMarket;
  private readonly model: PairModel;
  private readonly prng: Prng;
  private readonly quotes: Record<Side, Quote[]> = { buy: [], sell: [] };
  private quoting: Quoting = NORMAL_QUOTING;

  constructor(market: SimulatedMarket, model: PairModel, prng: Prng) {
    this.market = market;
    this.model = model;
    this.prng = prng;
  }

  /** Cancels everything and quotes anew in another way; all of it within one step, so that readers see it whole. */
  requote(quoting: Quoting, fair: number, nowMs: number): void {
    this.cancelAll(nowMs);
    this.quoting = quoting;
    // Both passes place orders only on their own side of the fair price, so nothing matches.
    this.fill('buy', fair, nowMs);
    this.fill('sell', fair, nowMs);
    const front = quoting.front;
    if (front === null) return;
    const ticks = this.ticksAt(front.side, fair * (1 + front.offsetBps / 10_000));
    this.place(front.side, ticks, front.lots, 0, nowMs);
  }

  /** Only stops or resumes takers and changes near the best. */
  setCalm(calm: boolean): void {
    this.quoting = { ...this.quoting, calm };
  }

  step(fair: number, nowMs: number): void {
    if (!this.quoting.calm && this.prng.next() < TAKER_CHANCE) this.take(nowMs);
    for (const side of SIDES) {
      this.forgetFilled(side);
      if (this.quoting.front === null) this.withdraw(side, fair, nowMs);
    }
    // Only now, when nothing stands beyond the fair price any more: a new quote would meet the maker's own old one.
    for (const side of SIDES) {
      if (this.quoting.front === null) this.improve(side, fair, nowMs);
      this.fill(side, fair, nowMs);
      this.churn(side, nowMs);
    }
  }

  /** The taker is a market order of up to about two levels. */
  private take(nowMs: number): void {
    const side: Side = this.prng.next() < 0.5 ? 'buy' : 'sell';
    const best = this.market.engine.level(side === 'buy' ? 'sell' : 'buy', 0);
    const size = this.prng.next();
    if (best === undefined) return;
    const lots = Math.max(
      this.market.listing.minLots,
      Math.floor(best.lots * (0.02 + 1.8 * size * size * size)),
    );
    this.market.engine.submit({ account: TAKER, side, type: 'market', priceTicks: 0, lots }, nowMs);
  }

  private forgetFilled(side: Side): void {
    const quotes = this.quotes[side];
    let kept = 0;
    for (const quote of quotes) {
      if (this.market.engine.order(quote.orderId) !== undefined) quotes[kept++] = quote;
    }
    quotes.length = kept;
  }

  /** Removes what stands too close to the fair price or beyond it. */
  private withdraw(side: Side, fair: number, nowMs: number): void {
    const quotes = this.quotes[side];
    const nearest = this.ticksAt(side, this.priceAt(side, fair, INNER_BPS));
    while (quotes.length > 0 && isBetter(side, quotes[0]!.ticks, nearest)) {
      this.market.engine.cancel(quotes[0]!.orderId, nowMs);
      quotes.shift();
    }
  }

  /** Adds a better quote where the best is too far from the fair price. */
  private improve(side: Side, fair: number, nowMs: number): void {
    const quotes = this.quotes[side];
    const wanted = this.ticksAt(side, this.priceAt(side, fair, QUOTE_BPS));
    const farthest = this.ticksAt(side, this.priceAt(side, fair, OUTER_BPS));
    const best = quotes[0];
    if (best === undefined || (isBetter(side, farthest, best.ticks) && isBetter(side, wanted, best.ticks))) {
      this.place(side, wanted, this.sizeAt(0, fair), 0, nowMs);
    }
  }

  private fill(side: Side, fair: number, nowMs: number): void {
    const quotes = this.quotes[side];
    while (quotes.length > MAX_LEVELS) {
      this.market.engine.cancel(quotes.pop()!.orderId, nowMs);
    }
    const spacing = Math.max(1, Math.round((fair * SPACING_BPS) / 10_000 / this.market.listing.tick.value));
    while (quotes.length < MIN_LEVELS) {
      const last = quotes[quotes.length - 1];
      const gap = 1 + this.prng.below(2 * spacing);
      const first = this.ticksAt(side, this.priceAt(side, fair, QUOTE_BPS));
      const ticks = last === undefined ? first : last.ticks + (side === 'buy' ? -gap : gap);
      if (ticks <= 0) return;
      this.place(side, ticks, this.sizeAt(quotes.length, fair), quotes.length, nowMs);
    }
  }

  /** About two sizes per step and side change; the order is replaced and loses its place in time. */
  private churn(side: Side, nowMs: number): void {
    const quotes = this.quotes[side];
    const changes = this.prng.below(3);
    for (let i = 0; i < changes; i++) {
      const at = this.prng.below(quotes.length);
      const lots = this.sizeAt(at, this.market.listing.tick.value * (quotes[at]?.ticks ?? 1));
      if (quotes.length === 0 || (this.quoting.calm && at < CALM_LEVELS)) continue;
      const quote = quotes[at]!;
      if (at === 0 && this.quoting.front !== null) continue;
      this.market.engine.cancel(quote.orderId, nowMs);
      quote.orderId = this.submit(side, quote.ticks, lots, nowMs);
    }
  }

  private place(side: Side, ticks: number, lots: number, at: number, nowMs: number): void {
    this.quotes[side].splice(at, 0, { orderId: this.submit(side, ticks, lots, nowMs), ticks });
  }

  private submit(side: Side, priceTicks: number, lots: number, nowMs: number): number {
    const order = { account: MAKER, side, type: 'limit', priceTicks, lots } as const;
    return this.market.engine.submit(order, nowMs).orderId;
  }

  private cancelAll(nowMs: number): void {
    for (const side of SIDES) {
      for (const quote of this.quotes[side]) this.market.engine.cancel(quote.orderId, nowMs);
      this.quotes[side].length = 0;
    }
  }

  private priceAt(side: Side, fair: number, distanceBps: number): number {
    const offset =
      side === 'buy' ? this.quoting.bidOffsetBps - distanceBps : this.quoting.askOffsetBps + distanceBps;
    return fair * (1 + offset / 10_000);
  }

  /** Rounded away from the other side. */
  private ticksAt(side: Side, price: number): number {
    const ticks = price / this.market.listing.tick.value;
    return side === 'buy' ? Math.floor(ticks + 1e-9) : Math.ceil(ticks - 1e-9);
  }

  /** Deeper levels are larger. */
  private sizeAt(level: number, price: number): number {
    const notional = this.model.levelNotional * (0.4 + 1.2 * this.prng.next()) * (1 + 0.08 * level);
    return Math.max(
      this.market.listing.minLots,
      Math.floor(notional / price / this.market.listing.lot.value),
    );
  }
}

function isBetter(side: Side, ticks: number, than: number): boolean {
  return side === 'buy' ? ticks > than : ticks < than;
}
