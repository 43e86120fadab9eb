import {
  jsonObject,
  response,
  splitUrl,
  type FaceClient,
  type FaceHttpAnswer,
  type FaceHttpRequest,
  type FaceHttpResponse,
} from '../face-protocol.js';
import { gateBudget } from '../gate-rest.js';
import type { DeskEvent } from './desk-types.js';
import { GATE_ERRORS, gateAnswer, gateFailure } from './gate-errors.js';
import { GateOrderCalls } from './gate-order-calls.js';
import {
  GATE_PRIVATE_CHANNELS,
  GatePrivateChannels,
  type GatePrivateChannel,
} from './gate-private-channels.js';
import { GateQueries } from './gate-queries.js';
import { gateRequestRefusal, gateSubscriptionRefusal } from './gate-signature.js';
import { gateRights } from './key-rights.js';
import { RateWindow } from './rate-window.js';
import type { RequestBody } from './request-words.js';
import type { CallKind } from './trading-faults.js';
import { TradingSide, type TradingParts } from './trading-side.js';

interface Route {
  readonly calls: number;
  readonly windowMs: number;
  /** Null = neither order nor question about orders: nothing goes wrong with it. */
  readonly call: CallKind | null;
}

/** 200 in ten seconds for each endpoint; placing 10 a second for each market, cancelling 200 a second (PROTOCOLS §9.7 [O]). */
const QUESTION: Route = { calls: 200, windowMs: 10_000, call: 'query' };
const CANCEL: Route = { calls: 200, windowMs: 1_000, call: 'cancel' };
const ROUTES: Readonly<Record<string, Route>> = {
  'POST /api/v4/spot/orders': { calls: 10, windowMs: 1_000, call: 'place' },
  'DELETE /api/v4/spot/orders': CANCEL,
  'DELETE /api/v4/spot/orders/{id}': CANCEL,
  'GET /api/v4/spot/orders/{id}': QUESTION,
  'GET /api/v4/spot/orders': QUESTION,
  'GET /api/v4/spot/open_orders': QUESTION,
  'GET /api/v4/spot/my_trades': QUESTION,
  'GET /api/v4/spot/accounts': QUESTION,
  'GET /api/v4/spot/fee': QUESTION,
  'GET /api/v4/account/detail': QUESTION,
  'GET /api/v4/wallet/deposits': QUESTION,
  'GET /api/v4/wallet/withdrawals': QUESTION,
  'POST /api/v4/spot/countdown_cancel_all': { ...QUESTION, call: null },
};
const PATHS = new Set(Object.keys(ROUTES).map((name) => name.slice(name.indexOf(' ') + 1)));
const NAMED = /^\/api\/v4\/spot\/orders\/([^/]{1,64})$/;

/** What the trading side says on the socket in the words of the face. */
export interface GateSocketWords {
  readonly acknowledge: (client: FaceClient, request: RequestBody) => void;
  readonly refuse: (client: FaceClient, request: RequestBody, code: number, message: string) => void;
}

export interface GateTradingParts extends TradingParts, GateSocketWords {
  /** The answer of a ban of so many seconds. */
  readonly banned: (status: number, seconds: number) => FaceHttpResponse;
}

/**
 * The private half of Gate (PROTOCOLS §9; gate.com/docs/developers/apiv4): answers without an envelope, one budget for each endpoint,
 * and private channels on the public socket, each subscription with a signature of its own.
 */
export class GateTrading extends TradingSide {
  /** For how long an ended order is still found by its text: the strictest of what the documentation says (PROTOCOLS §9.6). */
  textLookupMs = 0;
  private readonly words: GateTradingParts;
  private readonly orders: GateOrderCalls;
  private readonly queries: GateQueries;
  private readonly channels: GatePrivateChannels;
  private readonly windows = new Map<string, RateWindow>();

  constructor(parts: GateTradingParts) {
    super(parts);
    this.words = parts;
    const { desk } = this;
    const { markets, nowMs, send } = parts;
    const serverMs = () => this.serverMs();
    const stamp = (ms: number) => this.stamp(ms);
    const textLookupMs = () => this.textLookupMs;
    this.orders = new GateOrderCalls({ desk, markets, nowMs, serverMs, stamp, textLookupMs });
    this.queries = new GateQueries({ desk, markets, nowMs, stamp });
    this.channels = new GatePrivateChannels({ serverMs: nowMs, stamp, send });
  }

  /** There is one address: private channels are subscribed on the public socket. */
  isPrivateSocket(): boolean {
    return false;
  }

  /** The face reads every frame; what is private it hands over by `request`. */
  override owns(): boolean {
    return false;
  }

  received(): void {
    // See `owns`.
  }

  override closed(id: number): void {
    super.closed(id);
    this.channels.closed(id);
  }

  override onStep(): void {
    this.orders.onStep();
    super.onStep();
  }

  /** A request of the socket for a private channel. False = the channel is public. */
  request(client: FaceClient, request: RequestBody): boolean {
    const channel = GATE_PRIVATE_CHANNELS.find((known) => known === request['channel']);
    if (channel === undefined) return false;
    const { acknowledge, refuse } = this.words;
    const refusal = gateSubscriptionRefusal(request, this.credentials);
    const pairs = pairsOf(request['payload']);
    if (this.refusal('', {}) !== null) refuse(client, request, 3, 'service unavailable');
    else if (refusal !== null) refuse(client, request, 4, refusal);
    else if (channel !== 'spot.balances' && pairs === undefined)
      refuse(client, request, 2, 'invalid payload');
    else {
      this.change(client, channel, request['event'] === 'subscribe', pairs ?? null);
      acknowledge(client, request);
    }
    return true;
  }

