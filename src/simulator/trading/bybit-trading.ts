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
import { bybitFailure, bybitResult, withHeaders } from './bybit-answers.js';
import { BYBIT_ERRORS, bybitParameter, type BybitError } from './bybit-errors.js';
import { BybitOrderCalls } from './bybit-order-calls.js';
import { BybitPrivateSocket } from './bybit-private-socket.js';
import { BybitQueries } from './bybit-queries.js';
import { bybitRequestRefusal } from './bybit-signature.js';
import type { DeskEvent, OrderView } from './desk-types.js';
import { bybitRights } from './key-rights.js';
import { RateWindow } from './rate-window.js';
import { TradingSide, type TradingParts } from './trading-side.js';

/** The private calls, and how many of each a user may make per second (PROTOCOLS §5 [O]; asset records [D]). */
const CALLS_PER_SECOND: Readonly<Record<string, number>> = {
  'POST /v5/order/create': 20,
  'POST /v5/order/cancel': 20,
  'POST /v5/order/cancel-all': 20,
  'GET /v5/order/realtime': 50,
  'GET /v5/order/history': 50,
  'GET /v5/execution/list': 50,
  'GET /v5/account/wallet-balance': 50,
  'GET /v5/account/fee-rate': 10,
  'GET /v5/asset/deposit/query-record': 5,
  'GET /v5/asset/withdraw/query-record': 5,
  'GET /v5/user/query-api': 10,
  'GET /v5/asset/coin/query-info': 5,
};
const PATHS = new Set(Object.keys(CALLS_PER_SECOND).map((name) => name.slice(name.indexOf(' ') + 1)));
const PRIVATE_SOCKET = '/v5/private';

/**
 * The private half of Bybit v5 (PROTOCOLS §5; bybit-exchange.github.io/docs/v5): HTTP 200 with a retCode that is only a receipt, and
 * one private socket for orders, executions and the wallet.
 */
export class BybitTrading extends TradingSide {
  readonly queries: BybitQueries;
  private readonly orders: BybitOrderCalls;
  private readonly socket: BybitPrivateSocket;
  private readonly windows = new Map<string, RateWindow>();
  private readonly isBlocked: () => boolean;
  /** Filled orders that somebody tried to cancel; told once the receipt is on its way. */
  private lostCancels: OrderView[] = [];

  /** `isBlocked` counts one call of this address, and says whether there were too many. */
  constructor(parts: TradingParts, isBlocked: () => boolean) {
    super(parts);
    this.isBlocked = isBlocked;
    const { desk, prng } = this;
    const { markets, nowMs, send } = parts;
    const serverMs = () => this.serverMs();
    const stamp = (ms: number) => this.stamp(ms);
    const usdOf = (asset: string) => worthOf(asset, markets.values());
    const lateCancel = (order: OrderView) => void this.lostCancels.push(order);
    this.orders = new BybitOrderCalls({ desk, markets, nowMs, serverMs, lateCancel });
    this.queries = new BybitQueries({ desk, markets, nowMs, serverMs, stamp, usdOf, wallets: this.wallets });
    this.socket = new BybitPrivateSocket({ key: this.credentials, desk, prng, serverMs, stamp, usdOf, send });
    for (const [name, calls] of Object.entries(CALLS_PER_SECOND)) {
      this.windows.set(name, new RateWindow(calls, 1_000));
    }
  }

  isPrivateSocket(path: string): boolean {
    return path === PRIVATE_SOCKET;
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

  override flush(): void {
    super.flush();
    for (const order of this.lostCancels.splice(0)) this.socket.lateCancel(order);
  }

  protected isPrivate({ url }: FaceHttpRequest): boolean {
    return PATHS.has(splitUrl(url).path);
  }

  protected answer(request: FaceHttpRequest): FaceHttpAnswer {
    if (this.isBlocked()) return response(403, '');
    const { path, query } = splitUrl(request.url);
    const name = `${request.method} ${path}`;
    const window = this.windows.get(name);
    if (window === undefined) return response(404, '');
    const refusal = bybitRequestRefusal(request, this.credentials, this.serverMs());
    if (refusal !== null) return this.failure(refusal);
    const isTooFast = !window.spend(this.parts.nowMs());
    const headers = this.limitHeaders(window);
    if (isTooFast) return withHeaders(this.failure(BYBIT_ERRORS.tooFast), headers);
    const answered = (act: () => FaceHttpResponse) => () => withHeaders(act(), headers);
    if (request.method === 'GET') {
      return this.carry(
        { call: 'query', symbol: query.get('symbol') },
        answered(() =>
          path === '/v5/user/query-api'
            ? bybitResult(bybitRights(this.keyRights, this.credentials.apiKey), this.serverMs(), '')
            : this.queries.read(path, query),
        ),
      );
    }
    return this.write(name, request, answered);
  }

  protected deliver(event: DeskEvent): void {
    this.socket.deliver(event);
  }

  /** Each of these says that the outcome is not known, whatever its status (PROTOCOLS §2). */
  protected broken(): FaceHttpResponse {
    const timeMs = this.serverMs();
    return this.prng.pick([
      bybitFailure(BYBIT_ERRORS.server, timeMs, 500),
      bybitFailure(BYBIT_ERRORS.timeout, timeMs),
      bybitFailure(BYBIT_ERRORS.backendTimeout, timeMs),
      bybitFailure(BYBIT_ERRORS.createTimeout, timeMs),
      response(502, '<html><title>502 Bad Gateway</title></html>', { 'content-type': 'text/html' }),
    ]);
  }

  protected banned(): FaceHttpResponse {
    return response(403, '');
  }

  protected unavailable(): FaceHttpResponse {
    return bybitFailure(BYBIT_ERRORS.server, this.serverMs(), 503);
  }

  private write(
    name: string,
    request: FaceHttpRequest,
    answered: (act: () => FaceHttpResponse) => () => FaceHttpResponse,
  ): FaceHttpAnswer {
    const body = jsonObject(request.body ?? '');
    if (body === null) return this.failure(bybitParameter('json invalid'));
    const symbol = typeof body['symbol'] === 'string' ? body['symbol'] : null;
    if (name.endsWith('/create')) {
      return this.carry(
        { call: 'place', symbol },
        answered(() => this.orders.place(body, request)),
      );
    }
    const act = name.endsWith('/cancel') ? () => this.orders.cancel(body) : () => this.orders.cancelAll(body);
    return this.carry({ call: 'cancel', symbol }, answered(act));
  }

  private limitHeaders(window: RateWindow): Readonly<Record<string, string>> {
    const nowMs = this.parts.nowMs();
    const resetMs = this.stamp(nowMs + window.waitMs(nowMs));
    return {
      'x-bapi-limit': `${window.limit}`,
      'x-bapi-limit-status': `${Math.max(0, window.limit - window.used(nowMs))}`,
      'x-bapi-limit-reset-timestamp': `${resetMs}`,
    };
  }

  private failure(error: BybitError): FaceHttpResponse {
    return bybitFailure(error, this.serverMs());
  }
}
