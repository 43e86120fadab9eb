import { ArbotError, invariant } from '../messages/errors.js';
import type { PairId } from '../messages/primitives.js';
import { cycleGrounds } from './cycle-plants.js';
import {
  CROSS_PAIRS,
  DEFAULT_PAIRS,
  dollarPairsOf,
  listingOf,
  lists,
  pairModel,
  DEFAULT_EXCHANGES,
  type SimulatedExchange,
} from './listings.js';
import { SimulatedMarket } from './market.js';
import { MarketMaker, NORMAL_QUOTING, type Quoting } from './market-maker.js';
import { Oracle } from './oracle.js';
import { DEFAULT_PLANTS, PlantDirector, type PlantSettings, type PlantStage } from './plants.js';
import { checkTies, type PriceTie } from './price-ties.js';
import { groundsOf } from './plant-sites.js';
import { PriceWorld } from './price-world.js';
import { Prng } from './prng.js';

export interface WorldOptions {
  readonly seed: number;
  /** World time at the start, Unix ms; whole steps are counted from here. */
  readonly startMs: number;
  readonly exchanges?: readonly SimulatedExchange[];
  readonly pairs?: readonly PairId[];
  /** World ms per step, 10 to 1000. */
  readonly stepMs?: number;
  readonly plants?: PlantSettings;
  /** Pairs whose prices belong together; absent = every pair walks by itself. */
  readonly ties?: readonly PriceTie[];
}

/** Something that follows the world: the face of one exchange. */
export interface WorldFollower {
  readonly exchange: SimulatedExchange;
  /** The markets have moved to `nowMs`; publish what changed. */
  onStep(nowMs: number): void;
  /** Time passed without steps; heartbeats and idle limits must not count it against anybody. */
  onJump(byMs: number): void;
  delayFrames(pair: PairId, sinceMs: number, growth: number, maxDelayMs: number): void;
  stopDelay(pair: PairId): void;
}

/** The steps that one call of `advanceTo` makes at most; a caller that is further behind calls again. */
const MAX_STEPS_PER_CALL = 5_000;

/** Wider than any plant moves a dollar market. */
const CROSS_ASIDE: Quoting = { bidOffsetBps: -1_500, askOffsetBps: 1_500, front: null, calm: true };

interface Site {
  readonly market: SimulatedMarket;
  readonly maker: MarketMaker;
}

/**
 * All markets of all exchanges, moved in fixed steps of world time. It has no clock of its own and no I/O: whoever holds it
 * says how far to go. Equal options and equal calls give equal worlds; readers cannot influence it.
 */
export class SimulatedWorld implements PlantStage {
  readonly stepMs: number;
  readonly exchanges: readonly SimulatedExchange[];
  readonly pairs: readonly PairId[];
  readonly oracle: Oracle;
  private readonly prices: PriceWorld;
  private readonly sites = new Map<string, Site>();
  private readonly director: PlantDirector;
  private readonly followers: WorldFollower[] = [];
  /** Dollar pairs on which a plant is under way. */
  private readonly planted = new Set<PairId>();
  private timeMs: number;

  /** Throws ARB_CONFIG_INVALID for unknown pairs and bad step lengths. */
  constructor(options: WorldOptions) {
    this.stepMs = options.stepMs ?? 100;
    if (!Number.isInteger(this.stepMs) || this.stepMs < 10 || this.stepMs > 1_000) {
      throw new ArbotError(
        'ARB_CONFIG_INVALID',
        `stepMs ${this.stepMs} is not a whole number from 10 to 1000`,
      );
    }
    this.exchanges = options.exchanges ?? DEFAULT_EXCHANGES;
    this.pairs = options.pairs ?? DEFAULT_PAIRS;
    this.timeMs = options.startMs;
    const { ties = [] } = options;
    checkTies(ties, this.pairs);
    this.oracle = new Oracle(() => this.timeMs, ties);
    this.prices = new PriceWorld(options.seed, this.exchanges, this.pairs, { ties, stepMs: this.stepMs });
    this.openMarkets(options.seed);
    const plants = options.plants ?? DEFAULT_PLANTS;
    this.director = new PlantDirector(
      options.seed,
      plants,
      {
        pairs: groundsOf(
          this.pairs,
          (pair) => this.exchangesOf(pair),
          plants.bridged === true ? { dollar: 'USDT', local: 'KRW' } : null,
        ),
        cycles: cycleGrounds(this.pairs, (pair) => this.exchangesOf(pair)),
      },
      this,
      this.oracle,
      options.startMs,
    );
  }

  /** World time, Unix ms. */
  get nowMs(): number {
    return this.timeMs;
  }

  /** Followers are told after each step, in the order in which they were added. */
  follow(follower: WorldFollower): void {
    this.followers.push(follower);
  }

  /**
   * Steps until less than one step is missing to `ms`. Returns true when it arrived, false when more calls are needed.
   * `isLate` = readers get these steps late, so that plants alive in them become void.
   */
  advanceTo(ms: number, isLate = false): boolean {
    for (let steps = 0; this.timeMs + this.stepMs <= ms; steps++) {
      if (steps === MAX_STEPS_PER_CALL) return false;
      this.step(isLate);
    }
    return true;
  }

