import type { FaceHttpResponse } from '../face-protocol.js';
import type { DeskEvent, OrderRequest, OrderView } from './desk-types.js';
import { upbitRights } from './key-rights.js';
import { KoreanTrading, type KoreanRoute } from './korean-trading.js';
import type { TradingParts } from './trading-side.js';
import { UpbitBudget, type UpbitGroup } from './upbit-budget.js';
import { myOrderFrame, orderObject, type MyOrderState } from './upbit-order-frames.js';
import { readUpbitOrder, upbitRefusal } from './upbit-order-request.js';
import { json, nameIn, notFound, UpbitQueries } from './upbit-queries.js';
import { upbitError, type UpbitParams } from './upbit-signing.js';
import { upbitWallets } from './wallet-networks.js';

type Route = KoreanRoute<UpbitGroup>;
const QUERY: Route = { group: 'default', call: 'query' };
const ROUTES: Readonly<Record<string, Route>> = {
  'POST /v1/orders': { group: 'order', call: 'place' },
  'POST /v1/orders/test': { group: 'order-test', call: 'query' },
  'DELETE /v1/order': { group: 'default', call: 'cancel' },
  'DELETE /v1/orders/open': { group: 'order-cancel-all', call: 'cancel' },
  'GET /v1/order': QUERY,
  'GET /v1/orders/open': QUERY,
  'GET /v1/orders/closed': QUERY,
  'GET /v1/orders/uuids': QUERY,
  'GET /v1/orders/chance': QUERY,
  'GET /v1/accounts': QUERY,
  'GET /v1/api_keys': QUERY,
  'GET /v1/deposits': QUERY,
  'GET /v1/withdraws': QUERY,
  'GET /v1/status/wallet': QUERY,
};

/** Upbit's signed REST calls and the private socket (PROTOCOLS §6). No call expires here: a late one is carried out. */
export class UpbitTrading extends KoreanTrading<UpbitGroup> {
  private readonly queries: UpbitQueries;

  constructor(parts: TradingParts) {
    super(parts, { socketPath: '/websocket/v1/private', routes: ROUTES, budget: new UpbitBudget() });
    const { markets, isHalted } = parts;
    this.queries = new UpbitQueries({
      desk: this.desk,
      markets,
      isHalted,
      serverMs: () => this.serverMs(),
      stamp: this.shown,
    });
  }

  protected banned(untilMs: number): FaceHttpResponse {
    const seconds = `${Math.max(1, Math.ceil((untilMs - this.parts.nowMs()) / 1_000))}`;
    return upbitError(418, 'too_many_requests', `blocked for ${seconds} s`, { 'retry-after': seconds });
  }

  protected readOrder(params: UpbitParams): OrderRequest | FaceHttpResponse {
    return readUpbitOrder(params, this.parts.markets);
  }

  protected enter(order: OrderRequest): FaceHttpResponse {
    const outcome = this.desk.place(order);
    if (outcome.kind === 'refused') return upbitRefusal(outcome.reason, order);
    // The answer is of the moment of acceptance: what became of it, the order itself tells.
    return json(orderObject(accepted(outcome.order), this.shown), 201);
  }

  protected route(name: string, params: UpbitParams): FaceHttpResponse {
    const values = new Map(params);
    switch (name) {
      case 'POST /v1/orders/test':
        return this.test(params);
      case 'DELETE /v1/order':
        return this.cancel(values);
      case 'DELETE /v1/orders/open':
        return json(this.cancelAll(values));
      case 'GET /v1/order':
        return this.queries.order(values);
      case 'GET /v1/orders/open':
        return this.queries.openOrders(values);
      case 'GET /v1/orders/closed':
        return this.queries.closedOrders(params);
      case 'GET /v1/orders/uuids':
        return this.queries.byIds(params);
      case 'GET /v1/orders/chance':
        return this.queries.chance(values);
      case 'GET /v1/api_keys':
        return json(upbitRights(this.keyRights, this.credentials.apiKey));
      case 'GET /v1/status/wallet':
        return json(upbitWallets(this.wallets));
      case 'GET /v1/accounts':
        return this.queries.accounts();
      default:
        return this.queries.transfers(name === 'GET /v1/deposits', values);
    }
  }

  protected orderFrames(event: DeskEvent & { readonly kind: 'order' }, stampMs: number): string[] {
    return orderFrames(event, stampMs);
  }

  private test(params: UpbitParams): FaceHttpResponse {
    const order = readUpbitOrder(params, this.parts.markets);
    if ('status' in order) return order;
    const reason = this.desk.wouldRefuse(order);
    return reason === null ? json({}, 201) : upbitRefusal(reason, order);
  }

  /** The answer only tells that the request was taken; an order that has ended is not found. */
  private cancel(values: ReadonlyMap<string, string>): FaceHttpResponse {
    const name = nameIn(values);
    const order = name === null ? null : this.desk.find(name);
    if (order === null || order.state !== 'open') return notFound();
    this.desk.cancel(name!);
    return json(orderObject(order, this.shown));
  }

  private cancelAll(values: ReadonlyMap<string, string>): object {
    const pairs = values.get('pairs')?.split(',') ?? [null];
    const orders = pairs.flatMap((pair) => this.desk.cancelAll(pair));
    const rows = orders.map(({ exchangeOrderId, symbol }) => ({ uuid: exchangeOrderId, market: symbol }));
    return { success: { count: rows.length, orders: rows }, failed: { count: 0, orders: [] } };
  }
}

/** The order as it was when it was taken. */
const accepted = (order: OrderView): OrderView => ({
  ...order,
  state: 'open',
  filled: 0n,
  filledQuote: 0n,
  fee: 0n,
  trades: [],
});

/** The frames of one event: a trade that completes an order is followed by its end, a prevented one goes before it. */
function orderFrames(
  { order, trade, cause }: DeskEvent & { readonly kind: 'order' },
  stampMs: number,
): string[] {
  const frame = (state: MyOrderState): string =>
    myOrderFrame(order, state, state === 'trade' ? trade : null, stampMs);
  if (cause === 'new') return [frame('wait')];
  if (cause === 'trade') return order.state === 'filled' ? [frame('trade'), frame('done')] : [frame('trade')];
  return order.endReason === 'self_trade' ? [frame('prevented'), frame('cancel')] : [frame('cancel')];
}
