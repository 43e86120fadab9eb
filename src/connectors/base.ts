import type { ResolvedAsset, ResolvedMarket } from '../market/asset-registry.js';
import type { Instrument, InstrumentState } from '../market/instrument.js';
import type { NetworkStatus } from '../market/wallet.js';
import type { DecimalText, ExchangeId, FeeMode, Side } from '../messages/primitives.js';
import type { Endpoints, Heartbeat } from './connection-terms.js';
import type { LevelRow } from './fields.js';
import { LevelBuffer } from './level-buffer.js';
import type { OrderCapabilities } from './order-capabilities.js';
import type { OrderEntry } from './order-entry.js';
import type { LimitScheme } from './rate-limiter.js';

export type { Endpoints, Heartbeat } from './connection-terms.js';

/**
 * The contract of one exchange's protocol. A connector is pure: bytes to events and back, no clock, no I/O. What differs
 * between exchanges and needs no code is data (`Capabilities`); facts carry the tags of the protocol sheet.
 */

/** How the frames of one book follow one another (PROTOCOLS §1.2). */
export type SyncRule =
  /** Diffs with a first and a last number; a REST snapshot is bridged into them: Binance, KuCoin, Gate v1. */
  | 'bridged'
  /** Diffs that name their predecessor; the snapshot comes on the socket: OKX, Bitget. */
  | 'linked'
  /** Diffs counted one by one; the snapshot comes on the socket: Bybit, Gate v2, KuCoin Pro. */
  | 'counted'
  /** Every frame is the whole book: Upbit, Bithumb. */
  | 'whole'
  /**
   * Whole books from a library that hides the protocol (ccxt): nothing proves that they are complete, only crossing, age and
   * the library's own errors tell against them. Traded only where the trader accepts that, exchange by exchange.
   */
  | 'opaque';

export interface ConnectionLimits {
  /** Larger frames close the socket. */
  readonly maxFrameBytes: number;
  readonly connects: LimitScheme;
  /** Messages of the client on one connection. */
  readonly clientMessages: LimitScheme;
  /** Subscribe and unsubscribe requests on one connection; null = only `clientMessages`. */
  readonly subscriptions: LimitScheme | null;
  readonly topicsPerRequest: number;
  readonly topicsPerConnection: number;
  /** The exchange closes a connection of this age; null = never. */
  readonly lifetimeMs: number | null;
}

/** Silences that mean "acknowledged, but not served" (PROTOCOLS §12 trap 7). */
export interface Watchdogs {
  /** Subscribed, and no snapshot yet. */
  readonly noSnapshotMs: number;
  /** No frame of one symbol. Quiet pairs are quiet, so each repetition waits twice as long. */
  readonly silentSymbolMs: number;
  /** Connected, and no market data of any symbol. */
  readonly silentConnectionMs: number;
}

/**
 * What a subscribe request does to earlier ones on its connection. `add`: it adds. `replace`: it is the whole list from now on
 * (Upbit, Bithumb), so that `subscribe` gets every symbol of the connection and `unsubscribe` those that stay.
 */
export type SubscriptionMode = 'add' | 'replace';

/** Where the address of a socket comes from. */
export type Entrance =
  /** `Endpoints.websocketUrl` as it is. */
  | { readonly kind: 'direct' }
  /** A ticket fetched before each connection (KuCoin): `request` is answered by the address, `parse` reads it. */
  | {
      readonly kind: 'ticket';
      readonly request: RestRequest;
      /** `connectionId` is unique. The host is `endpoints`' own where that was relocated. @throws FrameError, ArbotError. */
      parse(body: Buffer, connectionId: string, endpoints: Endpoints): string;
      /** How often the ticket asks to be pinged, ms; it holds where it is shorter than `Heartbeat.everyMs`. */
      pingEveryMs?(body: Buffer): number;
    };

export interface Capabilities {
  readonly syncRule: SyncRule;
  readonly snapshotSource: 'socket' | 'rest';
  /** Levels per side that the depth channel keeps; Infinity = the whole book. */
  readonly depthLevels: number;
  readonly subscriptionMode: SubscriptionMode;
  readonly entrance: Entrance;
  /** True where the exchange greets first: nothing is sent before its `welcome`. */
  readonly awaitsWelcome: boolean;
  /** Resolution of the exchange's clock: 1, or 1000 where only the HTTP `Date` header tells it. */
  readonly clockResolutionMs: 1 | 1000;
  /** `non-zero`: verified whenever it is not 0, never required. */
  readonly checksum: 'none' | 'non-zero';
  /** True where a best quote and a book frame of one order number show the same moment, so that they must agree. */
  readonly quoteOrderIsExact: boolean;
  readonly channels: { readonly depth: string; readonly bestQuote: string | null; readonly trades: string };
  readonly heartbeat: Heartbeat;
  readonly limits: ConnectionLimits;
  /** Budgets of the REST interface, by IP. */
  readonly restLimits: readonly LimitScheme[];
  readonly watchdogs: Watchdogs;
  readonly orders: OrderCapabilities;
}

