import {
  splitUrl,
  type FaceClient,
  type FaceHttpAnswer,
  type FaceHttpRequest,
  type FaceHttpResponse,
} from '../face-protocol.js';
import { cancelledAnswer, orderAnswer, placedAnswer } from './binance-order-frames.js';
import { readMarket, readOrder, refused } from './binance-order-request.js';
import { BinanceQueries, json, type ExchangeClock } from './binance-queries.js';
import { binanceError, missing, outsideWindow, readSigned, type BinanceCall } from './binance-signing.js';
import { BinanceUserStream, SOCKET_PATH, type WeightBudget } from './binance-user-stream.js';
import type { DeskEvent, OrderRequest, OrderView } from './desk-types.js';
import type { OrderName } from './order-archive.js';
import { binanceRights } from './key-rights.js';
import { RateWindow } from './rate-window.js';
import { TradingSide, type TradingParts } from './trading-side.js';
import { binanceCoins } from './wallet-networks.js';

const ROUTES: Readonly<Record<string, number>> = {
  'POST /api/v3/order': 1,
  'POST /api/v3/order/test': 1,
  'DELETE /api/v3/order': 1,
  'GET /api/v3/order': 4,
  'GET /api/v3/openOrders': 80,
  'DELETE /api/v3/openOrders': 1,
  'GET /api/v3/account': 20,
  'GET /api/v3/account/commission': 20,
  'GET /api/v3/myTrades': 20,
  'GET /sapi/v1/capital/deposit/hisrec': 0,
  'GET /sapi/v1/capital/withdraw/history': 0,
  'GET /sapi/v1/account/apiRestrictions': 0,
  'GET /sapi/v1/capital/config/getall': 0,
};
const OPEN_ORDERS_OF_ONE_WEIGHT = 6;
const DAY_MS = 24 * 3_600_000;

/** Binance's signed REST calls and the user data stream of its web socket API (PROTOCOLS §3). */
export class BinanceTrading extends TradingSide {
  private readonly budget: WeightBudget;
  /** Orders that were placed and have not filled. */
  private readonly inTenSeconds = new RateWindow(100, 10_000);
  private readonly inADay = new RateWindow(200_000, DAY_MS);
  private readonly clock: ExchangeClock;
  private readonly queries: BinanceQueries;
  private readonly stream: BinanceUserStream;

  constructor(parts: TradingParts, budget: WeightBudget) {
    super(parts);
    this.budget = budget;
    this.clock = { serverMs: () => this.serverMs(), stamp: (ms) => this.stamp(ms) };
    this.queries = new BinanceQueries(this.desk, this.clock);
    const { send } = parts;
    this.stream = new BinanceUserStream({ credentials: this.credentials, clock: this.clock, budget, send });
  }

  isPrivateSocket(path: string): boolean {
    return path === SOCKET_PATH;
  }

  override closed(id: number): void {
    this.stream.closed(id);
    super.closed(id);
  }

  received(client: FaceClient, text: string): void {
    this.stream.received(client, text);
  }

  protected isPrivate({ method, url }: FaceHttpRequest): boolean {
    return Object.hasOwn(ROUTES, `${method} ${splitUrl(url).path}`);
  }

  protected answer(request: FaceHttpRequest): FaceHttpAnswer {
    const { path, query } = splitUrl(request.url);
    const limited = this.budget.charge(weightOf(request.method, path, query));
    if (limited !== null) return limited;
    const call = readSigned(request, this.credentials);
    if ('status' in call) return this.counted(call);
    const late = outsideWindow(call, this.serverMs());
    if (late !== null) return this.counted(late);
    const answer = this.route(call);
    return 'kind' in answer ? answer : this.counted(answer);
  }

  protected broken(): FaceHttpResponse {
    const text =
      'Timeout waiting for response from backend server. Send status unknown; execution status unknown.';
    return binanceError(504, -1007, text);
  }

  protected banned(untilMs: number): FaceHttpResponse {
    const seconds = Math.max(1, Math.ceil((untilMs - this.parts.nowMs()) / 1_000));
    const text = `Way too much request weight used; IP banned until ${this.stamp(untilMs)}.`;
    return binanceError(418, -1003, text, { 'retry-after': `${seconds}` });
  }

