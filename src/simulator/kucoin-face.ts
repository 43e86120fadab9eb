import { ExchangeFace, type FaceOptions } from './face.js';
import {
  countWithin,
  jsonObject,
  response,
  splitUrl,
  type FaceClient,
  type FaceHttpRequest,
  type FaceHttpResponse,
  type Topic,
} from './face-protocol.js';
import { KucoinBooks, type ChannelState } from './kucoin-books.js';
import { kucoinMatch, kucoinProTrade } from './kucoin-frames.js';
import { KucoinRest } from './kucoin-rest.js';
import { classicTopic, proTopic, RANKS, type KucoinChannel } from './kucoin-topics.js';
import { sameBest } from './ladder.js';
import type { SimulatedMarket } from './market.js';
import type { EngineTrade } from './matching-engine.js';
import { KucoinTrading } from './trading/kucoin-trading.js';

const IDLE_CLOSE_MS = 60_000;
const TOKEN_LIFETIME_MS = 24 * 3_600_000;
const WHOLE_PERIOD_MS = 100;
const STATE_PERIOD_MS = 2_000;
const LIMITS = {
  classic: { messages: 100, connects: 30, connectWindowMs: 60_000, topics: 300 },
  pro: { messages: 300, connects: 250, connectWindowMs: 300_000, topics: 600 },
} as const;
const MESSAGE_WINDOW_MS = 10_000;
const MAX_TOKENS = 1_000;

/**
 * KuCoin spot: the classic socket behind a ticket, the Pro socket without one, and REST here, the private half in `KucoinTrading`
 * (PROTOCOLS §8; kucoin.com/docs-new). Both greet before anything else counts; unknown markets are acknowledged and stay silent. A connection with a token is classic.
 */
export class KucoinFace extends ExchangeFace<ChannelState> {
  protected override readonly trading: KucoinTrading;
  private readonly rest: KucoinRest;
  private readonly books: KucoinBooks;
  private readonly bases = new Map<SimulatedMarket, number>();
  private readonly tokens = new Map<string, number>();
  private readonly greeted = new Set<number>();
  private readonly pingedAtMs = new Map<number, number>();
  private readonly connects = { classic: [] as number[], pro: [] as number[] };
  /** Markets that do not trade: their books stand, `enableTrading` and `trading` are false. */
  readonly halted = new Set<string>();
  /** Everything answers 503. */
  maintenance = false;
  /** Every token is refused, as after it has expired. */
  rejectTokens = false;
  /** World ms between the open socket and its welcome. */
  welcomeDelayMs = 0;
  /** World ms between two frames of `level2`; 0 = real time. */
  level2PeriodMs = 0;

  constructor(options: FaceOptions) {
    super('kucoin', options);
    for (const market of this.markets.values()) this.bases.set(market, 14_000_000_000 + this.prng.word());
    this.books = new KucoinBooks({
      sequence: (market, updateId) => this.sequence(market, updateId),
      stamp: (ms) => this.stamp(ms),
      random: (bound) => this.prng.below(bound),
      isTrading: (symbol) => !this.halted.has(symbol),
    });
    this.rest = new KucoinRest({
      markets: this.markets,
      now: () => this.now(),
      stamp: (ms) => this.stamp(ms),
      sequence: (market) => this.sequence(market, market.updateId),
      newToken: () => this.newToken(),
      isTrading: (symbol) => !this.halted.has(symbol),
    });
    this.trading = this.newTrading();
  }

  private newTrading(): KucoinTrading {
    return new KucoinTrading({
      ...this.tradingParts('kucoin', (symbol) => this.halted.has(symbol)),
      // The account's trades carry the ids of the public prints; those that nobody printed count from far above.
      rules: {
        tradeId: (number, _market, print) => (print === null ? `21${padded(number)}` : tradeIdOf(print)),
      },
      greet: (client) => this.greetInTime(client),
      isGreeted: (client) => this.greeted.has(client.id),
      isDown: () => this.maintenance,
    });
  }

  handleHttp(request: FaceHttpRequest): FaceHttpResponse {
    if (this.maintenance) return response(503, '{"code":"503","msg":"Service Unavailable"}');
    const fault = this.faults.takeHttpFault(request.url);
    if (fault === null) return this.rest.handle(request);
    const code = fault.status === 429 || fault.status === 418 ? '429000' : '500000';
    const seconds = fault.retryAfterSeconds;
    const headers =
      seconds === undefined
        ? {}
        : {
            'gw-ratelimit-remaining': '0',
            'gw-ratelimit-reset': `${seconds * 1_000}`,
            'retry-after': `${seconds}`,
          };
    return response(fault.status, JSON.stringify({ code, msg: 'An injected fault.' }), headers);
  }

  override onClose(id: number): void {
    super.onClose(id);
    this.greeted.delete(id);
    this.pingedAtMs.delete(id);
  }

