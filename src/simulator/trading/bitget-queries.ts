import type { FaceHttpResponse } from '../face-protocol.js';
import type { SimulatedMarket } from '../market.js';
import { atomsText } from './atoms.js';
import {
  bitgetData,
  bitgetEmpty,
  bitgetFailure,
  bitgetNoSymbol,
  bitgetParameter,
  type BitgetError,
} from './bitget-errors.js';
import {
  bitgetAssetRow,
  bitgetFillRow,
  bitgetOrderRow,
  bitgetRecordId,
  bitgetTransferRow,
} from './bitget-rows.js';
import type { OrderDesk } from './order-desk.js';

const MAX_ROWS = 100;
const MAX_SPAN_MS = 90 * 86_400_000;

export interface BitgetQueryParts {
  readonly desk: OrderDesk;
  readonly markets: ReadonlyMap<string, SimulatedMarket>;
  /** The exchange's clock. */
  readonly serverMs: () => number;
  readonly stamp: (ms: number) => number;
}

/** Calls that only read. Lists are newest first; `idLessThan` asks for what is older than an id. */
export class BitgetQueries {
  private readonly parts: BitgetQueryParts;

  constructor(parts: BitgetQueryParts) {
    this.parts = parts;
  }

  /** `path` without its version. */
  read(path: string, query: URLSearchParams): FaceHttpResponse {
    const wrong = this.wrongParameter(query);
    if (wrong !== null) return this.failure(wrong);
    switch (path) {
      case 'spot/trade/orderInfo':
        return this.order(query);
      case 'spot/trade/unfilled-orders':
        return this.unfilled(query);
      case 'spot/trade/history-orders':
        return this.history(query);
      case 'spot/trade/fills':
        return this.fills(query);
      case 'spot/account/assets':
        return this.assets(query);
      case 'common/trade-rate':
        return this.rate(query);
      default:
        return this.records(query, path.endsWith('/deposit-records'));
    }
  }

  /** What every list understands alike. */
  private wrongParameter(query: URLSearchParams): BitgetError | null {
    const symbol = query.get('symbol');
    if (symbol !== null && !this.parts.markets.has(symbol)) return bitgetNoSymbol(symbol);
    const numbers = ['startTime', 'endTime', 'limit', 'idLessThan'];
    const wrong = numbers.find((name) => !/^(\d{1,20})?$/.test(query.get(name) ?? ''));
    return wrong === undefined ? null : bitgetParameter(wrong);
  }

  /** What is not there is told by empty data. */
  private order(query: URLSearchParams): FaceHttpResponse {
    const [exchangeOrderId, clientOrderId] = [query.get('orderId') ?? '', query.get('clientOid') ?? ''];
    if (exchangeOrderId === '' && clientOrderId === '') return this.failure(bitgetEmpty('orderId'));
    const order = this.parts.desk.find({ exchangeOrderId, clientOrderId });
    return this.data(order === null ? [] : [bitgetOrderRow(order, this.parts.stamp)]);
  }

  private unfilled(query: URLSearchParams): FaceHttpResponse {
    const { desk, stamp } = this.parts;
    const orders = desk.openOrders(query.get('symbol')).reverse();
    const page = pageOf(orders, query, ({ exchangeOrderId }) => BigInt(exchangeOrderId));
    return this.data(page.map((order) => bitgetOrderRow(order, stamp)));
  }

  private history(query: URLSearchParams): FaceHttpResponse {
    const { desk, stamp } = this.parts;
    const orders = desk.endedNewestFirst(query.get('symbol'));
    const page = pageOf(
      orders,
      query,
      ({ exchangeOrderId }) => BigInt(exchangeOrderId),
      ({ createdAtMs }) => isWithin(stamp(createdAtMs), query),
    );
    return this.data(page.map((order) => bitgetOrderRow(order, stamp)));
  }

