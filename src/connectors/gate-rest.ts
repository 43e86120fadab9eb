import { Decimal, toText } from '../market/decimal.js';
import type { InstrumentState } from '../market/instrument.js';
import type { NetworkStatus } from '../market/wallet.js';
import type { DecimalText } from '../messages/primitives.js';
import type { ConnectorRest, FrameSink, RestRequest, TickerLookup, WalletList } from './base.js';
import * as f from './fields.js';
import { FrameError } from './frame-error.js';
import { parseJson, REST_LIMITS } from './frame-parser.js';
import { readInstruments, type MarketFacts } from './instrument-list.js';
import { exchangeError } from './rest-envelope.js';

/** Public REST of Gate v4 (PROTOCOLS §9.5, §9.7): markets, depth with its number, time, networks. */

export const EXCHANGE = 'gate';

/** Base tier [P 2026-09]; each pair's own fee comes with the pair list. */
export const FEES = { takerFeeRate: '0.002', makerFeeRate: '0.002', feeMode: 'received' } as const;

export type GateMarket = 'spot' | 'futures';

/** The deepest book that REST gives [O]. */
const DEPTH_LEVELS = 100;

/** `readSnapshot` gets a depth answer and hands its book to the sink. */
export function gateRest(
  market: GateMarket,
  readSnapshot: (answer: f.Fields, symbol: string, sink: FrameSink) => void,
): ConnectorRest {
  const get = (path: string, maxBodyBytes: number): RestRequest => ({
    path,
    costs: { requests: 1 },
    timeoutMs: 10_000,
    maxBodyBytes,
  });
  const isSpot = market === 'spot';
  const list = isSpot ? '/api/v4/spot/currency_pairs' : '/api/v4/futures/usdt/contracts';
  const depth = isSpot
    ? '/api/v4/spot/order_book?currency_pair='
    : '/api/v4/futures/usdt/order_book?contract=';
  return {
    instruments: () => get(list, 16 << 20),
    depth: (symbol) =>
      get(`${depth}${encodeURIComponent(symbol)}&limit=${DEPTH_LEVELS}&with_id=true`, 1 << 20),
    serverTime: () => get('/api/v4/spot/time', 4096),
    parseInstruments: (body, lookup) =>
      readInstruments(rowsOf(body), EXCHANGE, FEES, lookup, isSpot ? readPair : readContract),
    parseDepth: (body, symbol, sink) => readSnapshot(f.asFields(answerOf(body), 'answer'), symbol, sink),
    parseServerTime: (body) => f.timeAt(f.asFields(answerOf(body), 'answer'), 'server_time', ''),
    wallets: { request: () => get('/api/v4/spot/currencies', 16 << 20), parse: readWallets },
  };
}

/** Labels that mean "too fast" [O]. */
const TOO_FAST: readonly string[] = ['TOO_FAST', 'TOO_MANY_REQUESTS'];

/** Answers have no envelope; an error is `{"label","message"}` [O]. */
function answerOf(body: Buffer): unknown {
  const answer = parseJson(body, REST_LIMITS);
  if (f.isFields(answer) && Object.hasOwn(answer, 'label') && Object.hasOwn(answer, 'message')) {
    const label = f.textAt(answer, 'label', '');
    throw exchangeError(EXCHANGE, label, f.member(answer, 'message'), TOO_FAST.includes(label));
  }
  return answer;
}

function rowsOf(body: Buffer): readonly unknown[] {
  return f.listAt({ answer: answerOf(body) }, 'answer', '', 20_000);
}

function readPair(row: f.Fields, path: string): MarketFacts {
  const fee = percentAt(row, 'fee', path);
  return {
    symbol: f.symbolAt(row, 'id', path),
    baseTicker: f.symbolAt(row, 'base', path),
    quoteTicker: f.symbolAt(row, 'quote', path),
    tickSize: stepAt(row, 'precision', path),
    lotSize: stepAt(row, 'amount_precision', path),
    minQuantity: limitAt(row, 'min_base_amount', path) ?? '0',
    maxQuantity: limitAt(row, 'max_base_amount', path),
    minNotional: limitAt(row, 'min_quote_amount', path) ?? '0',
    state: stateOf(row, path),
    ...(fee !== null && { takerFeeRate: fee, makerFeeRate: fee }),
  };
}

