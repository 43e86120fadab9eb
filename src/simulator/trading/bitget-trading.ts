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
  bitgetData,
  bitgetEmpty,
  BITGET_ERRORS,
  bitgetFailure,
  bitgetNoSymbol,
  bitgetParameter,
  BITGET_REFUSALS,
  type BitgetError,
} from './bitget-errors.js';
import { bitgetOrderRequest, bitgetWindowRefusal, textIn, type BitgetBody } from './bitget-order.js';
import { BitgetPrivateSocket } from './bitget-private-socket.js';
import { BitgetQueries } from './bitget-queries.js';
import { bitgetRequestRefusal } from './bitget-signature.js';
import type { DeskEvent, OrderView } from './desk-types.js';
import { RateWindow } from './rate-window.js';
import { TradingSide, type TradingParts } from './trading-side.js';

const VERSION = '/api/v2/';
/** The private calls, and how many of each a user may make per second (PROTOCOLS §10 [O]; rates of fees and records [C]). */
const CALLS_PER_SECOND: Readonly<Record<string, number>> = {
  'POST spot/trade/place-order': 10,
  'POST spot/trade/cancel-order': 10,
  'POST spot/trade/cancel-symbol-order': 5,
  'GET spot/trade/orderInfo': 20,
  'GET spot/trade/unfilled-orders': 20,
  'GET spot/trade/history-orders': 20,
  'GET spot/trade/fills': 10,
  'GET spot/account/assets': 10,
  'GET common/trade-rate': 10,
  'GET spot/wallet/deposit-records': 10,
  'GET spot/wallet/withdrawal-records': 10,
};
const PATHS = new Set(Object.keys(CALLS_PER_SECOND).map((name) => name.slice(name.indexOf(' ') + 1)));
const PRIVATE_SOCKET = '/v2/ws/private';
const PASSPHRASE = 'Simulated pass phrase 2';

/** What the trading side shares with the public one: limits of the address. */
export interface BitgetAddress {
  /** Counts one call; true = there were too many. */
  countCall(): boolean;
  /** Counts one handshake; false = there were too many. */
  countConnect(): boolean;
}

/**
 * The private half of Bitget v2 spot (PROTOCOLS §10; bitget.com/api-doc): an envelope of code, msg and data, errors mostly with HTTP 400,
 * one private socket for orders and balances.
 */
export class BitgetTrading extends TradingSide {
  private readonly socket: BitgetPrivateSocket;
  private readonly queries: BitgetQueries;
  private readonly windows = new Map<string, RateWindow>();
  private readonly address: BitgetAddress;

  constructor(parts: TradingParts, address: BitgetAddress) {
    super(parts, PASSPHRASE);
    this.address = address;
    const { desk } = this;
    const { markets, send } = parts;
    const serverMs = () => this.serverMs();
    const stamp = (ms: number) => this.stamp(ms);
    this.queries = new BitgetQueries({ desk, markets, serverMs, stamp });
    this.socket = new BitgetPrivateSocket({
      key: this.credentials,
      serverMs,
      stamp,
      symbols: new Set(markets.keys()),
      holdings: () => desk.holdings(),
      send,
    });
    for (const [name, calls] of Object.entries(CALLS_PER_SECOND))
      this.windows.set(name, new RateWindow(calls, 1_000));
  }

  isPrivateSocket(path: string): boolean {
    return path === PRIVATE_SOCKET;
  }

