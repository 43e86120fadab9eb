import { isDecimalText } from '../market/decimal.js';
import { defaultFeeTerms } from '../market/fees.js';
import type { InstrumentState } from '../market/instrument.js';
import type { DecimalText } from '../messages/primitives.js';
import { type BookEvent, type ConnectorRest, type ListedMarket, type RestRequest } from './base.js';
import * as f from './fields.js';
import { FrameError } from './frame-error.js';
import { parseJson, REST_LIMITS } from './frame-parser.js';
import { readInstruments, type MarketFacts } from './instrument-list.js';
import { numberTextAt } from './number-fields.js';
import { exchangeError } from './rest-envelope.js';

/** Public REST of Upbit (PROTOCOLS §6). The list of markets has the warnings, `orderbook/instruments` the ticks [O]. */

export const EXCHANGE = 'upbit';

/** KRW markets [P]; the fee is taken in the quote currency [C]. */
export const FEES = defaultFeeTerms(EXCHANGE, 'BTC', 'KRW');

const MAX_MARKETS = 20_000;
/** Amounts have eight decimals in every market [C]. */
const LOT_SIZE = '0.00000001';

/** The least value of an order by quote currency (PROTOCOLS §11.3 [O]). */
const MIN_NOTIONALS = new Map<string, DecimalText>([
  ['KRW', '5000'],
  ['BTC', '0.00005'],
  ['USDT', '0.5'],
]);

/** `readBook` reads one book object as a snapshot. */
export function upbitRest(
  readBook: (row: f.Fields, path: string, symbol: string) => BookEvent,
): ConnectorRest {
  // Ten calls a second for each group of endpoints and address [O].
  const get = (path: string, group: string, maxBodyBytes: number): RestRequest => ({
    path,
    costs: { [group]: 1 },
    timeoutMs: 10_000,
    maxBodyBytes,
  });
  return {
    // Suspensions are told by the ticker alone, which tells warnings too.
    listOmitsHalts: true,
    instruments: () => get('/v1/market/all?is_details=true', 'market', 4 << 20),
    instrumentDetails: {
      marketsPerRequest: 100,
      markets: (list) => marketsOf(rowsOf(list)),
      request: (symbols) =>
        get(`/v1/orderbook/instruments?markets=${symbols.join(',')}`, 'orderbook', 1 << 20),
      check: (body) => void rowsOf(body),
    },
    parseInstruments: (body, lookup, details = []) => {
      const ticks = ticksOf(details);
      return readInstruments(rowsOf(body), EXCHANGE, FEES, lookup, (row, path) =>
        readMarket(row, path, ticks),
      );
    },
    depth: (symbol) => get(`/v1/orderbook?markets=${encodeURIComponent(symbol)}`, 'orderbook', 1 << 20),
    parseDepth: (body, symbol, sink) => {
      const [row] = rowsOf(body);
      sink.book(readBook(f.asFields(row, '[0]'), '[0].', symbol));
    },
    // There is no endpoint of the time: any answer has it in its header.
    serverTime: () => get('/v1/orderbook/instruments?markets=KRW-BTC', 'orderbook', 64 << 10),
    parseServerTime: (_body, headers) => dateHeader(headers),
    // `status/wallet` needs a key [O].
    wallets: null,
  };
}

/** The array of an answer. @throws ArbotError for `{"error":{"name","message"}}`, FrameError for anything else. */
export function rowsOf(body: Buffer, exchange: string = EXCHANGE): readonly unknown[] {
  const answer = parseJson(body, REST_LIMITS);
  if (Array.isArray(answer) && answer.length <= MAX_MARKETS) return answer as readonly unknown[];
  const error = f.isFields(answer) ? f.member(answer, 'error') : undefined;
  if (!f.isFields(error)) throw new FrameError('answer', `an array of at most ${MAX_MARKETS}`, answer);
  // A name, or on Bithumb a number like an HTTP status (PROTOCOLS §7 [P]).
  const name = String(f.member(error, 'name')).slice(0, 64);
  throw exchangeError(
    exchange,
    name,
    f.member(error, 'message'),
    name === 'too_many_requests' || name === '429',
  );
}

