import {
  jsonObject,
  response,
  splitUrl,
  type FaceClient,
  type FaceHttpAnswer,
  type FaceHttpRequest,
  type FaceHttpResponse,
} from '../face-protocol.js';
import {
  accountPosition,
  amount,
  cancelledAnswer,
  executionReport,
  orderAnswer,
  placedAnswer,
  tradeAnswer,
} from './binance-order-frames.js';
import { readMarket, readOrder, refused } from './binance-order-request.js';
import {
  binanceError,
  missing,
  outsideWindow,
  readSigned,
  socketSignature,
  timed,
  type BinanceCall,
} from './binance-signing.js';
import { depositRow, withdrawalRow } from './binance-transfers.js';
import type { DeskEvent, OrderRequest, OrderView } from './desk-types.js';
import type { OrderName } from './order-archive.js';
import { RateWindow } from './rate-window.js';
import { TradingSide, type TradingParts } from './trading-side.js';

/** The weight budget of an IP, which public and private calls share. */
export interface WeightBudget {
  /** Counts a call; the answer that refuses it, or null. */
  charge(weight: number): FaceHttpResponse | null;
  giveBack(weight: number): void;
  readonly usedWeight: number;
}

const SOCKET_PATH = '/ws-api/v3';
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
};
const OPEN_ORDERS_OF_ONE_WEIGHT = 6;
const MAX_TRADES = 1_000;
const MAX_TRANSFERS = 1_000;
const DAY_MS = 24 * 3_600_000;

/** Binance's signed REST calls and the user data stream of its web socket API (PROTOCOLS §3). */
export class BinanceTrading extends TradingSide {
  private readonly budget: WeightBudget;
  /** Orders that were placed and have not filled. */
  private readonly inTenSeconds = new RateWindow(100, 10_000);
  private readonly inADay = new RateWindow(200_000, DAY_MS);
  /** Client ids of cancels, for the event that tells of them. */
  private readonly cancelIds = new Map<string, string>();
  /** Subscription ids of each connection. */
  private readonly subscriptions = new Map<number, number[]>();
  private executions = 0;

  constructor(parts: TradingParts, budget: WeightBudget) {
    super(parts);
    this.budget = budget;
  }

  isPrivateSocket(path: string): boolean {
    return path === SOCKET_PATH;
  }

  override closed(id: number): void {
    this.subscriptions.delete(id);
    super.closed(id);
  }

  received(client: FaceClient, text: string): void {
    const request = jsonObject(text);
    const id = request?.['id'] ?? null;
    const params = flatParams(request?.['params']);
    switch (request?.['method']) {
      case 'userDataStream.subscribe.signature':
        return this.reply(client, id, this.subscribe(client, params));
      case 'userDataStream.unsubscribe':
        this.subscriptions.delete(client.id);
        return this.reply(client, id, {});
      case 'ping':
        return this.reply(client, id, {});
      case 'time':
        return this.reply(client, id, { serverTime: Math.floor(this.serverMs()) });
      default:
        return this.reply(client, id, binanceError(400, -1000, 'Unknown method.'));
    }
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
    const stamp = (ms: number): number => this.stamp(ms);
    const eventMs = stamp(event.timeMs);
    if (event.kind === 'transfer') {
      const { asset, amount: delta } = event.transfer;
      this.publish({ e: 'balanceUpdate', E: eventMs, a: asset, d: amount(delta), T: eventMs });
    } else {
      const cancelId =
        event.cause === 'end' ? (this.cancelIds.get(event.order.exchangeOrderId) ?? null) : null;
      if (event.cause === 'end') this.cancelIds.delete(event.order.exchangeOrderId);
      const executionId = 60_000_000_000 + ++this.executions;
      this.publish(executionReport({ ...event, cancelId, executionId }, stamp));
    }
    this.publish(accountPosition(event.holdings, eventMs));
  }

  private publish(event: object): void {
    for (const [id, subscriptions] of this.subscriptions) {
      const client = this.clients.get(id)!;
      for (const subscriptionId of subscriptions) {
        this.parts.send(client, JSON.stringify({ subscriptionId, event }));
      }
    }
  }

