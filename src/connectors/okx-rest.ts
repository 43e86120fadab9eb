import type { InstrumentState } from '../market/instrument.js';
import type { BookEvent, ConnectorRest, RestRequest } from './base.js';
import * as f from './fields.js';
import { readInstruments, type MarketFacts } from './instrument-list.js';
import { exchangeError, parseAnswer } from './rest-envelope.js';

/** Public REST of OKX v5 (PROTOCOLS §4): spot markets, depth, time. */

export const EXCHANGE = 'okx';

/** Base tier [C]; the fee is taken from what is received. */
export const FEES = { takerFeeRate: '0.001', makerFeeRate: '0.0008', feeMode: 'received' } as const;

/** `readBook` reads one book object as a snapshot. */
export function okxRest(readBook: (row: f.Fields, path: string, symbol: string) => BookEvent): ConnectorRest {
  const get = (path: string, maxBodyBytes: number): RestRequest => ({
    path,
    costs: { books: 1 },
    timeoutMs: 10_000,
    maxBodyBytes,
  });
  return {
    instruments: () => get('/api/v5/public/instruments?instType=SPOT', 8 << 20),
    depth: (symbol) => get(`/api/v5/market/books?instId=${encodeURIComponent(symbol)}&sz=400`, 1 << 20),
    serverTime: () => get('/api/v5/public/time', 4096),
    parseInstruments: (body, lookup) => readInstruments(dataOf(body), EXCHANGE, FEES, lookup, readMarket),
    parseDepth: (body, symbol, sink) => {
      const row = f.asFields(dataOf(body)[0], 'data[0]');
      sink.book(readBook(row, 'data[0].', symbol));
    },
    parseServerTime: (body) => f.timeTextAt(f.asFields(dataOf(body)[0], 'data[0]'), 'ts', 'data[0].'),
    // `asset/currencies` needs a key [O].
    wallets: null,
  };
}

/** `{"code":"0","msg","data":[…]}`; 50011 is "too fast", also with HTTP 200 [O]. */
function dataOf(body: Buffer): readonly unknown[] {
  const answer = parseAnswer(body, EXCHANGE);
  const code = f.textAt(answer, 'code', '');
  if (code !== '0')
    throw exchangeError(EXCHANGE, code, f.member(answer, 'msg'), code === '50011' || code === '50061');
  return f.listAt(answer, 'data', '', 20_000);
}

const STATES: Readonly<Record<string, InstrumentState>> = {
  live: 'trading',
  suspend: 'halted',
  preopen: 'halted',
  post_only: 'halted',
};

function readMarket(row: f.Fields, path: string): MarketFacts | null {
  if (f.textAt(row, 'instType', path) !== 'SPOT') return null;
  const state = f.textAt(row, 'state', path);
  const maxQuantity = f.member(row, 'maxLmtSz');
  return {
    symbol: f.symbolAt(row, 'instId', path),
    baseTicker: f.symbolAt(row, 'baseCcy', path),
    quoteTicker: f.symbolAt(row, 'quoteCcy', path),
    tickSize: f.positiveTextAt(row, 'tickSz', path),
    lotSize: f.positiveTextAt(row, 'lotSz', path),
    minQuantity: f.unsignedTextAt(row, 'minSz', path),
    // "" = no limit.
    maxQuantity:
      maxQuantity === undefined || maxQuantity === '' ? null : f.positiveTextAt(row, 'maxLmtSz', path),
    // OKX has a minimum size and no minimum value.
    minNotional: '0',
    state: Object.hasOwn(STATES, state) ? STATES[state]! : 'unknown',
  };
}