/** Contracts are followed in old recordings and never traded: their sizes are no amounts of the asset. */
function readContract(row: f.Fields, path: string): MarketFacts {
  return { ...readPair(row, path), state: 'unknown' };
}

/** Precision is a count of decimals: 2 is a step of 0.01 (PROTOCOLS §12 trap 14). */
function stepAt(row: f.Fields, key: string, path: string): DecimalText {
  const decimals = f.counterAt(row, key, path);
  if (decimals > 18) throw new FrameError(path + key, 'a count of decimals', decimals);
  return decimals === 0 ? '1' : `0.${'0'.repeat(decimals - 1)}1`;
}

/** A limit above 0; absent and null mean that there is none [O]. */
function limitAt(row: f.Fields, key: string, path: string): DecimalText | null {
  const value = f.member(row, key);
  if (value === undefined || value === null) return null;
  const limit = f.unsignedTextAt(row, key, path);
  return new Decimal(limit).isZero() ? null : limit;
}

/** The fee is a percentage: `"0.2"` is a rate of 0.002. It may go away (deprecated [O]); then the base tier stands. */
function percentAt(row: f.Fields, key: string, path: string): DecimalText | null {
  const value = f.member(row, key);
  if (value === undefined || value === null) return null;
  return toText(new Decimal(f.unsignedTextAt(row, key, path)).div(100));
}

/** Who may buy but not sell, or the other way round, cannot arbitrage: `buyable` and `sellable` count as halted. */
function stateOf(row: f.Fields, path: string): InstrumentState {
  const status = f.textAt(row, 'trade_status', path);
  if (!['tradable', 'buyable', 'sellable', 'untradable'].includes(status)) return 'unknown';
  if (status === 'untradable' || f.member(row, 'type') === 'premarket') return 'halted';
  if (Object.hasOwn(row, 'delisting_time') && f.counterAt(row, 'delisting_time', path) > 0)
    return 'delisting';
  if (status !== 'tradable') return 'halted';
  return Object.hasOwn(row, 'st_tag') && f.booleanAt(row, 'st_tag', path) ? 'warning' : 'trading';
}

/** Networks of every currency. Fees and confirmations need a key and are unknown here. */
function readWallets(body: Buffer, lookup: TickerLookup): WalletList {
  const networks: NetworkStatus[] = [];
  const refused: { ticker: string; reason: string }[] = [];
  for (const [index, row] of rowsOf(body).entries()) {
    try {
      networks.push(...networksOf(f.asFields(row, `[${index}]`), `[${index}].`, lookup));
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      const name = f.isFields(row) ? f.member(row, 'currency') : undefined;
      refused.push({ ticker: typeof name === 'string' ? name.slice(0, 64) : '?', reason: error.message });
    }
  }
  return { networks, refused };
}

/** Answers before 2025 have one network per row, without `chains` [P]. */
function networksOf(row: f.Fields, path: string, lookup: TickerLookup): NetworkStatus[] {
  const ticker = f.symbolAt(row, 'currency', path);
  if (!Object.hasOwn(row, 'chains')) return [networkOf(row, 'chain', path, ticker, lookup)];
  return f.listAt(row, 'chains', path, 200).map((chain, index) => {
    const at = `${path}chains[${index}]`;
    return networkOf(f.asFields(chain, at), 'name', `${at}.`, ticker, lookup);
  });
}

function networkOf(
  row: f.Fields,
  nameKey: string,
  path: string,
  ticker: string,
  lookup: TickerLookup,
): NetworkStatus {
  const { asset, identityKnown } = lookup(EXCHANGE, ticker);
  const disabled = f.booleanAt(row, 'withdraw_disabled', path);
  // A delayed withdrawal leaves at an unknown time, which no transfer can be planned with.
  const delayed = f.booleanAt(row, 'withdraw_delayed', path);
  return {
    exchange: EXCHANGE,
    ticker,
    asset,
    identityKnown,
    network: f.symbolAt(row, nameKey, path),
    canDeposit: !f.booleanAt(row, 'deposit_disabled', path),
    canWithdraw: !disabled && !delayed,
    withdrawFee: null,
    minWithdraw: null,
    confirmations: null,
  };
}