  private subscribe(client: FaceClient, params: Map<string, string>): object | FaceHttpResponse {
    const signature = params.get('signature');
    if (signature === undefined) return missing('signature');
    if (params.get('apiKey') !== this.credentials.apiKey) {
      return binanceError(401, -2015, 'Invalid API-key, IP, or permissions for action.');
    }
    if (signature !== socketSignature(params, this.credentials.secret)) {
      return binanceError(400, -1022, 'Signature for this request is not valid.');
    }
    const call = timed({ method: 'WS', path: SOCKET_PATH, params });
    if ('status' in call) return call;
    const late = outsideWindow(call, this.serverMs());
    if (late !== null) return late;
    const own = this.subscriptions.get(client.id) ?? [];
    const subscriptionId = own.length;
    this.subscriptions.set(client.id, [...own, subscriptionId]);
    return { subscriptionId };
  }

  /** Answers of the socket API: the result, or the error of the same call by REST. */
  private reply(client: FaceClient, id: unknown, result: object | FaceHttpResponse): void {
    const isError = 'status' in result && 'body' in result;
    const body = isError
      ? {
          id,
          status: result.status,
          error: JSON.parse(result.body) as unknown,
        }
      : { id, status: 200, result };
    const { usedWeight } = this.budget;
    const limit = { rateLimitType: 'REQUEST_WEIGHT', interval: 'MINUTE', intervalNum: 1, limit: 6_000 };
    this.parts.send(client, JSON.stringify({ ...body, rateLimits: [{ ...limit, count: usedWeight }] }));
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
        return this.carry({ call: 'query', symbol: null }, () => this.counted(this.accountAnswer(call)));
      case 'GET /api/v3/account/commission':
        return this.withMarket(call, (symbol) => json(this.commission(symbol)));
      case 'GET /api/v3/myTrades':
        return this.withMarket(call, (symbol) =>
          this.carry({ call: 'query', symbol }, () => this.counted(this.myTrades(call))),
        );
      default:
        return json(this.transfers(call));
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
    return json(placedAnswer(outcome.order, form, (ms) => this.stamp(ms)));
  }

  private test(call: BinanceCall): FaceHttpResponse {
    const order = readOrder(call.params, this.parts.markets);
    if ('status' in order) return order;
    const reason = this.desk.wouldRefuse(order);
    if (reason !== null) return refused(reason);
    if (call.params.get('computeCommissionRates') !== 'true') return json({});
    const { standardCommission, taxCommission, discount } = this.commission(order.market.listing.symbol);
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
    this.cancelIds.set(exchangeOrderId, cancelId);
    const cancelled = this.desk.cancel({ exchangeOrderId })!;
    return cancelledAnswer(cancelled, cancelId, (ms) => this.stamp(ms));
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
    return json(orderAnswer(order, (ms) => this.stamp(ms)));
  }

  private openOrders(call: BinanceCall): FaceHttpAnswer {
    const list = (symbol: string | null) => (): FaceHttpResponse =>
      this.counted(
        json(this.desk.openOrders(symbol).map((order) => orderAnswer(order, (ms) => this.stamp(ms)))),
      );
    if (!call.params.has('symbol')) return this.carry({ call: 'query', symbol: null }, list(null));
    return this.withMarket(call, (symbol) => this.carry({ call: 'query', symbol }, list(symbol)));
  }

  private accountAnswer({ params }: BinanceCall): FaceHttpResponse {
    const omitsZero = params.get('omitZeroBalances') === 'true';
    const held = this.desk
      .holdings()
      .filter(({ free, locked }) => !omitsZero || free !== 0n || locked !== 0n);
    const { makerFeeRate, takerFeeRate } = this.desk.rules;
    const basisPoints = (rate: bigint): number => Number(rate / 10n ** 14n);
    return json({
      makerCommission: basisPoints(makerFeeRate),
      takerCommission: basisPoints(takerFeeRate),
      buyerCommission: 0,
      sellerCommission: 0,
      commissionRates: this.rates(),
      canTrade: true,
      canWithdraw: true,
      canDeposit: true,
      brokered: false,
      requireSelfTradePrevention: false,
      preventSor: false,
      updateTime: Math.floor(this.serverMs()),
      accountType: 'SPOT',
      balances: held.map(({ asset, free, locked }) => ({
        asset,
        free: amount(free),
        locked: amount(locked),
      })),
      permissions: ['SPOT'],
      uid: 354_000_000,
    });
  }

