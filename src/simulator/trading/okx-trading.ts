import {
  jsonObject,
  response,
  splitUrl,
  type FaceClient,
  type FaceHttpAnswer,
  type FaceHttpRequest,
  type FaceHttpResponse,
} from '../face-protocol.js';
import { worthOf } from './asset-worth.js';
import type { DeskEvent } from './desk-types.js';
import { okxData, okxDenial, okxFailure } from './okx-answers.js';
import { OKX_ERRORS } from './okx-errors.js';
import { OkxOrderCalls } from './okx-order-calls.js';
import { OkxPrivateSocket } from './okx-private-socket.js';
import { OkxQueries } from './okx-queries.js';
import { okxRequestRefusal } from './okx-signature.js';
import { okxRights } from './key-rights.js';
import { RateWindow } from './rate-window.js';
import type { RequestBody } from './request-words.js';
import { TradingSide, type TradingParts } from './trading-side.js';

/** Calls per window, and what has a window of its own. */
interface Limit {
  readonly calls: number;
  readonly windowMs: number;
  readonly per: 'user' | 'instId' | 'tag';
}

const limit = (calls: number, windowMs: number, per: Limit['per'] = 'user'): Limit => ({
  calls,
  windowMs,
  per,
});

/** The private calls and their limits (PROTOCOLS §4 [O]). */
const LIMITS: Readonly<Record<string, Limit>> = {
  'POST /api/v5/trade/order': limit(60, 2_000, 'instId'),
  'POST /api/v5/trade/cancel-order': limit(60, 2_000, 'instId'),
  'POST /api/v5/trade/cancel-all-after': limit(1, 1_000, 'tag'),
  'GET /api/v5/trade/order': limit(60, 2_000, 'instId'),
  'GET /api/v5/trade/orders-pending': limit(60, 2_000),
  'GET /api/v5/trade/orders-history': limit(40, 2_000),
  'GET /api/v5/trade/fills': limit(60, 2_000),
  'GET /api/v5/account/balance': limit(10, 2_000),
  'GET /api/v5/account/trade-fee': limit(5, 2_000),
  'GET /api/v5/asset/deposit-history': limit(6, 1_000),
  'GET /api/v5/asset/withdrawal-history': limit(6, 1_000),
  'GET /api/v5/account/config': limit(5, 2_000),
  'GET /api/v5/asset/currencies': limit(6, 1_000),
};
const PATHS = new Set(Object.keys(LIMITS).map((name) => name.slice(name.indexOf(' ') + 1)));
const PRIVATE_SOCKET = '/ws/v5/private';
const PASSPHRASE = 'Simulated pass phrase 1';
const UID = '446884620172861440';
/** Windows beyond this many are forgotten: tags are the client's to invent. */
const MAX_WINDOWS = 1_000;

/**
 * The private half of OKX (PROTOCOLS §4; okx.com/docs-v5): an envelope of code, msg and data, whose rows have an `sCode` of
 * their own; one private socket for orders and balances.
 */
export class OkxTrading extends TradingSide {
  private readonly socket: OkxPrivateSocket;
  private readonly orders: OkxOrderCalls;
  private readonly queries: OkxQueries;
  private readonly windows = new Map<string, RateWindow>();
  private readonly connects: RateWindow;

  /** `connects` counts the handshakes of both sockets: the limit is one of the address. */
  constructor(parts: TradingParts, connects: RateWindow) {
    super(parts, PASSPHRASE);
    this.connects = connects;
    const { desk, prng } = this;
    const { markets, nowMs, send } = parts;
    const serverMs = () => this.serverMs();
    const stamp = (ms: number) => this.stamp(ms);
    const usdOf = (asset: string) => worthOf(asset, markets.values());
    this.orders = new OkxOrderCalls({ desk, markets, prng, nowMs, serverMs });
    this.queries = new OkxQueries({ desk, markets, nowMs, stamp, usdOf, wallets: this.wallets });
    this.socket = new OkxPrivateSocket({
      key: this.credentials,
      uid: UID,
      serverMs,
      stamp,
      symbols: new Set(markets.keys()),
      holdings: () => desk.holdings(),
      usdOf,
      send,
    });
  }

