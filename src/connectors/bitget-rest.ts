import type { InstrumentState } from '../market/instrument.js';
import type { NetworkStatus } from '../market/wallet.js';
import type { DecimalText } from '../messages/primitives.js';
import type { BookEvent, ConnectorRest, RestRequest, TickerLookup, WalletList } from './base.js';
import * as f from './fields.js';
import { FrameError } from './frame-error.js';
import { readInstruments, type MarketFacts } from './instrument-list.js';
import { exchangeError, parseAnswer } from './rest-envelope.js';

/** Public REST of Bitget v2 (PROTOCOLS §10): spot markets, depth, time, coins. */

export const EXCHANGE = 'bitget';

/** Base tier [P]; the list of markets has the rate of each. The fee is taken from what is received. */
export const FEES = { takerFeeRate: '0.001', makerFeeRate: '0.001', feeMode: 'received' } as const;

/** `readBook` reads one book object as a snapshot. */
export function bitgetRest(
  readBook: (row: f.Fields, path: string, symbol: string) => BookEvent,
): ConnectorRest {
  const get = (path: string, maxBodyBytes: number, budget = 'market'): RestRequest => ({
    path,
    costs: { requests: 1, [budget]: 1 },
    timeoutMs: 10_000,
    maxBodyBytes,
  });
  const market = (path: string, symbol: string) => `/api/v2/spot/${path}symbol=${encodeURIComponent(symbol)}`;
  return {
    instruments: (symbols) =>
      symbols?.length === 1
        ? get(market('public/symbols?', symbols[0]!), 1 << 20)
        : get('/api/v2/spot/public/symbols', 8 << 20),
    depth: (symbol) => get(market('market/orderbook?type=step0&limit=150&', symbol), 1 << 20),
    serverTime: () => get('/api/v2/public/time', 4096),
    parseInstruments: (body, lookup) => readInstruments(listOf(body), EXCHANGE, FEES, lookup, readMarket),
    parseDepth: (body, symbol, sink) => {
      const row = f.asFields(dataOf(body), 'data');
      sink.book(readBook(row, 'data.', symbol));
    },
    parseServerTime: (body) => f.timeTextAt(f.asFields(dataOf(body), 'data'), 'serverTime', 'data.'),
    wallets: {
      request: () => get('/api/v2/spot/public/coins', 16 << 20, 'coins'),
      parse: (body, lookup) => readWallets(listOf(body), lookup),
    },
  };
}

/** `{"code":"00000","msg","requestTime","data"}`; errors come with HTTP 200 or 400; 429 and 30007 are "too fast" [O]. */
function dataOf(body: Buffer): unknown {
  const answer = parseAnswer(body, EXCHANGE);
  const code = f.textAt(answer, 'code', '');
  if (code !== '00000')
    throw exchangeError(EXCHANGE, code, f.member(answer, 'msg'), code === '429' || code === '30007');
  return f.member(answer, 'data');
}

function listOf(body: Buffer): readonly unknown[] {
  return f.listAt({ data: dataOf(body) }, 'data', '', 20_000);
}

/** `gray` is open to invited accounts only [O]. */
const STATES: Readonly<Record<string, InstrumentState>> = {
  online: 'trading',
  gray: 'halted',
  halt: 'halted',
  offline: 'delisting',
};

/** Quotes whose amounts are dollars, as `minTradeUSDT` is. */
const DOLLARS: readonly string[] = ['USDT', 'USDC'];