  private rates(): { maker: string; taker: string; buyer: string; seller: string } {
    const { makerFeeRate, takerFeeRate } = this.desk.rules;
    return {
      maker: amount(makerFeeRate),
      taker: amount(takerFeeRate),
      buyer: amount(0n),
      seller: amount(0n),
    };
  }

  private commission(symbol: string) {
    const none = { maker: amount(0n), taker: amount(0n), buyer: amount(0n), seller: amount(0n) };
    return {
      symbol,
      standardCommission: this.rates(),
      specialCommission: none,
      taxCommission: none,
      discount: {
        enabledForAccount: false,
        enabledForSymbol: true,
        discountAsset: 'BNB',
        discount: '0.75000000',
      },
    };
  }

  /** From `fromId` or `startTime` on, else the newest; oldest first. */
  private myTrades({ params }: BinanceCall): FaceHttpResponse {
    const limit = Math.min(MAX_TRADES, numberIn(params, 'limit') ?? 500);
    const orderId = params.get('orderId');
    const fromId = numberIn(params, 'fromId');
    const [from, to] = [numberIn(params, 'startTime'), numberIn(params, 'endTime')];
    const rows = this.desk
      .trades(params.get('symbol')!)
      .filter(({ exchangeOrderId }) => orderId === undefined || exchangeOrderId === orderId)
      .filter(({ id }) => fromId === null || Number(id) >= fromId)
      .filter(({ timeMs }) => from === null || this.stamp(timeMs) >= from)
      .filter(({ timeMs }) => to === null || this.stamp(timeMs) <= to);
    const isForward = fromId !== null || from !== null;
    const page = isForward ? rows.slice(0, limit) : rows.slice(-limit);
    return json(page.map((trade) => tradeAnswer(trade, (ms) => this.stamp(ms))));
  }

  private transfers({ path, params }: BinanceCall): object {
    const isDeposit = path.endsWith('hisrec');
    const [from, to] = [numberIn(params, 'startTime'), numberIn(params, 'endTime')];
    const rows = this.desk
      .transfers()
      .filter(({ amount: moved }) => moved > 0n === isDeposit)
      .filter(({ timeMs }) => from === null || this.stamp(timeMs) >= from)
      .filter(({ timeMs }) => to === null || this.stamp(timeMs) <= to)
      .reverse();
    const first = numberIn(params, 'offset') ?? 0;
    const page = rows.slice(
      first,
      first + Math.min(MAX_TRANSFERS, numberIn(params, 'limit') ?? MAX_TRANSFERS),
    );
    return page.map((row) => (isDeposit ? depositRow : withdrawalRow)(row, this.stamp(row.timeMs)));
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

const json = (body: object): FaceHttpResponse => response(200, JSON.stringify(body));

function weightOf(method: string, path: string, query: URLSearchParams): number {
  const isOfOne = path === '/api/v3/openOrders' && method === 'GET' && query.has('symbol');
  return isOfOne ? OPEN_ORDERS_OF_ONE_WEIGHT : ROUTES[`${method} ${path}`]!;
}

const defaultForm = (type: string | undefined): string =>
  type === 'LIMIT' || type === 'MARKET' ? 'FULL' : 'ACK';

function numberIn(params: ReadonlyMap<string, string>, name: string): number | null {
  const text = params.get(name);
  return text !== undefined && /^\d{1,16}$/.test(text) ? Number(text) : null;
}

/** The parameters of a socket request as the text that is signed. */
function flatParams(params: unknown): Map<string, string> {
  if (typeof params !== 'object' || params === null || Array.isArray(params)) return new Map();
  return new Map(Object.entries(params).map(([name, value]) => [name, String(value)]));
}
