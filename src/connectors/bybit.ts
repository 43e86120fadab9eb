import {
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
  type TradeEvent,
} from './base.js';
import { BYBIT_ORDERS } from './bybit-orders.js';
import { bybitRest, EXCHANGE, FEES } from './bybit-rest.js';
import { BybitScanner } from './bybit-scan.js';
import * as f from './fields.js';
import { FrameError } from './frame-error.js';
import { FRAME_LIMITS, parseJson } from './frame-parser.js';
import { withScanner } from './scan/scan-front.js';

/**
 * Bybit v5 public spot socket (PROTOCOLS §5). `orderbook.<N>`: snapshot, then deltas whose `u` grows by one [P]; a new
 * snapshot or `u` = 1 replaces the book [O]. `orderbook.1` every 10 ms is the fastest best quote. `seq` compares depths [O].
 */

export interface BybitOptions {
  readonly endpoints?: Partial<Endpoints>;
  /** Levels per side: 1 (10 ms), 50 (20 ms), 200 (100 ms) or 1000 (200 ms) [O]. */
  readonly depth?: 1 | 50 | 200 | 1000;
  /** Market of the socket and of REST. */
  readonly category?: 'spot' | 'linear';
}

const BEST_QUOTE = 'orderbook.1';

function capabilitiesOf(depth: string, category: string): Capabilities {
  return {
    syncRule: 'counted',
    snapshotSource: 'socket',
    depthLevels: Number(depth.split('.')[1]),
    subscriptionMode: 'add',
    entrance: { kind: 'direct' },
    awaitsWelcome: false,
    clockResolutionMs: 1,
    checksum: 'none',
    quoteOrderIsExact: false,
    channels: { depth, bestQuote: depth === BEST_QUOTE ? null : BEST_QUOTE, trades: 'publicTrade' },
    heartbeat: {
      everyMs: 20_000,
      probe: { kind: 'text', text: '{"op":"ping"}' },
      probeAfterSilenceMs: 4000,
      deadAfterSilenceMs: 9000,
    },
    limits: {
      maxFrameBytes: FRAME_LIMITS.maxBytes,
      connects: { kind: 'window', name: 'connects', capacity: 500, windowMs: 300_000 },
      clientMessages: { kind: 'window', name: 'messages', capacity: 20, windowMs: 1000 },
      subscriptions: null,
      topicsPerRequest: category === 'spot' ? 10 : 200,
      // 21,000 characters of topics per connection [O], about 24 each.
      topicsPerConnection: 800,
      lifetimeMs: null,
    },
    restLimits: [{ kind: 'window', name: 'requests', capacity: 600, windowMs: 5000 }],
    watchdogs: { noSnapshotMs: 10_000, silentSymbolMs: 30_000, silentConnectionMs: 15_000 },
    // PROTOCOLS §1.1 and §5 [O]. The disconnect protection is for institutions only; a cancelled order without fill is found for a day.
    orders: {
      clientId: {
        field: 'orderLinkId',
        pattern: /^[A-Za-z0-9_-]{1,36}$/,
        reuse: 'never',
        lookupMs: 86_400_000,
      },
      requestExpiry: { kind: 'window', field: 'X-BAPI-RECV-WINDOW', defaultMs: 5000, maxMs: 60_000 },
      deadManSwitch: { kind: 'none' },
      selfTradePrevention: { field: 'smpType', cancelTaker: 'CancelTaker' },
    },
  };
}

/** A new connector. It holds reusable buffers: one per feed. */
export function bybit(options: BybitOptions = {}): Connector {
  const category = options.category ?? 'spot';
  const depth = `orderbook.${options.depth ?? 50}`;
  const capabilities = capabilitiesOf(depth, category);
  const decoder = new BybitDecoder();
  const channels = depth === BEST_QUOTE ? [depth] : [depth, BEST_QUOTE];
  const topics = (symbols: readonly string[], scope: SubscriptionScope) =>
    symbols.flatMap((symbol) =>
      (scope === 'depth' ? [depth] : [...channels, 'publicTrade']).map((channel) => `${channel}.${symbol}`),
    );
  const request = (op: string, args: readonly string[], firstId: number) =>
    inChunks(args, capabilities.limits.topicsPerRequest).map((chunk, index) =>
      JSON.stringify({ op, args: chunk, req_id: String(firstId + index) }),
    );
  const connector: Connector = {
    exchange: EXCHANGE,
    capabilities,
    endpoints: {
      websocketUrl: `wss://stream.bybit.com/v5/public/${category}`,
      restUrl: 'https://api.bybit.com',
      privateUrl: 'wss://stream.bybit.com/v5/private',
      ...options.endpoints,
    },
    fees: FEES,
    header: decoder.header,
    subscribe: (symbols, scope, id) => request('subscribe', topics(symbols, scope), id),
    unsubscribe: (symbols, scope, id) => request('unsubscribe', topics(symbols, scope), id),
    decode: (data, sink) => decoder.decode(data, sink),
    rest: bybitRest(category, (data, path, symbol) => decoder.fill(data, path, depth, symbol)),
    // Contracts are followed, never traded.
    ...(category === 'spot' && { orders: BYBIT_ORDERS }),
  };
  return withScanner(connector, new BybitScanner(decoder.header, [...channels, 'publicTrade']));
}

class BybitDecoder {
  readonly header = emptyHeader();
  private readonly bookEvent = new BookEvent();