  protected unavailable(): FaceHttpResponse {
    return binanceError(503, -1016, 'This service is no longer available.');
  }

  protected deliver(event: DeskEvent): void {
    this.stream.deliver(event);
  }

  private route(call: BinanceCall): FaceHttpAnswer {
    switch (`${call.method} ${call.path}`) {
      case 'POST /api/v3/order':
        return this.place(call);
      case 'POST /api/v3/order/test':
        return this.test(call);
      case 'DELETE /api/v3/order':
        return this.withMarket(call, (symbol) =>
          this.carry({ call: 'cancel', symbol }, () => this.counted(this.cancel(call))),
        );
      case 'DELETE /api/v3/openOrders':
        return this.withMarket(call, (symbol) =>
          this.carry({ call: 'cancel', symbol }, () => this.counted(this.cancelAll(symbol))),
        );
      case 'GET /api/v3/order':
        return this.withMarket(call, (symbol) =>
          this.carry({ call: 'query', symbol }, () => this.counted(this.query(call))),
        );
      case 'GET /api/v3/openOrders':
        return this.openOrders(call);
      case 'GET /api/v3/account':
        return this.carry({ call: 'query', symbol: null }, () => this.counted(this.queries.account(call)));
      case 'GET /api/v3/account/commission':
        return this.withMarket(call, (symbol) => json(this.queries.commission(symbol)));
      case 'GET /sapi/v1/capital/config/getall':
        return json(binanceCoins(this.wallets));
      case 'GET /api/v3/myTrades':
        return this.withMarket(call, (symbol) =>
          this.carry({ call: 'query', symbol }, () => this.counted(this.queries.myTrades(call))),
        );
      case 'GET /sapi/v1/account/apiRestrictions':
        return this.carry({ call: 'query', symbol: null }, () =>
          json(binanceRights(this.keyRights, this.stamp(0))),
        );
      default:
        return this.carry({ call: 'query', symbol: null }, () => this.queries.transfers(call));
    }
  }

  private place(call: BinanceCall): FaceHttpAnswer {
    const form = call.params.get('newOrderRespType') ?? defaultForm(call.params.get('type'));
    if (!['ACK', 'RESULT', 'FULL'].includes(form)) {
      return binanceError(400, -1130, "Data sent for parameter 'newOrderRespType' is not valid.");
    }
    const order = readOrder(call.params, this.parts.markets);
    if ('status' in order) return order;
    const limited = this.orderLimit();
    if (limited !== null) return limited;
    const symbol = order.market.listing.symbol;
    return this.carry({ call: 'place', symbol }, () => this.counted(this.enter(call, order, form)));
  }

  /** At the matching engine: the window is checked once more [O]. */
  private enter(call: BinanceCall, order: OrderRequest, form: string): FaceHttpResponse {
    const late = outsideWindow(call, this.serverMs());
    if (late !== null) return late;
    const clientOrderId = order.clientOrderId ?? this.prng.hex(22);
    const outcome = this.desk.place({ ...order, clientOrderId });
    if (outcome.kind === 'refused') return refused(outcome.reason);
    this.budget.giveBack(1);
    const now = this.parts.nowMs();
    if (outcome.order.filled === 0n) {
      this.inTenSeconds.spend(now);
      this.inADay.spend(now);
    }
    return json(placedAnswer(outcome.order, form, this.clock.stamp));
  }

  private test(call: BinanceCall): FaceHttpResponse {
    const order = readOrder(call.params, this.parts.markets);
    if ('status' in order) return order;
    const reason = this.desk.wouldRefuse(order);
    if (reason !== null) return refused(reason);
    if (call.params.get('computeCommissionRates') !== 'true') return json({});
    const { standardCommission, taxCommission, discount } = this.queries.commission(
      order.market.listing.symbol,
    );
    const { maker, taker } = standardCommission;
    return json({
      standardCommissionForOrder: { maker, taker },
      taxCommissionForOrder: { maker: taxCommission.maker, taker: taxCommission.taker },
      discount,
    });
  }

