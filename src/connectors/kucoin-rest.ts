import { Decimal, toText } from '../market/decimal.js';
import type { InstrumentState } from '../market/instrument.js';
import type { NetworkStatus } from '../market/wallet.js';
import type { DecimalText } from '../messages/primitives.js';
import type { BookEvent, ConnectorRest, RestRequest, TickerLookup, WalletList } from './base.js';
import * as f from './fields.js';
import { FrameError } from './frame-error.js';
import { readInstruments, type MarketFacts } from './instrument-list.js';
import { exchangeError, parseAnswer } from './rest-envelope.js';

/** Public REST of KuCoin (PROTOCOLS §8): spot markets, depth, time, networks. Weights [C] of a pool of 2,000 in 30 s by IP [O]. */

export const EXCHANGE = 'kucoin';

/** Base tier, before a market's coefficient [C]; fees are taken in the quote currency. */
export const FEES = { takerFeeRate: '0.001', makerFeeRate: '0.001', feeMode: 'quote' } as const;

export function publicRequest(path: string, weight: number, maxBodyBytes: number): RestRequest {
  return { path, costs: { public: weight }, timeoutMs: 10_000, maxBodyBytes };
}

/** `readSnapshot` reads one book object as a snapshot. */
export function kucoinRest(
  readSnapshot: (data: f.Fields, path: string, symbol: string) => BookEvent,
): ConnectorRest {
  return {
    instruments: () => publicRequest('/api/v2/symbols', 4, 16 << 20),
    // The full book needs a key [O]; this is the deepest one without.
    depth: (symbol) =>
      publicRequest(`/api/v1/market/orderbook/level2_100?symbol=${encodeURIComponent(symbol)}`, 4, 1 << 20),
    serverTime: () => publicRequest('/api/v1/timestamp', 3, 4096),
    parseInstruments: (body, lookup) => readInstruments(listOf(body), EXCHANGE, FEES, lookup, readMarket),
    parseDepth: (body, symbol, sink) =>
      sink.book(readSnapshot(f.asFields(dataOf(body), 'data'), 'data.', symbol)),
    parseServerTime: (body) => f.timeAt({ data: dataOf(body) }, 'data', ''),
    wallets: {
      request: () => publicRequest('/api/v3/currencies', 3, 16 << 20),
      parse: (body, lookup) => readWallets(listOf(body), lookup),
    },
  };
}

/** The codes that mean "too fast": 429000 [O], and 1015 of the firewall in front [C]. */
const TOO_FAST: readonly string[] = ['429000', '1015'];

/** `{"code":"200000","data":…}`; any other code is an error, also with HTTP 200 [O]. */
export function dataOf(body: Buffer): unknown {
  const answer = parseAnswer(body, EXCHANGE);
  const code = f.textAt(answer, 'code', '');
  if (code !== '200000')
    throw exchangeError(EXCHANGE, code, f.member(answer, 'msg'), TOO_FAST.includes(code));
  return f.member(answer, 'data');
}

function listOf(body: Buffer): readonly unknown[] {
  return f.listAt({ data: dataOf(body) }, 'data', '', 20_000);
}

function readMarket(row: f.Fields, path: string): MarketFacts {
  return {
    symbol: f.symbolAt(row, 'symbol', path),
    baseTicker: f.symbolAt(row, 'baseCurrency', path),
    quoteTicker: f.symbolAt(row, 'quoteCurrency', path),
    tickSize: f.positiveTextAt(row, 'priceIncrement', path),
    lotSize: f.positiveTextAt(row, 'baseIncrement', path),
    minQuantity: f.unsignedTextAt(row, 'baseMinSize', path),
    maxQuantity: f.positiveTextAt(row, 'baseMaxSize', path),
    // Null where a market has no least value [C].
    minNotional: f.member(row, 'minFunds') === null ? '0' : f.unsignedTextAt(row, 'minFunds', path),
    state: stateOf(row, path),
    takerFeeRate: rateOf(row, 'taker', path),
    makerFeeRate: rateOf(row, 'maker', path),
  };
}

/** `st`: special treatment, KuCoin's word for a market on the way to delisting that may still trade [O]. */
function stateOf(row: f.Fields, path: string): InstrumentState {
  if (!f.booleanAt(row, 'enableTrading', path)) return 'halted';
  return Object.hasOwn(row, 'st') && f.booleanAt(row, 'st', path) ? 'warning' : 'trading';
}

/** The account's rate times the market's coefficient, which is 0 to 3 [C]; 1 in answers that have none. */
function rateOf(row: f.Fields, who: 'taker' | 'maker', path: string): DecimalText {
  const key = `${who}FeeCoefficient`;
  const coefficient = Object.hasOwn(row, key) ? f.unsignedTextAt(row, key, path) : '1';
  const rate = new Decimal(who === 'taker' ? FEES.takerFeeRate : FEES.makerFeeRate).times(coefficient);
  if (rate.greaterThan('0.1'))
    throw new FrameError(path + key, 'a coefficient that leaves a fee', coefficient);
  return toText(rate);
}

function readWallets(rows: readonly unknown[], lookup: TickerLookup): WalletList {
  const networks: NetworkStatus[] = [];
  const refused: { ticker: string; reason: string }[] = [];
  for (const [index, row] of rows.entries()) {
    const ticker = f.isFields(row) ? f.member(row, 'currency') : undefined;
    try {
      networks.push(...readCurrency(f.asFields(row, `data[${index}]`), `data[${index}].`, lookup));
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      refused.push({ ticker: typeof ticker === 'string' ? ticker.slice(0, 64) : '?', reason: error.message });
    }
  }
  return { networks, refused };
}

function readCurrency(row: f.Fields, path: string, lookup: TickerLookup): NetworkStatus[] {
  const ticker = f.symbolAt(row, 'currency', path);
  const { asset, identityKnown } = lookup(EXCHANGE, ticker);
  // A currency without a chain has null.
  const chains = f.member(row, 'chains') === null ? [] : f.listAt(row, 'chains', path, 64);
  return chains.map((value, index) => {
    const at = `${path}chains[${index}].`;
    const chain = f.asFields(value, at.slice(0, -1));
    return {
      exchange: EXCHANGE,
      ticker,
      asset,
      identityKnown,
      network: f.symbolAt(chain, 'chainId', at),
      canDeposit: f.booleanAt(chain, 'isDepositEnabled', at),
      canWithdraw: f.booleanAt(chain, 'isWithdrawEnabled', at),
      withdrawFee: withdrawFeeOf(chain, at),
      minWithdraw: orNull(chain, 'withdrawalMinSize', at),
      confirmations: confirmationsOf(chain, at),
    };
  });
}

/** The fixed fee; null where a share of the amount is charged on top or instead. */
function withdrawFeeOf(chain: f.Fields, path: string): DecimalText | null {
  const share = orNull(chain, 'withdrawFeeRate', path);
  const fixed = orNull(chain, 'withdrawalMinFee', path);
  return share !== null && new Decimal(share).greaterThan(0) ? null : fixed;
}

/** `preConfirms` credit a deposit, `confirms` make it withdrawable [O]. */
function confirmationsOf(chain: f.Fields, path: string): number | null {
  for (const key of ['preConfirms', 'confirms']) {
    const value = f.member(chain, key);
    if (value !== undefined && value !== null) return f.counterAt(chain, key, path);
  }
  return null;
}

function orNull(fields: f.Fields, key: string, path: string): DecimalText | null {
  const value = f.member(fields, key);
  return value === null || value === undefined || value === '' ? null : f.unsignedTextAt(fields, key, path);
}
