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
import {
  gateDiff,
  gateObu,
  gateQuote,
  gateSnapshot,
  gateTicker,
  gateTrade,
  type GateBook,
} from './gate-frames.js';
import { GateRest } from './gate-rest.js';
import { parseGateTopic, type GateTopicKind, type GateTopicName } from './gate-topics.js';
import { isEmptyDelta, ladderDelta, sameBest, topOf, type Ladder, type LadderDelta } from './ladder.js';
import type { SimulatedMarket } from './market.js';
import type { EngineTrade } from './matching-engine.js';
import { aggregateFills } from './trade-aggregation.js';
import { GateTrading } from './trading/gate-trading.js';

/** The time of a request may be so far off [O]. */
const TIME_GAP_MS = 60_000;
/** A line without a subscription, and one that carries nothing, are closed after so long [P]. */
const UNUSED_CLOSE_MS = 30_000;
const SILENT_CLOSE_MS = 60_000;

const RANKS: Readonly<Record<GateTopicKind, number>> = {
  obu: 0,
  diff: 1,
  snapshot: 2,
  trades: 3,
  tickers: 4,
  quote: 5,
};

interface TopicState {
  readonly name: GateTopicName;
  last: Ladder;
  sentAtMs: number;
}

/**
 * Gate v4 spot socket and REST, the private half in `GateTrading` (PROTOCOLS §9; gate.com/docs/developers/apiv4/ws). Books `spot.obu` begin with a whole book and go
 * on with unsorted deltas counted over all changes, so that some are empty; diffs of `spot.order_book_update` have no snapshot.
 */
export class GateFace extends ExchangeFace<TopicState> {
  readonly rest: GateRest;
  override readonly trading: GateTrading;
  private readonly bases = new Map<SimulatedMarket, number>();
  private lastTradeId = 8_000_000_000;

  constructor(options: FaceOptions) {
    super('gate', options);
    for (const market of this.markets.values()) this.bases.set(market, 20_000_000_000 + this.prng.word());
    this.rest = new GateRest(
      this.markets,
      () => this.now(),
      (ms) => this.stamp(ms),
      (market, updateId) => this.idOf(market, updateId),
    );
    this.trading = new GateTrading({
      ...this.tradingParts('gate', (symbol) => this.isHalted(symbol)),
      acknowledge: (client, request) => this.acknowledge(client, request),
      refuse: (client, request, code, message) => this.refuse(client, request, code, message),
      banned: (status, seconds) => this.rest.banned(status, seconds),
    });
  }

  /** A market that trades one way only takes no orders here. */
  private isHalted(symbol: string): boolean {
    return (this.rest.pairs.get(symbol)?.trade_status ?? 'tradable') !== 'tradable';
  }

  /** Sends every book of `spot.obu` whole, as the exchange may at any time. */
  sendFullBooks(): void {
    for (const client of this.clients.values()) {
      for (const key of client.topics) {
        const topic = this.topic(key);
        if (topic?.state.name.kind !== 'obu') continue;
        topic.state.last = topic.market.ladder();
        this.emit(client, this.fullBook(topic), topic.market.listing.symbol, topic.channel);
      }
    }
  }

  handleHttp(request: FaceHttpRequest): FaceHttpResponse {
    const fault = this.faults.takeHttpFault(request.url);
    if (fault === null) return this.rest.handle(request);
    if (fault.status < 500) return this.rest.banned(fault.status, fault.retryAfterSeconds ?? 10);
    return response(fault.status, '{"label":"SERVER_ERROR","message":"An injected fault."}');
  }

  protected refusal(url: string): FaceHttpResponse | null {
    return splitUrl(url).path === '/ws/v4/' ? null : response(404, '');
  }

  protected isCombined(): boolean {
    return false;
  }

  protected connectionName(): string {
    return this.prng.hex(16);
  }

  protected opened(): void {
    // Nothing is said before the first request.
  }

  protected overLimit(): boolean {
    // Messages are not limited.
    return false;
  }

  protected beforePublishing(): void {
    // Aggregation is cheap and only done for those who listen.
  }

