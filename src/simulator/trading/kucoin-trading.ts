import {
  jsonObject,
  response,
  splitUrl,
  type FaceClient,
  type FaceHttpAnswer,
  type FaceHttpRequest,
  type FaceHttpResponse,
} from '../face-protocol.js';
import { KucoinPool } from '../kucoin-pool.js';
import { KUCOIN_SOCKET } from '../kucoin-rest.js';
import type { DeskEvent } from './desk-types.js';
import { KUCOIN_ERRORS, kucoinData, kucoinFailure, kucoinParameter } from './kucoin-errors.js';
import { KucoinOrderCalls } from './kucoin-order-calls.js';
import { KucoinPrivateSocket, type KucoinSocketParts } from './kucoin-private-socket.js';
import { KucoinQueries } from './kucoin-queries.js';
import { kucoinRights } from './key-rights.js';
import { kucoinRequestRefusal } from './kucoin-signature.js';
import type { OrderName } from './order-archive.js';
import type { CallKind } from './trading-faults.js';
import { TradingSide, type TradingParts } from './trading-side.js';

interface Route {
  readonly pool: 'spot' | 'management';
  /** PROTOCOLS §8 [C]. */
  readonly weight: number;
  /** Null = neither order nor question about orders: nothing goes wrong with it. */
  readonly call: CallKind | null;
}

const spot = (weight: number, call: Route['call'] = 'query'): Route => ({ pool: 'spot', weight, call });
const management = (weight: number): Route => ({ pool: 'management', weight, call: 'query' });
const ROUTES: Readonly<Record<string, Route>> = {
  'POST /api/v1/bullet-private': spot(10, null),
  'POST /api/v1/hf/orders': spot(1, 'place'),
  'POST /api/v1/hf/orders/dead-cancel-all': spot(2, null),
  'DELETE /api/v1/hf/orders': spot(2, 'cancel'),
  'DELETE /api/v1/hf/orders/cancelAll': spot(30, 'cancel'),
  'GET /api/v1/hf/orders/active': spot(2),
  'GET /api/v1/hf/orders/active/symbols': spot(2),
  'GET /api/v1/hf/orders/done': spot(2),
  'GET /api/v1/hf/fills': spot(2),
  'GET /api/v1/trade-fees': spot(3),
  'GET /api/v1/accounts': management(5),
  'GET /api/v1/deposits': management(20),
  'GET /api/v1/withdrawals': management(20),
  'GET /api/v1/user/api-key': management(20),
};
/** One order, by either of its names. */
const NAMED_ROUTES: Readonly<Record<string, Route>> = { GET: spot(2), DELETE: spot(1, 'cancel') };
const NAMED = /^\/api\/v1\/hf\/orders\/(client-order\/)?([^/]{1,128})$/;
const PATHS = new Set(Object.keys(ROUTES).map((name) => name.slice(name.indexOf(' ') + 1)));
const PASSPHRASE = 'Simulated pass phrase 2';
const TOKEN_LIFETIME_MS = 24 * 3_600_000;
const MAX_TOKENS = 1_000;

export interface KucoinTradingParts extends TradingParts, Pick<KucoinSocketParts, 'greet' | 'isGreeted'> {
  /** The exchange as a whole is down. */
  readonly isDown: () => boolean;
}

/**
 * The private half of KuCoin (PROTOCOLS §8; kucoin.com/docs-new): the fast endpoints, whose answers are receipts, weight pools of the
 * account, and the classic socket behind a signed ticket.
 */
export class KucoinTrading extends TradingSide {
  private readonly orders: KucoinOrderCalls;
  private readonly queries: KucoinQueries;
  private readonly socket: KucoinPrivateSocket;
  private readonly pools: Readonly<Record<Route['pool'], KucoinPool>>;
  private readonly tokens = new Map<string, number>();
  private readonly isDown: () => boolean;

  constructor(parts: KucoinTradingParts) {
    super(parts, PASSPHRASE);
    const { desk, prng } = this;
    const { markets, nowMs, send, greet, isGreeted } = parts;
    const serverMs = () => this.serverMs();
    const stamp = (ms: number) => this.stamp(ms);
    this.isDown = parts.isDown;
    this.orders = new KucoinOrderCalls({ desk, markets, nowMs, serverMs });
    this.queries = new KucoinQueries({ desk, markets, nowMs, stamp });
    this.socket = new KucoinPrivateSocket({ prng, serverMs, stamp, greet, isGreeted, send });
    this.pools = { spot: new KucoinPool(4_000, nowMs), management: new KucoinPool(2_000, nowMs) };
  }

  /** The address of both sockets is the same; a private one has a ticket of this side. */
  isPrivateSocket(_path: string, query: URLSearchParams): boolean {
    const issuedAtMs = this.tokens.get(query.get('token') ?? '');
    return issuedAtMs !== undefined && this.parts.nowMs() - issuedAtMs < TOKEN_LIFETIME_MS;
  }

