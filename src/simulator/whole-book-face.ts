import { ExchangeFace, type FaceOptions } from './face.js';
import {
  countWithin,
  response,
  splitUrl,
  type FaceClient,
  type FaceHttpRequest,
  type FaceHttpResponse,
  type Topic,
} from './face-protocol.js';
import type { Ladder } from './ladder.js';
import type { SimulatedExchange } from './listings.js';
import type { SimulatedMarket } from './market.js';
import type { EngineTrade } from './matching-engine.js';
import { aggregateFills, type AggregatedFills } from './trade-aggregation.js';

export type StreamType = 'SNAPSHOT' | 'REALTIME';

/** What a ticker says about its market beside prices. */
export interface MarketNotice {
  readonly state: 'PREVIEW' | 'ACTIVE' | 'DELISTED';
  readonly suspended: boolean;
  /** '' = none. */
  readonly delisting: string;
  readonly warning: 'NONE' | 'CAUTION';
}

const NORMAL: MarketNotice = { state: 'ACTIVE', suspended: false, delisting: '', warning: 'NONE' };

const TYPES = ['orderbook', 'trade', 'ticker'] as const;
type StreamName = (typeof TYPES)[number];
const RANKS: Readonly<Record<StreamName, number>> = { orderbook: 0, trade: 1, ticker: 2 };

/** How the members of a frame are named, and whether each frame comes in an array. */
interface Format {
  readonly isSimple: boolean;
  readonly isList: boolean;
}
const FORMATS = new Map<unknown, Format>([
  ['DEFAULT', { isSimple: false, isList: false }],
  ['SIMPLE', { isSimple: true, isList: false }],
  ['JSON_LIST', { isSimple: false, isList: true }],
  ['SIMPLE_LIST', { isSimple: true, isList: true }],
]);

interface StreamState {
  readonly type: StreamName;
  readonly format: Format;
  lastUpdateId: number;
  lastFills: AggregatedFills | null;
  notice: MarketNotice;
}

/** What one exchange has of its own. */
export interface WholeBookRules {
  readonly connectsPerSecond: number;
  /** Messages of a client, newest windows first; null = no limit is known. */
  readonly messages: readonly { readonly count: number; readonly windowMs: number }[];
  readonly onlySnapshot: string;
  readonly onlyRealtime: string;
}

/** Closed after so long without a word of the client, measured; the documents say 120 s. */
const IDLE_CLOSE_MS = 60_000;
const STATUS_EVERY_MS = 10_000;
const MAX_REQUEST_BYTES = 128 * 1_024;
const PATH = '/websocket/v1';

/**
 * The public sockets of Upbit and Bithumb (PROTOCOLS §6, §7): one request is an array, acknowledged by nothing, and replaces the one
 * before; codes that are not listed are ignored without a word; every book frame is the whole book; frames are binary.
 */
export abstract class WholeBookFace extends ExchangeFace<StreamState> {
  protected override readonly sendsBinary = true;
  private readonly rules: WholeBookRules;
  private readonly notices = new Map<SimulatedMarket, MarketNotice>();
  /** Connections that asked for the status, and when they get it next. */
  private readonly statusAtMs = new Map<number, number>();
  private connects: number[] = [];

  constructor(exchange: SimulatedExchange, options: FaceOptions, rules: WholeBookRules) {
    super(exchange, options);
    this.rules = rules;
  }

  /** What tickers and the list of markets say of a market from now on. */
  setNotice(symbol: string, notice: Partial<MarketNotice>): void {
    const market = this.markets.get(symbol);
    if (market !== undefined) this.notices.set(market, { ...this.noticeOf(market), ...notice });
  }

  override handleHttp(request: FaceHttpRequest): FaceHttpResponse {
    const fault = this.faults.takeHttpFault(request.url);
    if (fault === null) return this.answer(request);
    const headers =
      fault.retryAfterSeconds === undefined ? {} : { 'retry-after': String(fault.retryAfterSeconds) };
    return response(fault.status, errorText('injected_fault', 'An injected fault.'), headers);
  }

