import type { InstrumentState } from '../market/instrument.js';
import type { ConnectorRest, FrameSink, RestRequest } from './base.js';
import * as f from './fields.js';
import { readInstruments, type MarketFacts } from './instrument-list.js';
import { exchangeError, parseAnswer } from './rest-envelope.js';

/** Public REST of Binance spot (PROTOCOLS §3): markets, depth, time. */

export const EXCHANGE = 'binance';

/** Base tier [C]; fees are taken from what is received unless BNB pays. */
export const FEES = { takerFeeRate: '0.001', makerFeeRate: '0.001', feeMode: 'received' } as const;

const DEPTH_WEIGHT = { 100: 5, 500: 25, 1000: 50, 5000: 250 } as const;

/** `readSnapshot` gets a depth answer and hands its book to the sink. */
export function binanceRest(
  levels: keyof typeof DEPTH_WEIGHT,
  readSnapshot: (answer: f.Fields, symbol: string, sink: FrameSink) => void,
): ConnectorRest {
  const get = (path: string, weight: number, maxBodyBytes: number): RestRequest => ({
    path,
    costs: { weight },
    timeoutMs: 10_000,
    maxBodyBytes,
  });
  return {
    instruments: (symbols) => get(`/api/v3/exchangeInfo${symbolsQuery(symbols)}`, 20, 32 << 20),
    depth: (symbol) =>
      get(
        `/api/v3/depth?symbol=${encodeURIComponent(symbol)}&limit=${levels}`,
        DEPTH_WEIGHT[levels],
        4 << 20,
      ),
    serverTime: () => get('/api/v3/time', 1, 4096),
    parseInstruments: (body, lookup) =>
      readInstruments(f.listAt(answerOf(body), 'symbols', '', 20_000), EXCHANGE, FEES, lookup, readMarket),
    parseDepth: (body, symbol, sink) => readSnapshot(answerOf(body), symbol, sink),
    parseServerTime: (body) => f.timeAt(answerOf(body), 'serverTime', ''),
    // `capital/config/getall` needs a key [C].
    wallets: null,
  };
}

function symbolsQuery(symbols: readonly string[] | null): string {
  // Long lists would exceed the length of a URL; then everything is fetched.
  const named =
    symbols === null || symbols.length === 0 || symbols.length > 200
      ? ''
      : `symbols=${encodeURIComponent(JSON.stringify(symbols))}&`;
  // Who may trade a market is more than half of the answer, and nothing here reads it.
  return `?${named}showPermissionSets=false`;
}

/** `{"code","msg"}` is an error in any answer; -1003 is "too much weight" [O]. */
function answerOf(body: Buffer): f.Fields {
  const answer = parseAnswer(body, EXCHANGE);
  const code = f.member(answer, 'code');
  if (typeof code === 'number' && Object.hasOwn(answer, 'msg')) {
    throw exchangeError(EXCHANGE, String(code), f.member(answer, 'msg'), code === -1003 || code === -1015);
  }
  return answer;
}

const STATES: Readonly<Record<string, InstrumentState>> = {
  TRADING: 'trading',
  END_OF_DAY: 'halted',
  HALT: 'halted',
  BREAK: 'halted',
  CANCEL_ONLY: 'cancel_only',
};

function readMarket(row: f.Fields, path: string): MarketFacts | null {
  if (f.member(row, 'isSpotTradingAllowed') === false) return null;
  const filters = new Map<string, f.Fields>();
  for (const filter of f.listAt(row, 'filters', path, 64)) {
    const fields = f.asFields(filter, `${path}filters[]`);
    filters.set(f.textAt(fields, 'filterType', `${path}filters[].`), fields);
  }
  const filter = (name: string): f.Fields => f.asFields(filters.get(name), `${path}filters.${name}`);
  const lot = filter('LOT_SIZE');
  const notional = filters.has('NOTIONAL') ? 'NOTIONAL' : 'MIN_NOTIONAL';
  const state = f.textAt(row, 'status', path);
  return {
    symbol: f.symbolAt(row, 'symbol', path),
    baseTicker: f.symbolAt(row, 'baseAsset', path),
    quoteTicker: f.symbolAt(row, 'quoteAsset', path),
    tickSize: f.positiveTextAt(filter('PRICE_FILTER'), 'tickSize', `${path}filters.PRICE_FILTER.`),
    lotSize: f.positiveTextAt(lot, 'stepSize', `${path}filters.LOT_SIZE.`),
    minQuantity: f.unsignedTextAt(lot, 'minQty', `${path}filters.LOT_SIZE.`),
    maxQuantity: f.positiveTextAt(lot, 'maxQty', `${path}filters.LOT_SIZE.`),
    minNotional: f.unsignedTextAt(filter(notional), 'minNotional', `${path}filters.${notional}.`),
    state: Object.hasOwn(STATES, state) ? STATES[state]! : 'unknown',
  };
}
