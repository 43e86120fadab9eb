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
import { isEmptyDelta, ladderDelta, sameBest, topOf, type Ladder, type LadderDelta } from './ladder.js';
import type { SimulatedMarket } from './market.js';
import type { EngineTrade } from './matching-engine.js';
import { okxBest, okxBooks, okxBooks5, okxTicker, okxTrade, type OkxBookForm } from './okx-frames.js';
import { OkxRest } from './okx-rest.js';
import { aggregateFills } from './trade-aggregation.js';
import { OkxTrading } from './trading/okx-trading.js';
import { RateWindow } from './trading/rate-window.js';

const IDLE_CLOSE_MS = 30_000;
const BOOK_KEEP_ALIVE_MS = 60_000;
const REQUESTS_PER_HOUR = 480;
const CONNECTS_PER_SECOND = 3;
const MAX_REQUEST_BYTES = 64 * 1_024;
const BOOK_LEVELS = 400;
const FIRST_TRADE_ID = 1_000_000;
/** Trades that nobody printed have ids of their own, far above. */
const FIRST_UNPRINTED_ID = 900_000_000;

const CHANNELS = ['books', 'books5', 'bbo-tbt', 'trades', 'tickers'] as const;
type Channel = (typeof CHANNELS)[number];
const RANKS: Readonly<Record<Channel, number>> = { books: 0, books5: 1, trades: 2, tickers: 3, 'bbo-tbt': 4 };

interface ChannelState {
  readonly channel: Channel;
  last: Ladder;
  lastSeqId: number;
  sentAtMs: number;
}

/**
 * OKX v5: public socket and REST here, the private half in `OkxTrading` (PROTOCOLS §4; okx.com/docs-v5). Books chain by prevSeqId and carry a checksum of 0;
 * a connection that carries nothing for 30 s is closed.
 */
export class OkxFace extends ExchangeFace<ChannelState> {
  protected override readonly trading: OkxTrading;
  private readonly rest: OkxRest;
  private readonly bases = new Map<SimulatedMarket, number>();
  private readonly connects = new RateWindow(CONNECTS_PER_SECOND, 1_000);
  /** Which of the two forms `books` frames have. */
  bookForm: OkxBookForm = 'checksum-zero';

  constructor(options: FaceOptions) {
    super('okx', options);
    for (const market of this.markets.values()) this.bases.set(market, 80_000_000_000 + this.prng.word());
    this.rest = new OkxRest(
      this.markets,
      () => this.now(),
      (ms) => this.stamp(ms),
    );
    const parts = this.tradingParts('okx', (symbol) => this.rest.halted.has(symbol));
    // The account's trades carry the ids of the public prints: unique within an instrument only.
    const tradeId = (number: number, _market: SimulatedMarket, print: EngineTrade | null): string =>
      `${print === null ? FIRST_UNPRINTED_ID + number : FIRST_TRADE_ID + print.id}`;
    this.trading = new OkxTrading({ ...parts, rules: { tradeId } }, this.connects);
  }

  /** The notice of a service upgrade, about a minute before connections end. */
  sendNotice(): void {
    for (const client of this.clients.values()) {
      const msg = 'The connection will soon be closed for a service upgrade. Please reconnect.';
      this.answer(client, { event: 'notice', code: '64008', msg, connId: client.connectionName });
    }
  }

  /** Markets that do not trade: their books stand, the list of markets says so. */
  get halted(): Set<string> {
    return this.rest.halted;
  }

  handleHttp(request: FaceHttpRequest): FaceHttpResponse {
    const fault = this.faults.takeHttpFault(request.url);
    if (fault === null) return this.rest.handle(request);
    const code = fault.status === 429 || fault.status === 418 ? '50011' : '50001';
    return response(fault.status, JSON.stringify({ code, msg: 'An injected fault.', data: [] }));
  }

  protected refusal(url: string): FaceHttpResponse | null {
    if (splitUrl(url).path !== '/ws/v5/public') return response(404, '');
    return this.connects.spend(this.now()) ? null : response(429, '');
  }

  protected isCombined(): boolean {
    return false;
  }

  protected connectionName(): string {
    return this.prng.hex(8);
  }

  protected opened(): void {
    // Nothing is said before the first request.
  }

  protected overLimit(): boolean {
    // Requests are limited per hour and answered with an error; text pings are free.
    return false;
  }

  protected beforePublishing(): void {
    // Aggregation is cheap and only done for those who listen.
  }

  protected received(client: FaceClient, text: string): void {
    // Only requests count against the hourly limit; they are noted again below.
    client.received.pop();
    if (text === 'ping') return this.emit(client, 'pong', null, 'control');
    const request = text.length > MAX_REQUEST_BYTES ? null : jsonObject(text);
    const { op, args } = request ?? {};
    const known = op === 'subscribe' || op === 'unsubscribe';
    if (!known || !Array.isArray(args) || args.length === 0) {
      return this.fail(client, '60012', `Invalid request: ${text.slice(0, 200)}`);
    }
    if (countWithin(client.received, this.now(), 3_600_000) >= REQUESTS_PER_HOUR) {
      return this.fail(client, '60014', 'Requests too frequent.');
    }
    client.received.push(this.now());
    for (const arg of args as unknown[]) this.change(client, op, arg);
  }

