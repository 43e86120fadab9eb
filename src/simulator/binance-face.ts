import { aggTrade, bookTicker, depthSnapshot, depthUpdate, trade } from './binance-frames.js';
import { BinanceRest } from './binance-rest.js';
import { isRequestId, parseStream, type StreamKind, type StreamName } from './binance-streams.js';
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
import { isEmptyDelta, ladderDelta, sameBest, topOf, type Ladder } from './ladder.js';
import type { SimulatedMarket } from './market.js';
import type { EngineTrade } from './matching-engine.js';
import { aggregateFills, type AggregatedFills } from './trade-aggregation.js';
import { BinanceTrading } from './trading/binance-trading.js';

const PING_EVERY_MS = 20_000;
const PONG_WITHIN_MS = 60_000;
const MESSAGES_PER_SECOND = 5;
const MAX_STREAMS = 1_024;

/** What a stream last told: the next frame is the difference to it. */
interface StreamState {
  readonly name: StreamName;
  last: Ladder;
  sentAtMs: number;
}

export interface BinanceFaceOptions extends FaceOptions {
  /** Connections end after this; 24 h at the exchange. */
  readonly lifetimeMs?: number;
}

/**
 * Binance spot market data: raw and combined streams with live subscription, and the public REST calls (PROTOCOLS §3;
 * developers.binance.com, web socket streams). Unknown streams are acknowledged and stay silent, as there.
 */
export class BinanceFace extends ExchangeFace<StreamState> {
  protected override readonly trading: BinanceTrading;
  private readonly rest: BinanceRest;
  private readonly lifetimeMs: number;
  /** Ids are large at the exchange; each market counts from its own base. */
  private readonly bases = new Map<SimulatedMarket, number>();
  private readonly aggregates = new Map<SimulatedMarket, number>();
  private aggregated: readonly AggregatedFills[] = [];
  private shutdownAtMs = Number.POSITIVE_INFINITY;

  constructor(options: BinanceFaceOptions) {
    super('binance', options);
    this.lifetimeMs = options.lifetimeMs ?? 24 * 3_600_000;
    for (const market of this.markets.values()) this.bases.set(market, 1_000_000_000 + this.prng.word());
    this.rest = new BinanceRest(
      this.markets,
      () => this.now(),
      (ms) => this.stamp(ms),
      (market) => this.idOf(market, market.updateId),
    );
    const parts = this.tradingParts('binance', (symbol) => this.rest.halted.has(symbol));
    // The account's trades carry the ids of the public prints; those that nobody printed count from far above.
    const tradeId = (number: number, market: SimulatedMarket, print: EngineTrade | null): string =>
      `${print === null ? 4_000_000_000_000 + number : this.idOf(market, print.id)}`;
    this.trading = new BinanceTrading({ ...parts, rules: { tradeId } }, this.rest);
  }

  /** Tells every client that the server goes down, and closes them after `inMs`. */
  announceShutdown(inMs: number): void {
    this.shutdownAtMs = this.world.nowMs + inMs;
    const event = `{"e":"serverShutdown","E":${this.stamp(this.now())}}`;
    for (const client of this.clients.values()) {
      const isPrivate = this.trading.owns(client.id);
      const raw = isPrivate ? `{"event":${event}}` : event;
      const text = client.combined ? `{"stream":"!serverShutdown","data":${event}}` : raw;
      this.emit(client, text, null, 'control');
    }
  }

  /** Markets that do not trade: their books stand, the list of markets says so. */
  get halted(): Set<string> {
    return this.rest.halted;
  }

  handleHttp(request: FaceHttpRequest): FaceHttpResponse {
    const fault = this.faults.takeHttpFault(request.url);
    if (fault === null) return this.rest.handle(request);
    const code = fault.status === 429 || fault.status === 418 ? -1003 : -1000;
    const retry =
      fault.retryAfterSeconds === undefined ? {} : { 'retry-after': `${fault.retryAfterSeconds}` };
    return response(fault.status, JSON.stringify({ code, msg: 'An injected fault.' }), retry);
  }

