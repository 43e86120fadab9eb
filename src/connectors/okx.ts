import {
  BestQuoteEvent,
  BookEvent,
  emptyHeader,
  inChunks,
  setHeader,
  type Capabilities,
  type Connector,
  type Endpoints,
  type FrameCategory,
  type FrameHeader,
  type FrameSink,
  type SubscriptionScope,
  type TradeEvent,
} from './base.js';
import * as f from './fields.js';
import { FrameError } from './frame-error.js';
import { FRAME_LIMITS, parseJson } from './frame-parser.js';
import { OKX_ORDERS } from './okx-orders.js';
import { EXCHANGE, FEES, okxRest } from './okx-rest.js';
import { OkxScanner } from './okx-scan.js';
import { withScanner } from './scan/scan-front.js';

/**
 * OKX v5 public socket (PROTOCOLS §4). Books `books`: snapshot, then updates chained by `prevSeqId` = last `seqId` [O]; best
 * quotes `bbo-tbt` every 10 ms; trades. The checksum is 0 since 2026-06-23 and absent in later captures [P]: it is never
 * required, and always verified when it is not 0.
 */

export interface OkxOptions {
  readonly endpoints?: Partial<Endpoints>;
  /** The tick-by-tick channels need a VIP login [O]; they share one frame shape. */
  readonly bookChannel?: OkxBookChannel;
}
export type OkxBookChannel = 'books' | 'books-l2-tbt' | 'books50-l2-tbt';

const BOOK_CHANNELS: readonly string[] = ['books', 'books-l2-tbt', 'books50-l2-tbt'];

function capabilitiesOf(depth: string): Capabilities {
  return {
    syncRule: 'linked',
    snapshotSource: 'socket',
    depthLevels: depth === 'books50-l2-tbt' ? 50 : 400,
    subscriptionMode: 'add',
    entrance: { kind: 'direct' },
    awaitsWelcome: false,
    clockResolutionMs: 1,
    checksum: 'non-zero',
    quoteOrderIsExact: false,
    channels: { depth, bestQuote: 'bbo-tbt', trades: 'trades' },
    // The exchange closes after 30 s of silence [O]; probing earlier finds a half-open line within 10 s.
    heartbeat: {
      everyMs: null,
      probe: { kind: 'text', text: 'ping' },
      probeAfterSilenceMs: 4000,
      deadAfterSilenceMs: 9000,
    },
    limits: {
      maxFrameBytes: FRAME_LIMITS.maxBytes,
      connects: { kind: 'window', name: 'connects', capacity: 3, windowMs: 1000 },
      clientMessages: { kind: 'window', name: 'messages', capacity: 20, windowMs: 1000 },
      subscriptions: { kind: 'window', name: 'subscriptions', capacity: 480, windowMs: 3_600_000 },
      // Requests may have 64 KB [O]; 100 arguments have about 6.
      topicsPerRequest: 100,
      topicsPerConnection: 1000,
      lifetimeMs: null,
    },
    restLimits: [{ kind: 'window', name: 'books', capacity: 40, windowMs: 2000 }],
    watchdogs: { noSnapshotMs: 10_000, silentSymbolMs: 75_000, silentConnectionMs: 15_000 },
    // PROTOCOLS §1.1 and §4 [O]. A cancelled order without fill is found for two hours.
    orders: {
      clientId: { field: 'clOrdId', pattern: /^[A-Za-z0-9]{1,32}$/, reuse: 'open', lookupMs: 7_200_000 },
      requestExpiry: { kind: 'deadline', field: 'expTime' },
      deadManSwitch: { kind: 'timer', minMs: 10_000, maxMs: 120_000, scope: 'account and tag' },
      selfTradePrevention: { field: 'stpMode', cancelTaker: 'cancel_taker' },
    },
  };
}

/** A new connector. It holds reusable buffers: one per feed. */
export function okx(options: OkxOptions = {}): Connector {
  const depth = options.bookChannel ?? 'books';
  const capabilities = capabilitiesOf(depth);
  const decoder = new OkxDecoder();
  const channelsOf = (scope: SubscriptionScope) =>
    scope === 'depth' ? [depth] : [depth, 'bbo-tbt', 'trades'];
  const request = (op: string, symbols: readonly string[], scope: SubscriptionScope) => {
    const args = symbols.flatMap((instId) => channelsOf(scope).map((channel) => ({ channel, instId })));
    return inChunks(args, capabilities.limits.topicsPerRequest).map((chunk) =>
      JSON.stringify({ op, args: chunk }),
    );
  };
  const connector: Connector = {
    exchange: EXCHANGE,
    capabilities,
    endpoints: {
      websocketUrl: 'wss://ws.okx.com:8443/ws/v5/public',
      restUrl: 'https://www.okx.com',
      privateUrl: 'wss://ws.okx.com:8443/ws/v5/private',
      ...options.endpoints,
    },
    fees: FEES,
    header: decoder.header,
    subscribe: (symbols, scope) => request('subscribe', symbols, scope),
    unsubscribe: (symbols, scope) => request('unsubscribe', symbols, scope),
    decode: (data, sink) => decoder.decode(data, sink),
    rest: okxRest((row, path, symbol) => decoder.readBook(row, path, depth, symbol, true)),
    orders: OKX_ORDERS,
  };
  return withScanner(connector, new OkxScanner(decoder.header));
}

