import { Decimal, isOnStep } from '../market/decimal.js';
import { defaultFeeTerms } from '../market/fees.js';
import type { InstrumentState } from '../market/instrument.js';
import type { DecimalText } from '../messages/primitives.js';
import type { BookEvent, ConnectorRest, RestRequest } from './base.js';
import * as f from './fields.js';
import { FrameError } from './frame-error.js';
import { readInstruments, type MarketFacts } from './instrument-list.js';
import { numberPriceAt } from './number-fields.js';
import { dateHeader, marketAt, marketsOf, rowsOf } from './upbit-rest.js';

/**
 * Public REST of Bithumb (PROTOCOLS §7). Errors also come with HTTP 200 [P]. No public endpoint tells ticks: they follow from
 * the price band and the prices of the live book (PROTOCOLS §11.3).
 */

export const EXCHANGE = 'bithumb';

/** KRW markets without the 30-day coupon, which ends silently [O]; the fee is taken in the quote currency [C]. */
export const FEES = defaultFeeTerms(EXCHANGE, 'BTC', 'KRW');

/** Books show four decimals; finer orders are taken, but a coarser lot is never refused. */
const LOT_SIZE = '0.0001';

/** In whose markets an order may be immediate-or-cancel [O]: ArBot sends no other, so that the rest is shown and never traded. */
export const IOC_QUOTES: readonly string[] = ['KRW'];

interface QuoteTerms {
  readonly minNotional: DecimalText;
  /** Least price of a band, and its tick; highest first. */
  readonly bands: readonly (readonly [number, DecimalText])[];
}

/** Bands below 1,000 KRW are not confirmed [D]; what the book shows wins. */
const QUOTES = new Map<string, QuoteTerms>([
  [
    'KRW',
    {
      minNotional: '5000',
      bands: [
        [1_000_000, '1000'],
        [500_000, '500'],
        [100_000, '100'],
        [50_000, '50'],
        [10_000, '10'],
        [5_000, '5'],
        [100, '1'],
        [1, '0.01'],
        [0.1, '0.001'],
        [0, '0.0001'],
      ],
    },
  ],
  ['BTC', { minNotional: '0.00005', bands: [[0, '0.00000001']] }],
]);

/** `readBook` reads one book object as a snapshot. */
export function bithumbRest(
  readBook: (row: f.Fields, path: string, symbol: string) => BookEvent,
): ConnectorRest {
  // 150 calls a second for each category and address [O].
  const get = (path: string, category: string, maxBodyBytes: number): RestRequest => ({
    path,
    costs: { [category]: 1 },
    timeoutMs: 10_000,
    maxBodyBytes,
  });
  const book = (symbols: readonly string[]) =>
    get(`/v1/orderbook?markets=${symbols.join(',')}`, 'orderbook', 4 << 20);
  const rows = (body: Buffer) => rowsOf(body, EXCHANGE);
  return {
    // Suspensions are told by the ticker alone, which tells warnings too.
    listOmitsHalts: true,
    instruments: () => get('/v1/market/all?isDetails=true', 'other', 4 << 20),
    instrumentDetails: {
      marketsPerRequest: 100,
      markets: (list) => marketsOf(rows(list)),
      request: book,
      check: (body) => void rows(body),
    },
    parseInstruments: (body, lookup, details = []) => {
      const books = booksOf(details.flatMap(rows));
      return readInstruments(rows(body), EXCHANGE, FEES, lookup, (row, path) => readMarket(row, path, books));
    },
    depth: (symbol) => book([encodeURIComponent(symbol)]),
    parseDepth: (body, symbol, sink) => sink.book(readBook(f.asFields(rows(body)[0], '[0]'), '[0].', symbol)),
    // There is no endpoint of the time: any answer has it in its header.
    serverTime: () => book(['KRW-BTC']),
    parseServerTime: (_body, headers) => dateHeader(headers),
    // `status/wallet` needs a key [C].
    wallets: null,
  };
}

function booksOf(rows: readonly unknown[]): ReadonlyMap<string, f.Fields> {
  return new Map(
    rows.flatMap((row) => {
      const market = f.isFields(row) ? f.member(row, 'market') : undefined;
      return typeof market === 'string' ? [[market, row as f.Fields] as const] : [];
    }),
  );
}

const STATES: Readonly<Record<string, InstrumentState>> = { NONE: 'trading', CAUTION: 'warning' };

function readMarket(row: f.Fields, path: string, books: ReadonlyMap<string, f.Fields>): MarketFacts {
  const { symbol, baseTicker, quoteTicker } = marketAt(row, path);
  const terms = QUOTES.get(quoteTicker);
  if (terms === undefined)
    throw new FrameError(`${path}market`, 'a market of a known quote currency', symbol);
  const warning = f.textAt(row, 'market_warning', path);
  const { minNotional, bands } = terms;
  const isTradable = IOC_QUOTES.includes(quoteTicker);
  const { takerFeeRate, makerFeeRate } = defaultFeeTerms(EXCHANGE, baseTicker, quoteTicker);
  return {
    symbol,
    baseTicker,
    quoteTicker,
    tickSize: tickOf(pricesOf(books.get(symbol), symbol), bands, symbol),
    lotSize: LOT_SIZE,
    minQuantity: LOT_SIZE,
    maxQuantity: null,
    minNotional,
    state: isTradable && Object.hasOwn(STATES, warning) ? STATES[warning]! : 'unknown',
    takerFeeRate,
    makerFeeRate,
  };
}

/** Every price of a book, padding left out. */
function pricesOf(book: f.Fields | undefined, symbol: string): number[] {
  const path = `orderbook ${symbol} `;
  if (book === undefined) throw new FrameError(`${path}orderbook_units`, 'told for this market', undefined);
  const units = f.listAt(book, 'orderbook_units', path, 500);
  return units.flatMap((value, index) => {
    const at = `${path}orderbook_units[${index}]`;
    const unit = f.asFields(value, at);
    return ['ask_price', 'bid_price']
      .map((key) => numberPriceAt(unit, key, `${at}.`, true))
      .filter((price) => price > 0);
  });
}

/** Enough prices for their greatest common step to be the tick (PROTOCOLS §11.3). */
const ENOUGH_PRICES = 30;
/** Every tick that a KRW or BTC market has, coarsest first. */
const STEPS: readonly DecimalText[] = [
  '1000',
  '500',
  '100',
  '50',
  '10',
  '5',
  '1',
  '0.5',
  '0.1',
  '0.01',
  '0.001',
  '0.0001',
  '0.00001',
  '0.000001',
  '0.0000001',
  '0.00000001',
];

/** The step of the live book where it shows enough prices; else the band's tick, or a finer one that the prices prove. */
function tickOf(prices: readonly number[], bands: QuoteTerms['bands'], symbol: string): DecimalText {
  const field = `orderbook ${symbol} orderbook_units`;
  if (prices.length === 0) throw new FrameError(field, 'a book that shows the tick', prices);
  const exact = prices.map((price) => new Decimal(price));
  const fits = (step: DecimalText) => exact.every((price) => isOnStep(price, new Decimal(step)));
  const [, ofBand] = bands.find(([least]) => prices[0]! >= least)!;
  const from = prices.length >= ENOUGH_PRICES ? 0 : STEPS.indexOf(ofBand);
  const tick = STEPS.slice(from).find(fits);
  if (tick === undefined) throw new FrameError(field, 'prices on a known step', prices[0]);
  return tick;
}