  isPrivateSocket(path: string): boolean {
    return path === PRIVATE_SOCKET;
  }

  override refusal(url: string, headers: Readonly<Record<string, string>>): FaceHttpResponse | null {
    const refused = super.refusal(url, headers);
    if (refused !== null) return refused;
    return this.connects.spend(this.parts.nowMs()) ? null : response(429, '');
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
    return PATHS.has(splitUrl(url).path);
  }

  protected answer(request: FaceHttpRequest): FaceHttpAnswer {
    const { path, query } = splitUrl(request.url);
    const name = `${request.method} ${path}`;
    if (!Object.hasOwn(LIMITS, name)) return okxDenial(405, OKX_ERRORS.method);
    const refusal = okxRequestRefusal(request, this.credentials, this.serverMs());
    if (refusal !== null) return okxDenial(refusal.status, refusal);
    if (request.method === 'POST') return this.post(name, request);
    if (this.isTooFast(name, query.get('instId'))) return okxDenial(429, OKX_ERRORS.tooMany);
    return this.carry({ call: 'query', symbol: query.get('instId') }, () =>
      path === '/api/v5/account/config'
        ? okxData([okxRights(this.keyRights, UID)])
        : this.queries.read(path, query),
    );
  }

  protected deliver(event: DeskEvent): void {
    this.socket.deliver(event);
  }

  /** Each of these says that the outcome is not known, whatever its status (PROTOCOLS §2). */
  protected broken(): FaceHttpResponse {
    return this.prng.pick([
      okxFailure(OKX_ERRORS.system, 500),
      okxFailure(OKX_ERRORS.unavailable, 503),
      okxFailure(OKX_ERRORS.timeout, 400),
      okxFailure(OKX_ERRORS.orderTimeout),
      response(502, '<html><title>502 Bad Gateway</title></html>', { 'content-type': 'text/html' }),
    ]);
  }

  protected banned(): FaceHttpResponse {
    return okxDenial(429, OKX_ERRORS.tooMany);
  }

  protected unavailable(): FaceHttpResponse {
    return okxFailure(OKX_ERRORS.unavailable, 503);
  }

  private post(name: string, request: FaceHttpRequest): FaceHttpAnswer {
    const { headers = {}, body: text = '' } = request;
    if (text === '') return okxFailure(OKX_ERRORS.noBody, 400);
    if (!/^application\/json\b/i.test(headers['content-type'] ?? '')) {
      return okxFailure(OKX_ERRORS.contentType, 400);
    }
    const body = jsonObject(text);
    if (body === null) return okxFailure(OKX_ERRORS.syntax, 400);
    const limitKey = LIMITS[name]!.per === 'user' ? null : body[LIMITS[name]!.per];
    if (this.isTooFast(name, limitKey)) return okxFailure(OKX_ERRORS.tooFast);
    return this.write(name, body, headers['exptime']);
  }

  private write(name: string, body: RequestBody, expTime: string | undefined): FaceHttpAnswer {
    const symbol = typeof body['instId'] === 'string' ? body['instId'] : null;
    if (name.endsWith('/cancel-order'))
      return this.carry({ call: 'cancel', symbol }, () => this.orders.cancel(body));
    if (name.endsWith('/cancel-all-after')) return this.orders.cancelAllAfter(body);
    return this.carry({ call: 'place', symbol }, () => this.orders.place(body, expTime));
  }

  private isTooFast(name: string, key: unknown): boolean {
    const { calls, windowMs, per } = LIMITS[name]!;
    const own = per === 'user' || typeof key !== 'string' ? name : `${name} ${key.slice(0, 32)}`;
    let window = this.windows.get(own);
    if (window === undefined) {
      if (this.windows.size >= MAX_WINDOWS) this.windows.clear();
      this.windows.set(own, (window = new RateWindow(calls, windowMs)));
    }
    return !window.spend(this.parts.nowMs());
  }
}