  override onClose(id: number): void {
    this.statusAtMs.delete(id);
    super.onClose(id);
  }

  protected abstract answer(request: FaceHttpRequest): FaceHttpResponse;
  protected abstract bookText(
    market: SimulatedMarket,
    ladder: Ladder,
    stream: StreamType,
    isSimple: boolean,
  ): string;
  protected abstract tradeText(
    market: SimulatedMarket,
    fills: AggregatedFills,
    stream: StreamType,
    isSimple: boolean,
  ): string;
  protected abstract tickerText(
    market: SimulatedMarket,
    notice: MarketNotice,
    stream: StreamType,
    isSimple: boolean,
  ): string;
  /** How often a book is sent in one step. */
  protected abstract repeats(): number;

  protected noticeOf(market: SimulatedMarket): MarketNotice {
    return this.notices.get(market) ?? NORMAL;
  }

  /** Whether orders of a market are refused. */
  protected isHalted(symbol: string): boolean {
    const market = this.markets.get(symbol);
    if (market === undefined) return true;
    const { suspended, state } = this.noticeOf(market);
    return suspended || state !== 'ACTIVE';
  }

  protected refusal(url: string): FaceHttpResponse | null {
    if (splitUrl(url).path !== PATH) return response(404, '');
    const now = this.now();
    this.connects = this.connects.filter((at) => at > now - 1_000);
    if (this.connects.length >= this.rules.connectsPerSecond) return response(429, '');
    this.connects.push(now);
    return null;
  }

  protected isCombined(): boolean {
    return false;
  }

  protected connectionName(): string {
    return '';
  }

  protected opened(): void {
    // Nothing is said before the first request.
  }

  protected beforePublishing(): void {
    // Aggregation is cheap and only done for those who listen.
  }

  protected overLimit(client: FaceClient): boolean {
    const now = this.now();
    return this.rules.messages.some(
      ({ count, windowMs }) => countWithin(client.received, now, windowMs) > count,
    );
  }

  protected received(client: FaceClient, text: string): void {
    if (text === 'PING') {
      this.statusAtMs.set(client.id, this.world.nowMs + STATUS_EVERY_MS);
      return this.emit(client, '{"status":"UP"}', null, 'control');
    }
    const request = text.length > MAX_REQUEST_BYTES ? null : arrayOf(text);
    if (request === null) return this.fail(client, 'WRONG_FORMAT', 'Format 이 맞지 않습니다.');
    const ticket = request.find((part) => Object.hasOwn(part, 'ticket'))?.['ticket'];
    if (typeof ticket !== 'string' || ticket === '')
      return this.fail(client, 'NO_TICKET', '티켓이 존재하지 않거나, 유효하지 않습니다.');
    const named = request.find((part) => Object.hasOwn(part, 'format'))?.['format'] ?? 'DEFAULT';
    const format = FORMATS.get(named);
    if (format === undefined) return this.fail(client, 'WRONG_FORMAT', 'Format 이 맞지 않습니다.');
    const wanted = request.filter((part) => !Object.hasOwn(part, 'ticket') && !Object.hasOwn(part, 'format'));
    if (wanted.length === 0 || wanted.some((part) => typeof part['type'] !== 'string'))
      return this.fail(client, 'NO_TYPE', '타입 필드가 존재하지 않습니다.');
    const strange = wanted.find((part) => !(TYPES as readonly unknown[]).includes(part['type']));
    if (strange !== undefined)
      return this.fail(client, 'INVALID_PARAM', `${shown(strange['type'])} 은 지원하지 않는 타입입니다.`);
    if (wanted.some((part) => !Array.isArray(part['codes']) || part['codes'].length === 0))
      return this.fail(client, 'NO_CODES', '코드 필드가 존재하지 않습니다.');
    for (const key of [...client.topics]) this.leave(client, key);
    for (const part of wanted) this.serve(client, part, format);
  }

