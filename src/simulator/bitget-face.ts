import {
  bitgetArg,
  bitgetBook,
  bitgetChecksum,
  bitgetPrint,
  bitgetTicker,
  bitgetTrades,
  type BitgetApi,
  type BitgetBookForm,
  type BitgetSequenceForm,
  type BitgetStamp,
} from './bitget-frames.js';
import { BitgetRest, type BitgetMarketStatus } from './bitget-rest.js';
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
import { BitgetTrading } from './trading/bitget-trading.js';

/** Without a text ping for so long the socket is closed, also while data flows (PROTOCOLS §10). */
const PING_CLOSE_MS = 120_000;
const LIFETIME_MS = 24 * 3_600_000;
const MESSAGES_PER_SECOND = 10;
const REQUESTS_PER_HOUR = 240;
const CONNECTS = { count: 300, windowMs: 300_000 };
const MAX_TOPICS = 1_000;
const MAX_REQUEST_BYTES = 4_096;
/** v3 drops the socket that asks for so many books at once. */
const MAX_BOOKS_AT_ONCE = 24;
const HISTORY = 50;

const DEPTHS: Readonly<Record<BitgetApi, Readonly<Record<string, number>>>> = {
  v2: { books: 500, books1: 1, books5: 5, books15: 15 },
  v3: { books: 1_000, books1: 1, books5: 5, books50: 50 },
};
const TRADES: Readonly<Record<BitgetApi, string>> = { v2: 'trade', v3: 'publicTrade' };

interface ChannelState {
  readonly api: BitgetApi;
  readonly kind: 'books' | 'whole' | 'trades' | 'ticker';
  readonly depth: number;
  last: Ladder;
  lastSequence: bigint;
}

/**
 * Bitget's spot sockets and REST (PROTOCOLS §10; bitget.com/api-doc): classic v2 and unified v3, told apart by the path; orders of v2.
 * Books chain by pseq; trades begin with history; a wrong instType is acknowledged and never served.
 */
export class BitgetFace extends ExchangeFace<ChannelState> {
  protected override readonly trading: BitgetTrading;
  private readonly rest: BitgetRest;
  private readonly bases = new Map<SimulatedMarket, bigint>();
  private readonly history = new Map<SimulatedMarket, AggregatedFills[]>();
  private readonly unified = new WeakSet<FaceClient>();
  private connects: number[] = [];
  private restarts = 0;
  bookForm: BitgetBookForm = 'numbered';
  sequenceForm: BitgetSequenceForm = 'number';
  /** Symbols whose subscriptions are acknowledged and never served. */
  readonly silentSymbols = new Set<string>();

  constructor(options: FaceOptions) {
    super('bitget', options);
    for (const market of this.markets.values())
      this.bases.set(market, 451_000_000_000n + BigInt(this.prng.word()));
    this.rest = new BitgetRest(
      this.markets,
      () => this.now(),
      (ms) => this.stamp(ms),
    );
    const parts = this.tradingParts('bitget', (symbol) => this.rest.isHalted(symbol));
    this.trading = new BitgetTrading(parts, {
      countCall: () => this.rest.countCall(),
      countConnect: () => this.countConnect(),
    });
  }

  /** The status of a market in the list of markets. */
  setStatus(symbol: string, status: BitgetMarketStatus): void {
    this.rest.statuses.set(symbol, status);
  }

  /** The networks of a coin in its wallet. */
  setChains(coin: string, chains: Parameters<BitgetRest['chains']['set']>[1]): void {
    this.rest.chains.set(coin, chains);
  }

  /** An upgrade: everybody is dropped, nobody gets in, calls are refused. */
  setMaintenance(on: boolean): void {
    this.rest.maintenance = on;
    this.faults.refuseConnections = on;
    if (on) this.disconnect();
  }

  /** The book service restarts: it counts anew, and the next update of each book has a pseq of 0. */
  restartBooks(): void {
    this.restarts++;
    for (const market of this.markets.values()) this.bases.set(market, BigInt(this.restarts * 1_000));
    const keys = new Set([...this.clients.values()].flatMap((client) => [...client.topics]));
    for (const key of keys) {
      const topic = this.topic(key);
      if (topic !== undefined) topic.state.lastSequence = 0n;
    }
  }

  handleHttp(request: FaceHttpRequest): FaceHttpResponse {
    const fault = this.faults.takeHttpFault(request.url);
    if (fault === null) return this.rest.handle(request);
    const code = fault.status === 429 || fault.status === 418 ? '429' : '40725';
    const answer = this.rest.failure(fault.status, code, 'An injected fault.');
    if (fault.retryAfterSeconds === undefined) return answer;
    return { ...answer, headers: { ...answer.headers, 'retry-after': `${fault.retryAfterSeconds}` } };
  }

