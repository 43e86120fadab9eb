import type { Connector, InstrumentList, ListedMarket } from '../connectors/base.js';
import { restLimiterOf } from '../connectors/limit-answers.js';
import type { RateLimiter } from '../connectors/rate-limiter.js';
import { callRest, loadDetails, type RestContext } from '../connectors/rest-client.js';
import type { Instrument } from '../market/instrument.js';
import { errorText } from '../messages/errors.js';
import type { ExchangeId, PairId } from '../messages/primitives.js';
import type { Compute } from '../ports/compute.js';
import type { Logger } from '../ports/log.js';
import type { HttpClient } from '../ports/network.js';
import type { Clock, Timers } from '../ports/time.js';
import type { ReadMarketsInput } from './compute-tasks.js';
import {
  isWantedMarket,
  readMarketList,
  type MarketAnswers,
  type MarketList,
  type WantedMarkets,
} from './market-list.js';

/** Up to here a list is read at once: it takes a few milliseconds, and crossing to a thread is not free. */
const READ_AT_ONCE_BYTES = 256 << 10;

/** What one exchange lists of what is wanted. */
export interface ExchangeMarkets {
  readonly connector: Connector;
  /** Shared by everything that calls this exchange. */
  readonly limiter: RateLimiter;
  readonly instruments: readonly Instrument[];
}

export interface InstrumentLoading {
  readonly http: HttpClient;
  readonly time: Clock & Timers;
  readonly log: Logger;
  /** Reads long lists, so that an exchange that joins late costs the others no pause. */
  readonly compute: Compute;
  /** What to keep of the exchange's list. */
  readonly wanted: Wanted;
  readonly adjust: (instrument: Instrument) => Instrument;
  /** Gets the exchange's answer as received, so that a recording holds the rules its frames were read by. */
  readonly onAnswer?: (exchange: ExchangeId, url: string, body: Buffer) => void;
}

export type Wanted =
  | { readonly by: 'pair'; readonly pairs: readonly PairId[] }
  | {
      readonly by: 'symbol';
      readonly symbols: ReadonlyMap<ExchangeId, readonly string[]>;
      /** What the trader's blacklist leaves. */
      readonly allowed: (pair: PairId) => boolean;
    };

/** Loads one exchange's instruments once. Rejects with what the exchange, the network or the computation said. */
export async function loadMarkets(
  connector: Connector,
  limiter: RateLimiter,
  loading: InstrumentLoading,
): Promise<ExchangeMarkets> {
  const { http, time, log, adjust } = loading;
  const { endpoints, exchange } = connector;
  const onAnswer = (url: string, body: Buffer) => loading.onAnswer?.(exchange, url, body);
  const context = { connector, endpoints, http, limiter, clock: time, timers: time, onAnswer };
  const { listed, wanted, refused, refusedCount } = await askMarkets(context, null, loading);
  if (refusedCount > 0) log.warn({ exchange, refused, count: refusedCount }, 'markets refused');
  const instruments = wanted.filter((one) => isAllowed(one, loading.wanted)).map(adjust);
  log.info({ exchange, listed, followed: instruments.length }, 'instruments loaded');
  return { connector, limiter, instruments };
}

/** What an exchange lists now of what is wanted; `symbols` narrows the question, null = its whole list. */
export async function refreshMarkets(
  rest: RestContext,
  symbols: readonly string[] | null,
  loading: InstrumentLoading,
): Promise<InstrumentList> {
  const { wanted, refused } = await askMarkets(rest, symbols, loading);
  return { instruments: wanted.filter((one) => isAllowed(one, loading.wanted)).map(loading.adjust), refused };
}

async function askMarkets(
  rest: RestContext,
  symbols: readonly string[] | null,
  { wanted, compute }: InstrumentLoading,
): Promise<MarketList> {
  const { connector } = rest;
  const names = namesWanted(wanted, connector.exchange);
  const list = await callRest(rest, connector.rest.instruments(symbols));
  const isWanted = (market: ListedMarket): boolean => isWantedMarket(connector.exchange, market, names);
  const { asked, answers: details } = await loadDetails(rest, list, isWanted);
  return readList(connector, { list, asked, details }, names, compute);
}

const namesWanted = (wanted: Wanted, exchange: ExchangeId): WantedMarkets =>
  wanted.by === 'pair' ? wanted : { by: 'symbol', symbols: wanted.symbols.get(exchange) ?? [] };

async function readList(
  connector: Connector,
  answers: MarketAnswers,
  wanted: WantedMarkets,
  compute: Compute,
): Promise<MarketList> {
  const { exchange } = connector;
  // A recording's connector is fitted to what was recorded, which a thread would not know; nothing flows yet that could wait.
  const isFitted = wanted.by === 'symbol';
  if (isFitted || answers.list.length <= READ_AT_ONCE_BYTES)
    return readMarketList(connector, answers, wanted);
  return compute.run<ReadMarketsInput, MarketList>('readMarkets', { exchange, answers, wanted });
}

const isAllowed = (instrument: Instrument, wanted: Wanted): boolean =>
  wanted.by === 'pair' || wanted.allowed(instrument.pair);

/**
 * Loads all exchanges, trying those that fail again until the deadline; what has not answered by then is left out and named,
 * and its caller tries again later.
 */
export async function loadAllMarkets(
  connectors: readonly Connector[],
  loading: InstrumentLoading,
  patience: { readonly withinMs: number; readonly pauseMs: number },
): Promise<{ readonly loaded: ExchangeMarkets[]; readonly missing: Connector[] }> {
  const { time, log } = loading;
  const deadlineMs = time.monotonicMs() + patience.withinMs;
  const tryUntilDeadline = async (connector: Connector): Promise<ExchangeMarkets | null> => {
    const limiter = restLimiterOf(connector);
    for (;;) {
      try {
        return await loadMarkets(connector, limiter, loading);
      } catch (error) {
        log.warn({ exchange: connector.exchange, error: errorText(error) }, 'instruments are not available');
        if (time.monotonicMs() + patience.pauseMs > deadlineMs) return null;
        await new Promise<void>((resolve) => time.setTimer(resolve, patience.pauseMs));
      }
    }
  };
  const results = await Promise.all(connectors.map(tryUntilDeadline));
  return {
    loaded: results.filter((one) => one !== null),
    missing: connectors.filter((_, index) => results[index] === null),
  };
}
