import type { ResolvedMarket } from '../market/asset-registry.js';
import type { InstrumentState } from '../market/instrument.js';
import { isDecimalText } from '../market/decimal.js';
import { parsePrice } from '../market/float-text.js';
import type { AssetId, DecimalText, ExchangeId } from '../messages/primitives.js';
import type { BookEvent, ConnectorRest, MarketLookup, RestRequest } from './base.js';
import * as f from './fields.js';
import { FrameError } from './frame-error.js';
import { readInstruments, type MarketFacts } from './instrument-list.js';
import { plainText } from './level-texts.js';
import { parseAnswer } from './rest-envelope.js';

/** Markets and time of an exchange behind ccxt, as its link answers them (`runtime/platform/ccxt-link.ts`). */

export interface CcxtOptions {
  /** ArBot's name of the exchange. */
  readonly exchange: ExchangeId;
  /** ccxt's. */
  readonly ccxtId: string;
  /**
   * Which of ccxt's currency codes is which asset. A code that is not here is nobody's: ccxt unifies names, and a name proves
   * no identity.
   */
  readonly assets: Readonly<Record<string, AssetId>>;
}

/** For an exchange nobody described: dearer than any known base tier; the list of markets has the rates of most. */
export const CCXT_FEES = { takerFeeRate: '0.003', makerFeeRate: '0.003', feeMode: 'quote' } as const;

/** ccxt's precision modes: decimal places, significant digits, steps. */
const DECIMAL_PLACES = 2;
const TICK_SIZE = 4;

/** `readBook` reads one book object as a snapshot. */
export function ccxtRest(
  options: CcxtOptions,
  readBook: (row: f.Fields, symbol: string) => BookEvent,
): ConnectorRest {
  const { exchange, assets } = options;
  const get = (path: string, maxBodyBytes: number): RestRequest => ({
    path,
    costs: { requests: 1 },
    // ccxt may have to load its lists first.
    timeoutMs: 60_000,
    maxBodyBytes,
  });
  const codes = encodeURIComponent(Object.keys(assets).join(','));
  return {
    // Only markets between vouched currencies, so that the list stays short.
    instruments: () => get(`/markets?codes=${codes}`, 256 << 10),
    depth: (symbol) => get(`/book?symbol=${encodeURIComponent(symbol)}`, 256 << 10),
    serverTime: () => get('/time', 4096),
    parseInstruments: (body, lookup) => {
      const answer = parseAnswer(body, exchange);
      const mode = f.counterAt(answer, 'precisionMode', '');
      const rows = f.listAt(answer, 'markets', '', 20_000);
      return readInstruments(rows, exchange, CCXT_FEES, vouched(assets, lookup), (row, path) =>
        readMarket(row, path, mode),
      );
    },
    parseDepth: (body, symbol, sink) => sink.book(readBook(parseAnswer(body, exchange), symbol)),
    parseServerTime: (body) => f.timeAt(parseAnswer(body, exchange), 'time', ''),
    wallets: null,
  };
}

/** The trader's word on what a code is; what nobody vouched for stays unknown. */
function vouched(assets: Readonly<Record<string, AssetId>>, lookup: MarketLookup): MarketLookup {
  return (exchange, baseCode, quoteCode): ResolvedMarket => {
    const [base, quote] = [baseCode, quoteCode].map((code) =>
      Object.hasOwn(assets, code) ? assets[code] : undefined,
    );
    if (base === undefined || quote === undefined) {
      return { ...lookup(exchange, baseCode, quoteCode), identityKnown: false };
    }
    return { base, quote, pair: `${base}-${quote}`, identityKnown: true, unitMultiplier: '1' };
  };
}

function readMarket(row: f.Fields, path: string, precisionMode: number): MarketFacts {
  const precision = f.fieldsAt(row, 'precision', path);
  const limits = f.fieldsAt(row, 'limits', path);
  const step = (key: string) => stepAt(precision, key, `${path}precision.`, precisionMode);
  const limit = (key: string, end: 'min' | 'max') => limitAt(limits, key, end, `${path}limits.`);
  return {
    symbol: f.symbolAt(row, 'symbol', path),
    baseTicker: f.symbolAt(row, 'base', path),
    quoteTicker: f.symbolAt(row, 'quote', path),
    tickSize: step('price'),
    lotSize: step('amount'),
    minQuantity: limit('amount', 'min') ?? '0',
    maxQuantity: limit('amount', 'max'),
    minNotional: limit('cost', 'min') ?? '0',
    state: stateOf(f.member(row, 'active')),
    bookProof: 'opaque',
    ...rateAt(row, 'taker', 'takerFeeRate', path),
    ...rateAt(row, 'maker', 'makerFeeRate', path),
  };
}

/** ccxt says `true`, `false` or nothing. */
function stateOf(active: unknown): InstrumentState {
  if (active === true) return 'trading';
  return active === false ? 'halted' : 'unknown';
}

/** @throws FrameError also where the step depends on the price: significant digits are no lattice. */
function stepAt(precision: f.Fields, key: string, path: string, mode: number): DecimalText {
  if (mode === TICK_SIZE) return decimalAt(precision, key, path);
  if (mode !== DECIMAL_PLACES)
    throw new FrameError('precisionMode', 'one that gives a fixed step (2 or 4)', mode);
  const decimals = f.counterAt(precision, key, path);
  if (decimals > 20) throw new FrameError(path + key, 'a number of decimals', decimals);
  return decimals === 0 ? '1' : `0.${'0'.repeat(decimals - 1)}1`;
}

/** null where ccxt knows no limit; 0 is none either. */
function limitAt(limits: f.Fields, key: string, end: 'min' | 'max', path: string): DecimalText | null {
  const range = f.member(limits, key);
  if (!f.isFields(range)) return null;
  const value = f.member(range, end);
  if (value === undefined || value === null || value === 0) return null;
  return decimalAt(range, end, `${path}${key}.`);
}

function rateAt(
  row: f.Fields,
  key: string,
  name: 'takerFeeRate' | 'makerFeeRate',
  path: string,
): { readonly [K in typeof name]?: DecimalText } {
  const value = f.member(row, key);
  if (value === undefined || value === null) return {};
  // A rebate (below 0) is not counted on.
  if (value === 0 || (typeof value === 'number' && value < 0)) return { [name]: '0' };
  const rate = decimalAt(row, key, path);
  if (Number(rate) >= 1) throw new FrameError(path + key, 'a rate below 1', value);
  return { [name]: rate };
}

/**
 * The shortest decimal of a number above 0: up to 15 digits that is the exchange's own, beyond it ccxt has already rounded.
 * @throws FrameError
 */
export function decimalAt(row: f.Fields, key: string, path: string): DecimalText {
  const value = f.member(row, key);
  const text = typeof value === 'number' && Number.isFinite(value) ? plainText(value) : value;
  if (typeof text !== 'string' || !isDecimalText(text) || !(parsePrice(text) > 0))
    throw new FrameError(path + key, 'a number above 0', value);
  return text;
}