  protected refusal(url: string): FaceHttpResponse | null {
    if (!/^\/v[23]\/ws\/public$/.test(splitUrl(url).path)) return response(404, '');
    return this.countConnect() ? null : response(429, '');
  }

  /** Counts a handshake of either socket; false = there were too many. */
  private countConnect(): boolean {
    const now = this.now();
    this.connects = this.connects.filter((at) => at > now - CONNECTS.windowMs);
    if (this.connects.length >= CONNECTS.count) return false;
    this.connects.push(now);
    return true;
  }

  protected isCombined(): boolean {
    return false;
  }

  protected connectionName(): string {
    return '';
  }

  protected opened(client: FaceClient, url: string): void {
    if (url.startsWith('/v3/')) this.unified.add(client);
  }

  protected overLimit(client: FaceClient): boolean {
    return countWithin(client.received, this.now(), 1_000) > MESSAGES_PER_SECOND;
  }

  protected beforePublishing(market: SimulatedMarket, tape: readonly EngineTrade[]): void {
    if (tape.length === 0) return;
    const known = this.history.get(market) ?? [];
    this.history.set(market, [...known, ...aggregateFills(tape)].slice(-HISTORY));
  }

  protected received(client: FaceClient, text: string): void {
    if (text === 'ping') {
      client.lastPingMs = client.lastReceivedMs;
      return this.emit(client, 'pong', null, 'control');
    }
    const request = text.length > MAX_REQUEST_BYTES ? null : jsonObject(text);
    const { op, args } = request ?? {};
    if ((op !== 'subscribe' && op !== 'unsubscribe') || !Array.isArray(args) || args.length === 0)
      return this.fail(client, null, 30016, 'Param error', typeof op === 'string' ? op.slice(0, 32) : '');
    if (countWithin(client.received, this.now(), 3_600_000) > REQUESTS_PER_HOUR)
      return this.fail(client, null, 30006, 'request too many', op);
    const asksTooMuch = args.length > MAX_BOOKS_AT_ONCE && op === 'subscribe';
    if (asksTooMuch && this.unified.has(client)) return this.closeClient(client, 1006, '');
    for (const arg of args as unknown[]) this.change(client, op, arg);
  }

  protected publish(topic: Topic<ChannelState>, tape: readonly EngineTrade[], nowMs: number): void {
    const { market, state } = topic;
    if (this.silentSymbols.has(market.listing.symbol)) return;
    switch (state.kind) {
      case 'books':
        return this.publishBooks(topic, nowMs);
      case 'whole':
        return this.publishWhole(topic, nowMs);
      case 'trades': {
        if (tape.length === 0) return;
        const prints = aggregateFills(tape).map((fills) => this.print(state.api, market, fills));
        const { symbol } = market.listing;
        return this.broadcast(topic, bitgetTrades(state.api, 'update', symbol, prints, this.stamp(nowMs)));
      }
      case 'ticker':
        if (tape.length > 0) this.broadcast(topic, bitgetTicker(market, this.stamp(nowMs)));
    }
  }

  protected keepAlive(client: FaceClient, nowMs: number): void {
    const silent = nowMs - client.lastPingMs >= PING_CLOSE_MS;
    if (silent || nowMs - client.openedAtMs >= LIFETIME_MS) this.closeClient(client, 1006, '');
  }

  private publishBooks(topic: Topic<ChannelState>, nowMs: number): void {
    const { market, state } = topic;
    const ladder = market.ladder();
    const delta = ladderDelta(state.last, ladder, state.depth);
    if (isEmptyDelta(delta)) return;
    const previous = state.lastSequence;
    state.last = ladder;
    state.lastSequence = this.sequence(market, ladder.updateId);
    const checksum = bitgetChecksum(state.api, market.listing, ladder);
    const stamp = this.bookStamp(state, ladder.changedAtMs, nowMs, previous, checksum);
    const { api } = state;
    this.broadcast(
      topic,
      bitgetBook(api, this.bookForm, 'update', topic.channel, market.listing, delta, stamp),
    );
  }

  private publishWhole(topic: Topic<ChannelState>, nowMs: number): void {
    const { market, state } = topic;
    const ladder = market.ladder();
    const same =
      state.depth === 1
        ? sameBest(state.last, ladder)
        : isEmptyDelta(ladderDelta(state.last, ladder, state.depth));
    if (same) return;
    state.last = ladder;
    state.lastSequence = this.sequence(market, ladder.updateId);
    this.broadcast(topic, this.snapshot(topic, nowMs));
  }

  /** The state that the next update builds on; its checksum is 0. */
  private snapshot(topic: Topic<ChannelState>, nowMs: number): string {
    const { market, state } = topic;
    const { bids, asks, changedAtMs } = state.last;
    const sides = { bids: topOf(bids, state.depth), asks: topOf(asks, state.depth) };
    const stamp = this.bookStamp(state, changedAtMs, nowMs, 0n, 0);
    return bitgetBook(state.api, this.bookForm, 'snapshot', topic.channel, market.listing, sides, stamp);
  }

