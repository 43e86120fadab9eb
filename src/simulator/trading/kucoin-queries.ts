import type { FaceHttpResponse } from '../face-protocol.js';
import type { SimulatedMarket } from '../market.js';
import { atomsText } from './atoms.js';
import type { DeskTrade, DeskTransfer, OrderView } from './desk-types.js';
import { KUCOIN_ERRORS, kucoinData, kucoinFailure, kucoinParameter } from './kucoin-errors.js';
import {
  kucoinAccountRow,
  kucoinDepositRow,
  kucoinFillRow,
  kucoinOrderRow,
  kucoinWithdrawalRow,
  type KucoinRow,
} from './kucoin-rows.js';
import type { OrderName } from './order-archive.js';
import type { OrderDesk } from './order-desk.js';
import { newestFirst, sliceOf } from './request-words.js';

export interface KucoinQueryParts {
  readonly desk: OrderDesk;
  readonly markets: ReadonlyMap<string, SimulatedMarket>;
  /** Unix ms. */
  readonly nowMs: () => number;
  readonly stamp: (ms: number) => number;
}

const WEEK_MS = 7 * 86_400_000;
const MAX_ROWS = 100;
const MAX_PAGE = 500;
const FIRST_FILL = 2_678_765_000;

/** Calls that only read. Lists are newest first and go on where `lastId` says; those of transfers have pages. */
export class KucoinQueries {
  private readonly parts: KucoinQueryParts;

  constructor(parts: KucoinQueryParts) {
    this.parts = parts;
  }

  /** An order by one of its names; null is said of one that is not there, or 126043. */
  order(name: OrderName, symbol: string): FaceHttpResponse {
    const { desk, markets, stamp } = this.parts;
    if (!markets.has(symbol)) return kucoinFailure(KUCOIN_ERRORS.noSymbol);
    const order = desk.find(name);
    if (order?.symbol === symbol) return kucoinData(kucoinOrderRow(order, stamp));
    return name.clientOrderId === undefined ? kucoinFailure(KUCOIN_ERRORS.absent) : kucoinData(null);
  }

  read(path: string, query: URLSearchParams): FaceHttpResponse {
    const numbers = ['startAt', 'endAt', 'lastId', 'limit', 'currentPage', 'pageSize'];
    const wrong = numbers.find((name) => !/^\d{0,15}$/.test(query.get(name) ?? ''));
    if (wrong !== undefined) return kucoinFailure(kucoinParameter(wrong));
    switch (path) {
      case '/api/v1/hf/orders/active/symbols':
        return kucoinData({ symbols: this.openMarkets() });
      case '/api/v1/hf/orders/active':
        return this.ofMarket(query, (symbol) => this.active(symbol));
      case '/api/v1/hf/orders/done':
        return this.ofMarket(query, (symbol) => this.done(symbol, query));
      case '/api/v1/hf/fills':
        return this.ofMarket(query, (symbol) => this.fills(symbol, query));
      case '/api/v1/accounts':
        return this.accounts(query);
      case '/api/v1/trade-fees':
        return this.fees(query);
      case '/api/v1/deposits':
        return this.transfers(query, (amount) => amount > 0n, kucoinDepositRow);
      default:
        return this.transfers(query, (amount) => amount < 0n, kucoinWithdrawalRow);
    }
  }

  private ofMarket(query: URLSearchParams, read: (symbol: string) => FaceHttpResponse): FaceHttpResponse {
    const symbol = query.get('symbol') ?? '';
    return this.parts.markets.has(symbol) ? read(symbol) : kucoinFailure(KUCOIN_ERRORS.noSymbol);
  }

  private openMarkets(): string[] {
    return [...new Set(this.parts.desk.openOrders(null).map(({ symbol }) => symbol))];
  }

  private active(symbol: string): FaceHttpResponse {
    const { desk, stamp } = this.parts;
    return kucoinData(
      desk
        .openOrders(symbol)
        .reverse()
        .map((order) => kucoinOrderRow(order, stamp)),
    );
  }

  private done(symbol: string, query: URLSearchParams): FaceHttpResponse {
    const { desk, stamp } = this.parts;
    const page = this.page(desk.endedNewestFirst(symbol), query, {
      idOf: ({ number }: OrderView) => number,
      timeOf: ({ createdAtMs }) => createdAtMs,
    });
    const items = page.map((order) => kucoinOrderRow(order, stamp));
    return kucoinData({ lastId: page.at(-1)?.number ?? 0, items });
  }

