import type { FaceHttpResponse } from '../face-protocol.js';
import type { SimulatedMarket } from '../market.js';
import { atomsText } from './atoms.js';
import type { DeskTrade, DeskTransfer, OrderView } from './desk-types.js';
import { okxData, okxFailure } from './okx-answers.js';
import { okxEmpty, OKX_ERRORS, okxParameter, type OkxError } from './okx-errors.js';
import {
  okxBalanceDetail,
  okxBalanceRow,
  okxDepositRow,
  okxFillRow,
  okxOrderRow,
  okxWithdrawalRow,
  type OkxRow,
} from './okx-rows.js';
import type { OrderDesk } from './order-desk.js';
import { okxCurrencies, type WalletNetworks } from './wallet-networks.js';

export interface OkxQueryParts {
  readonly desk: OrderDesk;
  readonly markets: ReadonlyMap<string, SimulatedMarket>;
  /** Unix ms. */
  readonly nowMs: () => number;
  readonly stamp: (ms: number) => number;
  /** What one unit of an asset is worth in dollars. */
  readonly usdOf: (asset: string) => number;
  readonly wallets: WalletNetworks;
}

const DAY_MS = 86_400_000;
const FILLS_MS = 3 * DAY_MS;
const HISTORY_MS = 7 * DAY_MS;
const MAX_ROWS = 100;
const FIRST_BILL = 680_800_019_754_000_000n;

/** Calls that only read. Lists are newest first; `after` asks for what is older than an id, `before` for what is newer. */
export class OkxQueries {
  private readonly parts: OkxQueryParts;

  constructor(parts: OkxQueryParts) {
    this.parts = parts;
  }

  read(path: string, query: URLSearchParams): FaceHttpResponse {
    const wrong = this.wrongParameter(query);
    if (wrong !== null) return okxFailure(wrong);
    switch (path) {
      case '/api/v5/trade/order':
        return this.order(query);
      case '/api/v5/trade/orders-pending':
        return this.pending(query);
      case '/api/v5/trade/orders-history':
        return this.history(query);
      case '/api/v5/trade/fills':
        return this.fills(query);
      case '/api/v5/account/balance':
        return this.balance(query);
      case '/api/v5/account/trade-fee':
        return this.fee(query);
      case '/api/v5/asset/currencies':
        return okxData(okxCurrencies(this.parts.wallets));
      case '/api/v5/asset/deposit-history':
        return this.transfers(query, (amount) => amount > 0n, okxDepositRow);
      default:
        return this.transfers(query, (amount) => amount < 0n, okxWithdrawalRow);
    }
  }

  /** What every list understands alike. */
  private wrongParameter(query: URLSearchParams): OkxError | null {
    const instId = query.get('instId');
    if (instId !== null && !this.parts.markets.has(instId)) return OKX_ERRORS.noInstrument;
    const numbers = ['after', 'before', 'begin', 'end', 'limit'];
    const wrong = numbers.find((name) => !/^(\d{1,20})?$/.test(query.get(name) ?? ''));
    return wrong === undefined ? null : okxParameter(wrong);
  }

  private order(query: URLSearchParams): FaceHttpResponse {
    const [instId = '', ordId = '', clOrdId = ''] = ['instId', 'ordId', 'clOrdId'].map(
      (name) => query.get(name) ?? '',
    );
    if (instId === '') return okxFailure(okxEmpty('instId'), 400);
    if (ordId === '' && clOrdId === '') return okxFailure(OKX_ERRORS.noOrderNamed);
    const order = this.parts.desk.find({ exchangeOrderId: ordId, clientOrderId: clOrdId });
    if (order === null || order.symbol !== instId) return okxFailure(OKX_ERRORS.noOrder);
    return okxData([okxOrderRow(order, this.parts.stamp)]);
  }

  private pending(query: URLSearchParams): FaceHttpResponse {
    const orders = isSpot(query) ? this.parts.desk.openOrders(query.get('instId')).reverse() : [];
    return okxData(pageOf(orders, query, orderId).map((order) => okxOrderRow(order, this.parts.stamp)));
  }

  /** Seven days; what was cancelled without a fill is gone sooner. */
  private history(query: URLSearchParams): FaceHttpResponse {
    if (!query.has('instType')) return okxFailure(okxEmpty('instType'), 400);
    const { desk, nowMs, stamp } = this.parts;
    const oldestMs = nowMs() - HISTORY_MS;
    const orders = isSpot(query) ? desk.endedNewestFirst(query.get('instId'), this.beginMs(query)) : [];
    const page = pageOf(orders, query, orderId, ({ createdAtMs, updatedAtMs }) => {
      return updatedAtMs >= oldestMs && isWithin(stamp(createdAtMs), query);
    });
    return okxData(page.map((order) => okxOrderRow(order, stamp)));
  }