  private bookStamp(
    state: ChannelState,
    changedAtMs: number,
    nowMs: number,
    previous: bigint,
    checksum: number,
  ): BitgetStamp {
    // The long form adds what brings every number beyond 2^53; 0 stays 0.
    const shift = this.sequenceForm === 'number' ? 0n : 1_304_314_508_780_744_705n;
    const digits = (value: bigint) => String(value === 0n ? 0n : value + shift);
    return {
      tsMs: this.stamp(changedAtMs),
      pushedMs: this.stamp(nowMs),
      seq: digits(state.lastSequence),
      pseq: digits(previous),
      quoted: this.sequenceForm === 'text',
      checksum,
    };
  }

  private print(api: BitgetApi, market: SimulatedMarket, fills: AggregatedFills): string {
    return bitgetPrint(api, market.listing, fills, this.stamp(fills.last.timeMs));
  }

  private change(client: FaceClient, op: 'subscribe' | 'unsubscribe', arg: unknown): void {
    const api = this.unified.has(client) ? 'v3' : 'v2';
    const fields = (typeof arg === 'object' && arg !== null ? arg : {}) as Record<string, unknown>;
    const channel = shown(fields[api === 'v2' ? 'channel' : 'topic']);
    const symbol = shown(fields[api === 'v2' ? 'instId' : 'symbol']);
    const instType = shown(fields['instType']);
    const state = this.stateOf(api, channel, symbol);
    if (state === null || client.topics.size >= MAX_TOPICS) {
      const what = `instType:${instType},channel:${channel},instId:${symbol},precision:null doesn't exist`;
      return this.fail(client, bitgetArg(api, channel, symbol, instType), 30001, what, op);
    }
    this.emit(client, `{"event":"${op}",${bitgetArg(api, channel, symbol, instType)}}`, null, 'control');
    const key = `${api}/${channel}/${symbol}`;
    if (op === 'unsubscribe') return this.leave(client, key);
    // Acknowledged and silent: another type of market than spot, or what the world wants silent.
    if (instType !== (api === 'v2' ? 'SPOT' : 'spot') || this.silentSymbols.has(symbol)) return;
    const market = this.markets.get(symbol)!;
    const topic = this.join(client, key, channel, RANKS[state.kind], market, () => state);
    const first = this.firstFrame(topic);
    if (first !== null) this.emit(client, first, symbol, channel);
  }

  /** null where there is no such channel or market. */
  private stateOf(api: BitgetApi, channel: string, symbol: string): ChannelState | null {
    const market = this.markets.get(symbol);
    const depth = Object.hasOwn(DEPTHS[api], channel) ? DEPTHS[api][channel]! : 0;
    const kind =
      depth > 0
        ? channel === 'books'
          ? 'books'
          : 'whole'
        : channel === TRADES[api]
          ? 'trades'
          : channel === 'ticker' && api === 'v2'
            ? 'ticker'
            : null;
    if (kind === null || market === undefined) return null;
    const last = market.ladder();
    return { api, kind, depth, last, lastSequence: this.sequence(market, last.updateId) };
  }

  /** What a new subscriber gets at once. */
  private firstFrame(topic: Topic<ChannelState>): string | null {
    const { market, state } = topic;
    const nowMs = this.world.nowMs;
    switch (state.kind) {
      case 'books':
      case 'whole':
        return this.snapshot(topic, nowMs);
      case 'ticker':
        return bitgetTicker(market, this.stamp(nowMs));
      case 'trades': {
        const prints = (this.history.get(market) ?? []).map((fills) => this.print(state.api, market, fills));
        const { symbol } = market.listing;
        return bitgetTrades(state.api, 'snapshot', symbol, prints.reverse(), this.stamp(nowMs));
      }
    }
  }

  private fail(client: FaceClient, arg: string | null, code: number, msg: string, op: string): void {
    const about = arg === null ? '' : `${arg},`;
    const tail = `"code":${code},"msg":${JSON.stringify(msg)},"op":${JSON.stringify(op)}`;
    this.emit(client, `{"event":"error",${about}${tail}}`, null, 'control');
  }

  private sequence(market: SimulatedMarket, updateId: number): bigint {
    return this.bases.get(market)! + BigInt(updateId);
  }
}

const RANKS: Readonly<Record<ChannelState['kind'], number>> = { books: 0, trades: 2, ticker: 3, whole: 4 };

/** A client's value inside an answer: only plain texts, and not endless ones. */
function shown(value: unknown): string {
  return typeof value === 'string' ? value.replaceAll(/[^\w.-]/g, '?').slice(0, 100) : '';
}
