import { invariant } from '../messages/errors.js';
import type { PairId } from '../messages/primitives.js';
import { FaultBoard } from './faults.js';
import {
  response,
  splitUrl,
  type FaceClient,
  type FaceHttpAnswer,
  type FaceHttpRequest,
  type FaceHttpResponse,
  type FaceTransport,
  type Topic,
} from './face-protocol.js';
import type { SimulatedExchange } from './listings.js';
import type { SimulatedMarket } from './market.js';
import type { EngineTrade } from './matching-engine.js';
import { Prng } from './prng.js';
import type { SimulatedAccount } from './trading/simulated-account.js';
import type { TradingParts, TradingSide } from './trading/trading-side.js';
import type { SimulatedWorld, WorldFollower } from './world.js';

const MAX_HELD_FRAMES = 20_000;
const MAX_RECEIVED = 2_000;

export interface FaceOptions {
  readonly world: SimulatedWorld;
  readonly seed: number;
  /** Time of day for time endpoints and rate limits, Unix ms; world time when absent. */
  readonly nowMs?: () => number;
}

/**
 * What the exchanges have in common: connections, topics, faults and the order in which frames leave. A face does no
 * I/O: bytes come in by calls and leave through each connection's transport.
 */
export abstract class ExchangeFace<S> implements WorldFollower {
  readonly exchange: SimulatedExchange;
  readonly faults: FaultBoard;
  protected readonly world: SimulatedWorld;
  protected readonly prng: Prng;
  protected readonly clients = new Map<number, FaceClient>();
  protected readonly markets: ReadonlyMap<string, SimulatedMarket>;
  /** True where the exchange sends its JSON in binary frames. */
  protected readonly sendsBinary: boolean = false;
  /** Accounts, orders and the private socket; null where one cannot trade. */
  protected readonly trading: TradingSide | null = null;
  private readonly seed: number;
  private readonly topics = new Map<string, Topic<S>>();
  private readonly byMarket = new Map<SimulatedMarket, Topic<S>[]>();
  private readonly clock: () => number;
  private lastClientId = 0;
  /** Time of the newest step. Heartbeats and idle limits run on it, so that a stalled process closes nobody. */
  private stepTimeMs: number;

  constructor(exchange: SimulatedExchange, options: FaceOptions) {
    this.exchange = exchange;
    this.world = options.world;
    this.clock = options.nowMs ?? (() => options.world.nowMs);
    this.stepTimeMs = options.world.nowMs;
    this.seed = options.seed;
    this.prng = Prng.of(options.seed, `face/${exchange}`);
    this.faults = new FaultBoard(Prng.of(options.seed, `faults/${exchange}`));
    this.markets = new Map(
      options.world.marketsOf(exchange).map((market) => [market.listing.symbol, market]),
    );
    options.world.follow(this);
  }

  /** Ids of the open connections. */
  get connections(): readonly number[] {
    return [...this.clients.keys()];
  }

  /** The trader's account; null where one cannot trade. */
  get account(): SimulatedAccount | null {
    return this.trading?.account ?? null;
  }

  /**
   * A client connected to `url` (path and query) with these headers, names in lower case. Returns its id, or the HTTP answer that
   * refuses it.
   */
  onConnect(
    transport: FaceTransport,
    url: string,
    headers: Readonly<Record<string, string>> = {},
  ): number | FaceHttpResponse {
    const { path, query } = splitUrl(url);
    const trading = this.trading?.isPrivateSocket(path, query) === true ? this.trading : null;
    const checked = trading === null ? this.refusal(url) : trading.refusal(url, headers);
    const refusal = this.faults.refuseConnections ? response(503, '') : checked;
    if (refusal !== null) return refusal;
    const now = this.stepTimeMs;
    const client: FaceClient = {
      id: ++this.lastClientId,
      transport,
      openedAtMs: now,
      connectionName: this.connectionName(),
      topics: new Set(),
      held: new Map(),
      swapped: null,
      lastSentMs: now,
      lastReceivedMs: now,
      lastPingMs: now,
      unansweredPing: null,
      received: [],
      combined: this.isCombined(url),
    };
    this.clients.set(client.id, client);
    if (trading === null) this.opened(client, url);
    else trading.opened(client);
    return client.id;
  }

  /** A text frame came from a client. */
  onClientFrame(id: number, text: string): void {
    const client = this.clients.get(id);
    if (client === undefined || this.faults.isHalfOpen(id)) return;
    this.noteReceived(client);
    if (!this.clients.has(id)) return;
    if (this.trading?.owns(id) === true) this.trading.received(client, text);
    else this.received(client, text);
  }

