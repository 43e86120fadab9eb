import type { ExchangeId, InstrumentId, PairId } from '../../messages/primitives.js';
import { deviationsOf } from './cross-exchange.js';
import { DepthCollapse } from './depth-collapse.js';
import { PriceBand } from './price-band.js';
import { ReturnScore } from './return-score.js';
import { Velocity } from './velocity.js';

/** What makes a market too wild to trade in. Shares are of 1: 0.05 = 5 %. */
export interface FlashLimits {
  /** Fall or rise within `windowMs`, share of the price. */
  readonly windowMs: number;
  readonly move: number;
  /** Last return against the usual ones, standard deviations … */
  readonly returnScore: number;
  /** … of at least this size, share. */
  readonly returnFloor: number;
  /** Half width of the band around the slow reference price, share. */
  readonly band: number;
  /** Distance from the median of all exchanges, share. */
  readonly deviation: number;
  /** Depth against the usual one. */
  readonly depthRatio: number;
  /** An alarm lasts this long after its last cause, ms. */
  readonly holdMs: number;
}

export type FlashDetector = 'velocity' | 'return' | 'band' | 'deviation' | 'depth';

/** A market that is too wild now. It stands until the watch no longer tells of it. */
export interface MarketAlarm {
  readonly detector: FlashDetector;
  readonly instrument: InstrumentId;
  readonly pair: PairId;
  /** As told in refusals. */
  readonly limit: string;
  readonly actual: string;
  readonly unit: string;
}

/** One market as the board shows it now; only trusted books with both sides are sampled. */
export interface MarketSample {
  readonly instrument: InstrumentId;
  readonly exchange: ExchangeId;
  readonly pair: PairId;
  readonly bid: number;
  readonly ask: number;
  /** Base quantity of the first levels of both sides together. */
  readonly depth: number;
  readonly ageMs: number;
}

const RETURN_LAMBDA = 0.94;
const RETURN_WARMUP = 20;
const DEPTH_LAMBDA = 0.99;
/** Depth is the rule; a spread that blows out alone moves the price, which the other detectors see. */
const NO_SPREAD_RATIO = Number.POSITIVE_INFINITY;
const BAND = {
  windowMs: 300_000,
  referenceMove: 0.01,
  referenceHoldMs: 30_000,
  limitStateMs: 15_000,
  pauseMs: 300_000,
};
/** After a gap this long the next price says nothing about the speed of the market. */
const GAP_MS = 2_000;
/** Older prices are no part of a median. */
const MEDIAN_AGE_MS = 5_000;
/** Markets of one pair that must be wild at once for the pair to be. */
const WILD_MARKETS = 2;
/** The moves of a pair, in contrast to what one exchange shows alone. */
const MOVES: ReadonlySet<FlashDetector> = new Set(['velocity', 'return', 'band']);

interface Watched {
  readonly velocity: Velocity;
  readonly score: ReturnScore;
  readonly band: PriceBand;
  readonly depth: DepthCollapse;
  sampledAtMs: number;
}

interface Standing {
  readonly alarm: MarketAlarm;
  untilMs: number;
}

/**
 * Flash-crash detection over all followed markets: fed with samples twice a second, never by a book's change, so that
 * the hot path does not know of it. float64 like the board: it judges the market, not money.
 */
export class MarketWatch {
  private readonly limits: FlashLimits;
  private readonly markets = new Map<InstrumentId, Watched>();
  private readonly standing = new Map<string, Standing>();

  constructor(limits: FlashLimits) {
    this.limits = limits;
  }

  sample(samples: readonly MarketSample[], nowMs: number): void {
    for (const sample of samples) this.watch(sample, nowMs);
    const byPair = new Map<PairId, MarketSample[]>();
    for (const sample of samples) {
      const same = byPair.get(sample.pair);
      if (same === undefined) byPair.set(sample.pair, [sample]);
      else same.push(sample);
    }
    for (const same of byPair.values()) this.compare(same, nowMs);
    for (const [key, { untilMs }] of this.standing) if (nowMs > untilMs) this.standing.delete(key);
  }