  override opened(client: FaceClient): void {
    super.opened(client);
    this.socket.opened(client);
  }

  override closed(id: number): void {
    super.closed(id);
    this.socket.closed(id);
  }

  received(client: FaceClient, text: string): void {
    this.socket.received(client, text);
  }

  override onStep(): void {
    this.orders.onStep();
    super.onStep();
  }

  protected isPrivate({ url }: FaceHttpRequest): boolean {
    const { path } = splitUrl(url);
    return PATHS.has(path) || NAMED.test(path);
  }

  protected answer(request: FaceHttpRequest): FaceHttpAnswer {
    if (this.isDown()) return this.unavailable();
    const { path, query } = splitUrl(request.url);
    const name = `${request.method} ${path}`;
    const route = Object.hasOwn(ROUTES, name) ? ROUTES[name] : NAMED_ROUTES[request.method];
    if (route === undefined || (!Object.hasOwn(ROUTES, name) && !NAMED.test(path)))
      return response(405, JSON.stringify({ code: '405', msg: 'Request method is not supported' }));
    const refusal = kucoinRequestRefusal(request, this.credentials, this.serverMs());
    if (refusal !== null) return kucoinFailure(refusal);
    const pool = this.pools[route.pool];
    const isTooFast = pool.charge(route.weight);
    const told = (answer: FaceHttpResponse): FaceHttpResponse => ({
      ...answer,
      headers: { ...answer.headers, ...pool.headers() },
    });
    if (isTooFast) return told(kucoinFailure(KUCOIN_ERRORS.tooFast));
    const body = request.method === 'POST' && request.body !== '' ? jsonObject(request.body ?? '') : {};
    if (body === null) return told(kucoinFailure(kucoinParameter('body')));
    const act = () => told(this.act(name, request, body));
    if (route.call === null) return act();
    const symbol = body['symbol'] ?? query.get('symbol');
    return this.carry({ call: route.call, symbol: typeof symbol === 'string' ? symbol : null }, act);
  }

  protected deliver(event: DeskEvent): void {
    this.socket.deliver(event);
  }

  /** Each of these says that the outcome is not known, whatever its status (PROTOCOLS §2). */
  protected broken(): FaceHttpResponse {
    return this.prng.pick([
      kucoinFailure(KUCOIN_ERRORS.server),
      kucoinFailure(KUCOIN_ERRORS.timeout),
      kucoinFailure(KUCOIN_ERRORS.thirdParty),
      response(502, '<html><title>502 Bad Gateway</title></html>', { 'content-type': 'text/html' }),
    ]);
  }

  protected banned(untilMs: number): FaceHttpResponse {
    const answer = kucoinFailure(KUCOIN_ERRORS.tooFast);
    const headers = {
      ...this.pools.spot.headers(),
      'gw-ratelimit-remaining': '0',
      'gw-ratelimit-reset': `${Math.max(1, Math.ceil(untilMs - this.parts.nowMs()))}`,
    };
    return { ...answer, headers: { ...answer.headers, ...headers } };
  }

  protected unavailable(): FaceHttpResponse {
    return kucoinFailure(KUCOIN_ERRORS.unavailable);
  }

  private act(
    name: string,
    request: FaceHttpRequest,
    body: Readonly<Record<string, unknown>>,
  ): FaceHttpResponse {
    const { path, query } = splitUrl(request.url);
    switch (name) {
      case 'POST /api/v1/bullet-private':
        return kucoinData({ token: this.newToken(), instanceServers: [KUCOIN_SOCKET] });
      case 'GET /api/v1/user/api-key':
        return kucoinData(kucoinRights(this.keyRights, this.credentials.apiKey));
      case 'POST /api/v1/hf/orders':
        return this.orders.place(body, request);
      case 'POST /api/v1/hf/orders/dead-cancel-all':
        return this.orders.cancelAllAfter(body);
      case 'DELETE /api/v1/hf/orders':
        return this.orders.cancelAll(query.get('symbol') ?? '');
      case 'DELETE /api/v1/hf/orders/cancelAll':
        return this.orders.cancelAll(null);
      default:
        if (PATHS.has(path)) return this.queries.read(path, query);
        return request.method === 'GET'
          ? this.queries.order(nameIn(path), query.get('symbol') ?? '')
          : this.orders.cancel(nameIn(path), query.get('symbol') ?? '');
    }
  }

  private newToken(): string {
    const token = `${this.prng.hex(160)}==.${this.prng.hex(22)}==`;
    this.tokens.set(token, this.parts.nowMs());
    if (this.tokens.size > MAX_TOKENS) this.tokens.delete(this.tokens.keys().next().value!);
    return token;
  }
}

function nameIn(path: string): OrderName {
  const [, isClients, id = ''] = NAMED.exec(path) ?? [];
  const name = decodeURIComponent(id);
  return isClients === undefined ? { exchangeOrderId: name } : { clientOrderId: name };
}