function readMarket(row: f.Fields, path: string): MarketFacts {
  const quoteTicker = f.symbolAt(row, 'quoteCoin', path);
  const status = f.textAt(row, 'status', path);
  const maxQuantity = f.unsignedTextAt(row, 'maxTradeAmount', path);
  // In another currency the minimum is not known, so that such a market is shown and never traded.
  const known = DOLLARS.includes(quoteTicker) && Object.hasOwn(STATES, status);
  return {
    symbol: f.symbolAt(row, 'symbol', path),
    baseTicker: f.symbolAt(row, 'baseCoin', path),
    quoteTicker,
    tickSize: stepAt(row, 'pricePrecision', path),
    lotSize: stepAt(row, 'quantityPrecision', path),
    minQuantity: f.unsignedTextAt(row, 'minTradeAmount', path),
    maxQuantity: Number(maxQuantity) === 0 ? null : maxQuantity,
    minNotional: f.unsignedTextAt(row, 'minTradeUSDT', path),
    state: known ? STATES[status]! : 'unknown',
    takerFeeRate: rateAt(row, 'takerFeeRate', path),
    makerFeeRate: rateAt(row, 'makerFeeRate', path),
  };
}

/** A number of decimals as a step: `2` = `0.01`, `0` = `1`. */
function stepAt(row: f.Fields, key: string, path: string): DecimalText {
  const value = f.member(row, key);
  const decimals = typeof value === 'string' && /^(?:\d|1\d|20)$/.test(value) ? Number(value) : NaN;
  if (Number.isNaN(decimals)) throw new FrameError(path + key, 'a number of decimals', value);
  return decimals === 0 ? '1' : `0.${'0'.repeat(decimals - 1)}1`;
}

function rateAt(row: f.Fields, key: string, path: string): DecimalText {
  const rate = f.unsignedTextAt(row, key, path);
  if (Number(rate) >= 1) throw new FrameError(path + key, 'a rate below 1', rate);
  return rate;
}

/** One coin with a field that is wrong is refused by name and the others stand. */
function readWallets(rows: readonly unknown[], lookup: TickerLookup): WalletList {
  const networks: NetworkStatus[] = [];
  const refused: { ticker: string; reason: string }[] = [];
  for (const [index, row] of rows.entries()) {
    try {
      networks.push(...readCoin(f.asFields(row, `[${index}]`), `[${index}].`, lookup));
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      const name = f.isFields(row) ? f.member(row, 'coin') : undefined;
      refused.push({ ticker: typeof name === 'string' ? name.slice(0, 64) : '?', reason: error.message });
    }
  }
  return { networks, refused };
}

function readCoin(row: f.Fields, path: string, lookup: TickerLookup): NetworkStatus[] {
  const ticker = f.symbolAt(row, 'coin', path);
  const { asset, identityKnown } = lookup(EXCHANGE, ticker);
  return f.listAt(row, 'chains', path, 256).map((value, index) => {
    const at = `${path}chains[${index}].`;
    const chain = f.asFields(value, at.slice(0, -1));
    return {
      exchange: EXCHANGE,
      ticker,
      asset,
      identityKnown,
      network: f.textAt(chain, 'chain', at),
      canDeposit: flagAt(chain, 'rechargeable', at),
      canWithdraw: flagAt(chain, 'withdrawable', at),
      withdrawFee: withdrawFeeOf(chain, at),
      minWithdraw: f.unsignedTextAt(chain, 'minWithdrawAmount', at),
      confirmations: confirmationsAt(chain, at),
    };
  });
}

/** `extraWithdrawFee` is a share of the amount [O]; with one, no fixed fee is the whole truth. */
function withdrawFeeOf(chain: f.Fields, path: string): DecimalText | null {
  const fixed = f.unsignedTextAt(chain, 'withdrawFee', path);
  return Number(f.unsignedTextAt(chain, 'extraWithdrawFee', path)) === 0 ? fixed : null;
}

function flagAt(chain: f.Fields, key: string, path: string): boolean {
  const value = f.member(chain, key);
  if (value !== 'true' && value !== 'false') throw new FrameError(path + key, "'true' or 'false'", value);
  return value === 'true';
}

function confirmationsAt(chain: f.Fields, path: string): number {
  const value = f.member(chain, 'depositConfirm');
  if (typeof value !== 'string' || !/^\d{1,6}$/.test(value))
    throw new FrameError(`${path}depositConfirm`, 'a number of confirmations', value);
  return Number(value);
}
