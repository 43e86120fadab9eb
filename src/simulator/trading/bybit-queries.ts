import type { FaceHttpResponse } from '../face-protocol.js';
import type { SimulatedMarket } from '../market.js';
import { atomsText } from './atoms.js';
import { bybitFailure, bybitResult } from './bybit-answers.js';
import { BYBIT_ERRORS, bybitParameter } from './bybit-errors.js';
import { executionPlace } from './bybit-executions.js';
import { namesOf } from './bybit-order-calls.js';
import {
  bybitCoinRow,
  bybitDepositRow,
  bybitExecutionRow,
  bybitOrderRow,
  bybitWalletRow,
  bybitWithdrawalRow,
  type BybitRow,
} from './bybit-rows.js';
import type { DeskTransfer, OrderView } from './desk-types.js';
import type { OrderDesk } from './order-desk.js';
import { newestFirst, sliceOf } from './request-words.js';
import { bybitCoins, type WalletNetworks } from './wallet-networks.js';

export interface BybitQueryParts {
  readonly desk: OrderDesk;
  readonly markets: ReadonlyMap<string, SimulatedMarket>;
  /** Unix ms. */
  readonly nowMs: () => number;
  /** The exchange's clock. */
  readonly serverMs: () => number;
  readonly stamp: (ms: number) => number;
  /** What one unit of an asset is worth in dollars. */
  readonly usdOf: (asset: string) => number;
  readonly wallets: WalletNetworks;
}

const DAY_MS = 86_400_000;
const WEEK_MS = 7 * DAY_MS;
const MONTH_MS = 30 * DAY_MS;
const RECENT_CLOSED = 500;
const MAX_ORDERS = 50;
const MAX_EXECUTIONS = 100;

/**
 * Calls that only read. Lists are newest first and go on where `cursor` says. What was placed is seen here `readLagMs` later than
 * it was placed: a receipt is no promise that the next query finds the order.
 */
export class BybitQueries {
  readLagMs = 20;
  private readonly parts: BybitQueryParts;
  /** Orders that closed before are not among the recent ones any more. */
  private recentSinceMs = Number.NEGATIVE_INFINITY;

  constructor(parts: BybitQueryParts) {
    this.parts = parts;
  }

  /** The exchange restarted: the recently closed orders are only in the history now (PROTOCOLS §2). */
  forgetRecent(): void {
    this.recentSinceMs = this.parts.nowMs();
  }

  read(path: string, query: URLSearchParams): FaceHttpResponse {
    const wrong = ['limit', 'startTime', 'endTime', 'cursor'].find(
      (name) => !/^\d{0,15}$/.test(query.get(name) ?? ''),
    );
    if (wrong !== undefined) return this.wrong(`${wrong} invalid`);
    switch (path) {
      case '/v5/order/realtime':
        return this.checked(query, () => this.realtime(query));
      case '/v5/order/history':
        return this.checked(query, () => this.history(query));
      case '/v5/execution/list':
        return this.checked(query, () => this.executions(query));
      case '/v5/account/fee-rate':
        return this.checked(query, () => this.feeRates(query));
      case '/v5/account/wallet-balance':
        return this.wallet(query);
      case '/v5/asset/coin/query-info':
        return bybitResult(bybitCoins(this.parts.wallets), this.parts.serverMs());
      case '/v5/asset/deposit/query-record':
        return this.transfers(query, (amount) => amount > 0n, bybitDepositRow);
      default:
        return this.transfers(query, (amount) => amount < 0n, bybitWithdrawalRow);
    }
  }

  private checked(query: URLSearchParams, read: () => FaceHttpResponse): FaceHttpResponse {
    const { markets, serverMs } = this.parts;
    if (query.get('category') !== 'spot') return this.wrong('category invalid');
    const symbol = query.get('symbol') ?? '';
    return symbol === '' || markets.has(symbol) ? read() : bybitFailure(BYBIT_ERRORS.noSymbol, serverMs());
  }

  /** `openOnly` 0 = what is open, 1 = the last 500 that closed. */
  private realtime(query: URLSearchParams): FaceHttpResponse {
    const { desk } = this.parts;
    const openOnly = query.get('openOnly') ?? '0';
    if (openOnly !== '0' && openOnly !== '1') return this.wrong('openOnly invalid');
    const named = this.named(query);
    if (openOnly === '0') {
      const open = named ?? desk.openOrders(symbolOf(query)).reverse();
      return this.orderPage(query, open, ({ state }) => state === 'open');
    }
    const closed = named ?? first(desk.endedNewestFirst(symbolOf(query)), RECENT_CLOSED);
    return this.orderPage(query, closed, ({ state, updatedAtMs }) => {
      return state !== 'open' && updatedAtMs > this.recentSinceMs;
    });
  }

  private history(query: URLSearchParams): FaceHttpResponse {
    const ended = this.named(query) ?? this.parts.desk.endedNewestFirst(symbolOf(query));
    return this.orderPage(query, ended, ({ state, updatedAtMs }) => {
      return state !== 'open' && this.isWithin(updatedAtMs, query);
    });
  }

  /** The order that a query names, as a list; null when it names none. */
  private named(query: URLSearchParams): readonly OrderView[] | null {
    const name = namesOf(Object.fromEntries(query));
    if (name === null) return null;
    const order = this.parts.desk.find(name);
    const symbol = symbolOf(query);
    return order === null || (symbol !== null && symbol !== order.symbol) ? [] : [order];
  }