  protected received(client: FaceClient, text: string): void {
    const request = jsonObject(text);
    // What is not JSON gets no answer [P].
    if (request === null) return;
    const { channel, event, time } = request;
    if (channel === 'spot.ping')
      return this.answer(client, request, { channel: 'spot.pong', event: '', result: null });
    const isOnTime =
      typeof time === 'number' && Math.abs(time * 1_000 - this.stamp(this.now())) <= TIME_GAP_MS;
    if (!isOnTime) return this.refuse(client, request, 1, 'Invalid request body format: time');
    if (event !== 'subscribe' && event !== 'unsubscribe')
      return this.refuse(client, request, 2, `Unknown event ${shown(event)}`);
    if (!this.trading.request(client, request)) this.change(client, request, event);
  }

  protected publish(topic: Topic<TopicState>, tape: readonly EngineTrade[], nowMs: number): void {
    const { market, state } = topic;
    switch (state.name.kind) {
      case 'obu':
      case 'diff':
        return this.publishDelta(topic, nowMs);
      case 'snapshot':
        return this.publishSnapshot(topic, nowMs);
      case 'quote': {
        const ladder = market.ladder();
        if (sameBest(state.last, ladder)) return;
        state.last = ladder;
        return this.broadcast(topic, this.quote(market, ladder, nowMs));
      }
      case 'trades':
        for (const fills of tape.length === 0 ? [] : aggregateFills(tape)) {
          const tradeMs = this.stamp(fills.last.timeMs);
          this.broadcast(
            topic,
            gateTrade(market.listing, fills, ++this.lastTradeId, tradeMs, this.stamp(nowMs)),
          );
        }
        return;
      case 'tickers':
        if (tape.length > 0) this.broadcast(topic, gateTicker(market, this.stamp(nowMs)));
    }
  }

  protected keepAlive(client: FaceClient, nowMs: number): void {
    const idle = nowMs - Math.max(client.lastSentMs, client.lastReceivedMs);
    if (idle >= (client.topics.size === 0 ? UNUSED_CLOSE_MS : SILENT_CLOSE_MS))
      this.closeClient(client, 1006, '');
  }

  /** Changes since the last frame; those outside the levels kept make it empty. */
  private publishDelta(topic: Topic<TopicState>, nowMs: number): void {
    const { market, state } = topic;
    const { name } = state;
    if (nowMs - state.sentAtMs < name.periodMs) return;
    const ladder = market.ladder();
    if (ladder.updateId === state.last.updateId) return;
    const delta = ladderDelta(state.last, ladder, name.levels);
    // Diffs that show nothing are not sent; the next one covers their numbers.
    if (name.kind === 'diff' && isEmptyDelta(delta)) return;
    const first = this.idOf(market, state.last.updateId + 1);
    state.last = ladder;
    state.sentAtMs = nowMs;
    const book = this.book(market, ladder, delta, first, nowMs);
    const { listing } = market;
    this.broadcast(
      topic,
      name.kind === 'obu' ? gateObu(listing, name.levels, book) : gateDiff(listing, book),
    );
  }

  private publishSnapshot(topic: Topic<TopicState>, nowMs: number): void {
    const { market, state } = topic;
    const { periodMs, levels } = state.name;
    if (nowMs - state.sentAtMs < periodMs) return;
    const ladder = market.ladder();
    if (isEmptyDelta(ladderDelta(state.last, ladder, levels))) return;
    state.last = ladder;
    state.sentAtMs = nowMs;
    this.broadcast(topic, this.snapshot(market, ladder, levels, nowMs));
  }

  private change(
    client: FaceClient,
    request: Readonly<Record<string, unknown>>,
    event: 'subscribe' | 'unsubscribe',
  ): void {
    const parsed = parseGateTopic(request['channel'], request['payload']);
    if (typeof parsed === 'string') return this.refuse(client, request, 2, parsed);
    const unknown = parsed.find(({ symbol }) => !this.markets.has(symbol));
    // Of `spot.obu` an unknown pair is acknowledged and never served (PROTOCOLS §12 trap 7), the others are refused.
    if (unknown !== undefined && unknown.kind !== 'obu')
      return this.refuse(client, request, 2, `unknown currency pair: ${unknown.symbol}`);
    const again = parsed.find(({ key, kind }) => kind === 'obu' && client.topics.has(key));
    if (event === 'subscribe' && again !== undefined)
      return this.refuse(client, request, 2, `already subscribed: ${again.key}`);
    // The first book may overtake the answer [P]; here chance decides.
    const isOvertaken = event === 'subscribe' && this.prng.next() < 0.5;
    if (!isOvertaken) this.acknowledge(client, request);
    for (const name of parsed) {
      if (event === 'unsubscribe') this.leave(client, name.key);
      else this.subscribe(client, name);
    }
    if (isOvertaken) this.acknowledge(client, request);
  }