/** The markets, of the rows that name one. */
export function marketsOf(rows: readonly unknown[]): ListedMarket[] {
  return rows.flatMap((row) => {
    const market = f.isFields(row) ? f.member(row, 'market') : undefined;
    return typeof market === 'string' && MARKET.test(market) ? [partsOf(market)] : [];
  });
}

/** `KRW-BTC`: the quote comes first. */
function partsOf(symbol: string): ListedMarket {
  const at = symbol.indexOf('-');
  return { symbol, quoteTicker: symbol.slice(0, at), baseTicker: symbol.slice(at + 1) };
}

const MARKET = /^[A-Z0-9]{1,16}-[A-Z0-9]{1,32}$/;

/** The market of a row. @throws FrameError */
export function marketAt(row: f.Fields, path: string): ListedMarket {
  const symbol = f.symbolAt(row, 'market', path);
  if (!MARKET.test(symbol)) throw new FrameError(`${path}market`, 'a market QUOTE-BASE', symbol);
  return partsOf(symbol);
}

/** Whole seconds of the HTTP `Date` header, Unix ms. @throws FrameError */
export function dateHeader(headers: Readonly<Record<string, string>>): number {
  const text = headers['date'];
  const time = text === undefined || !/^[A-Z][a-z]{2}, \d{2} /.test(text) ? NaN : Date.parse(text);
  if (!(time >= 0)) throw new FrameError('date', 'an HTTP date', text);
  return time;
}

function ticksOf(details: readonly Buffer[]): ReadonlyMap<string, DecimalText | FrameError> {
  const ticks = new Map<string, DecimalText | FrameError>();
  for (const [index, row] of details.flatMap((body) => rowsOf(body)).entries()) {
    if (!f.isFields(row)) continue;
    const market = f.member(row, 'market');
    if (typeof market !== 'string') continue;
    try {
      ticks.set(market, tickAt(row, `details[${index}].`));
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      ticks.set(market, error);
    }
  }
  return ticks;
}

/** A number, or decimal text. */
function tickAt(row: f.Fields, path: string): DecimalText {
  const value = f.member(row, 'tick_size');
  const isText = typeof value === 'string' && isDecimalText(value);
  return isText ? f.positiveTextAt(row, 'tick_size', path) : numberTextAt(row, 'tick_size', path);
}

function readMarket(
  row: f.Fields,
  path: string,
  ticks: ReadonlyMap<string, DecimalText | FrameError>,
): MarketFacts {
  const { symbol, baseTicker, quoteTicker } = marketAt(row, path);
  const minNotional = MIN_NOTIONALS.get(quoteTicker);
  if (minNotional === undefined)
    throw new FrameError(`${path}market`, 'a market of a known quote currency', symbol);
  const tick = ticks.get(symbol);
  if (tick === undefined) throw new FrameError(`${path}tick_size`, 'told for this market', undefined);
  if (tick instanceof FrameError) throw tick;
  const { takerFeeRate, makerFeeRate } = defaultFeeTerms(EXCHANGE, baseTicker, quoteTicker);
  return {
    symbol,
    baseTicker,
    quoteTicker,
    tickSize: tick,
    lotSize: LOT_SIZE,
    minQuantity: LOT_SIZE,
    maxQuantity: null,
    minNotional,
    state: stateOf(row, path),
    takerFeeRate,
    makerFeeRate,
  };
}

/**
 * Only the investment warning counts, which the socket's ticker tells too. The milder `caution` flags (price moves, volumes, a
 * difference to other countries) come and go and forbid nothing.
 */
function stateOf(row: f.Fields, path: string): InstrumentState {
  const event = f.fieldsAt(row, 'market_event', path);
  return f.booleanAt(event, 'warning', `${path}market_event.`) ? 'warning' : 'trading';
}