/** A public request as data; `path` includes the query. */
export interface RestRequest {
  /** `GET` when absent. */
  readonly method?: 'GET' | 'POST';
  readonly path: string;
  /** Cost by the scheme name of `restLimits`. */
  readonly costs: Readonly<Record<string, number>>;
  readonly timeoutMs: number;
  readonly maxBodyBytes: number;
}

/** One frame of an order book. The object is reused: it is valid until the sink returns. */
export class BookEvent {
  symbol = '';
  channel = '';
  /** True: clear and load. False: absolute sizes of changed levels. */
  snapshot = false;
  /** Numbers of the exchange, NaN where it sends none. `first`..`last` are covered; `previous` is the frame before. */
  first = NaN;
  last = NaN;
  previous = NaN;
  /** Comparable between the channels of one symbol; larger is newer. */
  order = NaN;
  /** 0 = none. */
  checksum = 0;
  exchangeTimeMs = 0;
  readonly bids: LevelBuffer;
  readonly asks: LevelBuffer;
  /** The levels as text, for checksums. */
  bidRows: readonly LevelRow[] = [];
  askRows: readonly LevelRow[] = [];

  constructor(maxLevels = 10_000) {
    this.bids = new LevelBuffer(maxLevels);
    this.asks = new LevelBuffer(maxLevels);
  }
}

/** The best quote of a symbol. Reused. A side without orders has price 0. */
export class BestQuoteEvent {
  symbol = '';
  channel = '';
  order = NaN;
  /** 0 where the exchange sends none. */
  exchangeTimeMs = 0;
  bid = 0;
  bidSize = 0;
  ask = 0;
  askSize = 0;
}

export interface TradeEvent {
  readonly symbol: string;
  readonly channel: string;
  readonly tradeId: string;
  readonly price: DecimalText;
  readonly quantity: DecimalText;
  /** The taker's side. */
  readonly side: Side;
  readonly exchangeTimeMs: number;
}

export type ControlKind =
  | 'subscribed'
  /** The greeting of `awaitsWelcome`. */
  | 'welcome'
  | 'unsubscribed'
  /** The exchange refused a request. */
  | 'refused'
  | 'pong'
  /** Announcement of an upgrade: reconnect soon. */
  | 'reconnect-notice';

export interface ControlEvent {
  readonly kind: ControlKind;
  readonly channel: string;
  readonly symbol: string;
  readonly code: string;
  readonly message: string;
}

/** A notice that a market was halted, resumed, is to be delisted … */
export interface InstrumentStateEvent {
  readonly symbol: string;
  readonly state: InstrumentState;
  /** The exchange's own word. */
  readonly reason: string;
}

/** Where decoded frames go. Books and quotes are reused objects. */
export interface FrameSink {
  instrumentState(event: InstrumentStateEvent): void;
  book(event: BookEvent): void;
  bestQuote(event: BestQuoteEvent): void;
  trade(event: TradeEvent): void;
  control(event: ControlEvent): void;
}

/** `foreign`: well-formed JSON that is no channel of ours. */
export type FrameCategory = 'book' | 'bestQuote' | 'trade' | 'notice' | 'control' | 'foreign';

/** What a frame was; filled before its levels are read, so that it also says what a bad frame was meant to be. Reused. */
export interface FrameHeader {
  category: FrameCategory;
  channel: string;
  symbol: string;
  /** `snapshot`, `delta`, `subscribe` …: the exchange's own word. */
  detail: string;
}

/** An exchange's base and quote tickers in the terms of the asset registry (`AssetRegistry.resolveMarket`). */
export type MarketLookup = (exchange: ExchangeId, baseTicker: string, quoteTicker: string) => ResolvedMarket;

/** Start-up defaults; LIVE fetches the account's own (PROTOCOLS §11.1). */
export interface FeeDefaults {
  readonly takerFeeRate: DecimalText;
  readonly makerFeeRate: DecimalText;
  readonly feeMode: FeeMode;
}

export interface InstrumentList {
  readonly instruments: readonly Instrument[];
  /** Markets that could not be taken, with the field that was wrong. */
  readonly refused: readonly { readonly symbol: string; readonly reason: string }[];
}

/** `depth`: the book channel of these symbols. `all`: books, best quotes and trades. */
export type SubscriptionScope = 'all' | 'depth';