  protected refusal(url: string): FaceHttpResponse | null {
    const { path } = splitUrl(url);
    const known = path === '/stream' || path === '/ws' || path.startsWith('/ws/');
    return known ? null : response(404, '');
  }

  protected isCombined(url: string): boolean {
    return splitUrl(url).path === '/stream';
  }

  protected connectionName(): string {
    return this.prng.hex(16);
  }

  protected opened(client: FaceClient, url: string): void {
    const { path, query } = splitUrl(url);
    const names = path === '/stream' ? (query.get('streams') ?? '') : path.slice('/ws/'.length);
    for (const name of names.split('/').filter((part) => part !== '')) this.subscribe(client, name);
  }

  protected overLimit(client: FaceClient): boolean {
    return countWithin(client.received, this.now(), 1_000) > MESSAGES_PER_SECOND;
  }

  protected received(client: FaceClient, text: string): void {
    const request = jsonObject(text);
    if (request === null) {
      return this.answer(client, {
        error: { code: 3, msg: 'Invalid JSON: expected value at line 1 column 1' },
      });
    }
    const { method, params, id } = request;
    if (!isRequestId(id)) return this.refuse(client, null, 'request ID must be an unsigned integer');
    switch (method) {
      case 'SUBSCRIBE':
      case 'UNSUBSCRIBE':
        return this.change(client, method, params, id);
      case 'LIST_SUBSCRIPTIONS':
        return this.answer(client, { result: [...client.topics], id });
      case undefined:
        return this.refuse(client, id, 'missing field `method` at line 1 column 1');
      default: {
        const shown = typeof method === 'string' ? method.slice(0, 100) : '';
        const expected = '`SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY`';
        return this.refuse(client, id, `unknown variant \`${shown}\`, expected one of ${expected}`);
      }
    }
  }

  protected beforePublishing(market: SimulatedMarket, tape: readonly EngineTrade[]): void {
    this.aggregated = tape.length === 0 ? [] : aggregateFills(tape);
    const count = (this.aggregates.get(market) ?? 0) + this.aggregated.length;
    this.aggregates.set(market, count);
  }

  protected publish(topic: Topic<StreamState>, tape: readonly EngineTrade[], nowMs: number): void {
    const { market, state } = topic;
    switch (state.name.kind) {
      case 'diff':
        return this.publishDiff(topic, nowMs);
      case 'partial':
        return this.publishPartial(topic, nowMs);
      case 'bookTicker': {
        const ladder = market.ladder();
        if (sameBest(state.last, ladder)) return;
        state.last = ladder;
        return this.publishBest(topic, ladder);
      }
      case 'trade':
        for (const print of tape) {
          const id = this.idOf(market, print.id);
          this.push(topic, trade(market.listing, print, id, this.stamp(nowMs), this.stamp(print.timeMs)));
        }
        return;
      case 'aggTrade':
        return this.publishAggregates(topic, nowMs);
    }
  }

  protected keepAlive(client: FaceClient, nowMs: number): void {
    const ping = client.unansweredPing;
    if (ping !== null && nowMs - ping.atMs >= PONG_WITHIN_MS)
      return this.closeClient(client, 1008, 'Pong timeout');
    const old = nowMs - client.openedAtMs >= this.lifetimeMs || nowMs >= this.shutdownAtMs;
    if (old) return this.closeClient(client, 1001, '');
    if (nowMs - client.lastPingMs < PING_EVERY_MS) return;
    client.lastPingMs = nowMs;
    const payload = `${this.stamp(nowMs)}`;
    client.unansweredPing ??= { payload, atMs: nowMs };
    if (!this.faults.isHalfOpen(client.id)) client.transport.ping(client.unansweredPing.payload);
  }

