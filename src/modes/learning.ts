import type { TradingConfig } from '../config/index.js';
import {
  bookLosses,
  decayFromFills,
  decayOf,
  liveFillLosses,
  type DecayQuestion,
  type DecayRoute,
  type FillLoss,
  type LearnedDecay,
  type QuoteSeries,
} from '../detectors/latency-decay.js';
import type { ExchangeId, InstrumentId, ModeName } from '../messages/primitives.js';
import type { ArbitrageClosed } from '../messages/order.js';
import type { Signal } from '../messages/signal.js';
import type { JournalledOrder, Stores } from '../ports/stores.js';
import type { TickStore, TimeRange } from '../ports/tick-store.js';
import { enabledExchanges, tradedPairs } from './parameters.js';

/** Rows asked for at once, and kept of one market: a day and more at ten a second. */
const PAGE = 100_000;
const MOST_ROWS = 2_000_000;
/** Arbitrages and signals that are looked at, newest first. */
const LOOK_BACK = 500;
/** Fewer measurements are no distribution. */
const MIN_MEASURED = 10;
const QUANTILE = 0.9;

export interface LearnParts {
  readonly trading: TradingConfig;
  readonly ticks: Pick<TickStore, 'books'>;
  readonly range: TimeRange;
  readonly question: Omit<DecayQuestion, 'latencyMs'>;
  /** Exchange-to-fill latency of a direction, ms. */
  readonly latencyOf: (route: DecayRoute) => number;
}

/** The directions that the file trades. */
export function decayRoutes(trading: TradingConfig): DecayRoute[] {
  const exchanges = enabledExchanges(trading).map(([name]) => name);
  return tradedPairs(trading).flatMap(({ pair, directions }) => {
    const routes = exchanges.flatMap((buyOn) =>
      exchanges.filter((sellOn) => sellOn !== buyOn).map((sellOn) => ({ pair, buyOn, sellOn })),
    );
    return directions === 'all'
      ? routes
      : routes.filter((route) =>
          directions.some(({ buy, sell }) => buy === route.buyOn && sell === route.sellOn),
        );
  });
}

/** What recorded books teach of every direction; one pair in memory at a time. Rejects with what the tick store says. */
export async function learnFromBooks(parts: LearnParts): Promise<LearnedDecay[]> {
  const { trading, ticks, range, question, latencyOf } = parts;
  const learned: LearnedDecay[] = [];
  const routes = decayRoutes(trading);
  for (const pair of new Set(routes.map((route) => route.pair))) {
    const own = routes.filter((route) => route.pair === pair);
    const series = new Map<ExchangeId, QuoteSeries>();
    for (const exchange of new Set(own.flatMap(({ buyOn, sellOn }) => [buyOn, sellOn])))
      series.set(exchange, await quotesOf(ticks, `${exchange}:${pair}`, range));
    for (const route of own) {
      const asked = { ...question, latencyMs: latencyOf(route) };
      const losses = bookLosses(series.get(route.buyOn)!, series.get(route.sellOn)!, asked);
      const decay = decayOf(route, losses, asked);
      if (decay !== null) learned.push(decay);
    }
  }
  return learned;
}

/** Best quotes of what was recorded of a market, by time of receipt. */
async function quotesOf(
  ticks: Pick<TickStore, 'books'>,
  instrument: InstrumentId,
  { fromMs, toMs }: TimeRange,
): Promise<QuoteSeries> {
  const [times, bids, asks]: number[][] = [[], [], []];
  for (let from = fromMs; from < toMs && times!.length < MOST_ROWS;) {
    const rows = await ticks.books(instrument, { fromMs: from, toMs }, PAGE);
    const newest = times!.at(-1) ?? -Infinity;
    for (const row of rows) {
      if (row.receiveTimeMs <= newest) continue;
      times!.push(row.receiveTimeMs);
      bids!.push(row.bidPrices[0] ?? NaN);
      asks!.push(row.askPrices[0] ?? NaN);
    }
    const last = times!.at(-1) ?? -Infinity;
    if (rows.length < PAGE || last === newest) break;
    from = last;
  }
  return { times: Float64Array.from(times!), bids: Float64Array.from(bids!), asks: Float64Array.from(asks!) };
}

/** What the stores remember of trades, to measure on. */
export interface TradeEvidence {
  readonly mode: ModeName;
  readonly closed: readonly ArbitrageClosed[];
  readonly orders: readonly JournalledOrder[];
  /** By signal id. */
  readonly signals: ReadonlyMap<string, Signal>;
}