export type SubscriptionRequest = (
  symbols: readonly string[],
  scope: SubscriptionScope,
  requestId: number,
  timeMs: number,
) => readonly string[];

export interface Connector {
  readonly exchange: ExchangeId;
  readonly capabilities: Capabilities;
  readonly endpoints: Endpoints;
  readonly fees: FeeDefaults;
  /** Of the frame decoded last. */
  readonly header: FrameHeader;
  /**
   * Frames to send; each keeps within `topicsPerRequest`. `requestId` is unique on the connection; `timeMs` is the time of
   * sending, Unix ms, for exchanges that refuse requests of another time (Gate).
   */
  subscribe: SubscriptionRequest;
  unsubscribe: SubscriptionRequest;
  /** Reads one frame into the sink. @throws FrameError naming the field; nothing of a refused book frame reaches the sink. */
  decode(data: Buffer, sink: FrameSink): FrameHeader;
  /** As `decode`, without the byte scanner in front: what it is tested and measured against. Absent = there is none. */
  decodeJson?(data: Buffer, sink: FrameSink): FrameHeader;
  /** Market-data frames by channel that the byte scanner left to the JSON decoder, broken ones included. */
  fallbacks?(): Readonly<Record<string, number>>;
  readonly rest: ConnectorRest;
  /** Absent = orders cannot be sent there. */
  readonly orders?: OrderEntry;
}

export interface ConnectorRest {
  /** `symbols` narrows the answer where the exchange can; null = all spot markets. */
  instruments(symbols: readonly string[] | null): RestRequest;
  depth(symbol: string): RestRequest;
  serverTime(): RestRequest;
  /** True where the list does not tell whether a market trades, and the socket does: there a notice holds until the next one. */
  readonly listOmitsHalts?: boolean;
  /** Rules that the list of markets lacks; absent where it is complete. */
  readonly instrumentDetails?: InstrumentDetails;
  /**
   * `details` are the accepted answers to `instrumentDetails`; a market that they leave out is refused.
   * @throws FrameError, or ArbotError ARB_EXCHANGE_ERROR / ARB_RATE_LIMITED when the exchange refused.
   */
  parseInstruments(body: Buffer, lookup: MarketLookup, details?: readonly Buffer[]): InstrumentList;
  /** The snapshot goes to `sink.book`. */
  parseDepth(body: Buffer, symbol: string, sink: FrameSink): void;
  /** As `parseDepth`, without the byte scanner in front. Absent = there is none. */
  parseDepthJson?(body: Buffer, symbol: string, sink: FrameSink): void;
  /** Unix ms, of the resolution in `clockResolutionMs`. `headers` have lower-case names. */
  parseServerTime(body: Buffer, headers: Readonly<Record<string, string>>): number;
  /** Deposits and withdrawals per network; null where that needs a key. */
  readonly wallets: WalletQuery | null;
}

/** Questions about single markets that complete a list: the ticks of Upbit and Bithumb. */
export interface InstrumentDetails {
  readonly marketsPerRequest: number;
  /** The markets that the list names, so that only those that are followed are asked about. @throws as `parseInstruments`. */
  markets(list: Buffer): readonly ListedMarket[];
  request(symbols: readonly string[]): RestRequest;
  /** @throws as `parseInstruments`: one market may spoil the answer about all, so that fewer are asked for. */
  check(body: Buffer): void;
}

export interface ListedMarket {
  readonly symbol: string;
  readonly baseTicker: string;
  readonly quoteTicker: string;
}

export interface WalletQuery {
  request(): RestRequest;
  /** @throws FrameError, or ArbotError ARB_EXCHANGE_ERROR / ARB_RATE_LIMITED. */
  parse(body: Buffer, lookup: TickerLookup): WalletList;
}

/** An exchange's ticker in the terms of the asset registry (`AssetRegistry.resolve`). */
export type TickerLookup = (exchange: ExchangeId, ticker: string) => ResolvedAsset;

export interface WalletList {
  readonly networks: readonly NetworkStatus[];
  /** Rows that could not be taken, with the field that was wrong. */
  readonly refused: readonly { readonly ticker: string; readonly reason: string }[];
}

export function emptyHeader(): FrameHeader {
  return { category: 'foreign', channel: '', symbol: '', detail: '' };
}

export function setHeader(
  header: FrameHeader,
  category: FrameCategory,
  channel: string,
  symbol: string,
  detail: string,
): FrameHeader {
  header.category = category;
  header.channel = channel;
  header.symbol = symbol;
  header.detail = detail;
  return header;
}

/** Splits topics over requests. */
export function inChunks<T>(items: readonly T[], size: number): T[][] {
  const chunks: T[][] = [];
  for (let at = 0; at < items.length; at += size) chunks.push(items.slice(at, at + size));
  return chunks;
}