  protected isPrivate({ url }: FaceHttpRequest): boolean {
    return PATHS.has(patternOf(splitUrl(url).path));
  }

  protected answer(request: FaceHttpRequest): FaceHttpAnswer {
    const { path, query } = splitUrl(request.url);
    const name = `${request.method} ${patternOf(path)}`;
    const route = ROUTES[name];
    if (route === undefined) return gateFailure(GATE_ERRORS.method);
    const refusal = gateRequestRefusal(request, this.credentials, this.serverMs());
    if (refusal !== null) return gateFailure(refusal);
    const body = request.method === 'POST' ? jsonObject(request.body ?? '') : {};
    if (body === null) return gateFailure(GATE_ERRORS.body);
    const pair = body['currency_pair'] ?? query.get('currency_pair');
    const symbol = typeof pair === 'string' ? pair.slice(0, 32) : null;
    const window = this.windowOf(route.call === 'place' ? `${name} ${symbol}` : name, route);
    const isTooFast = !window.spend(this.parts.nowMs());
    const told = (answer: FaceHttpResponse): FaceHttpResponse => this.told(answer, window);
    if (isTooFast) return told(gateFailure(GATE_ERRORS.tooFast));
    const act = () => told(this.act(name, request, body));
    return route.call === null ? act() : this.carry({ call: route.call, symbol }, act);
  }

  protected deliver(event: DeskEvent): void {
    this.channels.deliver(event);
  }

  /** Each of these says that the outcome is not known (PROTOCOLS §2). */
  protected broken(): FaceHttpResponse {
    return this.prng.pick([
      gateFailure(GATE_ERRORS.server),
      gateFailure(GATE_ERRORS.internal),
      gateFailure(GATE_ERRORS.busy),
      gateFailure({ ...GATE_ERRORS.server, status: 400 }),
      response(502, '<html><title>502 Bad Gateway</title></html>', { 'content-type': 'text/html' }),
    ]);
  }

  protected banned(untilMs: number): FaceHttpResponse {
    return this.words.banned(429, Math.max(1, (untilMs - this.parts.nowMs()) / 1_000));
  }

  protected unavailable(): FaceHttpResponse {
    return gateFailure(GATE_ERRORS.busy);
  }

  private change(
    client: FaceClient,
    channel: GatePrivateChannel,
    isSubscribed: boolean,
    pairs: ReadonlySet<string> | null,
  ): void {
    if (!isSubscribed) {
      client.topics.delete(channel);
      return this.channels.leave(channel, client.id);
    }
    client.topics.add(channel);
    this.clients.set(client.id, client);
    this.channels.join(channel, client, pairs);
  }

  private act(name: string, request: FaceHttpRequest, body: RequestBody): FaceHttpResponse {
    const { path, query } = splitUrl(request.url);
    const symbol = query.get('currency_pair') ?? '';
    switch (name) {
      case 'POST /api/v4/spot/orders':
        return this.orders.place(body, request);
      case 'POST /api/v4/spot/countdown_cancel_all':
        return this.orders.cancelAllAfter(body);
      case 'GET /api/v4/account/detail':
        return gateAnswer(gateRights(this.keyRights));
      case 'DELETE /api/v4/spot/orders':
        return this.orders.cancelAll(symbol);
      case 'DELETE /api/v4/spot/orders/{id}':
        return this.orders.cancel(idIn(path), symbol);
      case 'GET /api/v4/spot/orders/{id}':
        return this.orders.find(idIn(path), symbol);
      default:
        return this.queries.read(path, query);
    }
  }

  private windowOf(name: string, { calls, windowMs }: Route): RateWindow {
    let window = this.windows.get(name);
    if (window === undefined) this.windows.set(name, (window = new RateWindow(calls, windowMs)));
    return window;
  }

  private told(answer: FaceHttpResponse, window: RateWindow): FaceHttpResponse {
    const nowMs = this.parts.nowMs();
    const remain = Math.max(0, window.limit - window.used(nowMs));
    const resetSeconds = Math.ceil(this.stamp(nowMs + window.windowMs) / 1_000);
    const date = new Date(this.stamp(nowMs)).toUTCString();
    const budget = gateBudget({ limit: window.limit, remain, resetSeconds });
    return { ...answer, headers: { ...answer.headers, date, ...budget } };
  }
}

const patternOf = (path: string): string => (NAMED.test(path) ? '/api/v4/spot/orders/{id}' : path);
const idIn = (path: string): string => decodeURIComponent(NAMED.exec(path)?.[1] ?? '');

/** The pairs of a payload; null = all, undefined = it is none. */
function pairsOf(payload: unknown): ReadonlySet<string> | null | undefined {
  const isTexts =
    Array.isArray(payload) && payload.length > 0 && payload.every((one) => typeof one === 'string');
  if (!isTexts) return undefined;
  const pairs = payload as readonly string[];
  return pairs.includes('!all') ? null : new Set(pairs);
}