  /** Everything that stands, in the order in which it began. */
  alarms(): MarketAlarm[] {
    return [...this.standing.values()].map(({ alarm }) => alarm);
  }

  private watch(sample: MarketSample, nowMs: number): void {
    const { limits } = this;
    const market = this.marketOf(sample.instrument, nowMs);
    const mid = (sample.bid + sample.ask) / 2;
    if (nowMs - market.sampledAtMs > GAP_MS) market.score.breakOff();
    market.sampledAtMs = nowMs;
    const { trigger, drop, rise } = market.velocity.add(nowMs, mid);
    if (trigger !== null) {
      const moved = trigger === 'DOWN' ? drop : rise;
      this.raise(sample, 'velocity', limits.move, moved, `in ${limits.windowMs} ms`, nowMs);
    }
    const { trigger: isOutlier, z } = market.score.add(mid);
    if (isOutlier && z !== null)
      this.raise(sample, 'return', limits.returnScore, z, 'standard deviations', nowMs);
    const band = market.band.add(nowMs, mid);
    if (band.state !== 'NORMAL')
      this.raise(sample, 'band', limits.band, mid / band.ref - 1, 'of reference', nowMs);
    const depth = market.depth.add(sample.depth, ((sample.ask - sample.bid) / mid) * 10_000);
    if (depth.depthCollapse)
      this.raise(sample, 'depth', limits.depthRatio, depth.depthRatio ?? 0, 'of usual depth', nowMs);
  }

  private compare(samples: readonly MarketSample[], nowMs: number): void {
    const prices = samples.map(({ instrument, bid, ask, ageMs }) => ({
      id: instrument,
      price: (bid + ask) / 2,
      ageMs,
    }));
    const limits = { theta: this.limits.deviation, maxAgeMs: MEDIAN_AGE_MS };
    const { suspect, deviation } = deviationsOf(prices, limits);
    for (const sample of samples)
      if (suspect.includes(sample.instrument)) {
        const away = deviation.get(sample.instrument) ?? 0;
        this.raise(sample, 'deviation', limits.theta, away, 'of median', nowMs);
      }
  }

  private marketOf(instrument: InstrumentId, nowMs: number): Watched {
    const known = this.markets.get(instrument);
    if (known !== undefined) return known;
    const { windowMs, move, returnScore, returnFloor, band, depthRatio } = this.limits;
    const market = {
      velocity: new Velocity({ windowMs, drop: move, rise: move }),
      score: new ReturnScore({
        lambda: RETURN_LAMBDA,
        k: returnScore,
        warmup: RETURN_WARMUP,
        sigmaFloor: returnFloor,
      }),
      band: new PriceBand({ ...BAND, band }),
      depth: new DepthCollapse({ lambda: DEPTH_LAMBDA, depthRatio, spreadRatio: NO_SPREAD_RATIO }),
      sampledAtMs: nowMs,
    };
    this.markets.set(instrument, market);
    return market;
  }

  private raise(
    { instrument, pair }: MarketSample,
    detector: FlashDetector,
    limit: number,
    actual: number,
    unit: string,
    nowMs: number,
  ): void {
    const key = `${detector}|${instrument}`;
    const untilMs = nowMs + this.limits.holdMs;
    const known = this.standing.get(key);
    // The first cause is what is told as long as the alarm stands.
    if (known !== undefined) known.untilMs = untilMs;
    else {
      const alarm = { detector, instrument, pair, limit: String(limit), actual: actual.toPrecision(6), unit };
      this.standing.set(key, { alarm, untilMs });
    }
  }
}

/** Pairs that move wildly on several exchanges at once. */
export function wildPairs(alarms: readonly MarketAlarm[]): PairId[] {
  const markets = new Map<PairId, Set<InstrumentId>>();
  for (const { detector, pair, instrument } of alarms) {
    if (!MOVES.has(detector)) continue;
    const known = markets.get(pair) ?? new Set();
    markets.set(pair, known.add(instrument));
  }
  return [...markets].flatMap(([pair, wild]) => (wild.size >= WILD_MARKETS ? [pair] : []));
}