  onClientPing(id: number, payload: Uint8Array): void {
    const client = this.clients.get(id);
    if (client === undefined || this.faults.isHalfOpen(id)) return;
    this.noteReceived(client);
    client.transport.pong(payload);
  }

  onClientPong(id: number, payload: string): void {
    const client = this.clients.get(id);
    if (client === undefined || this.faults.isHalfOpen(id)) return;
    this.noteReceived(client);
    if (client.unansweredPing?.payload === payload) client.unansweredPing = null;
  }

  /** The connection is gone; called once by the transport's owner. */
  onClose(id: number): void {
    const client = this.clients.get(id);
    if (client === undefined) return;
    for (const key of client.topics) this.leave(client, key);
    this.clients.delete(id);
    this.trading?.closed(id);
    this.faults.forgetConnection(id);
  }

  /** A public REST call. */
  abstract handleHttp(request: FaceHttpRequest): FaceHttpResponse;

  /** Any REST call, public or private. Whoever carries the answer calls `flush` once it is on its way. */
  respond(request: FaceHttpRequest): FaceHttpAnswer {
    // An injected HTTP fault speaks first, in the words of the public side.
    if (this.trading === null || this.faults.hasHttpFault(request.url)) return this.handleHttp(request);
    return this.trading.handle(request) ?? this.handleHttp(request);
  }

  /** Sends what private connections have to be told. */
  flush(): void {
    this.trading?.flush();
  }

  onJump(byMs: number): void {
    this.stepTimeMs += byMs;
    for (const client of this.clients.values()) {
      client.openedAtMs += byMs;
      client.lastSentMs += byMs;
      client.lastReceivedMs += byMs;
      client.lastPingMs += byMs;
      const ping = client.unansweredPing;
      if (ping !== null) client.unansweredPing = { payload: ping.payload, atMs: ping.atMs + byMs };
    }
  }

  onStep(nowMs: number): void {
    this.stepTimeMs = nowMs;
    for (const client of this.clients.values()) this.releaseHeld(client, nowMs);
    this.trading?.onStep();
    for (const market of this.markets.values()) {
      const tape = market.takeTape();
      this.beforePublishing(market, tape);
      for (const topic of this.byMarket.get(market) ?? []) this.publish(topic, tape, nowMs);
    }
    for (const client of this.clients.values()) this.keepAlive(client, nowMs);
  }

  delayFrames(pair: PairId, sinceMs: number, growth: number, maxDelayMs: number): void {
    this.faults.delay({ symbol: this.symbolOf(pair), sinceMs, growth, maxDelayMs });
  }

  stopDelay(pair: PairId): void {
    this.faults.stopDelay(this.symbolOf(pair));
  }

  /** Closes connections at once, all or one (F1). */
  disconnect(code = 1006, id?: number): void {
    for (const client of [...this.clients.values()]) {
      if (id === undefined || client.id === id) this.closeClient(client, code, '');
    }
  }

  protected abstract refusal(url: string): FaceHttpResponse | null;
  protected abstract connectionName(): string;
  protected abstract isCombined(url: string): boolean;
  protected abstract opened(client: FaceClient, url: string): void;
  protected abstract received(client: FaceClient, text: string): void;
  protected abstract publish(topic: Topic<S>, tape: readonly EngineTrade[], nowMs: number): void;
  protected abstract keepAlive(client: FaceClient, nowMs: number): void;
  protected abstract beforePublishing(market: SimulatedMarket, tape: readonly EngineTrade[]): void;
  /** Called for each client message; may close the connection that sends too many. */
  protected abstract overLimit(client: FaceClient): boolean;

  /** Where one of an exchange's sockets sends text and another binary frames. */
  protected sendsBinaryTo(_client: FaceClient): boolean {
    return this.sendsBinary;
  }

  protected now(): number {
    return this.clock();
  }

  /** What the trading side of this face needs of it. */
  protected tradingParts(
    exchange: TradingParts['exchange'],
    isHalted: (symbol: string) => boolean,
  ): TradingParts {
    return {
      exchange,
      seed: this.seed,
      markets: this.markets,
      nowMs: () => this.now(),
      faults: this.faults,
      isHalted,
      send: (client, text) => this.emit(client, text, null, 'private'),
      close: (client, code, reason) => this.closeClient(client, code, reason),
    };
  }

  /** A time as this exchange writes it: its clock may be wrong. */
  protected stamp(ms: number): number {
    return Math.floor(ms + this.faults.clockSkewMs);
  }

