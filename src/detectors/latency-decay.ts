import { ArbotError } from '../messages/errors.js';
import type { ExchangeId, ModeName, PairId } from '../messages/primitives.js';

/**
 * How much of an edge is gone when the orders arrive (TRADING §3). Learned from recorded books, where an edge that opens is looked at
 * again one exchange-to-fill latency later, or from what live fills lost. Never from paper: its fills are made of the same books
 * by our own assumptions, and would only confirm them.
 */
export interface DecayRoute {
  readonly pair: PairId;
  readonly buyOn: ExchangeId;
  readonly sellOn: ExchangeId;
}

export interface LearnedDecay extends DecayRoute {
  /** To charge, bps of the buy notional: the mean loss and one standard error of it, at least 0. */
  readonly bps: number;
  readonly meanBps: number;
  /** Edges that it was learned from. */
  readonly samples: number;
  /** Exchange-to-fill latency that it stands for, ms. */
  readonly latencyMs: number;
}

/** Best quotes of one market over time, oldest first. Times are those of receipt, ms. */
export interface QuoteSeries {
  readonly times: ArrayLike<number>;
  readonly bids: ArrayLike<number>;
  readonly asks: ArrayLike<number>;
}

export interface DecayQuestion {
  /** From the exchange's time of the quote to the fill, ms. */
  readonly latencyMs: number;
  /** An edge opens when it reaches this, bps before fees; below it nothing would have been sent. */
  readonly floorBps: number;
  /** A market that showed nothing for so long says nothing either, ms. */
  readonly maxGapMs: number;
  /** Fewer edges teach nothing. */
  readonly minSamples: number;
}

/** A loss of this many standard errors more than the mean is charged. */
const CAUTION = 1;

/**
 * The losses of edges on recorded books, bps: at each opening what the edge was less what it was `latencyMs` later. The later book is
 * the first that was seen at or after that time, so that sparse recordings overstate the loss and never hide it. One sample per
 * life of an edge, as one life is traded once.
 */
export function bookLosses(buy: QuoteSeries, sell: QuoteSeries, question: DecayQuestion): number[] {
  const { latencyMs, floorBps, maxGapMs } = question;
  const losses: number[] = [];
  const later = { buy: 0, sell: 0 };
  let isOpen = false;
  for (let b = 0, s = 0; b < buy.times.length || s < sell.times.length;) {
    const atMs = Math.min(timeAt(buy, b), timeAt(sell, s));
    while (timeAt(buy, b) <= atMs) b++;
    while (timeAt(sell, s) <= atMs) s++;
    if (b === 0 || s === 0) continue;
    const isFresh = atMs - buy.times[b - 1]! <= maxGapMs && atMs - sell.times[s - 1]! <= maxGapMs;
    const edge = isFresh ? edgeBps(buy.asks[b - 1]!, sell.bids[s - 1]!) : NaN;
    if (!(edge >= floorBps)) {
      isOpen = false;
      continue;
    }
    if (isOpen) continue;
    isOpen = true;
    const dueMs = atMs + latencyMs;
    later.buy = firstFrom(buy, dueMs, Math.max(later.buy, b - 1));
    later.sell = firstFrom(sell, dueMs, Math.max(later.sell, s - 1));
    const ask = seenAt(buy, later.buy, dueMs, maxGapMs);
    const bid = seenAt(sell, later.sell, dueMs, maxGapMs);
    if (ask !== null && bid !== null) losses.push(edge - edgeBps(buy.asks[ask]!, sell.bids[bid]!));
  }
  return losses;
}

const timeAt = (series: QuoteSeries, index: number): number => series.times[index] ?? Infinity;
const edgeBps = (ask: number, bid: number): number => (bid / ask - 1) * 1e4;

/** Index of the first quote at or after a time, from an index on; the length where there is none. */
function firstFrom(series: QuoteSeries, atMs: number, from: number): number {
  let index = from;
  while (index < series.times.length && series.times[index]! < atMs) index++;
  return index;
}