  protected refusal(url: string): FaceHttpResponse | null {
    if (this.maintenance) return response(503, '');
    const { path } = splitUrl(url);
    if (path !== '/' && path !== '/endpoint') return response(404, '');
    const kind = this.isCombined(url) ? 'classic' : 'pro';
    const { connects, connectWindowMs } = LIMITS[kind];
    const now = this.now();
    const recent = this.connects[kind].filter((at) => at > now - connectWindowMs);
    this.connects[kind] = recent;
    if (recent.length >= connects) return response(429, '');
    recent.push(now);
    return null;
  }

  /** The classic socket; the other is the Pro one. */
  protected isCombined(url: string): boolean {
    return splitUrl(url).query.has('token');
  }

  protected connectionName(): string {
    return this.prng.uuid();
  }

  protected override sendsBinaryTo(client: FaceClient): boolean {
    return !client.combined;
  }

  protected opened(client: FaceClient, url: string): void {
    const token = splitUrl(url).query.get('token');
    if (token !== null && !this.isValid(token)) {
      this.answer(client, { id: client.connectionName, type: 'error', code: 401, data: 'token is invalid' });
      return this.closeClient(client, 1000, 'Bye');
    }
    this.greetInTime(client);
  }

  protected overLimit(client: FaceClient): boolean {
    const { messages } = LIMITS[client.combined ? 'classic' : 'pro'];
    return countWithin(client.received, this.now(), MESSAGE_WINDOW_MS) > messages;
  }

  protected beforePublishing(): void {
    // Every topic reads the tape itself.
  }

  protected received(client: FaceClient, text: string): void {
    // The connection is usable only after its welcome.
    if (!this.greeted.has(client.id)) return;
    const request = jsonObject(text);
    if (client.combined) this.classicRequest(client, request);
    // The Pro socket says nothing to what is no request.
    else if (request !== null) this.proRequest(client, request);
  }

  protected publish(topic: Topic<ChannelState>, tape: readonly EngineTrade[], nowMs: number): void {
    const { market, state } = topic;
    switch (state.channel) {
      case '/market/level2':
        return this.push(topic, this.books.changes(market, state, this.level2PeriodMs, nowMs));
      case 'obu/increment@10ms':
        return this.push(topic, this.books.increment(market, state, nowMs));
      case '/market/match':
        for (const trade of tape) {
          const stamp = this.stamp(trade.timeMs);
          this.broadcast(topic, kucoinMatch(market.listing, trade, tradeIdOf(trade), stamp));
        }
        return;
      case 'trade':
        for (const trade of tape) {
          const stamp = this.books.proStamp(nowMs, trade.timeMs);
          this.broadcast(topic, kucoinProTrade(market.listing, trade, tradeIdOf(trade), stamp));
        }
        return;
      case '/spotMarket/level1':
      case 'obu/1':
        if (sameBest(state.last, market.ladder())) return;
        return this.push(topic, this.books.whole(market, state, nowMs));
      case '/market/snapshot':
        if (nowMs - state.sentAtMs >= STATE_PERIOD_MS)
          this.push(topic, this.books.whole(market, state, nowMs));
        return;
      case '/market/ticker':
        if (sameBest(state.last, market.ladder()) && tape.length === 0) return;
        return this.push(topic, this.books.whole(market, state, nowMs));
      default:
        // Whole books come ten times a second, changed or not.
        if (nowMs - state.sentAtMs >= WHOLE_PERIOD_MS)
          this.push(topic, this.books.whole(market, state, nowMs));
    }
  }

  protected keepAlive(client: FaceClient, nowMs: number): void {
    if (!this.greeted.has(client.id) && nowMs - client.openedAtMs >= this.welcomeDelayMs) this.greet(client);
    const old = client.combined && nowMs - client.openedAtMs >= TOKEN_LIFETIME_MS;
    if (old) return this.closeClient(client, 1000, 'Bye');
    if (nowMs - client.lastReceivedMs < IDLE_CLOSE_MS) return;
    if (!client.combined) {
      if (client.topics.size === 0) this.closeClient(client, 1006, '');
      return;
    }
    if (client.topics.size === 0) this.answer(client, { type: 'error', code: 400, data: 'ping timeout' });
    this.closeClient(client, 1000, 'Bye');
  }

  /** At once, or by `keepAlive` when it is late. */
  private greetInTime(client: FaceClient): void {
    if (this.welcomeDelayMs === 0) this.greet(client);
  }

  private greet(client: FaceClient): void {
    this.greeted.add(client.id);
    const { connectionName: name } = client;
    this.answer(
      client,
      client.combined
        ? { id: name, type: 'welcome' }
        : { sessionId: name, message: 'welcome', pingInterval: 18_000 },
    );
  }

