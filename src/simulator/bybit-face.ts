import {
  bybitBook,
  bybitTicker,
  bybitTrade,
  bybitTrades,
  tickDirection,
  topSides,
  type BookStamp,
  type TickDirection,
} from './bybit-frames.js';
import { BybitRest } from './bybit-rest.js';
import { ExchangeFace, type FaceOptions } from './face.js';
import {
  jsonObject,
  response,
  splitUrl,
  type FaceClient,
  type FaceHttpRequest,
  type FaceHttpResponse,
  type Topic,
} from './face-protocol.js';
import { isEmptyDelta, ladderDelta, type Ladder } from './ladder.js';
import type { SimulatedMarket } from './market.js';
import type { EngineTrade } from './matching-engine.js';
import { Prng } from './prng.js';
import { BybitTrading } from './trading/bybit-trading.js';

const MAX_ARGS_PER_REQUEST = 10;
const MAX_ARGS_CHARACTERS = 21_000;
const BEST_REPEAT_MS = 3_000;
/** A silent client is closed; the page advises a ping every 20 s. Ten minutes is the private default and used here [D]. */
const IDLE_CLOSE_MS = 600_000;
const PERIOD_MS: Readonly<Record<number, number>> = { 1: 10, 50: 20, 200: 100 };

type Kind = 'orderbook' | 'publicTrade' | 'tickers';
const RANKS: Readonly<Record<Kind, number>> = { orderbook: 0, publicTrade: 2, tickers: 3 };

interface TopicState {
  readonly kind: Kind;
  readonly depth: number;
  last: Ladder;
  sentAtMs: number;
  updateId: number;
  lastTicks: number;
  direction: TickDirection;
}

/**
 * Bybit v5 spot: public socket and REST here, the private half in `BybitTrading` (PROTOCOLS §5; bybit-exchange.github.io/docs/v5). Books are a snapshot and deltas
 * whose `u` rises by one; level 1 is snapshots only and repeats itself after 3 s of silence.
 */
export class BybitFace extends ExchangeFace<TopicState> {
  protected override readonly trading: BybitTrading;
  private readonly rest: BybitRest;
  private readonly sequenceBases = new Map<SimulatedMarket, number>();
  /** Kept when the last subscriber leaves, so that `u` never goes back. */
  private readonly updateIds = new Map<string, number>();

  constructor(options: FaceOptions) {
    super('bybit', options);
    for (const market of this.markets.values()) {
      this.sequenceBases.set(market, 90_000_000_000 + this.prng.word());
      for (const depth of Object.keys(PERIOD_MS)) {
        this.updateIds.set(bookKey(Number(depth), market), 1_000_000 + this.prng.below(9_000_000));
      }
    }
    this.rest = new BybitRest(
      this.markets,
      () => this.now(),
      (ms) => this.stamp(ms),
      (market) => ({
        sequence: this.sequence(market, market.updateId),
        updateId: this.updateIds.get(bookKey(200, market)) ?? 0,
      }),
    );
    const parts = this.tradingParts('bybit', (symbol) => this.rest.halted.has(symbol));
    this.trading = new BybitTrading(parts, () => this.rest.countCall());
  }

  /** The exchange restarts: every book starts again with a snapshot of u = 1, and recently closed orders are forgotten. */
  restartBooks(): void {
    this.trading.queries.forgetRecent();
    for (const key of this.updateIds.keys()) this.updateIds.set(key, 1);
    for (const client of this.clients.values()) {
      for (const key of client.topics) this.restartTopic(key);
    }
  }

  /** Markets that do not trade: their books stand, the list of markets says so. */
  get halted(): Set<string> {
    return this.rest.halted;
  }

  handleHttp(request: FaceHttpRequest): FaceHttpResponse {
    const fault = this.faults.takeHttpFault(request.url);
    if (fault === null) return this.rest.handle(request);
    const retCode = fault.status === 429 || fault.status === 403 ? 10006 : 10016;
    const body = {
      retCode,
      retMsg: 'An injected fault.',
      result: {},
      retExtInfo: {},
      time: this.stamp(this.now()),
    };
    return response(fault.status, JSON.stringify(body));
  }

  protected refusal(url: string): FaceHttpResponse | null {
    return splitUrl(url).path === '/v5/public/spot' ? null : response(404, '');
  }