function categoryOf(channel: string): FrameCategory {
  if (BOOK_CHANNELS.includes(channel)) return 'book';
  if (channel === 'bbo-tbt') return 'bestQuote';
  return channel === 'trades' ? 'trade' : 'foreign';
}

class OkxDecoder {
  readonly header = emptyHeader();
  private readonly bookEvent = new BookEvent();
  private readonly quote = new BestQuoteEvent();

  decode(data: Buffer, sink: FrameSink): FrameHeader {
    setHeader(this.header, 'foreign', '', '', '');
    if (isPong(data)) {
      setHeader(this.header, 'control', '', '', 'pong');
      sink.control({ kind: 'pong', channel: '', symbol: '', code: '', message: '' });
      return this.header;
    }
    const frame = f.asFields(parseJson(data, FRAME_LIMITS), 'frame');
    if (Object.hasOwn(frame, 'event')) return this.control(frame, sink);
    // REST-like answers and the old `table` protocol have no `arg`.
    if (!Object.hasOwn(frame, 'arg')) return this.header;
    const arg = f.fieldsAt(frame, 'arg', '');
    const channel = f.textAt(arg, 'channel', 'arg.');
    const category = categoryOf(channel);
    if (category === 'foreign') {
      const symbol = f.member(arg, 'instId');
      return setHeader(this.header, 'foreign', channel, typeof symbol === 'string' ? symbol : '', '');
    }
    setHeader(this.header, category, channel, '', '');
    const symbol = f.symbolAt(arg, 'instId', 'arg.');
    this.header.symbol = symbol;
    const rows = f.listAt(frame, 'data', '', category === 'trade' ? 1000 : 16);
    if (category === 'book') this.readBooks(frame, channel, symbol, rows, sink);
    else if (category === 'bestQuote') this.readQuotes(channel, symbol, rows, sink);
    else readTrades(channel, symbol, rows, sink);
    return this.header;
  }

  private readBooks(
    frame: f.Fields,
    channel: string,
    symbol: string,
    rows: readonly unknown[],
    sink: FrameSink,
  ): void {
    const action = f.textAt(frame, 'action', '');
    if (action !== 'snapshot' && action !== 'update')
      throw new FrameError('action', "'snapshot' or 'update'", action);
    this.header.detail = action;
    if (rows.length !== 1) throw new FrameError('data', 'an array of one book', rows);
    const row = f.asFields(rows[0], 'data[0]');
    this.readBook(row, 'data[0].', channel, symbol, action === 'snapshot');
    sink.book(this.bookEvent);
  }

  /** Fills the event from one book object, on the socket or in a REST answer. */
  readBook(row: f.Fields, path: string, channel: string, symbol: string, snapshot: boolean): BookEvent {
    const event = this.bookEvent;
    event.symbol = symbol;
    event.channel = channel;
    event.snapshot = snapshot;
    checkInstrument(row, path, symbol);
    event.exchangeTimeMs = f.timeTextAt(row, 'ts', path);
    event.checksum = checksumOf(row, path);
    event.last = Object.hasOwn(row, 'seqId') ? f.counterAt(row, 'seqId', path) : NaN;
    event.first = event.last;
    event.previous = Object.hasOwn(row, 'prevSeqId') ? f.counterAt(row, 'prevSeqId', path, -1) : NaN;
    // Without a number and without a checksum an update proves nothing: it could hide a lost one.
    if (!snapshot && Number.isNaN(event.last) && event.checksum === 0) {
      throw new FrameError(`${path}seqId`, 'a whole number from 0', undefined);
    }
    if (!snapshot && !Number.isNaN(event.last) && Number.isNaN(event.previous)) {
      throw new FrameError(`${path}prevSeqId`, 'a whole number from -1', undefined);
    }
    event.order = Number.isNaN(event.last) ? event.exchangeTimeMs : event.last;
    event.bidRows = f.levelsAt(row, 'bids', path, event.bids);
    event.askRows = f.levelsAt(row, 'asks', path, event.asks);
    return event;
  }