  private classicRequest(client: FaceClient, request: Readonly<Record<string, unknown>> | null): void {
    if (request === null) {
      const data = "Unrecognized token: was expecting ('true', 'false' or 'null')";
      return this.answer(client, { id: this.prng.hex(10), type: 'error', code: 400, data });
    }
    const id = idOf(request);
    const { type, topic } = request;
    if (type === 'ping')
      return this.answer(client, { id, type: 'pong', timestamp: this.stamp(this.now()) * 1_000 });
    if (type !== 'subscribe' && type !== 'unsubscribe') {
      return this.answer(client, { id, type: 'error', code: 403, data: 'invalid type' });
    }
    const wanted = classicTopic(topic);
    const refusal = wanted === null ? null : overTopics(client, type, wanted.symbols.length);
    if (wanted === null) this.answer(client, { id, type: 'error', code: 404, data: 'topic does not exist' });
    else if (refusal !== null) this.answer(client, { id, type: 'error', code: 509, data: refusal });
    else {
      if (request['response'] === true) this.answer(client, { id, type: 'ack' });
      for (const symbol of wanted.symbols) this.change(client, type, wanted.channel, symbol);
    }
  }

  private proRequest(client: FaceClient, request: Readonly<Record<string, unknown>>): void {
    const id = idOf(request);
    if (request['type'] === 'ping') return this.proPing(client, id);
    const { action } = request;
    const verb = typeof action === 'string' ? action.toLowerCase() : '';
    const wanted = proTopic(request);
    if ((verb !== 'subscribe' && verb !== 'unsubscribe') || 'refused' in wanted) {
      const [key, text] =
        'refused' in wanted ? [wanted.refused, wanted.text] : ['message', 'invalid request data'];
      return this.answer(client, { id, result: false, [key]: text });
    }
    if (verb === 'subscribe' && client.topics.size >= LIMITS.pro.topics) {
      return this.answer(client, { id, result: false, reason: 'exceed max subscription count' });
    }
    this.answer(client, { id, result: true });
    this.change(client, verb, wanted.channel, wanted.symbol);
  }

  private proPing(client: FaceClient, id: string): void {
    const now = this.now();
    const tooOften = now - (this.pingedAtMs.get(client.id) ?? -Infinity) < 1_000;
    this.pingedAtMs.set(client.id, now);
    if (tooOften) return this.closeClient(client, 1006, '');
    // Nanoseconds do not fit into a number.
    this.emit(
      client,
      `{"type":"pong","id":${JSON.stringify(id)},"ts":${this.stamp(now)}000000}`,
      null,
      'control',
    );
  }

  private change(
    client: FaceClient,
    verb: 'subscribe' | 'unsubscribe',
    channel: KucoinChannel,
    symbol: string,
  ): void {
    const market = this.markets.get(symbol);
    const key = `${channel}:${symbol}`;
    // Subscribed already, or unknown: acknowledged, and nothing follows.
    if (verb === 'unsubscribe') return this.leave(client, key);
    if (market === undefined || client.topics.has(key)) return;
    const ladder = market.ladder();
    const state = () => ({ channel, last: ladder, sentAtMs: this.world.nowMs, seen: ladder, changes: [] });
    const topic = this.join(client, key, channel, RANKS[channel], market, state);
    if (channel !== 'obu/increment@10ms') return;
    const first = this.books.snapshot(market, topic.state, this.world.nowMs);
    this.emit(client, first, symbol, channel);
  }

  private push(topic: Topic<ChannelState>, text: string | null): void {
    if (text !== null) this.broadcast(topic, text);
  }

  private answer(client: FaceClient, body: object): void {
    this.emit(client, JSON.stringify(body), null, 'control');
  }

  private newToken(): string {
    const token = `${this.prng.hex(160)}==.${this.prng.hex(22)}==`;
    this.tokens.set(token, this.now());
    if (this.tokens.size > MAX_TOKENS) this.tokens.delete(this.tokens.keys().next().value!);
    return token;
  }

  private isValid(token: string): boolean {
    const issuedAtMs = this.tokens.get(token);
    return !this.rejectTokens && issuedAtMs !== undefined && this.now() - issuedAtMs < TOKEN_LIFETIME_MS;
  }

  private sequence(market: SimulatedMarket, updateId: number): number {
    return (this.bases.get(market) ?? 0) + updateId;
  }
}

/** Numbers beyond 2^53. */
function tradeIdOf(trade: EngineTrade): string {
  return `110679967${String(trade.id).padStart(8, '0')}`;
}

const padded = (number: number): string => String(number).padStart(15, '0');

/** Ids come back as text, whatever they were. */
function idOf(request: Readonly<Record<string, unknown>>): string {
  const { id } = request;
  return typeof id === 'string' || typeof id === 'number' ? String(id).slice(0, 128) : '';
}

function overTopics(client: FaceClient, verb: string, count: number): string | null {
  if (verb !== 'subscribe') return null;
  if (count > 100) return 'exceed max subscription count limitation of 100 per time';
  if (client.topics.size + count <= LIMITS.classic.topics) return null;
  return 'exceed max subscription count limitation of 300 per session';
}
