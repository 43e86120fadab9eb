import type { InstrumentState } from '../market/instrument.js';
import type { BookEvent, ConnectorRest, RestRequest } from './base.js';
import * as f from './fields.js';
import { FrameError } from './frame-error.js';
import { readInstruments, type MarketFacts } from './instrument-list.js';
import { exchangeError, parseAnswer } from './rest-envelope.js';

/** Public REST of Bybit v5 (PROTOCOLS §5): markets, depth, time. */

export const EXCHANGE = 'bybit';

/** Base tier [C]; the fee is taken from what is received. */
export const FEES = { takerFeeRate: '0.001', makerFeeRate: '0.001', feeMode: 'received' } as const;

/** `fill` reads one book object; time and kind are set here. */
export function bybitRest(
  category: string,
  fill: (data: f.Fields, path: string, symbol: string) => BookEvent,
): ConnectorRest {
  const get = (path: string, maxBodyBytes: number): RestRequest => ({
    path,
    costs: { requests: 1 },
    timeoutMs: 10_000,
    maxBodyBytes,
  });
  return {
    instruments: () => get(`/v5/market/instruments-info?category=${category}&limit=1000`, 8 << 20),
    depth: (symbol) =>
      get(
        `/v5/market/orderbook?category=${category}&symbol=${encodeURIComponent(symbol)}&limit=200`,
        1 << 20,
      ),
    serverTime: () => get('/v5/market/time', 4096),
    parseInstruments: (body, lookup) =>
      readInstruments(
        f.listAt(resultOf(body), 'list', 'result.', 20_000),
        EXCHANGE,
        FEES,
        lookup,
        readMarket,
      ),
    parseDepth: (body, symbol, sink) => {
      const result = resultOf(body);
      const event = fill(result, 'result.', symbol);
      event.exchangeTimeMs = f.timeAt(result, 'ts', 'result.');
      event.snapshot = true;
      sink.book(event);
    },
    parseServerTime: (body) => nanosecondsAsMs(resultOf(body)),
    // `asset/coin/query-info` needs a key [O].
    wallets: null,
  };
}

function nanosecondsAsMs(result: f.Fields): number {
  const nanoseconds = f.textAt(result, 'timeNano', 'result.');
  if (!/^\d{16,20}$/.test(nanoseconds)) throw new FrameError('result.timeNano', 'a time in ns', nanoseconds);
  return Number(nanoseconds.slice(0, -6));
}

/** `{"retCode":0,"retMsg","result":{…}}`; 10006 and 10018 are "too fast", also with HTTP 200 [O]. */
function resultOf(body: Buffer): f.Fields {
  const answer = parseAnswer(body, EXCHANGE);
  const code = f.member(answer, 'retCode');
  if (typeof code !== 'number') throw new FrameError('retCode', 'a number', code);
  if (code !== 0) {
    throw exchangeError(EXCHANGE, String(code), f.member(answer, 'retMsg'), code === 10006 || code === 10018);
  }
  return f.fieldsAt(answer, 'result', '');
}

const STATES: Readonly<Record<string, InstrumentState>> = {
  Trading: 'trading',
  PreLaunch: 'halted',
  Settling: 'halted',
  Delivering: 'delisting',
  Closed: 'halted',
};

function readMarket(row: f.Fields, path: string): MarketFacts | null {
  // Contracts have a contract type; only spot markets are traded.
  if (Object.hasOwn(row, 'contractType') || Object.hasOwn(row, 'optionsType')) return null;
  const state = f.textAt(row, 'status', path);
  const lot = f.fieldsAt(row, 'lotSizeFilter', path);
  const lotPath = `${path}lotSizeFilter.`;
  // The limit of a limit order was split from the general one in 2025 [D]; the smaller answer of either page is kept.
  const maxKey = Object.hasOwn(lot, 'maxLimitOrderQty') ? 'maxLimitOrderQty' : 'maxOrderQty';
  return {
    symbol: f.symbolAt(row, 'symbol', path),
    baseTicker: f.symbolAt(row, 'baseCoin', path),
    quoteTicker: f.symbolAt(row, 'quoteCoin', path),
    tickSize: f.positiveTextAt(f.fieldsAt(row, 'priceFilter', path), 'tickSize', `${path}priceFilter.`),
    lotSize: f.positiveTextAt(lot, 'basePrecision', lotPath),
    minQuantity: f.unsignedTextAt(lot, 'minOrderQty', lotPath),
    maxQuantity: Object.hasOwn(lot, maxKey) ? f.positiveTextAt(lot, maxKey, lotPath) : null,
    minNotional: f.unsignedTextAt(lot, 'minOrderAmt', lotPath),
    state: Object.hasOwn(STATES, state) ? STATES[state]! : 'unknown',
  };
}
