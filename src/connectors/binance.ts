import {
  BestQuoteEvent,
  BookEvent,
  emptyHeader,
  inChunks,
  setHeader,
  type Capabilities,
  type Connector,
  type Endpoints,
  type FrameHeader,
  type FrameSink,
  type SubscriptionScope,
} from './base.js';
import { BINANCE_ORDERS } from './binance-orders.js';
import { binanceRest, EXCHANGE, FEES } from './binance-rest.js';
import { BinanceScanner } from './binance-scan.js';
import * as f from './fields.js';
import { FrameError } from './frame-error.js';
import { FRAME_LIMITS, parseJson } from './frame-parser.js';
import { withScanner } from './scan/scan-front.js';

/**
 * Binance spot (PROTOCOLS §3). Combined stream `/stream`: diffs `U`..`u` bridged onto a REST snapshot [O], the real-time
 * best quote `bookTicker` whose `u` counts with the diffs' [P], single trades.
 */

export interface BinanceOptions {
  readonly endpoints?: Partial<Endpoints>;
  /** Levels per side of the REST snapshot: 100, 500, 1000 or 5000 (weight 5, 25, 50, 250 [O]). */
  readonly snapshotLevels?: 100 | 500 | 1000 | 5000;
  readonly depthStream?: 'depth@100ms' | 'depth';
  /** `aggTrade` joins the fills of one taker order at one price. */
  readonly tradeStream?: 'trade' | 'aggTrade';
}

function capabilitiesOf(depth: string, trades: string, levels: number): Capabilities {
  return {
    syncRule: 'bridged',
    snapshotSource: 'rest',
    // The diffs cover the whole book, but levels outside the snapshot are unknown until they change [O].
    depthLevels: levels,
    subscriptionMode: 'add',
    entrance: { kind: 'direct' },
    awaitsWelcome: false,
    clockResolutionMs: 1,
    checksum: 'none',
    quoteOrderIsExact: true,
    channels: { depth, bestQuote: 'bookTicker', trades },
    // The server pings every 20 s and the socket layer answers [O]; our own pings only prove that the line is alive.
    heartbeat: {
      everyMs: null,
      probe: { kind: 'ping' },
      probeAfterSilenceMs: 4000,
      deadAfterSilenceMs: 9000,
    },
    limits: {
      maxFrameBytes: FRAME_LIMITS.maxBytes,
      connects: { kind: 'window', name: 'connects', capacity: 300, windowMs: 300_000 },
      // 5 per second, pings and pongs included [O]: one is left for them.
      clientMessages: { kind: 'window', name: 'messages', capacity: 4, windowMs: 1000 },
      subscriptions: null,
      topicsPerRequest: 200,
      topicsPerConnection: 1024,
      lifetimeMs: 24 * 3_600_000,
    },
    restLimits: [{ kind: 'window', name: 'weight', capacity: 6000, windowMs: 60_000 }],
    watchdogs: { noSnapshotMs: 10_000, silentSymbolMs: 60_000, silentConnectionMs: 15_000 },
    // PROTOCOLS §1.1 [O]; the id may hold 1 to 36 characters [C].
    orders: {
      clientId: {
        field: 'newClientOrderId',
        pattern: /^[A-Za-z0-9_-]{1,36}$/,
        reuse: 'open',
        lookupMs: null,
      },
      requestExpiry: { kind: 'window', field: 'recvWindow', defaultMs: 5000, maxMs: 60_000 },
      deadManSwitch: { kind: 'none' },
      selfTradePrevention: { field: 'selfTradePreventionMode', cancelTaker: 'EXPIRE_TAKER' },
    },
  };
}

/** A new connector. It holds reusable buffers: one per feed. */
export function binance(options: BinanceOptions = {}): Connector {
  const depth = options.depthStream ?? 'depth@100ms';
  const trades = options.tradeStream ?? 'trade';
  const levels = options.snapshotLevels ?? 1000;
  const capabilities = capabilitiesOf(depth, trades, levels);
  const decoder = new BinanceDecoder(depth);
  const topics = (symbols: readonly string[], scope: SubscriptionScope) =>
    symbols.flatMap((symbol) => {
      const name = symbol.toLowerCase();
      return scope === 'depth'
        ? [`${name}@${depth}`]
        : [`${name}@${depth}`, `${name}@bookTicker`, `${name}@${trades}`];
    });
  const request = (method: string, params: readonly string[], firstId: number) =>
    inChunks(params, capabilities.limits.topicsPerRequest).map((chunk, index) =>
      JSON.stringify({ method, params: chunk, id: firstId + index }),
    );
  const connector: Connector = {
    exchange: EXCHANGE,
    capabilities,
    endpoints: {
      websocketUrl: 'wss://stream.binance.com:9443/stream',
      restUrl: 'https://api.binance.com',
      privateUrl: 'wss://ws-api.binance.com:443/ws-api/v3',
      ...options.endpoints,
    },
    fees: FEES,
    header: decoder.header,
    subscribe: (symbols, scope, id) => request('SUBSCRIBE', topics(symbols, scope), id),
    unsubscribe: (symbols, scope, id) => request('UNSUBSCRIBE', topics(symbols, scope), id),
    decode: (data, sink) => decoder.decode(data, sink),
    rest: binanceRest(levels, (answer, symbol, sink) => decoder.readSnapshot(answer, depth, symbol, sink)),
    orders: BINANCE_ORDERS,
  };
  return withScanner(connector, new BinanceScanner(decoder.header, depth));
}

