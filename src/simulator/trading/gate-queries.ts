import type { FaceHttpResponse } from '../face-protocol.js';
import type { SimulatedMarket } from '../market.js';
import { atomsText } from './atoms.js';
import type { DeskTrade, DeskTransfer } from './desk-types.js';
import { GATE_ERRORS, gateAnswer, gateFailure, gateParameter } from './gate-errors.js';
import {
  gateAccountRow,
  gateDepositRow,
  gateOrderRow,
  gateTradeRow,
  gateWithdrawalRow,
  type GateRow,
} from './gate-rows.js';
import type { OrderDesk } from './order-desk.js';
import { newestFirst, sliceOf } from './request-words.js';

export interface GateQueryParts {
  readonly desk: OrderDesk;
  readonly markets: ReadonlyMap<string, SimulatedMarket>;
  /** Unix ms. */
  readonly nowMs: () => number;
  readonly stamp: (ms: number) => number;
}

const WEEK_MS = 7 * 86_400_000;
const MAX_ORDERS = 100;
const MAX_TRADES = 1_000;
const MAX_TRANSFERS = 500;

/** Calls that only read. Lists are newest first, in counted pages; times are whole seconds, those of orders the times of their ends. */
export class GateQueries {
  private readonly parts: GateQueryParts;

  constructor(parts: GateQueryParts) {
    this.parts = parts;
  }

  read(path: string, query: URLSearchParams): FaceHttpResponse {
    const wrong = ['from', 'to', 'limit', 'page', 'offset'].find(
      (name) => !/^\d{0,12}$/.test(query.get(name) ?? ''),
    );
    if (wrong !== undefined) return gateFailure(gateParameter(wrong));
    const pair = query.get('currency_pair');
    if (pair !== null && !this.parts.markets.has(pair)) return gateFailure(GATE_ERRORS.noPair);
    switch (path) {
      case '/api/v4/spot/orders':
        return this.orders(pair, query);
      case '/api/v4/spot/open_orders':
        return this.openOrders(query);
      case '/api/v4/spot/my_trades':
        return this.trades(pair, query);
      case '/api/v4/spot/accounts':
        return this.accounts(query);
      case '/api/v4/spot/fee':
        return this.fee();
      case '/api/v4/wallet/deposits':
        return this.transfers(query, (amount) => amount > 0n, gateDepositRow);
      default:
        return this.transfers(query, (amount) => amount < 0n, gateWithdrawalRow);
    }
  }

  private orders(pair: string | null, query: URLSearchParams): FaceHttpResponse {
    const { desk, stamp } = this.parts;
    const status = query.get('status');
    if (status !== 'open' && status !== 'finished') return gateFailure(gateParameter('status'));
    if (pair === null) return gateFailure(gateParameter('currency_pair'));
    const all = status === 'open' ? newestFirst(desk.openOrders(pair)) : desk.endedNewestFirst(pair);
    const page = sliceOf(all, pageOf(query, MAX_ORDERS), ({ updatedAtMs }) => {
      return status === 'open' || this.isWithin(updatedAtMs, query);
    });
    return gateAnswer(page.rows.map((order) => gateOrderRow(order, stamp)));
  }

  /** By market; a page has so many of each. */
  private openOrders(query: URLSearchParams): FaceHttpResponse {
    const { desk, markets, stamp } = this.parts;
    const groups = [...markets.keys()].flatMap((currency_pair) => {
      const open = desk.openOrders(currency_pair);
      const page = sliceOf(newestFirst(open), pageOf(query, MAX_ORDERS), () => true);
      const orders = page.rows.map((order) => gateOrderRow(order, stamp));
      return orders.length === 0 ? [] : [{ currency_pair, total: open.length, orders }];
    });
    return gateAnswer(groups);
  }

  private trades(pair: string | null, query: URLSearchParams): FaceHttpResponse {
    const { desk, stamp } = this.parts;
    const orderId = query.get('order_id');
    if (orderId !== null && pair === null) return gateFailure(gateParameter('currency_pair'));
    const isWanted = (trade: DeskTrade) =>
      (pair ?? trade.symbol) === trade.symbol &&
      (orderId === null ? this.isWithin(trade.timeMs, query) : trade.exchangeOrderId === orderId);
    const page = sliceOf(newestFirst(desk.trades(null)), pageOf(query, MAX_TRADES), isWanted);
    return gateAnswer(page.rows.map((trade) => gateTradeRow(trade, stamp(trade.timeMs))));
  }

  private accounts(query: URLSearchParams): FaceHttpResponse {
    const currency = query.get('currency');
    const held = this.parts.desk.holdings().filter(({ asset }) => (currency ?? asset) === asset);
    return gateAnswer(held.map(gateAccountRow));
  }

  private fee(): FaceHttpResponse {
    const { takerFeeRate, makerFeeRate } = this.parts.desk.rules;
    return gateAnswer({
      user_id: 3_497_082,
      taker_fee: atomsText(takerFeeRate),
      maker_fee: atomsText(makerFeeRate),
      gt_discount: false,
      gt_taker_fee: '0',
      gt_maker_fee: '0',
      loan_fee: '0.18',
      point_type: '1',
      debit_fee: 3,
    });
  }

  private transfers(
    query: URLSearchParams,
    isWanted: (amount: bigint) => boolean,
    row: (transfer: DeskTransfer, stampMs: number) => GateRow,
  ): FaceHttpResponse {
    const { desk, stamp } = this.parts;
    const currency = query.get('currency');
    const count = limitOf(query, MAX_TRANSFERS);
    const from = Number(query.get('offset') || 0);
    const page = sliceOf(newestFirst(desk.transfers()), { from, count }, ({ amount, asset, timeMs }) => {
      return isWanted(amount) && (currency ?? asset) === asset && this.isWithin(timeMs, query);
    });
    return gateAnswer(page.rows.map((one) => row(one, stamp(one.timeMs))));
  }

  /** A week, unless it is asked for another span. */
  private isWithin(ms: number, query: URLSearchParams): boolean {
    const { nowMs, stamp } = this.parts;
    const from = query.get('from') ? Number(query.get('from')) * 1_000 : stamp(nowMs() - WEEK_MS);
    const to = query.get('to') ? (Number(query.get('to')) + 1) * 1_000 : Infinity;
    return stamp(ms) >= from && stamp(ms) < to;
  }
}

const limitOf = (query: URLSearchParams, most: number): number =>
  Math.min(most, Math.max(1, Number(query.get('limit') || 100)));

function pageOf(query: URLSearchParams, most: number): { readonly from: number; readonly count: number } {
  const count = limitOf(query, most);
  return { from: (Math.max(1, Number(query.get('page') || 1)) - 1) * count, count };
}
