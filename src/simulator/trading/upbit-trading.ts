import {
  splitUrl,
  type FaceClient,
  type FaceHttpAnswer,
  type FaceHttpRequest,
  type FaceHttpResponse,
} from '../face-protocol.js';
import type { DeskEvent, OrderRequest, OrderView } from './desk-types.js';
import type { CallKind } from './trading-faults.js';
import { upbitRights } from './key-rights.js';
import { TradingSide, type TradingParts } from './trading-side.js';
import { UpbitBudget, type UpbitGroup } from './upbit-budget.js';
import { myAssetFrame, myOrderFrame, orderObject, type MyOrderState } from './upbit-order-frames.js';
import { invalid, readUpbitOrder, upbitRefusal } from './upbit-order-request.js';
import { json, nameIn, notFound, UpbitQueries } from './upbit-queries.js';
import { paramsOf, upbitError, UpbitTokens, type UpbitParams } from './upbit-signing.js';
import { readSubscription, type UpbitSubscription } from './upbit-subscription.js';

const SOCKET_PATH = '/websocket/v1/private';

interface Route {
  readonly group: UpbitGroup;
  readonly call: CallKind;
}
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
  'GET /v1/deposits': QUERY,
  'GET /v1/withdraws': QUERY,
  'GET /v1/api_keys': QUERY,
};

/** Upbit's signed REST calls and the private socket (PROTOCOLS §6). No call expires here: a late one is carried out. */
export class UpbitTrading extends TradingSide {
  private readonly tokens: UpbitTokens;
  private readonly budget = new UpbitBudget();
  private readonly subscriptions = new Map<number, UpbitSubscription>();
  private readonly queries: UpbitQueries;

  constructor(parts: TradingParts) {
    super(parts);
    this.tokens = new UpbitTokens(this.credentials);
    const { markets, isHalted } = parts;
    this.queries = new UpbitQueries({
      desk: this.desk,
      markets,
      isHalted,
      serverMs: () => this.serverMs(),
      stamp: this.shown,
    });
  }

  isPrivateSocket(path: string): boolean {
    return path === SOCKET_PATH;
  }

  override refusal(url: string, headers: Readonly<Record<string, string>>): FaceHttpResponse | null {
    return super.refusal(url, headers) ?? this.tokens.check(headers['authorization'] ?? '', []);
  }

  override closed(id: number): void {
    this.subscriptions.delete(id);
    super.closed(id);
  }

  received(client: FaceClient, text: string): void {
    if (text === 'PING') return this.parts.send(client, '{"status":"UP"}');
    const subscription = readSubscription(text);
    if ('name' in subscription) {
      this.parts.send(client, JSON.stringify({ error: subscription }));
      return this.parts.close(client, 1000, '');
    }
    this.subscriptions.set(client.id, subscription);
  }

  protected isPrivate({ method, url }: FaceHttpRequest): boolean {
    return Object.hasOwn(ROUTES, `${method} ${splitUrl(url).path}`);
  }

  protected answer(request: FaceHttpRequest): FaceHttpAnswer {
    const name = `${request.method} ${splitUrl(request.url).path}`;
    const route = ROUTES[name]!;
    const dated = (answer: FaceHttpResponse): FaceHttpResponse => this.dated(answer, route.group);
    const params = paramsOf(request);
    if (params === null) return dated(invalid('the body is not JSON'));
    const refused = this.tokens.check(request.headers?.['authorization'] ?? '', params);
    if (refused !== null) return dated(refused);
    const limited = this.budget.spend(route.group, this.parts.nowMs());
    if (limited !== null) return dated(limited);
    if (name === 'POST /v1/orders') return this.place(params, dated);
    const found = new Map(params).get('market');
    const way = { call: route.call, symbol: found ?? null };
    return this.carry(way, () => dated(this.route(name, params)));
  }

  protected broken(): FaceHttpResponse {
    return upbitError(500, 'server_error', '서버 오류가 발생했습니다.');
  }

  protected banned(untilMs: number): FaceHttpResponse {
    const seconds = `${Math.max(1, Math.ceil((untilMs - this.parts.nowMs()) / 1_000))}`;
    return upbitError(418, 'too_many_requests', `blocked for ${seconds} s`, { 'retry-after': seconds });
  }

  protected unavailable(): FaceHttpResponse {
    return upbitError(503, 'service_unavailable', '점검 중입니다.');
  }

  protected deliver(event: DeskEvent): void {
    const stampMs = this.stamp(event.timeMs);
    for (const [id, wanted] of this.subscriptions) {
      const client = this.clients.get(id)!;
      if (event.kind === 'order' && wanted.orders !== null && wanted.orders(event.order.symbol)) {
        for (const frame of orderFrames(event, stampMs)) this.parts.send(client, frame);
      }
      if (wanted.assets) this.parts.send(client, myAssetFrame(event.holdings, this.prng.uuid(), stampMs));
    }
  }

  private readonly shown = (ms: number): number => this.stamp(ms);

  private place(params: UpbitParams, dated: (answer: FaceHttpResponse) => FaceHttpResponse): FaceHttpAnswer {
    const order = readUpbitOrder(params, this.parts.markets);
    if ('status' in order) return dated(order);
    const failed = (): void => this.desk.burn(order.clientOrderId);
    const way = { call: 'place', symbol: order.market.listing.symbol, failed } as const;
    return this.carry(way, () => dated(this.enter(order)));
  }

  private enter(order: OrderRequest): FaceHttpResponse {
    const outcome = this.desk.place(order);
    if (outcome.kind === 'refused') return upbitRefusal(outcome.reason, order);
    // The answer is of the moment of acceptance: what became of it, the order itself tells.
    return json(orderObject(accepted(outcome.order), this.shown), 201);
  }

  private route(name: string, params: UpbitParams): FaceHttpResponse {
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
      case 'GET /v1/accounts':
        return this.queries.accounts();
      default:
        return this.queries.transfers(name === 'GET /v1/deposits', values);
    }
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

  private dated(answer: FaceHttpResponse, group: UpbitGroup): FaceHttpResponse {
    const now = this.parts.nowMs();
    const date = new Date(this.stamp(now)).toUTCString();
    return { ...answer, headers: { ...this.budget.header(group, now), ...answer.headers, date } };
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