class BinanceDecoder {
  readonly header = emptyHeader();
  private readonly bookEvent = new BookEvent();
  private readonly quote = new BestQuoteEvent();
  private readonly depthChannel: string;

  constructor(depthChannel: string) {
    this.depthChannel = depthChannel;
  }

  decode(data: Buffer, sink: FrameSink): FrameHeader {
    setHeader(this.header, 'foreign', '', '', '');
    const parsed = parseJson(data, FRAME_LIMITS);
    // A raw (not combined) list such as `!ticker@arr`.
    if (Array.isArray(parsed)) return this.header;
    const frame = f.asFields(parsed, 'frame');
    const stream = f.member(frame, 'stream');
    if (stream === undefined) return this.rawFrame(frame, sink);
    return this.streamFrame(f.textAt(frame, 'stream', ''), f.member(frame, 'data'), sink);
  }

  private streamFrame(stream: string, payload: unknown, sink: FrameSink): FrameHeader {
    const at = stream.indexOf('@');
    const channel = at < 0 ? stream : stream.slice(at + 1);
    const symbol = at < 0 ? '' : stream.slice(0, at).toUpperCase();
    if (stream === '!serverShutdown') return this.shutdown(sink);
    if (!isOurs(channel) || symbol === '' || symbol.startsWith('!') || !f.isFields(payload)) {
      // A channel of ours must carry an object; anything else in it is damage, not a foreign channel.
      if (isOurs(channel) && symbol !== '' && !symbol.startsWith('!')) {
        setHeader(this.header, categoryOf(channel), channel, symbol, '');
        throw new FrameError('data', 'an object', payload);
      }
      return setHeader(this.header, 'foreign', channel, symbol, '');
    }
    setHeader(this.header, categoryOf(channel), channel, symbol, '');
    if (f.symbolAt(payload, 's', 'data.') !== symbol) {
      throw new FrameError('data.s', `the symbol of stream ${stream.slice(0, 64)}`, f.member(payload, 's'));
    }
    return this.payload(channel, symbol, payload, 'data.', sink);
  }

  /** `/ws/<stream>` frames, acknowledgements and errors. */
  private rawFrame(frame: f.Fields, sink: FrameSink): FrameHeader {
    if (Object.hasOwn(frame, 'result') || Object.hasOwn(frame, 'error') || Object.hasOwn(frame, 'code')) {
      return this.control(frame, sink);
    }
    const event = f.member(frame, 'e');
    if (event === 'serverShutdown') return this.shutdown(sink);
    const channel = this.rawChannel(frame, event);
    if (channel === null)
      return setHeader(this.header, 'foreign', typeof event === 'string' ? event : '', '', '');
    setHeader(this.header, categoryOf(channel), channel, '', '');
    const symbol = f.symbolAt(frame, 's', '');
    setHeader(this.header, categoryOf(channel), channel, symbol, '');
    return this.payload(channel, symbol, frame, '', sink);
  }

  private rawChannel(frame: f.Fields, event: unknown): string | null {
    if (event === 'depthUpdate') return this.depthChannel;
    if (event === 'trade' || event === 'aggTrade') return event;
    const isQuote = Object.hasOwn(frame, 'B') && Object.hasOwn(frame, 'A') && Object.hasOwn(frame, 'u');
    return (event === undefined || event === 'bookTicker') && isQuote ? 'bookTicker' : null;
  }

  private payload(
    channel: string,
    symbol: string,
    data: f.Fields,
    path: string,
    sink: FrameSink,
  ): FrameHeader {
    if (channel === 'bookTicker') this.readQuote(channel, symbol, data, path, sink);
    else if (channel === 'trade' || channel === 'aggTrade') readTrade(channel, symbol, data, path, sink);
    // `pu` chains the diffs of futures, whose rule differs; a spot stream never has it.
    else if (Object.hasOwn(data, 'pu')) return setHeader(this.header, 'foreign', channel, symbol, 'futures');
    else this.readDiff(channel, symbol, data, path, sink);
    return this.header;
  }