  private fills(query: URLSearchParams): FaceHttpResponse {
    const { desk, nowMs, stamp } = this.parts;
    const { takerFeeRate, makerFeeRate } = desk.rules;
    const oldestMs = nowMs() - FILLS_MS;
    const ordId = query.get('ordId') ?? '';
    const fills = isSpot(query) ? billsOf(desk.trades(null), this.beginMs(query)) : [];
    const page = pageOf(fills, query, billId, ({ trade: { timeMs, exchangeOrderId, symbol } }) => {
      const isNamed = ordId === '' || exchangeOrderId === ordId;
      const isOfMarket = (query.get('instId') ?? symbol) === symbol;
      return timeMs >= oldestMs && isNamed && isOfMarket && isWithin(stamp(timeMs), query);
    });
    const rows = page.map(({ trade, id }) => {
      const rate = trade.liquidity === 'maker' ? makerFeeRate : takerFeeRate;
      return okxFillRow(trade, `${id}`, rate, stamp(trade.timeMs));
    });
    return okxData(rows);
  }

  /** From when on rows can be wanted, by the clock of the desk: what is older is not even looked at. */
  private beginMs(query: URLSearchParams): number {
    const { nowMs, stamp } = this.parts;
    const begin = query.get('begin') ?? '';
    return begin === '' ? -Infinity : Number(begin) - (stamp(nowMs()) - nowMs()) - 1;
  }

  /** Without `ccy`: what is not zero. */
  private balance(query: URLSearchParams): FaceHttpResponse {
    const { desk, nowMs, stamp, usdOf } = this.parts;
    const atMs = stamp(nowMs());
    const wanted = (query.get('ccy') ?? '').split(',').filter((name) => name !== '');
    const details = desk
      .holdings()
      .filter(({ asset, free, locked }) =>
        wanted.length === 0 ? free !== 0n || locked !== 0n : wanted.includes(asset),
      )
      .map((holding) => okxBalanceDetail(holding, usdOf(holding.asset), atMs));
    return okxData([okxBalanceRow(details, atMs)]);
  }

  /** Rates are negative: the exchange takes them (PROTOCOLS §4 [O]). */
  private fee(query: URLSearchParams): FaceHttpResponse {
    if (!query.has('instType')) return okxFailure(okxEmpty('instType'), 400);
    if (!isSpot(query)) return okxFailure(okxParameter('instType'));
    const { desk, nowMs, stamp } = this.parts;
    return okxData([
      {
        category: '1',
        delivery: '',
        exercise: '',
        fiat: [],
        instType: 'SPOT',
        level: 'Lv1',
        maker: atomsText(-desk.rules.makerFeeRate),
        makerU: '',
        makerUSDC: '',
        taker: atomsText(-desk.rules.takerFeeRate),
        takerU: '',
        takerUSDC: '',
        ts: `${stamp(nowMs())}`,
      },
    ]);
  }

  private transfers(
    query: URLSearchParams,
    isWanted: (amount: bigint) => boolean,
    row: (transfer: DeskTransfer, stampMs: number) => OkxRow,
  ): FaceHttpResponse {
    const { desk, stamp } = this.parts;
    const ccy = query.get('ccy') ?? '';
    const found = desk
      .transfers()
      .filter(({ amount, asset }) => isWanted(amount) && (ccy === '' || ccy === asset))
      .reverse();
    const page = pageOf(found, query, ({ timeMs }) => BigInt(stamp(timeMs)));
    return okxData(page.map((transfer) => row(transfer, stamp(transfer.timeMs))));
  }
}

function isSpot(query: URLSearchParams): boolean {
  return ['SPOT', 'ANY', ''].includes(query.get('instType') ?? '');
}

function isWithin(ms: number, query: URLSearchParams): boolean {
  const [begin = '', end = ''] = ['begin', 'end'].map((name) => query.get(name) ?? '');
  return (begin === '' || ms >= Number(begin)) && (end === '' || ms <= Number(end));
}

/** A trade as the account's books know it. */
interface Bill {
  readonly id: bigint;
  readonly trade: DeskTrade;
}

/** Newest first; made one by one. */
function* billsOf(trades: readonly DeskTrade[], sinceMs: number): Generator<Bill> {
  for (let at = trades.length - 1; at >= 0 && trades[at]!.timeMs >= sinceMs; at--)
    yield { id: FIRST_BILL + BigInt(at), trade: trades[at]! };
}

const billId = ({ id }: Bill): bigint => id;
const orderId = ({ exchangeOrderId }: OrderView): bigint => BigInt(exchangeOrderId);

/** The rows that a query wants of a list that is newest first. */
function pageOf<T>(
  rows: Iterable<T>,
  query: URLSearchParams,
  idOf: (row: T) => bigint,
  isWanted: (row: T) => boolean = () => true,
): T[] {
  const [after = '', before = '', limit = ''] = ['after', 'before', 'limit'].map(
    (name) => query.get(name) ?? '',
  );
  const size = limit === '' ? MAX_ROWS : Math.min(MAX_ROWS, Math.max(1, Number(limit)));
  const page: T[] = [];
  for (const row of rows) {
    if (before !== '' && idOf(row) <= BigInt(before)) break;
    if ((after !== '' && idOf(row) >= BigInt(after)) || !isWanted(row)) continue;
    page.push(row);
    if (page.length === size) break;
  }
  return page;
}