  private fills(symbol: string, query: URLSearchParams): FaceHttpResponse {
    const { desk, stamp } = this.parts;
    const orderId = query.get('orderId');
    const page = this.page(bookedNewestFirst(desk.trades(null)), query, {
      idOf: ({ id }: BookedFill) => id,
      timeOf: ({ trade }) => trade.timeMs,
      isWanted: ({ trade }) =>
        trade.symbol === symbol && (orderId === null || trade.exchangeOrderId === orderId),
    });
    const { makerFeeRate, takerFeeRate } = desk.rules;
    const items = page.map(({ trade, id }) => {
      const rate = atomsText(trade.liquidity === 'maker' ? makerFeeRate : takerFeeRate);
      return kucoinFillRow(trade, id, rate, stamp(trade.timeMs));
    });
    return kucoinData({ items, lastId: page.at(-1)?.id ?? 0 });
  }

  /** `type` narrows; this account is one for trading. */
  private accounts(query: URLSearchParams): FaceHttpResponse {
    const [type, currency] = [query.get('type') ?? 'trade', query.get('currency')];
    const held = type === 'trade' ? this.parts.desk.holdings() : [];
    return kucoinData(held.filter(({ asset }) => (currency ?? asset) === asset).map(kucoinAccountRow));
  }

  private fees(query: URLSearchParams): FaceHttpResponse {
    const { desk, markets } = this.parts;
    const symbols = (query.get('symbols') ?? '').split(',');
    if (symbols.length > 10 || symbols.some((symbol) => !markets.has(symbol)))
      return kucoinFailure(KUCOIN_ERRORS.noSymbol);
    const [takerFeeRate, makerFeeRate] = [desk.rules.takerFeeRate, desk.rules.makerFeeRate].map((rate) =>
      atomsText(rate),
    );
    return kucoinData(symbols.map((symbol) => ({ symbol, takerFeeRate, makerFeeRate })));
  }

  private transfers(
    query: URLSearchParams,
    isWanted: (amount: bigint) => boolean,
    row: (transfer: DeskTransfer, stampMs: number) => KucoinRow,
  ): FaceHttpResponse {
    const { desk, stamp } = this.parts;
    const currency = query.get('currency');
    const pageSize = Math.min(MAX_PAGE, Number(query.get('pageSize') || 50));
    const currentPage = Math.max(1, Number(query.get('currentPage') || 1));
    const found = [...newestFirst(desk.transfers())].filter(
      ({ amount, asset, timeMs }) =>
        isWanted(amount) && (currency ?? asset) === asset && this.isWithin(timeMs, query),
    );
    const from = (currentPage - 1) * pageSize;
    const items = found.slice(from, from + pageSize).map((one) => row(one, stamp(one.timeMs)));
    const totalPage = Math.ceil(found.length / pageSize);
    return kucoinData({ currentPage, pageSize, totalNum: found.length, totalPage, items });
  }

  private page<T>(
    all: Iterable<T>,
    query: URLSearchParams,
    {
      idOf,
      timeOf,
      isWanted = () => true,
    }: { idOf: (row: T) => number; timeOf: (row: T) => number; isWanted?: (row: T) => boolean },
  ): readonly T[] {
    const lastId = query.get('lastId') ?? '';
    const count = Math.min(MAX_ROWS, Math.max(1, Number(query.get('limit') || 20)));
    return sliceOf(all, { from: 0, count }, (row) => {
      const isOlder = lastId === '' || idOf(row) < Number(lastId);
      return isOlder && isWanted(row) && this.isWithin(timeOf(row), query);
    }).rows;
  }

  /** A week, unless it is asked for another span; a start alone reaches a week forward [C]. */
  private isWithin(ms: number, query: URLSearchParams): boolean {
    const { nowMs, stamp } = this.parts;
    const start = Number(query.get('startAt') || stamp(nowMs() - WEEK_MS));
    const end = Number(query.get('endAt') || start + WEEK_MS);
    return stamp(ms) >= start && stamp(ms) <= end;
  }
}

/** A fill with its place among all fills of the account. */
interface BookedFill {
  readonly trade: DeskTrade;
  readonly id: number;
}

function* bookedNewestFirst(trades: readonly DeskTrade[]): Generator<BookedFill> {
  for (let at = trades.length - 1; at >= 0; at--) yield { trade: trades[at]!, id: FIRST_FILL + at };
}
