import type { FeedState } from '../messages/feed.js';
import type { ExchangeId } from '../messages/primitives.js';
import { percentileOf, type RecentValues } from './feed-meters.js';
import type { SymbolFeed } from './feed-symbol.js';

/** Counters of one connection; each adds up over the connections of an exchange. */
export interface FeedFigures {
  readonly connections: number;
  readonly reconnects: number;
  readonly frames: number;
  readonly framesPerSecond: number;
  readonly gaps: number;
  readonly resyncs: number;
  readonly [counter: string]: number;
}

export interface FeedPicture {
  /** Monotonic ms at which the connection last proved alive. */
  readonly aliveMs: number;
  readonly latency: RecentValues;
  readonly lastError: string;
  readonly symbols: readonly SymbolFeed[];
}

/** Everything inspection shows of an exchange's feed; JSON-safe, bounded by the number of instruments. */
export type FeedSummary = Readonly<Record<string, unknown>>;

export interface SummaryParts {
  readonly exchange: ExchangeId;
  readonly state: FeedState;
  readonly feeds: readonly { readonly picture: FeedPicture; figures(nowMs: number): FeedFigures }[];
  /** How often the exchange asked for silence. */
  readonly restBlocked: number;
  /** Frames that the JSON decoder read, by channel. */
  readonly fallbacks: Readonly<Record<string, number>>;
  readonly nowMs: number;
}

export function summaryOf(parts: SummaryParts): FeedSummary {
  const { exchange, state, feeds, restBlocked, fallbacks, nowMs } = parts;
  const pictures = feeds.map(({ picture }) => picture);
  const totals = summed(feeds.map((feed) => feed.figures(nowMs)));
  const latencies = pictures.map(({ latency }) => latency);
  return {
    exchange,
    state,
    epoch: Math.max(0, ...pictures.flatMap(({ symbols }) => symbols.map(({ epoch }) => epoch ?? 0))),
    // The connection that has been silent longest.
    sinceAliveMs: Math.round(nowMs - Math.min(...pictures.map(({ aliveMs }) => aliveMs))),
    ...totals,
    framesPerSecond: Math.round((totals['framesPerSecond'] ?? 0) * 10) / 10,
    latencyP50Ms: percentileOf(latencies, 0.5),
    latencyP99Ms: percentileOf(latencies, 0.99),
    restBlocked,
    fallbacks,
    lastError: pictures.find(({ lastError }) => lastError !== '')?.lastError ?? '',
    symbols: pictures.flatMap(({ symbols }) => symbols.map((symbol) => symbol.summary(nowMs))),
  };
}

function summed(figures: readonly FeedFigures[]): Record<string, number> {
  const totals: Record<string, number> = {};
  for (const one of figures)
    for (const [name, value] of Object.entries(one)) totals[name] = (totals[name] ?? 0) + value;
  return totals;
}