  private subscribe(client: FaceClient, name: GateTopicName): void {
    const market = this.markets.get(name.symbol);
    if (market === undefined) {
      client.topics.add(name.key);
      return;
    }
    const topic = this.join(client, name.key, name.channel, RANKS[name.kind], market, () => ({
      name,
      last: market.ladder(),
      sentAtMs: this.world.nowMs,
    }));
    const first = this.firstFrame(topic);
    if (first !== null) this.emit(client, first, market.listing.symbol, topic.channel);
  }

  /** What a new subscriber gets at once; the book is the one that the next delta builds on. */
  private firstFrame(topic: Topic<TopicState>): string | null {
    const { market, state } = topic;
    const nowMs = this.world.nowMs;
    switch (state.name.kind) {
      case 'obu':
        return this.fullBook(topic);
      case 'snapshot':
        return this.snapshot(market, state.last, state.name.levels, nowMs);
      case 'quote':
        return this.quote(market, state.last, nowMs);
      case 'tickers':
        return gateTicker(market, this.stamp(nowMs));
      case 'diff':
      case 'trades':
        return null;
    }
  }

  private fullBook({ market, state }: Topic<TopicState>): string {
    const { levels } = state.name;
    const sides = { bids: topOf(state.last.bids, levels), asks: topOf(state.last.asks, levels) };
    const book = this.book(market, state.last, sides, null, this.world.nowMs);
    return gateObu(market.listing, levels, { ...book, bidOrder: null, askOrder: null });
  }

  private book(
    market: SimulatedMarket,
    ladder: Ladder,
    sides: LadderDelta,
    first: number | null,
    nowMs: number,
  ): GateBook {
    return {
      sides,
      bidOrder: this.anyOrder(sides.bids.prices.length),
      askOrder: this.anyOrder(sides.asks.prices.length),
      first,
      last: this.idOf(market, ladder.updateId),
      bookMs: this.stamp(ladder.changedAtMs),
      sentMs: this.stamp(nowMs),
    };
  }

  private quote(market: SimulatedMarket, ladder: Ladder, nowMs: number): string {
    const id = this.idOf(market, ladder.updateId);
    return gateQuote(market.listing, ladder, id, this.stamp(ladder.changedAtMs), this.stamp(nowMs));
  }

  private snapshot(market: SimulatedMarket, ladder: Ladder, levels: number, nowMs: number): string {
    const sides = { bids: topOf(ladder.bids, levels), asks: topOf(ladder.asks, levels) };
    const id = this.idOf(market, ladder.updateId);
    return gateSnapshot(market.listing, sides, id, this.stamp(ladder.changedAtMs), this.stamp(nowMs));
  }

  /** The numbers below `count` in random order. */
  private anyOrder(count: number): number[] {
    const order = Array.from({ length: count }, (_, at) => at);
    for (let at = count - 1; at > 0; at--) {
      const other = this.prng.below(at + 1);
      [order[at], order[other]] = [order[other]!, order[at]!];
    }
    return order;
  }

  private acknowledge(client: FaceClient, request: Readonly<Record<string, unknown>>): void {
    const { channel, event, payload } = request;
    this.answer(client, request, { channel, event, payload, result: { status: 'success' } });
  }

  private refuse(
    client: FaceClient,
    request: Readonly<Record<string, unknown>>,
    code: number,
    message: string,
  ): void {
    const { channel, event, payload } = request;
    const error = { code, message };
    this.answer(client, request, { channel, event, payload, error, result: { status: 'fail' } });
  }

  private answer(client: FaceClient, { id }: Readonly<Record<string, unknown>>, body: object): void {
    const sentMs = this.stamp(this.now());
    const trace = this.prng.hex(32);
    const isPong = 'result' in body && body.result === null;
    const frame = {
      time: Math.floor(sentMs / 1_000),
      time_ms: sentMs,
      ...(id === undefined ? {} : { id }),
      conn_id: client.connectionName,
      ...(isPong ? {} : { trace_id: trace }),
      ...body,
      requestId: trace,
    };
    this.emit(client, JSON.stringify(frame), null, 'control');
  }

  private idOf(market: SimulatedMarket, updateId: number): number {
    return (this.bases.get(market) ?? 0) + updateId;
  }
}

/** A client's value inside an error text: only texts, and not endless ones. */
function shown(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, 100) : '';
}