  /** Adds a client to a topic, made when it is the first. */
  protected join(
    client: FaceClient,
    key: string,
    channel: string,
    rank: number,
    market: SimulatedMarket,
    state: () => S,
  ): Topic<S> {
    let topic = this.topics.get(key);
    if (topic === undefined) {
      topic = { key, channel, market, rank, clients: new Set(), state: state() };
      this.topics.set(key, topic);
      const ranked = [...(this.byMarket.get(market) ?? []), topic].sort((a, b) => a.rank - b.rank);
      this.byMarket.set(market, ranked);
    }
    topic.clients.add(client);
    client.topics.add(key);
    return topic;
  }

  protected topic(key: string): Topic<S> | undefined {
    return this.topics.get(key);
  }

  protected leave(client: FaceClient, key: string): void {
    const topic = this.topics.get(key);
    client.topics.delete(key);
    if (topic === undefined) return;
    topic.clients.delete(client);
    if (topic.clients.size > 0) return;
    this.topics.delete(key);
    const rest = (this.byMarket.get(topic.market) ?? []).filter((other) => other !== topic);
    this.byMarket.set(topic.market, rest);
  }

  /** Sends one market-data frame to everybody on a topic. */
  protected broadcast(topic: Topic<S>, text: string): void {
    for (const client of topic.clients) this.emit(client, text, topic.market.listing.symbol, topic.channel);
  }

  /** Sends one frame through the faults. `symbol` null = an answer or notice that belongs to no market. */
  protected emit(client: FaceClient, text: string, symbol: string | null, channel: string): void {
    const fault = this.faults.takeFrameFault({ connection: client.id, symbol, channel });
    switch (fault) {
      case 'drop':
      case 'mute':
        return;
      case 'duplicate':
        this.schedule(client, text, symbol);
        return this.schedule(client, text, symbol);
      case 'reorder':
        if (client.swapped !== null) this.schedule(client, client.swapped, symbol);
        client.swapped = text;
        return;
      case 'garbage':
        return this.schedule(client, `\u0000${this.prng.hex(24)}{{`, symbol);
      case 'truncate':
        return this.schedule(client, text.slice(0, text.length >> 1), symbol);
      case 'corrupt':
        return this.schedule(client, this.faults.corrupted(text), symbol);
      case null:
        this.schedule(client, text, symbol);
    }
    if (client.swapped === null) return;
    const late = client.swapped;
    client.swapped = null;
    this.schedule(client, late, symbol);
  }

  protected closeClient(client: FaceClient, code: number, reason: string): void {
    const dead = this.faults.isHalfOpen(client.id);
    this.onClose(client.id);
    if (dead) return;
    if (code === 1006) client.transport.terminate();
    else client.transport.close(code, reason);
  }

  private schedule(client: FaceClient, text: string, symbol: string | null): void {
    const nowMs = this.world.nowMs;
    const delay = this.faults.delayMs(symbol, nowMs);
    const queue = symbol === null ? undefined : client.held.get(symbol);
    if (symbol === null || (delay <= 0 && queue === undefined)) return this.send(client, text);
    const held = queue ?? [];
    if (queue === undefined) client.held.set(symbol, held);
    held.push({ dueMs: nowMs + delay, text });
    if (held.length > MAX_HELD_FRAMES) this.closeClient(client, 1006, '');
  }

  private releaseHeld(client: FaceClient, nowMs: number): void {
    for (const [symbol, held] of client.held) {
      const isDelayed = this.faults.delayMs(symbol, nowMs) > 0;
      let sent = 0;
      while (sent < held.length && (!isDelayed || held[sent]!.dueMs <= nowMs)) {
        this.send(client, held[sent]!.text);
        sent++;
      }
      held.splice(0, sent);
      if (held.length === 0 && !isDelayed) client.held.delete(symbol);
    }
  }

  private send(client: FaceClient, text: string): void {
    if (!this.clients.has(client.id) || this.faults.isHalfOpen(client.id)) return;
    client.lastSentMs = this.stepTimeMs;
    client.transport.send(text, this.sendsBinaryTo(client));
  }

  private noteReceived(client: FaceClient): void {
    client.lastReceivedMs = this.stepTimeMs;
    client.received.push(this.now());
    if (client.received.length > MAX_RECEIVED) client.received.shift();
    if (this.overLimit(client)) this.closeClient(client, 1008, 'Too many requests');
  }

  private symbolOf(pair: PairId): string {
    for (const market of this.markets.values()) {
      if (market.listing.pair === pair) return market.listing.symbol;
    }
    invariant(false, `${this.exchange} does not list ${pair}`);
  }
}