export async function tradeEvidence(
  stores: Pick<Stores, 'trades' | 'signals'>,
  mode: ModeName,
): Promise<TradeEvidence> {
  const closed = await stores.trades.recentArbitrages(LOOK_BACK);
  const orders = await stores.trades.ordersOf(closed.map(({ arbitrageId }) => arbitrageId));
  const signals = await stores.signals.recentSignals(LOOK_BACK);
  return {
    ...{ mode, closed, orders },
    signals: new Map(signals.map(({ signal }) => [signal.signalId, signal])),
  };
}

const keyOf = ({ pair, buyOn, sellOn }: DecayRoute): string => `${pair} ${buyOn} ${sellOn}`;
const routeOf = ({ pair, buyExchange, sellExchange }: ArbitrageClosed): DecayRoute => ({
  ...{ pair, buyOn: buyExchange, sellOn: sellExchange },
});

/**
 * How long it takes from the exchange's time of a quote to the fill, ms: the 90th percentile of what live and simulated fills took
 * on that direction. Where too few are known, and on paper, whose orders take what the file says, it is the measured way to the signal
 * and the slower exchange's `paperLatency.p99Ms`.
 */
export function exchangeToFill(
  trading: TradingConfig,
  evidence: TradeEvidence,
): (route: DecayRoute) => number {
  const fills = new Map<string, number[]>();
  for (const closed of evidence.mode === 'PAPER' ? [] : evidence.closed) {
    const tookMs = fillLatency(closed, evidence);
    if (tookMs === null) continue;
    const key = keyOf(routeOf(closed));
    fills.set(key, [...(fills.get(key) ?? []), tookMs]);
  }
  const toSignal = [...evidence.signals.values()].map(({ exchangeToSignalMs }) =>
    Math.max(0, exchangeToSignalMs),
  );
  const wayOf = (exchange: ExchangeId): number => trading.exchanges[exchange]?.paperLatency.p99Ms ?? 0;
  return (route) => {
    const measured = fills.get(keyOf(route)) ?? [];
    if (measured.length >= MIN_MEASURED) return quantile(measured);
    return (
      (toSignal.length === 0 ? 0 : quantile(toSignal)) + Math.max(wayOf(route.buyOn), wayOf(route.sellOn))
    );
  };
}

/** From the older quote to the last fill of the planned orders, exchange time; null when it is not known. */
function fillLatency(
  { arbitrageId, signalId }: ArbitrageClosed,
  { orders, signals }: TradeEvidence,
): number | null {
  const signal = signals.get(signalId);
  if (signal === undefined) return null;
  const took = orders
    .filter(({ leg }) => leg.arbitrageId === arbitrageId && leg.attempt === 0)
    .flatMap(({ leg, result }) => {
      const planned = signal.legs[leg.legIndex];
      return planned === undefined
        ? []
        : (result?.fills ?? []).map(({ exchangeTimeMs }) => exchangeTimeMs - planned.exchangeTimeMs);
    });
  return took.length === 0 ? null : Math.max(0, ...took);
}

const quantile = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(QUANTILE * sorted.length) - 1)]!;
};

/** @throws ArbotError ARB_MODE_MIXED for fills that are not live. */
export function learnFromFills(evidence: TradeEvidence, minSamples: number): LearnedDecay[] {
  const losses = evidence.closed.flatMap((closed): FillLoss[] => {
    const signal = evidence.signals.get(closed.signalId);
    const share = signal === undefined ? 0 : filledShare(closed, signal);
    if (signal === undefined || closed.attribution === undefined || !(share > 0)) return [];
    const { latency, priceMove } = closed.attribution;
    // What the signal had set aside is in the attribution's latency as a gain.
    const lost = share * Number(signal.edge.latencyDecay) - Number(latency) - Number(priceMove);
    const latencyMs = fillLatency(closed, evidence) ?? 0;
    return [{ ...routeOf(closed), lost, notional: share * Number(signal.notional), latencyMs }];
  });
  return decayFromFills(liveFillLosses(evidence.mode, losses), minSamples);
}

const filledShare = ({ boughtQuantity, soldQuantity }: ArbitrageClosed, { quantity }: Signal): number =>
  Math.min(1, Number(boughtQuantity) / Number(quantity), Number(soldQuantity) / Number(quantity));