  protected isCombined(): boolean {
    return false;
  }

  protected connectionName(): string {
    return this.prng.uuid();
  }

  protected opened(): void {
    // Nothing is said before the first request.
  }

  protected overLimit(): boolean {
    return false;
  }

  protected beforePublishing(): void {
    // Every topic reads the tape itself.
  }

  protected received(client: FaceClient, text: string): void {
    const request = jsonObject(text);
    const requestId = typeof request?.['req_id'] === 'string' ? request['req_id'] : null;
    const op = request?.['op'];
    if (op === 'ping') return this.reply(client, true, 'pong', requestId, 'ping');
    if (op !== 'subscribe' && op !== 'unsubscribe') {
      return this.reply(client, false, 'Invalid Op', requestId, typeof op === 'string' ? op : '');
    }
    const args = request?.['args'];
    const isList = Array.isArray(args) && args.length > 0 && args.every((arg) => typeof arg === 'string');
    if (!isList) return this.reply(client, false, 'Params Error', requestId, op);
    const topics = args;
    if (topics.length > MAX_ARGS_PER_REQUEST)
      return this.reply(client, false, 'args size >10', requestId, op);
    const length = [...client.topics, ...topics].reduce((sum, topic) => sum + topic.length, 0);
    if (length > MAX_ARGS_CHARACTERS) return this.reply(client, false, 'args length >21000', requestId, op);
    if (op === 'subscribe') this.subscribe(client, topics, requestId);
    else this.unsubscribe(client, topics, requestId);
  }

  protected publish(topic: Topic<TopicState>, tape: readonly EngineTrade[], nowMs: number): void {
    const { market, state } = topic;
    switch (state.kind) {
      case 'orderbook':
        return state.depth === 1 ? this.publishBest(topic, nowMs) : this.publishDelta(topic, nowMs);
      case 'publicTrade':
        return this.publishTrades(topic, tape, nowMs);
      case 'tickers': {
        if (tape.length === 0) return;
        const sequence = this.sequence(market, market.updateId);
        return this.broadcast(topic, bybitTicker(market, topic.key, this.stamp(nowMs), sequence));
      }
    }
  }

  protected keepAlive(client: FaceClient, nowMs: number): void {
    if (nowMs - client.lastReceivedMs >= IDLE_CLOSE_MS) this.closeClient(client, 1006, '');
  }

  private publishDelta(topic: Topic<TopicState>, nowMs: number): void {
    const { market, state } = topic;
    if (nowMs - state.sentAtMs < (PERIOD_MS[state.depth] ?? 0)) return;
    const ladder = market.ladder();
    const delta = ladderDelta(state.last, ladder, state.depth);
    if (isEmptyDelta(delta)) return;
    state.last = ladder;
    state.sentAtMs = nowMs;
    const stamp = this.bookStamp(topic, this.nextUpdateId(topic), nowMs);
    this.broadcast(topic, bybitBook(market.listing, topic.key, 'delta', delta, stamp));
  }

  private publishBest(topic: Topic<TopicState>, nowMs: number): void {
    const { market, state } = topic;
    const ladder = market.ladder();
    const changed = !isEmptyDelta(ladderDelta(state.last, ladder, 1));
    if (!changed && nowMs - state.sentAtMs < BEST_REPEAT_MS) return;
    if (changed) this.nextUpdateId(topic);
    state.last = ladder;
    state.sentAtMs = nowMs;
    this.broadcast(topic, this.snapshot(topic, market, nowMs));
  }

  private publishTrades(topic: Topic<TopicState>, tape: readonly EngineTrade[], nowMs: number): void {
    if (tape.length === 0) return;
    const { market, state } = topic;
    const entries = tape.map((trade) => {
      state.direction = tickDirection(trade.priceTicks, state.lastTicks, state.direction);
      state.lastTicks = trade.priceTicks;
      const id = Prng.of(trade.id, market.listing.symbol).uuid();
      const sequence = this.sequence(market, trade.updateId);
      return bybitTrade(market.listing, trade, id, state.direction, sequence, this.stamp(trade.timeMs));
    });
    this.broadcast(topic, bybitTrades(topic.key, this.stamp(nowMs), entries));
  }