  override refusal(url: string, headers: Readonly<Record<string, string>>): FaceHttpResponse | null {
    const refused = super.refusal(url, headers);
    if (refused !== null) return refused;
    return this.address.countConnect() ? null : response(429, '');
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

  protected isPrivate({ url }: FaceHttpRequest): boolean {
    const { path } = splitUrl(url);
    return path.startsWith(VERSION) && PATHS.has(path.slice(VERSION.length));
  }

  protected answer(request: FaceHttpRequest): FaceHttpAnswer {
    const { path, query } = splitUrl(request.url);
    const short = path.slice(VERSION.length);
    const name = `${request.method} ${short}`;
    const window = this.windows.get(name);
    if (window === undefined) return this.failure(BITGET_ERRORS.noPath, 404);
    const refusal = bitgetRequestRefusal(request, this.credentials, this.serverMs());
    if (refusal !== null) return this.failure(refusal);
    const isTooFast = !window.spend(this.parts.nowMs()) || this.address.countCall();
    if (isTooFast) return this.failure(BITGET_ERRORS.tooFast, 429);
    if (request.method === 'POST') return this.post(short, request);
    return this.carry({ call: 'query', symbol: query.get('symbol') }, () => this.queries.read(short, query));
  }

  protected deliver(event: DeskEvent): void {
    this.socket.deliver(event);
  }

  /** Each of these says that the outcome is not known, whatever its status (PROTOCOLS §2). */
  protected broken(): FaceHttpResponse {
    return this.prng.pick([
      this.failure(BITGET_ERRORS.service, 500),
      this.failure(BITGET_ERRORS.system, 400),
      this.failure(BITGET_ERRORS.timeout, 400),
      this.failure(BITGET_ERRORS.unknown, 200),
      response(502, '<html><title>502 Bad Gateway</title></html>', { 'content-type': 'text/html' }),
    ]);
  }

  /** No header tells the end of it. */
  protected banned(): FaceHttpResponse {
    return this.failure(BITGET_ERRORS.tooFast, 429);
  }

  protected unavailable(): FaceHttpResponse {
    return this.failure(BITGET_ERRORS.upgrade, 503);
  }

  private post(path: string, request: FaceHttpRequest): FaceHttpAnswer {
    const { headers = {}, body: text = '' } = request;
    if (!/^application\/json\b/i.test(headers['content-type'] ?? ''))
      return this.failure(BITGET_ERRORS.contentType);
    const body = jsonObject(text);
    if (body === null) return this.failure(bitgetParameter('body'));
    const symbol = textIn(body, 'symbol');
    if (path.endsWith('/place-order')) return this.carry({ call: 'place', symbol }, () => this.place(body));
    const act = path.endsWith('/cancel-order') ? () => this.cancel(body) : () => this.cancelAll(body);
    return this.carry({ call: 'cancel', symbol }, act);
  }

  private place(body: BitgetBody): FaceHttpResponse {
    const late = bitgetWindowRefusal(body, this.serverMs());
    if (late !== null) return this.failure(late);
    const order = bitgetOrderRequest(body, this.parts.markets);
    if ('code' in order) return this.failure(order);
    const outcome = this.desk.place(order);
    if (outcome.kind === 'refused') return this.failure(BITGET_REFUSALS[outcome.reason]);
    return this.receipt(outcome.order);
  }

  private cancel(body: BitgetBody): FaceHttpResponse {
    const symbol = textIn(body, 'symbol') ?? '';
    if (!this.parts.markets.has(symbol)) return this.failure(bitgetNoSymbol(symbol));
    const [exchangeOrderId, clientOrderId] = [textIn(body, 'orderId') ?? '', textIn(body, 'clientOid') ?? ''];
    if (exchangeOrderId === '' && clientOrderId === '') return this.failure(bitgetEmpty('orderId'));
    const known = this.desk.find({ exchangeOrderId, clientOrderId });
    if (known === null || known.symbol !== symbol) return this.failure(BITGET_ERRORS.noOrder);
    if (known.state !== 'open') return this.failure(BITGET_ERRORS.nothingToCancel);
    this.desk.cancel({ exchangeOrderId: known.exchangeOrderId });
    return this.receipt(known);
  }

  private cancelAll(body: BitgetBody): FaceHttpResponse {
    const symbol = textIn(body, 'symbol') ?? '';
    if (!this.parts.markets.has(symbol)) return this.failure(bitgetNoSymbol(symbol));
    this.desk.cancelAll(symbol);
    return bitgetData({ symbol }, this.serverMs());
  }

  private receipt({ exchangeOrderId, clientOrderId }: OrderView): FaceHttpResponse {
    return bitgetData({ orderId: exchangeOrderId, clientOid: clientOrderId }, this.serverMs());
  }

  private failure(error: BitgetError, status = 400): FaceHttpResponse {
    return bitgetFailure(error, this.serverMs(), status);
  }
}