  private orderPage(
    query: URLSearchParams,
    orders: Iterable<OrderView>,
    isWanted: (order: OrderView) => boolean,
  ): FaceHttpResponse {
    const { serverMs, stamp } = this.parts;
    const isSeen = (order: OrderView) => this.isSeen(order.createdAtMs) && isWanted(order);
    const { rows, cursor } = pageOf(orders, query, MAX_ORDERS, isSeen);
    const list = rows.map((order) => bybitOrderRow(order, stamp));
    return bybitResult({ list, nextPageCursor: cursor, category: 'spot' }, serverMs());
  }

  /** Seven days, unless it is asked for another span. */
  private executions(query: URLSearchParams): FaceHttpResponse {
    const { desk, serverMs, stamp } = this.parts;
    const name = namesOf(Object.fromEntries(query));
    const trades = name === null ? desk.trades(symbolOf(query)) : (desk.find(name)?.trades ?? []);
    const { rows, cursor } = pageOf(newestFirst(trades), query, MAX_EXECUTIONS, ({ timeMs, symbol }) => {
      const isOfMarket = (symbolOf(query) ?? symbol) === symbol;
      return isOfMarket && this.isSeen(timeMs) && this.isWithin(timeMs, query);
    });
    const list = rows.flatMap((trade) => {
      const order = desk.find({ exchangeOrderId: trade.exchangeOrderId });
      if (order === null) return [];
      return [bybitExecutionRow(trade, executionPlace(trade, order, desk.rules), stamp)];
    });
    return bybitResult({ nextPageCursor: cursor, category: 'spot', list }, serverMs());
  }

  private wallet(query: URLSearchParams): FaceHttpResponse {
    const { desk, serverMs, usdOf } = this.parts;
    if (query.get('accountType') !== 'UNIFIED') return this.wrong('accountType only support UNIFIED.');
    const wanted = (query.get('coin') ?? '').split(',').filter((name) => name !== '');
    const coins = desk
      .holdings()
      .filter(({ asset, free, locked }) =>
        wanted.length === 0 ? free !== 0n || locked !== 0n : wanted.includes(asset),
      )
      .map((holding) => bybitCoinRow(holding, usdOf(holding.asset)));
    return bybitResult({ list: [bybitWalletRow(coins)] }, serverMs());
  }

  private feeRates(query: URLSearchParams): FaceHttpResponse {
    const { desk, markets, serverMs } = this.parts;
    const symbols = [...markets.keys()].filter((symbol) => (symbolOf(query) ?? symbol) === symbol);
    const list = symbols.map((symbol) => ({
      symbol,
      takerFeeRate: atomsText(desk.rules.takerFeeRate),
      makerFeeRate: atomsText(desk.rules.makerFeeRate),
      baseCoin: '',
    }));
    return bybitResult({ list }, serverMs());
  }

  private transfers(
    query: URLSearchParams,
    isWanted: (amount: bigint) => boolean,
    row: (transfer: DeskTransfer, stampMs: number) => BybitRow,
  ): FaceHttpResponse {
    const { desk, serverMs, stamp } = this.parts;
    const coin = query.get('coin') ?? '';
    const { rows, cursor } = pageOf(newestFirst(desk.transfers()), query, MAX_ORDERS, (transfer) => {
      const isOfCoin = coin === '' || coin === transfer.asset;
      return isOfCoin && isWanted(transfer.amount) && this.isWithin(transfer.timeMs, query, MONTH_MS);
    });
    const result = { rows: rows.map((one) => row(one, stamp(one.timeMs))), nextPageCursor: cursor };
    return bybitResult(result, serverMs(), 'success');
  }

  private isSeen(atMs: number): boolean {
    return this.parts.nowMs() - atMs >= this.readLagMs;
  }

  private isWithin(ms: number, query: URLSearchParams, spanMs = WEEK_MS): boolean {
    const { nowMs, stamp } = this.parts;
    const start = Number(query.get('startTime') || stamp(nowMs() - spanMs));
    const end = Number(query.get('endTime') || start + spanMs);
    return stamp(ms) >= start && stamp(ms) <= end;
  }

  private wrong(what: string): FaceHttpResponse {
    return bybitFailure(bybitParameter(what), this.parts.serverMs());
  }
}

function symbolOf(query: URLSearchParams): string | null {
  return query.get('symbol') || null;
}

/** At most `count` rows; the rest is not even made. */
function first<T>(rows: Iterable<T>, count: number): T[] {
  const taken: T[] = [];
  for (const row of rows) {
    taken.push(row);
    if (taken.length === count) break;
  }
  return taken;
}

/** A page of a list that is newest first; the cursor is how many rows came before, '' on the last page. */
function pageOf<T>(
  rows: Iterable<T>,
  query: URLSearchParams,
  maxRows: number,
  isWanted: (row: T) => boolean,
): { readonly rows: readonly T[]; readonly cursor: string } {
  const count = Math.min(maxRows, Math.max(1, Number(query.get('limit') || maxRows)));
  const from = Number(query.get('cursor') || 0);
  const page = sliceOf(rows, { from, count }, isWanted);
  return { rows: page.rows, cursor: page.isLast ? '' : `${from + count}` };
}