  private fills(query: URLSearchParams): FaceHttpResponse {
    const { desk, stamp } = this.parts;
    if (!query.has('symbol')) return this.failure(bitgetEmpty('symbol'));
    const orderId = query.get('orderId') ?? '';
    const trades = desk.trades(query.get('symbol')).reverse();
    const page = pageOf(
      trades,
      query,
      ({ id }) => BigInt(id),
      (trade) =>
        (orderId === '' || trade.exchangeOrderId === orderId) && isWithin(stamp(trade.timeMs), query),
    );
    return this.data(page.map((trade) => bitgetFillRow(trade, stamp)));
  }

  /** `hold_only` is the default; `all` has every coin of the exchange. */
  private assets(query: URLSearchParams): FaceHttpResponse {
    const { desk, markets, serverMs } = this.parts;
    const type = query.get('assetType') ?? 'hold_only';
    if (type !== 'hold_only' && type !== 'all') return this.failure(bitgetParameter('assetType'));
    const held = desk.holdings().filter(({ free, locked }) => free !== 0n || locked !== 0n);
    const listed = [...markets.values()].flatMap(({ listing }) => [listing.base, listing.quote]);
    const others = [...new Set(listed)].filter((coin) => held.every(({ asset }) => asset !== coin));
    const empty = type === 'all' ? others.map((asset) => ({ asset, free: 0n, locked: 0n })) : [];
    const atMs = Math.floor(serverMs());
    return this.data([...held, ...empty].map((holding) => bitgetAssetRow(holding, atMs)));
  }

  private rate(query: URLSearchParams): FaceHttpResponse {
    const market = this.parts.markets.get(query.get('symbol') ?? '');
    if (market === undefined) return this.failure(bitgetEmpty('symbol'));
    if (query.get('businessType') !== 'spot') return this.failure(bitgetParameter('businessType'));
    const { makerFeeRate, takerFeeRate } = this.parts.desk.ratesOf(market);
    return this.data({ makerFeeRate: atomsText(makerFeeRate), takerFeeRate: atomsText(takerFeeRate) });
  }

  /** Both ends have to be named, at most 90 days apart. */
  private records(query: URLSearchParams, isDeposit: boolean): FaceHttpResponse {
    const { desk, stamp } = this.parts;
    const [start, end] = [query.get('startTime') ?? '', query.get('endTime') ?? ''];
    if (start === '' || end === '') return this.failure(bitgetEmpty('startTime or endTime'));
    if (Number(end) - Number(start) > MAX_SPAN_MS) return this.failure(bitgetParameter('endTime'));
    const coin = query.get('coin') ?? '';
    const found = desk
      .transfers()
      .filter(({ amount, asset }) => amount > 0n === isDeposit && (coin === '' || coin === asset))
      .filter(({ timeMs }) => isWithin(stamp(timeMs), query))
      .sort((a, b) => Number(BigInt(bitgetRecordId(b)) - BigInt(bitgetRecordId(a))));
    const page = pageOf(found, query, (transfer) => BigInt(bitgetRecordId(transfer)));
    return this.data(page.map((transfer) => bitgetTransferRow(transfer, stamp)));
  }

  private data(data: unknown): FaceHttpResponse {
    return bitgetData(data, this.parts.serverMs());
  }

  private failure(error: BitgetError): FaceHttpResponse {
    return bitgetFailure(error, this.parts.serverMs());
  }
}

function isWithin(ms: number, query: URLSearchParams): boolean {
  const [start = '', end = ''] = ['startTime', 'endTime'].map((name) => query.get(name) ?? '');
  return (start === '' || ms >= Number(start)) && (end === '' || ms <= Number(end));
}

/** The rows that a query wants of a list that is newest first. */
function pageOf<T>(
  rows: Iterable<T>,
  query: URLSearchParams,
  idOf: (row: T) => bigint,
  isWanted: (row: T) => boolean = () => true,
): T[] {
  const [below = '', limit = ''] = ['idLessThan', 'limit'].map((name) => query.get(name) ?? '');
  const size = limit === '' ? MAX_ROWS : Math.min(MAX_ROWS, Math.max(1, Number(limit)));
  const page: T[] = [];
  for (const row of rows) {
    if ((below !== '' && idOf(row) >= BigInt(below)) || !isWanted(row)) continue;
    page.push(row);
    if (page.length === size) break;
  }
  return page;
}