  private subscribe(client: FaceClient, topics: readonly string[], requestId: string | null): void {
    const unknown = topics.find((topic) => this.parse(topic) === null);
    if (unknown !== undefined) {
      return this.reply(client, false, `error:handler not found,topic:${unknown}`, requestId, 'subscribe');
    }
    const again = topics.find((topic) => client.topics.has(topic));
    if (again !== undefined) {
      return this.reply(client, false, `error:already subscribed,topic:${again}`, requestId, 'subscribe');
    }
    this.reply(client, true, 'subscribe', requestId, 'subscribe');
    for (const text of topics) this.subscribeOne(client, text);
  }

  private subscribeOne(client: FaceClient, text: string): void {
    const { kind, depth, market } = this.parse(text)!;
    const topic = this.join(client, text, text.slice(0, text.lastIndexOf('.')), RANKS[kind], market, () => ({
      kind,
      depth,
      last: market.ladder(),
      sentAtMs: this.world.nowMs,
      updateId: this.updateIds.get(text) ?? 0,
      lastTicks: market.statistics.lastTicks,
      direction: 'ZeroPlusTick',
    }));
    const nowMs = this.world.nowMs;
    const first =
      kind === 'orderbook'
        ? this.snapshot(topic, market, nowMs)
        : kind === 'tickers'
          ? bybitTicker(market, text, this.stamp(nowMs), this.sequence(market, market.updateId))
          : null;
    if (first !== null) this.emit(client, first, market.listing.symbol, topic.channel);
  }

  private unsubscribe(client: FaceClient, topics: readonly string[], requestId: string | null): void {
    for (const topic of topics) this.leave(client, topic);
    this.reply(client, true, 'unsubscribe', requestId, 'unsubscribe');
  }

  /** The book that the next delta builds on. */
  private snapshot(topic: Topic<TopicState>, market: SimulatedMarket, nowMs: number): string {
    const { state } = topic;
    const sides = topSides(state.last, state.depth);
    const stamp = this.bookStamp(topic, state.updateId, nowMs);
    return bybitBook(market.listing, topic.key, 'snapshot', sides, stamp);
  }

  private bookStamp(topic: Topic<TopicState>, updateId: number, nowMs: number): BookStamp {
    const { last } = topic.state;
    return {
      tsMs: this.stamp(nowMs),
      engineMs: this.stamp(last.changedAtMs),
      updateId,
      sequence: this.sequence(topic.market, last.updateId),
    };
  }

  private nextUpdateId(topic: Topic<TopicState>): number {
    topic.state.updateId++;
    this.updateIds.set(topic.key, topic.state.updateId);
    return topic.state.updateId;
  }

  private restartTopic(key: string): void {
    const topic = this.topic(key);
    if (topic?.state.kind !== 'orderbook' || topic.state.updateId === 1) return;
    topic.state.last = topic.market.ladder();
    topic.state.updateId = 1;
    this.updateIds.set(key, 1);
    this.broadcast(topic, this.snapshot(topic, topic.market, this.world.nowMs));
  }

  private parse(
    topic: string,
  ): { readonly kind: Kind; readonly depth: number; readonly market: SimulatedMarket } | null {
    const match = /^(orderbook\.(1|50|200)|publicTrade|tickers)\.([A-Z0-9]+)$/.exec(topic);
    const market = this.markets.get(match?.[3] ?? '');
    if (match === null || market === undefined) return null;
    const depth = match[2] === undefined ? 0 : Number(match[2]);
    const kind = depth > 0 ? 'orderbook' : (match[1] as Kind);
    return { kind, depth, market };
  }

  private reply(
    client: FaceClient,
    success: boolean,
    text: string,
    requestId: string | null,
    op: string,
  ): void {
    const id = requestId === null ? {} : { req_id: requestId };
    const body = { success, ret_msg: text, conn_id: client.connectionName, ...id, op };
    this.emit(client, JSON.stringify(body), null, 'control');
  }

  private sequence(market: SimulatedMarket, updateId: number): number {
    return (this.sequenceBases.get(market) ?? 0) + updateId;
  }
}

function bookKey(depth: number, market: SimulatedMarket): string {
  return `orderbook.${depth}.${market.listing.symbol}`;
}