  /** Time passes without anything happening, as when the machine slept. Plants under way become void. */
  jumpTo(ms: number): void {
    const steps = Math.floor((ms - this.timeMs) / this.stepMs);
    if (steps <= 0) return;
    const byMs = steps * this.stepMs;
    this.timeMs += byMs;
    for (const follower of this.followers) follower.onJump(byMs);
    this.director.abandon(this.timeMs);
  }

  market(exchange: SimulatedExchange, pair: PairId): SimulatedMarket {
    return this.site(exchange, pair).market;
  }

  /** The markets of one exchange, in the order of the pairs. */
  marketsOf(exchange: SimulatedExchange): SimulatedMarket[] {
    return this.pairs.flatMap((pair) => this.sites.get(`${exchange}:${pair}`)?.market ?? []);
  }

  /** The exchanges that have a market of this pair. */
  exchangesOf(pair: PairId): readonly SimulatedExchange[] {
    return this.exchanges.filter((exchange) => lists(exchange, pair));
  }

  /** Won for one USDT now, premium included: what the won pairs are worth in dollars. */
  get wonPerUsdt(): number {
    return this.prices.wonPerUsdt;
  }

  /** Where the spread of a tied pair is drawn to now, basis points; null = it is tied to nothing. */
  spreadBps(pair: PairId): number | null {
    return this.prices.spreadBps(pair);
  }

  fair(exchange: SimulatedExchange, pair: PairId): number {
    return this.prices.fair(exchange, pair);
  }

  requote(exchange: SimulatedExchange, pair: PairId, quoting: Quoting): void {
    this.site(exchange, pair).maker.requote(quoting, this.fair(exchange, pair), this.timeMs);
  }

  setCalm(pair: PairId, calm: boolean): void {
    for (const exchange of this.exchangesOf(pair)) this.site(exchange, pair).maker.setCalm(calm);
  }

  setCrossesAside(pair: PairId, aside: boolean): void {
    if (aside) this.planted.add(pair);
    else this.planted.delete(pair);
    for (const cross of this.pairs) {
      if (!CROSS_PAIRS.includes(cross) || !dollarPairsOf(cross).includes(pair)) continue;
      const isAside = dollarPairsOf(cross).some((dollar) => this.planted.has(dollar));
      for (const exchange of this.exchangesOf(cross))
        this.requote(exchange, cross, isAside ? CROSS_ASIDE : NORMAL_QUOTING);
    }
  }

  hold(pair: PairId): void {
    this.prices.hold(pair);
  }

  drift(pair: PairId, bpsPerStep: number): void {
    this.prices.drift(pair, bpsPerStep);
  }

  release(pair: PairId): void {
    this.prices.release(pair);
  }

  delayFrames(exchange: SimulatedExchange, pair: PairId, growth: number, maxDelayMs: number): void {
    for (const follower of this.followers) {
      if (follower.exchange === exchange) follower.delayFrames(pair, this.timeMs, growth, maxDelayMs);
    }
  }

  stopDelay(exchange: SimulatedExchange, pair: PairId): void {
    for (const follower of this.followers) {
      if (follower.exchange === exchange) follower.stopDelay(pair);
    }
  }

  private step(isLate: boolean): void {
    this.timeMs += this.stepMs;
    this.prices.step();
    // Makers first: they follow the new prices. A plant then overrules them, so that it is seen whole or not at all.
    for (const { market, maker } of this.sites.values()) {
      const { exchange, pair } = market.listing;
      maker.step(this.fair(exchange, pair), this.timeMs);
    }
    this.director.step(this.timeMs, isLate);
    for (const follower of this.followers) follower.onStep(this.timeMs);
    this.dropTapes();
  }

  /** Trades that no follower asked for are not kept. */
  private dropTapes(): void {
    for (const { market } of this.sites.values()) market.takeTape();
  }

  private openMarkets(seed: number): void {
    for (const pair of this.pairs) {
      if (this.exchangesOf(pair).length === 0)
        throw new ArbotError('ARB_CONFIG_INVALID', `none of ${this.exchanges.join(', ')} lists ${pair}`);
    }
    for (const exchange of this.exchanges) {
      for (const pair of this.pairs.filter((candidate) => lists(exchange, candidate))) {
        const listing = listingOf(exchange, pair);
        const fair = this.prices.fair(exchange, pair);
        const market = new SimulatedMarket(listing, Math.round(fair / listing.tick.value));
        const maker = new MarketMaker(market, pairModel(pair), Prng.of(seed, `maker/${exchange}/${pair}`));
        maker.requote(NORMAL_QUOTING, fair, this.timeMs);
        this.sites.set(`${exchange}:${pair}`, { market, maker });
      }
    }
  }

  private site(exchange: SimulatedExchange, pair: PairId): Site {
    const site = this.sites.get(`${exchange}:${pair}`);
    invariant(site !== undefined, `no market for ${pair} on ${exchange}`);
    return site;
  }
}