  /** Subscribes to one type; codes that are not listed, also in lower case, are ignored without a word. */
  private serve(client: FaceClient, part: Readonly<Record<string, unknown>>, format: Format): void {
    const type = part['type'] as StreamName;
    for (const code of part['codes'] as unknown[]) {
      const market = typeof code === 'string' ? this.markets.get(code) : undefined;
      if (market === undefined) continue;
      const key = `${type}/${JSON.stringify(format)}/${market.listing.symbol}`;
      const state = (): StreamState => ({
        type,
        format,
        lastUpdateId: market.updateId,
        lastFills: null,
        notice: this.noticeOf(market),
      });
      const topic = this.join(client, key, type, RANKS[type], market, state);
      if (part[this.rules.onlyRealtime] !== true) this.sendFirst(client, topic);
      if (part[this.rules.onlySnapshot] === true) this.leave(client, key);
    }
  }

  private sendFirst(client: FaceClient, topic: Topic<StreamState>): void {
    const { market, state } = topic;
    const { isSimple } = state.format;
    const text =
      state.type === 'orderbook'
        ? this.bookText(market, market.ladder(), 'SNAPSHOT', isSimple)
        : state.type === 'ticker'
          ? this.tickerText(market, this.noticeOf(market), 'SNAPSHOT', isSimple)
          : state.lastFills === null
            ? null
            : this.tradeText(market, state.lastFills, 'SNAPSHOT', isSimple);
    if (text !== null) this.emit(client, framed(text, state.format), market.listing.symbol, state.type);
  }

  protected publish(topic: Topic<StreamState>, tape: readonly EngineTrade[]): void {
    const { state, market } = topic;
    if (state.type === 'orderbook') this.publishBook(topic);
    else if (state.type === 'trade') this.publishTrades(topic, tape);
    else {
      const notice = this.noticeOf(market);
      if (tape.length === 0 && notice === state.notice) return;
      state.notice = notice;
      const text = this.tickerText(market, notice, 'REALTIME', state.format.isSimple);
      this.broadcast(topic, framed(text, state.format));
    }
  }

  private publishBook(topic: Topic<StreamState>): void {
    const { state, market } = topic;
    if (state.lastUpdateId === market.updateId) return;
    state.lastUpdateId = market.updateId;
    const text = this.bookText(market, market.ladder(), 'REALTIME', state.format.isSimple);
    for (let i = this.repeats(); i > 0; i--) this.broadcast(topic, framed(text, state.format));
  }

  private publishTrades(topic: Topic<StreamState>, tape: readonly EngineTrade[]): void {
    const { state, market } = topic;
    for (const fills of tape.length === 0 ? [] : aggregateFills(tape)) {
      state.lastFills = fills;
      const text = this.tradeText(market, fills, 'REALTIME', state.format.isSimple);
      this.broadcast(topic, framed(text, state.format));
    }
  }

  protected keepAlive(client: FaceClient, nowMs: number): void {
    const due = this.statusAtMs.get(client.id);
    if (due !== undefined && nowMs >= due) {
      this.statusAtMs.set(client.id, due + STATUS_EVERY_MS);
      this.emit(client, '{"status":"UP"}', null, 'control');
    }
    if (nowMs - client.lastReceivedMs >= IDLE_CLOSE_MS) this.closeClient(client, 1006, '');
  }

  /** An error, and then the end of the connection. */
  private fail(client: FaceClient, name: string, message: string): void {
    this.emit(client, errorText(name, message), null, 'control');
    this.closeClient(client, 1000, '');
  }
}

export const errorText = (name: string | number, message: string): string =>
  JSON.stringify({ error: { name, message } });

const framed = (text: string, { isList }: Format): string => (isList ? `[${text}]` : text);

/** The objects of a JSON array; null for anything else. */
function arrayOf(text: string): readonly Readonly<Record<string, unknown>>[] | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const isRequest =
    Array.isArray(value) &&
    value.every((part) => typeof part === 'object' && part !== null && !Array.isArray(part));
  return isRequest ? (value as readonly Readonly<Record<string, unknown>>[]) : null;
}

const shown = (value: unknown): string => (typeof value === 'string' ? value.slice(0, 100) : '');
