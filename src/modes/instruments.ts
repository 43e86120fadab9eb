import type { Connector } from '../connectors/base.js';
import { RateLimiter } from '../connectors/rate-limiter.js';
import { loadInstruments } from '../connectors/rest-client.js';
import type { AssetRegistry } from '../market/asset-registry.js';
import type { Instrument } from '../market/instrument.js';
import { errorText } from '../messages/errors.js';
import type { ExchangeId, PairId } from '../messages/primitives.js';
import type { Logger } from '../ports/log.js';
import type { HttpClient } from '../ports/network.js';
import type { Clock, Timers } from '../ports/time.js';

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
  readonly registry: AssetRegistry;
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

/** Loads one exchange's instruments once. Rejects with what the exchange or the network said. */
export async function loadMarkets(
  connector: Connector,
  limiter: RateLimiter,
  loading: InstrumentLoading,
): Promise<ExchangeMarkets> {
  const { http, time, registry, log, wanted, adjust } = loading;
  const { endpoints, exchange: name } = connector;
  const onAnswer = (url: string, body: Buffer) => loading.onAnswer?.(name, url, body);
  const context = { connector, endpoints, http, limiter, clock: time, timers: time, onAnswer };
  const list = await loadInstruments(context, (exchange, base, quote) =>
    registry.resolveMarket(exchange, base, quote),
  );
  if (list.refused.length > 0) {
    const { exchange } = connector;
    log.warn({ exchange, refused: list.refused.slice(0, 20), count: list.refused.length }, 'markets refused');
  }
  const instruments = list.instruments.filter((one) => isWanted(one, wanted)).map(adjust);
  log.info(
    { exchange: connector.exchange, listed: list.instruments.length, followed: instruments.length },
    'instruments loaded',
  );
  return { connector, limiter, instruments };
}

function isWanted(instrument: Instrument, wanted: Wanted): boolean {
  return wanted.by === 'pair'
    ? wanted.pairs.includes(instrument.pair)
    : (wanted.symbols.get(instrument.exchange) ?? []).includes(instrument.symbol) &&
        wanted.allowed(instrument.pair);
}

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
    const limiter = new RateLimiter(connector.capabilities.restLimits);
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