  private publishDiff(topic: Topic<StreamState>, nowMs: number): void {
    const { market, state } = topic;
    if (nowMs - state.sentAtMs < state.name.periodMs) return;
    const ladder = market.ladder();
    const delta = ladderDelta(state.last, ladder, Number.POSITIVE_INFINITY);
    state.sentAtMs = nowMs;
    if (isEmptyDelta(delta)) return;
    const first = this.idOf(market, state.last.updateId + 1);
    const last = this.idOf(market, ladder.updateId);
    state.last = ladder;
    this.push(topic, depthUpdate(market.listing, delta, this.stamp(nowMs), first, last));
  }

  private publishPartial(topic: Topic<StreamState>, nowMs: number): void {
    const { market, state } = topic;
    if (nowMs - state.sentAtMs < state.name.periodMs) return;
    const ladder = market.ladder();
    const { depth } = state.name;
    state.sentAtMs = nowMs;
    if (isEmptyDelta(ladderDelta(state.last, ladder, depth))) return;
    state.last = ladder;
    const sides = { bids: topOf(ladder.bids, depth), asks: topOf(ladder.asks, depth) };
    this.push(topic, depthSnapshot(market.listing, sides, this.idOf(market, ladder.updateId)));
  }

  private publishBest(topic: Topic<StreamState>, ladder: Ladder): void {
    if (ladder.bids.prices.length === 0 || ladder.asks.prices.length === 0) return;
    const { market } = topic;
    this.push(topic, bookTicker(market.listing, ladder, this.idOf(market, ladder.updateId)));
  }

  private publishAggregates(topic: Topic<StreamState>, nowMs: number): void {
    const { market } = topic;
    let number = (this.aggregates.get(market) ?? 0) - this.aggregated.length;
    for (const fills of this.aggregated) {
      const id = this.idOf(market, ++number);
      const first = this.idOf(market, fills.first.id);
      const tradeMs = this.stamp(fills.last.timeMs);
      this.push(topic, aggTrade(market.listing, fills, id, first, this.stamp(nowMs), tradeMs));
    }
  }

  /** Raw to raw connections, wrapped to combined ones; the text is built once for each form. */
  private push(topic: Topic<StreamState>, payload: string): void {
    let wrapped: string | null = null;
    for (const client of topic.clients) {
      if (client.combined) wrapped ??= `{"stream":"${topic.key}","data":${payload}}`;
      const text = client.combined ? wrapped! : payload;
      this.emit(client, text, topic.market.listing.symbol, topic.channel);
    }
  }

  private change(client: FaceClient, method: string, params: unknown, id: unknown): void {
    const isList = Array.isArray(params) && params.every((name) => typeof name === 'string');
    if (!isList) return this.refuse(client, id, 'params must be an array of strings');
    const names = params;
    if (method === 'SUBSCRIBE' && client.topics.size + names.length > MAX_STREAMS) {
      return this.answer(client, { error: { code: 4, msg: 'Too many subscriptions' }, id });
    }
    this.answer(client, { result: null, id });
    for (const name of names) {
      if (method === 'SUBSCRIBE') this.subscribe(client, name);
      else this.leave(client, name);
    }
  }

  private subscribe(client: FaceClient, text: string): void {
    const name = parseStream(text);
    const market = name === null ? undefined : this.markets.get(name.symbol);
    if (name === null || market === undefined || client.topics.has(text)) {
      client.topics.add(text);
      return;
    }
    this.join(client, text, name.channel, RANKS[name.kind], market, () => ({
      name,
      last: market.ladder(),
      sentAtMs: this.world.nowMs,
    }));
  }

  private refuse(client: FaceClient, id: unknown, detail: string): void {
    this.answer(client, { error: { code: 2, msg: `Invalid request: ${detail}` }, id });
  }

  private answer(client: FaceClient, body: object): void {
    this.emit(client, JSON.stringify(body), null, 'control');
  }

  private idOf(market: SimulatedMarket, count: number): number {
    return (this.bases.get(market) ?? 0) + count;
  }
}

const RANKS: Readonly<Record<StreamKind, number>> = {
  diff: 0,
  partial: 1,
  trade: 2,
  aggTrade: 3,
  bookTicker: 4,
};