  private readQuotes(channel: string, symbol: string, rows: readonly unknown[], sink: FrameSink): void {
    for (const [index, value] of rows.entries()) {
      const path = `data[${index}].`;
      const row = f.asFields(value, `data[${index}]`);
      checkInstrument(row, path, symbol);
      const { bids, asks } = this.bookEvent;
      f.levelsAt(row, 'bids', path, bids);
      f.levelsAt(row, 'asks', path, asks);
      if (bids.count > 1) throw new FrameError(`${path}bids`, 'at most one level', row['bids']);
      if (asks.count > 1) throw new FrameError(`${path}asks`, 'at most one level', row['asks']);
      const quote = this.quote;
      quote.symbol = symbol;
      quote.channel = channel;
      quote.exchangeTimeMs = f.timeTextAt(row, 'ts', path);
      // seqId counts over all channels of an instrument [O]; frames before 2023 have none and cannot be ordered exactly.
      quote.order = Object.hasOwn(row, 'seqId') ? f.counterAt(row, 'seqId', path) : quote.exchangeTimeMs;
      quote.bid = bids.count > 0 ? bids.prices[0]! : 0;
      quote.bidSize = bids.count > 0 ? bids.sizes[0]! : 0;
      quote.ask = asks.count > 0 ? asks.prices[0]! : 0;
      quote.askSize = asks.count > 0 ? asks.sizes[0]! : 0;
      sink.bestQuote(quote);
    }
  }

  private control(frame: f.Fields, sink: FrameSink): FrameHeader {
    const event = f.textAt(frame, 'event', '');
    const arg = f.member(frame, 'arg');
    const fields = f.isFields(arg) ? arg : {};
    const text = (from: f.Fields, key: string) => {
      const value = f.member(from, key);
      return typeof value === 'string' ? value.slice(0, 256) : '';
    };
    setHeader(this.header, 'control', text(fields, 'channel'), text(fields, 'instId'), event);
    const kind = CONTROL_KINDS.get(event);
    if (kind === undefined) return this.header;
    if (kind === 'subscribed' || kind === 'unsubscribed')
      f.textAt(f.fieldsAt(frame, 'arg', ''), 'channel', 'arg.');
    else f.textAt(frame, 'code', '');
    sink.control({
      kind,
      channel: this.header.channel,
      symbol: this.header.symbol,
      code: text(frame, 'code'),
      message: text(frame, 'msg'),
    });
    return this.header;
  }
}

const CONTROL_KINDS = new Map([
  ['subscribe', 'subscribed'],
  ['unsubscribe', 'unsubscribed'],
  ['error', 'refused'],
  // Code 64008: the server is upgraded in about a minute [O].
  ['notice', 'reconnect-notice'],
] as const satisfies [string, string][]) as ReadonlyMap<
  string,
  'subscribed' | 'unsubscribed' | 'refused' | 'reconnect-notice'
>;

function isPong(data: Buffer): boolean {
  return data.length === 4 && data.toString('latin1') === 'pong';
}

/** Book objects name their instrument since 2023; when they do, it must be the channel's. */
function checkInstrument(row: f.Fields, path: string, symbol: string): void {
  if (Object.hasOwn(row, 'instId') && row['instId'] !== symbol) {
    throw new FrameError(`${path}instId`, 'the instrument of the channel', row['instId']);
  }
}

/** Signed 32 bits; 0 or absent = none. */
function checksumOf(row: f.Fields, path: string): number {
  if (!Object.hasOwn(row, 'checksum')) return 0;
  const value = f.member(row, 'checksum');
  if (typeof value !== 'number' || (value | 0) !== value) {
    throw new FrameError(`${path}checksum`, 'a signed 32-bit number', value);
  }
  return value;
}

function readTrades(channel: string, symbol: string, rows: readonly unknown[], sink: FrameSink): void {
  const trades = rows.map((value, index): TradeEvent => {
    const path = `data[${index}].`;
    const row = f.asFields(value, `data[${index}]`);
    if (f.symbolAt(row, 'instId', path) !== symbol) {
      throw new FrameError(`${path}instId`, 'the instrument of the channel', row['instId']);
    }
    const side = f.member(row, 'side');
    if (side !== 'buy' && side !== 'sell') throw new FrameError(`${path}side`, "'buy' or 'sell'", side);
    return {
      symbol,
      channel,
      tradeId: f.idAt(row, 'tradeId', path),
      price: f.positiveTextAt(row, 'px', path),
      quantity: f.positiveTextAt(row, 'sz', path),
      side,
      exchangeTimeMs: f.timeTextAt(row, 'ts', path),
    };
  });
  for (const trade of trades) sink.trade(trade);
}