  protected publish(topic: Topic<ChannelState>, tape: readonly EngineTrade[], nowMs: number): void {
    const { market, state } = topic;
    switch (state.channel) {
      case 'books':
        return this.publishBooks(topic, nowMs);
      case 'books5':
        return this.publishBooks5(topic, nowMs);
      case 'bbo-tbt': {
        const ladder = market.ladder();
        if (sameBest(state.last, ladder)) return;
        state.last = ladder;
        return this.broadcast(topic, this.best(market, ladder));
      }
      case 'trades':
        for (const fills of tape.length === 0 ? [] : aggregateFills(tape)) {
          const seqId = this.seqId(market, fills.last.updateId);
          const tradeId = FIRST_TRADE_ID + fills.last.id;
          const stamp = this.stamp(fills.last.timeMs);
          this.broadcast(topic, okxTrade(market.listing, fills, tradeId, stamp, seqId));
        }
        return;
      case 'tickers':
        if (tape.length > 0) this.broadcast(topic, okxTicker(market, this.stamp(nowMs)));
    }
  }

  protected keepAlive(client: FaceClient, nowMs: number): void {
    const idle = nowMs - Math.max(client.lastSentMs, client.lastReceivedMs);
    if (idle >= IDLE_CLOSE_MS) this.closeClient(client, 4004, 'No data received in 30s');
  }

  private publishBooks(topic: Topic<ChannelState>, nowMs: number): void {
    const { market, state } = topic;
    const ladder = market.ladder();
    const delta = ladderDelta(state.last, ladder, BOOK_LEVELS);
    const previous = state.lastSeqId;
    const isKeepAlive = isEmptyDelta(delta);
    if (isKeepAlive && nowMs - state.sentAtMs < BOOK_KEEP_ALIVE_MS) return;
    if (!isKeepAlive) {
      state.last = ladder;
      state.lastSeqId = this.seqId(market, ladder.updateId);
    }
    state.sentAtMs = nowMs;
    const stampMs = isKeepAlive ? nowMs : ladder.changedAtMs;
    this.broadcast(topic, this.books(market, state, 'update', delta, stampMs, previous));
  }

  private books(
    market: SimulatedMarket,
    state: ChannelState,
    action: 'snapshot' | 'update',
    sides: LadderDelta,
    stampMs: number,
    previous: number,
  ): string {
    const { listing } = market;
    const stamp = this.stamp(stampMs);
    return okxBooks(listing, 'books', action, sides, stamp, previous, state.lastSeqId, this.bookForm);
  }

  private publishBooks5(topic: Topic<ChannelState>, nowMs: number): void {
    const { market, state } = topic;
    const ladder = market.ladder();
    if (isEmptyDelta(ladderDelta(state.last, ladder, 5))) return;
    state.last = ladder;
    state.sentAtMs = nowMs;
    this.broadcast(topic, this.books5(market, ladder));
  }

  private books5(market: SimulatedMarket, ladder: Ladder): string {
    const sides = { bids: topOf(ladder.bids, 5), asks: topOf(ladder.asks, 5) };
    const stamp = this.stamp(ladder.changedAtMs);
    return okxBooks5(market.listing, sides, stamp, this.seqId(market, ladder.updateId));
  }

  private best(market: SimulatedMarket, ladder: Ladder): string {
    const sides = { bids: topOf(ladder.bids, 1), asks: topOf(ladder.asks, 1) };
    const stamp = this.stamp(ladder.changedAtMs);
    return okxBest(market.listing, sides, stamp, this.seqId(market, ladder.updateId));
  }

  private change(client: FaceClient, op: 'subscribe' | 'unsubscribe', arg: unknown): void {
    const { channel, instId } = (typeof arg === 'object' && arg !== null ? arg : {}) as Record<
      string,
      unknown
    >;
    const known = CHANNELS.find((name) => name === channel);
    const market = typeof instId === 'string' ? this.markets.get(instId) : undefined;
    if (known === undefined || market === undefined) {
      const what = `channel:${shown(channel)},instId:${shown(instId)}`;
      const rest =
        "doesn't exist. Please use the correct URL, channel and parameters referring to API document.";
      return this.fail(client, '60018', `Subscribe failed, wrong URL or ${what} ${rest}`);
    }
    const key = `${known}/${market.listing.symbol}`;
    const { connectionName: connId } = client;
    this.answer(client, { event: op, arg: { channel: known, instId }, connId });
    if (op === 'unsubscribe') return this.leave(client, key);
    const state = () => ({
      channel: known,
      last: market.ladder(),
      lastSeqId: this.seqId(market, market.updateId),
      sentAtMs: this.world.nowMs,
    });
    const topic = this.join(client, key, known, RANKS[known], market, state);
    this.sendFirst(client, topic);
  }

  /** What a new subscriber gets at once: the state that the next update builds on. */
  private sendFirst(client: FaceClient, topic: Topic<ChannelState>): void {
    const { market, state } = topic;
    const first = this.firstFrame(market, state);
    if (first !== null) this.emit(client, first, market.listing.symbol, state.channel);
  }

  private firstFrame(market: SimulatedMarket, state: ChannelState): string | null {
    switch (state.channel) {
      case 'books': {
        const sides = {
          bids: topOf(state.last.bids, BOOK_LEVELS),
          asks: topOf(state.last.asks, BOOK_LEVELS),
        };
        return this.books(market, state, 'snapshot', sides, state.last.changedAtMs, -1);
      }
      case 'books5':
        return this.books5(market, state.last);
      case 'bbo-tbt':
        return this.best(market, state.last);
      case 'tickers':
        return okxTicker(market, this.stamp(this.world.nowMs));
      case 'trades':
        return null;
    }
  }

  private fail(client: FaceClient, code: string, msg: string): void {
    this.answer(client, { event: 'error', msg, code, connId: client.connectionName });
  }

  private answer(client: FaceClient, body: object): void {
    this.emit(client, JSON.stringify(body), null, 'control');
  }

  private seqId(market: SimulatedMarket, updateId: number): number {
    return (this.bases.get(market) ?? 0) + updateId;
  }
}

/** A client's value inside an error text: only texts, and not endless ones. */
function shown(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, 100) : '';
}