  private readDiff(channel: string, symbol: string, data: f.Fields, path: string, sink: FrameSink): void {
    const event = this.bookEvent;
    if (f.member(data, 'e') !== 'depthUpdate') {
      throw new FrameError(`${path}e`, "'depthUpdate'", f.member(data, 'e'));
    }
    event.symbol = symbol;
    event.channel = channel;
    event.snapshot = false;
    event.exchangeTimeMs = f.timeAt(data, 'E', path);
    event.first = f.counterAt(data, 'U', path);
    event.last = f.counterAt(data, 'u', path);
    if (event.first > event.last) throw new FrameError(`${path}U`, 'at most u', event.first);
    event.previous = NaN;
    event.order = event.last;
    event.bidRows = f.levelsAt(data, 'b', path, event.bids);
    event.askRows = f.levelsAt(data, 'a', path, event.asks);
    sink.book(event);
  }

  private readQuote(channel: string, symbol: string, data: f.Fields, path: string, sink: FrameSink): void {
    const quote = this.quote;
    quote.symbol = symbol;
    quote.channel = channel;
    quote.order = f.counterAt(data, 'u', path);
    quote.exchangeTimeMs = Object.hasOwn(data, 'E') ? f.timeAt(data, 'E', path) : 0;
    quote.bid = priceOrNone(data, 'b', 'B', path);
    quote.bidSize = f.sizeAt(data, 'B', path);
    quote.ask = priceOrNone(data, 'a', 'A', path);
    quote.askSize = f.sizeAt(data, 'A', path);
    sink.bestQuote(quote);
  }

  private control(frame: f.Fields, sink: FrameSink): FrameHeader {
    setHeader(this.header, 'control', '', '', 'answer');
    const error = f.member(frame, 'error') ?? (Object.hasOwn(frame, 'code') ? frame : undefined);
    if (error === undefined || error === null) {
      const result = f.member(frame, 'result');
      if (result !== null && !Array.isArray(result)) throw new FrameError('result', 'null or a list', result);
      sink.control({ kind: 'subscribed', channel: '', symbol: '', code: '', message: '' });
      return this.header;
    }
    const fields = f.asFields(error, 'error');
    const code = f.member(fields, 'code');
    if (typeof code !== 'number') throw new FrameError('error.code', 'a number', code);
    const message = f.textAt(fields, 'msg', 'error.');
    this.header.detail = 'error';
    sink.control({ kind: 'refused', channel: '', symbol: '', code: String(code), message });
    return this.header;
  }

  private shutdown(sink: FrameSink): FrameHeader {
    setHeader(this.header, 'control', '', '', 'serverShutdown');
    sink.control({ kind: 'reconnect-notice', channel: '', symbol: '', code: '', message: 'serverShutdown' });
    return this.header;
  }

  /** The REST snapshot `{lastUpdateId,bids,asks}`. */
  readSnapshot(answer: f.Fields, channel: string, symbol: string, sink: FrameSink): void {
    const event = this.bookEvent;
    event.symbol = symbol;
    event.channel = channel;
    event.snapshot = true;
    event.exchangeTimeMs = 0;
    event.last = f.counterAt(answer, 'lastUpdateId', '');
    event.first = event.last;
    event.previous = NaN;
    event.order = event.last;
    event.bidRows = f.levelsAt(answer, 'bids', '', event.bids);
    event.askRows = f.levelsAt(answer, 'asks', '', event.asks);
    sink.book(event);
  }
}

function isOurs(channel: string): boolean {
  return categoryOf(channel) !== 'foreign';
}

function categoryOf(channel: string): 'book' | 'bestQuote' | 'trade' | 'foreign' {
  if (channel === 'depth@100ms' || channel === 'depth') return 'book';
  if (channel === 'bookTicker') return 'bestQuote';
  return channel === 'trade' || channel === 'aggTrade' ? 'trade' : 'foreign';
}

/** An empty side is sent as price 0 with size 0. */
function priceOrNone(data: f.Fields, priceKey: string, sizeKey: string, path: string): number {
  const price = f.sizeAt(data, priceKey, path);
  if (price === 0 && f.sizeAt(data, sizeKey, path) !== 0) return f.priceAt(data, priceKey, path);
  return price;
}

function readTrade(channel: string, symbol: string, data: f.Fields, path: string, sink: FrameSink): void {
  if (f.member(data, 'e') !== channel) throw new FrameError(`${path}e`, `'${channel}'`, f.member(data, 'e'));
  f.timeAt(data, 'E', path);
  sink.trade({
    symbol,
    channel,
    tradeId: f.idAt(data, channel === 'trade' ? 't' : 'a', path),
    price: f.positiveTextAt(data, 'p', path),
    quantity: f.positiveTextAt(data, 'q', path),
    // `m`: the buyer was the maker, so the taker sold.
    side: f.booleanAt(data, 'm', path) ? 'sell' : 'buy',
    exchangeTimeMs: f.timeAt(data, 'T', path),
  });
}