/** The quote at or after the time, else the one before where the series ends; null when neither is near. */
function seenAt(series: QuoteSeries, index: number, atMs: number, maxGapMs: number): number | null {
  const nearest = index < series.times.length ? index : index - 1;
  const time = series.times[nearest];
  return time !== undefined && Math.abs(time - atMs) <= maxGapMs ? nearest : null;
}

/** Null when there are too few. */
export function decayOf(
  route: DecayRoute,
  losses: readonly number[],
  { latencyMs, minSamples }: Pick<DecayQuestion, 'latencyMs' | 'minSamples'>,
): LearnedDecay | null {
  const samples = losses.length;
  if (samples < Math.max(2, minSamples)) return null;
  const mean = losses.reduce((sum, loss) => sum + loss, 0) / samples;
  const variance = losses.reduce((sum, loss) => sum + (loss - mean) ** 2, 0) / (samples - 1);
  const bps = Math.max(0, mean + CAUTION * Math.sqrt(variance / samples));
  return { ...route, bps: rounded(bps), meanBps: rounded(mean), samples, latencyMs: Math.round(latencyMs) };
}

/** Up, to a thousandth: what is charged is a decimal of few digits. */
const rounded = (bps: number): number => Math.ceil(bps * 1e3) / 1e3;

/** What one arbitrage with live fills lost between decision and matching, and from what notional. */
export interface FillLoss extends DecayRoute {
  /** Quote, positive = lost: price move and latency of the attribution, without what the signal had set aside. */
  readonly lost: number;
  readonly notional: number;
  readonly latencyMs: number;
}

/** Losses of live fills; nothing else can be one. */
export interface LiveFillLosses {
  readonly provenance: 'live-fills';
  readonly losses: readonly FillLoss[];
}

/** @throws ArbotError ARB_MODE_MIXED for fills of any other mode: paper, simulated and replayed fills teach nothing. */
export function liveFillLosses(mode: ModeName, losses: readonly FillLoss[]): LiveFillLosses {
  if (mode !== 'LIVE')
    throw new ArbotError('ARB_MODE_MIXED', `latency decay is learned from live fills, never from ${mode}`);
  return { provenance: 'live-fills', losses };
}

/** One answer per direction with enough live fills. */
export function decayFromFills({ losses }: LiveFillLosses, minSamples: number): LearnedDecay[] {
  const byRoute = new Map<string, FillLoss[]>();
  for (const loss of losses) {
    if (!(loss.notional > 0)) continue;
    const key = decayKey(loss);
    const known = byRoute.get(key);
    if (known === undefined) byRoute.set(key, [loss]);
    else known.push(loss);
  }
  return [...byRoute.values()].flatMap((own) => {
    const { pair, buyOn, sellOn } = own[0]!;
    const latencyMs = own.reduce((sum, one) => sum + one.latencyMs, 0) / own.length;
    const bps = own.map(({ lost, notional }) => (lost / notional) * 1e4);
    const learned = decayOf({ pair, buyOn, sellOn }, bps, { latencyMs, minSamples });
    return learned === null ? [] : [learned];
  });
}

const decayKey = ({ pair, buyOn, sellOn }: DecayRoute): string => `${pair} ${buyOn} ${sellOn}`;

/** What was learned, for the detector. Filled before it starts. */
export class LearnedDecays {
  private known = new Map<string, LearnedDecay>();

  set(decays: readonly LearnedDecay[]): void {
    this.known = new Map(decays.map((one) => [decayKey(one), one]));
  }

  all(): readonly LearnedDecay[] {
    return [...this.known.values()];
  }

  /** Bps to charge; null where nothing was learned. */
  bpsOf(pair: PairId, buyOn: ExchangeId, sellOn: ExchangeId): number | null {
    return this.known.get(decayKey({ pair, buyOn, sellOn }))?.bps ?? null;
  }
}