  private cancel({ params }: BinanceCall): FaceHttpResponse {
    const name = this.nameIn(params);
    if (name === null) return missing('orderId');
    const cancelId = params.get('newClientOrderId') ?? this.prng.hex(22);
    const found = this.desk.find(name);
    const isHere = found !== null && found.state === 'open' && found.symbol === params.get('symbol');
    if (!isHere) return binanceError(400, -2011, 'Unknown order sent.');
    this.budget.giveBack(1);
    return json(this.cancelOne(found, cancelId));
  }

  private cancelAll(symbol: string): FaceHttpResponse {
    const orders = this.desk.openOrders(symbol);
    if (orders.length === 0) return binanceError(400, -2011, 'Unknown order sent.');
    const cancelId = this.prng.hex(22);
    return json(orders.map((order) => this.cancelOne(order, cancelId)));
  }

  private cancelOne({ exchangeOrderId }: OrderView, cancelId: string): object {
    this.stream.cancelling(exchangeOrderId, cancelId);
    const cancelled = this.desk.cancel({ exchangeOrderId })!;
    return cancelledAnswer(cancelled, cancelId, this.clock.stamp);
  }

  private query({ params }: BinanceCall): FaceHttpResponse {
    const name = this.nameIn(params);
    if (name === null) return missing('orderId');
    if (this.desk.wasForgotten(name)) {
      const text =
        'Order was canceled or expired with no executed qty over 90 days ago and has been archived.';
      return binanceError(400, -2026, text);
    }
    const order = this.desk.find(name);
    if (order === null || order.symbol !== params.get('symbol')) {
      return binanceError(400, -2013, 'Order does not exist.');
    }
    return json(orderAnswer(order, this.clock.stamp));
  }

  private openOrders(call: BinanceCall): FaceHttpAnswer {
    const list = (symbol: string | null) => (): FaceHttpResponse =>
      this.counted(json(this.desk.openOrders(symbol).map((order) => orderAnswer(order, this.clock.stamp))));
    if (!call.params.has('symbol')) return this.carry({ call: 'query', symbol: null }, list(null));
    return this.withMarket(call, (symbol) => this.carry({ call: 'query', symbol }, list(symbol)));
  }

  private nameIn(params: ReadonlyMap<string, string>): OrderName | null {
    const [exchangeOrderId, clientOrderId] = [params.get('orderId'), params.get('origClientOrderId')];
    return exchangeOrderId === undefined && clientOrderId === undefined
      ? null
      : { exchangeOrderId, clientOrderId };
  }

  private withMarket(call: BinanceCall, then: (symbol: string) => FaceHttpAnswer): FaceHttpAnswer {
    const market = readMarket(call.params, this.parts.markets);
    return 'status' in market ? market : then(market.listing.symbol);
  }

  private orderLimit(): FaceHttpResponse | null {
    const now = this.parts.nowMs();
    const full = [this.inTenSeconds, this.inADay].find((window) => window.isFull(now));
    if (full === undefined) return null;
    const text = `Too many new orders; current limit is ${full.limit} orders per ${full.windowMs / 1_000} SECOND.`;
    return binanceError(429, -1015, text, { 'retry-after': `${Math.ceil(full.waitMs(now) / 1_000)}` });
  }

  private counted(answer: FaceHttpResponse): FaceHttpResponse {
    const now = this.parts.nowMs();
    const headers = {
      ...answer.headers,
      'x-mbx-used-weight-1m': `${this.budget.usedWeight}`,
      'x-mbx-order-count-10s': `${this.inTenSeconds.used(now)}`,
      'x-mbx-order-count-1d': `${this.inADay.used(now)}`,
    };
    return { ...answer, headers };
  }
}

function weightOf(method: string, path: string, query: URLSearchParams): number {
  const isOfOne = path === '/api/v3/openOrders' && method === 'GET' && query.has('symbol');
  return isOfOne ? OPEN_ORDERS_OF_ONE_WEIGHT : ROUTES[`${method} ${path}`]!;
}

const defaultForm = (type: string | undefined): string =>
  type === 'LIMIT' || type === 'MARKET' ? 'FULL' : 'ACK';