  decode(data: Buffer, sink: FrameSink): FrameHeader {
    setHeader(this.header, 'foreign', '', '', '');
    const frame = f.asFields(parseJson(data, FRAME_LIMITS), 'frame');
    if (Object.hasOwn(frame, 'op') || Object.hasOwn(frame, 'success')) return this.control(frame, sink);
    if (!Object.hasOwn(frame, 'topic')) return this.header;
    const topic = f.textAt(frame, 'topic', '');
    const at = topic.lastIndexOf('.');
    const channel = at < 0 ? topic : topic.slice(0, at);
    const symbol = at < 0 ? '' : topic.slice(at + 1);
    const type = f.member(frame, 'type');
    const detail = typeof type === 'string' ? type.slice(0, 32) : '';
    if (isBook(channel)) {
      setHeader(this.header, 'book', channel, symbol, detail);
      this.readBook(frame, channel, symbol, sink);
    } else if (channel === 'publicTrade') {
      setHeader(this.header, 'trade', channel, symbol, detail);
      readTrades(frame, channel, symbol, sink);
    } else {
      setHeader(this.header, 'foreign', channel, symbol, detail);
    }
    return this.header;
  }

  private readBook(frame: f.Fields, channel: string, symbol: string, sink: FrameSink): void {
    const type = f.textAt(frame, 'type', '');
    if (type !== 'snapshot' && type !== 'delta') throw new FrameError('type', "'snapshot' or 'delta'", type);
    const pushedAtMs = f.timeAt(frame, 'ts', '');
    const event = this.fill(f.fieldsAt(frame, 'data', ''), 'data.', channel, symbol);
    // `cts` is the matching engine's time; frames before 2023 have only the push time.
    event.exchangeTimeMs = Object.hasOwn(frame, 'cts') ? f.timeAt(frame, 'cts', '') : pushedAtMs;
    event.snapshot = type === 'snapshot' || event.last === 1;
    sink.book(event);
  }

  /** Fills the event from one book object, on the socket or in a REST answer; the caller sets time and kind. */
  fill(data: f.Fields, path: string, channel: string, symbol: string): BookEvent {
    const event = this.bookEvent;
    if (f.symbolAt(data, 's', path) !== symbol) {
      throw new FrameError(`${path}s`, 'the symbol of the topic', f.member(data, 's'));
    }
    event.symbol = symbol;
    event.channel = channel;
    event.last = f.counterAt(data, 'u', path);
    event.first = event.last;
    event.previous = NaN;
    event.order = f.counterAt(data, 'seq', path);
    event.bidRows = f.levelsAt(data, 'b', path, event.bids);
    event.askRows = f.levelsAt(data, 'a', path, event.asks);
    return event;
  }

  private control(frame: f.Fields, sink: FrameSink): FrameHeader {
    setHeader(this.header, 'control', '', '', '');
    const op = f.member(frame, 'op');
    const note = f.member(frame, 'ret_msg');
    const message = typeof note === 'string' ? note.slice(0, 256) : '';
    this.header.detail = typeof op === 'string' ? op.slice(0, 32) : '';
    const success = f.member(frame, 'success');
    if (success !== undefined && typeof success !== 'boolean')
      throw new FrameError('success', 'true or false', success);
    if (success === false) {
      sink.control({ kind: 'refused', ...topicIn(message), code: '', message });
    } else if (op === 'pong' || message === 'pong' || op === 'ping') {
      sink.control({ kind: 'pong', channel: '', symbol: '', code: '', message: '' });
    } else if (op === 'subscribe' || op === 'unsubscribe') {
      const kind = op === 'subscribe' ? 'subscribed' : 'unsubscribed';
      sink.control({ kind, channel: '', symbol: '', code: '', message });
    } else if (op === undefined || typeof op === 'string') {
      // Answers of the private socket and of former protocols.
      this.header.category = 'foreign';
    } else {
      throw new FrameError('op', 'a text', op);
    }
    return this.header;
  }
}

function isBook(channel: string): boolean {
  return /^orderbook\.\d{1,4}$/.test(channel);
}

/** `error:handler not found,topic:orderbook.50.NOSUCH`: the topic that was refused; '' where none is named. */
function topicIn(message: string): { readonly channel: string; readonly symbol: string } {
  const [, channel = '', symbol = ''] = /topic:([\w.]+)\.([A-Z0-9]+)/.exec(message) ?? [];
  return { channel, symbol };
}

function readTrades(frame: f.Fields, channel: string, symbol: string, sink: FrameSink): void {
  f.timeAt(frame, 'ts', '');
  const trades = f.listAt(frame, 'data', '', 1024).map((value, index): TradeEvent => {
    const path = `data[${index}].`;
    const row = f.asFields(value, `data[${index}]`);
    if (f.symbolAt(row, 's', path) !== symbol)
      throw new FrameError(`${path}s`, 'the symbol of the topic', row['s']);
    const side = f.member(row, 'S');
    if (side !== 'Buy' && side !== 'Sell') throw new FrameError(`${path}S`, "'Buy' or 'Sell'", side);
    return {
      symbol,
      channel,
      tradeId: f.idAt(row, 'i', path),
      price: f.positiveTextAt(row, 'p', path),
      quantity: f.positiveTextAt(row, 'v', path),
      side: side === 'Buy' ? 'buy' : 'sell',
      exchangeTimeMs: f.timeAt(row, 'T', path),
    };
  });
  for (const trade of trades) sink.trade(trade);
}
