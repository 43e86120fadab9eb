import { response, type FaceHttpResponse } from '../face-protocol.js';
import type { SimulatedMarket } from '../market.js';
import { atomsText } from './atoms.js';
import type { OrderName } from './order-archive.js';
import type { OrderDesk } from './order-desk.js';
import { accountRow, orderDetail, orderRow, transferRow } from './upbit-order-frames.js';
import { invalid } from './upbit-order-request.js';
import { upbitError, type UpbitParams } from './upbit-signing.js';

const MAX_SPAN_MS = 7 * 24 * 3_600_000;
const MAX_CLOSED = 1_000;
const MAX_ROWS = 100;

export interface UpbitQueryParts {
  readonly desk: OrderDesk;
  readonly markets: ReadonlyMap<string, SimulatedMarket>;
  readonly isHalted: (symbol: string) => boolean;
  /** What the exchange's clock shows. */
  readonly serverMs: () => number;
  /** A time as the exchange writes it. */
  readonly stamp: (ms: number) => number;
}

/** What Upbit answers to questions: orders, balances, the conditions of a market, transfers. */
export class UpbitQueries {
  private readonly parts: UpbitQueryParts;

  constructor(parts: UpbitQueryParts) {
    this.parts = parts;
  }

  openOrders(values: ReadonlyMap<string, string>): FaceHttpResponse {
    const orders = this.parts.desk.openOrders(values.get('market') ?? null);
    return json(page(orders, values).map((order) => orderRow(order, this.parts.stamp)));
  }

  accounts(): FaceHttpResponse {
    const held = this.parts.desk.holdings().filter(({ free, locked }) => free !== 0n || locked !== 0n);
    return json(held.map(accountRow));
  }

  /** `GET /v1/order`. */
  order(values: ReadonlyMap<string, string>): FaceHttpResponse {
    const name = nameIn(values);
    if (name === null) return invalid('uuid or identifier is missing');
    const order = this.parts.desk.find(name);
    return order === null ? notFound() : json(orderDetail(order, this.parts.stamp));
  }

  /** At most seven days: forward from a start, back from an end or from now. */
  closedOrders(params: UpbitParams): FaceHttpResponse {
    const values = new Map(params);
    const now = Math.floor(this.parts.serverMs());
    const from = timeIn(values, 'start_time');
    const end = timeIn(values, 'end_time') ?? (from === null ? now : Math.min(now, from + MAX_SPAN_MS));
    const start = from ?? end - MAX_SPAN_MS;
    if (Number.isNaN(end) || Number.isNaN(start)) return invalid('start_time or end_time is no time');
    if (end - start > MAX_SPAN_MS) return invalid('start_time and end_time are more than 7 days apart');
    const states = params
      .filter(([name]) => name === 'states[]' || name === 'state')
      .map(([, value]) => value);
    const orders = this.parts.desk
      .endedOrders(values.get('market') ?? null)
      .filter(
        ({ createdAtMs }) => this.parts.stamp(createdAtMs) >= start && this.parts.stamp(createdAtMs) <= end,
      )
      .filter(({ state }) => states.length === 0 || states.includes(state === 'filled' ? 'done' : 'cancel'));
    return json(page(orders, values, MAX_CLOSED).map((order) => orderRow(order, this.parts.stamp)));
  }

  byIds(params: UpbitParams): FaceHttpResponse {
    const names = params.flatMap(([name, value]): OrderName[] => {
      if (name === 'uuids[]') return [{ exchangeOrderId: value }];
      return name === 'identifiers[]' ? [{ clientOrderId: value }] : [];
    });
    const orders = names.flatMap((name) => this.parts.desk.find(name) ?? []);
    return json(orders.map((order) => orderRow(order, this.parts.stamp)));
  }

  /** Rates, minimums and balances of one market. */
  chance(values: ReadonlyMap<string, string>): FaceHttpResponse {
    const market = this.parts.markets.get(values.get('market') ?? '');
    if (market === undefined) return invalid('market does not have a valid value');
    const { base, quote, symbol, minNotional } = market.listing;
    const { takerFeeRate, makerFeeRate } = this.parts.desk.ratesOf(market);
    const [taker, maker] = [atomsText(takerFeeRate), atomsText(makerFeeRate)];
    return json({
      bid_fee: taker,
      ask_fee: taker,
      maker_bid_fee: maker,
      maker_ask_fee: maker,
      market: {
        id: symbol,
        name: `${base}/${quote}`,
        order_types: ['limit'],
        order_sides: ['ask', 'bid'],
        bid_types: ['limit', 'limit_ioc', 'limit_fok', 'limit_post_only', 'price'],
        ask_types: ['limit', 'limit_ioc', 'limit_fok', 'limit_post_only', 'market'],
        bid: { currency: quote, min_total: `${minNotional}` },
        ask: { currency: base, min_total: `${minNotional}` },
        max_total: '1000000000',
        state: this.parts.isHalted(symbol) ? 'offline' : 'active',
      },
      bid_account: this.accountOf(quote),
      ask_account: this.accountOf(base),
    });
  }

  private accountOf(asset: string): object {
    const held = this.parts.desk.holdings().find((view) => view.asset === asset);
    return accountRow(held ?? { asset, free: 0n, locked: 0n });
  }

  transfers(isDeposit: boolean, values: ReadonlyMap<string, string>): FaceHttpResponse {
    const currency = values.get('currency');
    const rows = this.parts.desk
      .transfers()
      .filter(({ amount }) => amount > 0n === isDeposit)
      .filter(({ asset }) => currency === undefined || asset === currency);
    return json(page(rows, values).map((row) => transferRow(row, this.parts.stamp)));
  }
}

export const json = (body: object, status = 200): FaceHttpResponse => response(status, JSON.stringify(body));
export const notFound = (): FaceHttpResponse => upbitError(404, 'order_not_found', '주문을 찾지 못했습니다.');

/** How a question names its order; null = it does not. */
export function nameIn(values: ReadonlyMap<string, string>): OrderName | null {
  const [exchangeOrderId, clientOrderId] = [values.get('uuid'), values.get('identifier')];
  return exchangeOrderId === undefined && clientOrderId === undefined
    ? null
    : { exchangeOrderId, clientOrderId };
}

/** Unix ms, or a time of day with zone; NaN = unreadable, null = not sent. */
export function timeIn(values: ReadonlyMap<string, string>, name: string): number | null {
  const text = values.get(name);
  if (text === undefined) return null;
  return /^\d{13}$/.test(text) ? Number(text) : Date.parse(text);
}

/** Newest first unless `order_by` says otherwise. */
export function page<Row>(
  oldestFirst: readonly Row[],
  values: ReadonlyMap<string, string>,
  most = MAX_ROWS,
): readonly Row[] {
  const rows = values.get('order_by') === 'asc' ? oldestFirst : [...oldestFirst].reverse();
  const limit = Math.min(most, positive(values.get('limit')) ?? MAX_ROWS);
  const first = ((positive(values.get('page')) ?? 1) - 1) * limit;
  return rows.slice(first, first + limit);
}

const positive = (text: string | undefined): number | null =>
  text !== undefined && /^[1-9]\d{0,5}$/.test(text) ? Number(text) : null;
