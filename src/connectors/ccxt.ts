import { parsePrice, parseSize } from '../market/float-text.js';
import {
  BookEvent,
  emptyHeader,
  setHeader,
  type Capabilities,
  type Connector,
  type ControlEvent,
  type FrameHeader,
  type FrameSink,
  type SubscriptionScope,
  type TradeEvent,
} from './base.js';
import { CCXT_FEES, ccxtRest, decimalAt, type CcxtOptions } from './ccxt-rest.js';
import * as f from './fields.js';
import { FrameError } from './frame-error.js';
import { FRAME_LIMITS, parseJson } from './frame-parser.js';
import type { LevelBuffer } from './level-buffer.js';

/**
 * Any exchange that ccxt pro knows, by its id there. ccxt has its own sockets and its own bookkeeping; it runs behind the
 * `Sockets` and `HttpClient` ports (`runtime/platform/ccxt-link.ts`), which carry its unified structures as JSON. Here they
 * are judged like any other frame. What ccxt hides cannot be judged: sequence numbers, checksums, the exchange's own text of
 * a number. So the rule is `opaque`: a book is untrusted when it is crossed, when ccxt reports an error, when the symbol
 * falls silent or the line is lost, and nothing more can be known.
 *
 * Frames: `{"channel":"book","symbol","count","timestamp","nonce","bids":[[price,size]],"asks"}` with `count` growing on the
 * line; `{"channel":"book","symbol","lost":"…"}` when ccxt gave its book up; `{"channel":"trades","symbol","trades":[…]}`;
 * `{"event":"subscribed"|"unsubscribed"|"refused","channel","symbol","code","message"}`.
 */

export type { CcxtOptions } from './ccxt-rest.js';

/** Levels per side that are carried; the board shows fewer. */
export const CCXT_LEVELS = 50;

function capabilitiesOf(): Capabilities {
  return {
    syncRule: 'opaque',
    snapshotSource: 'socket',
    depthLevels: CCXT_LEVELS,
    subscriptionMode: 'add',
    entrance: { kind: 'direct' },
    awaitsWelcome: false,
    clockResolutionMs: 1,
    checksum: 'none',
    quoteOrderIsExact: false,
    channels: { depth: 'book', bestQuote: null, trades: 'trades' },
    heartbeat: {
      everyMs: null,
      probe: { kind: 'ping' },
      probeAfterSilenceMs: 4000,
      deadAfterSilenceMs: 9000,
    },
    limits: {
      maxFrameBytes: FRAME_LIMITS.maxBytes,
      // ccxt keeps the exchange's own limits; these keep a line that fails from being opened in a loop.
      connects: { kind: 'window', name: 'connects', capacity: 10, windowMs: 60_000 },
      clientMessages: { kind: 'window', name: 'messages', capacity: 100, windowMs: 1000 },
      subscriptions: null,
      topicsPerRequest: 1000,
      topicsPerConnection: 1000,
      lifetimeMs: null,
    },
    restLimits: [{ kind: 'window', name: 'requests', capacity: 5, windowMs: 1000 }],
    // A quiet symbol is watched anew early: silence is one of the few things that tell against an opaque book.
    watchdogs: { noSnapshotMs: 20_000, silentSymbolMs: 20_000, silentConnectionMs: 10_000 },
    // No orders are sent through ccxt; what its exchanges promise about them is not known here.
    orders: {
      clientId: { field: 'clientOrderId', pattern: /^[A-Za-z0-9]{1,32}$/, reuse: 'unknown', lookupMs: 0 },
      requestExpiry: { kind: 'none' },
      deadManSwitch: { kind: 'none' },
      selfTradePrevention: null,
    },
  };
}

/** A new connector. It holds reusable buffers: one per feed. */
export function ccxt(options: CcxtOptions): Connector {
  const { exchange, ccxtId } = options;
  const decoder = new CcxtDecoder();
  const request = (op: string, symbols: readonly string[], scope: SubscriptionScope) => [
    JSON.stringify({ op, channels: scope === 'depth' ? ['book'] : ['book', 'trades'], symbols }),
  ];
  return {
    exchange,
    capabilities: capabilitiesOf(),
    endpoints: { websocketUrl: `ccxt://${ccxtId}/`, restUrl: `ccxt://${ccxtId}` },
    fees: CCXT_FEES,
    header: decoder.header,
    subscribe: (symbols, scope) => request('subscribe', symbols, scope),
    unsubscribe: (symbols, scope) => request('unsubscribe', symbols, scope),
    decode: (data, sink) => decoder.decode(data, sink),
    rest: ccxtRest(options, (row, symbol) => decoder.readBook(row, '', symbol)),
  };
}

const CONTROL_KINDS: ReadonlyMap<string, ControlEvent['kind']> = new Map([
  ['subscribed', 'subscribed'],
  ['unsubscribed', 'unsubscribed'],
  ['refused', 'refused'],
]);

class CcxtDecoder {
  readonly header = emptyHeader();
  private readonly bookEvent = new BookEvent(CCXT_LEVELS);

  decode(data: Buffer, sink: FrameSink): FrameHeader {
    setHeader(this.header, 'foreign', '', '', '');
    const frame = f.asFields(parseJson(data, FRAME_LIMITS), 'frame');
    if (Object.hasOwn(frame, 'event')) return this.control(frame, sink);
    const channel = f.textAt(frame, 'channel', '');
    if (channel !== 'book' && channel !== 'trades') return setHeader(this.header, 'foreign', channel, '', '');
    setHeader(this.header, channel === 'book' ? 'book' : 'trade', channel, '', '');
    const symbol = f.symbolAt(frame, 'symbol', '');
    this.header.symbol = symbol;
    if (channel === 'trades') this.readTrades(frame, sink);
    else if (Object.hasOwn(frame, 'lost'))
      throw new FrameError('book', 'held by ccxt any longer', f.textAt(frame, 'lost', ''));
    else sink.book(this.readBook(frame, '', symbol));
    return this.header;
  }

  /** Fills the event from one unified order book. */
  readBook(row: f.Fields, path: string, symbol: string): BookEvent {
    const event = this.bookEvent;
    event.symbol = symbol;
    event.channel = 'book';
    event.snapshot = true;
    // Our own count of the line; the nonce is shown and proves nothing.
    event.order = f.counterAt(row, 'count', path);
    event.last = f.member(row, 'nonce') === null ? NaN : f.counterAt(row, 'nonce', path);
    event.first = event.last;
    event.previous = NaN;
    event.exchangeTimeMs = f.member(row, 'timestamp') === null ? 0 : f.timeAt(row, 'timestamp', path);
    readLevels(row, 'bids', path, event.bids);
    readLevels(row, 'asks', path, event.asks);
    return event;
  }

  private readTrades(frame: f.Fields, sink: FrameSink): void {
    const { symbol } = this.header;
    const trades = f
      .listAt(frame, 'trades', '', 1000)
      .map((value, index) => readTrade(f.asFields(value, `trades[${index}]`), `trades[${index}].`, symbol));
    for (const trade of trades) sink.trade(trade);
  }

  private control(frame: f.Fields, sink: FrameSink): FrameHeader {
    const event = f.textAt(frame, 'event', '');
    const text = (key: string) => {
      const value = f.member(frame, key);
      return typeof value === 'string' ? value.slice(0, 256) : '';
    };
    setHeader(this.header, 'control', text('channel'), text('symbol'), event);
    const kind = CONTROL_KINDS.get(event);
    const { channel, symbol } = this.header;
    if (kind !== undefined)
      sink.control({ kind, channel, symbol, code: text('code'), message: text('message') });
    return this.header;
  }
}

/** `[[price, size], …]`, best first, as numbers. A level without a size, which ccxt leaves out as a rule, is dropped. */
function readLevels(row: f.Fields, key: string, path: string, into: LevelBuffer): void {
  const rows = f.listAt(row, key, path, into.maxLevels);
  into.clear();
  for (const [index, level] of rows.entries()) {
    if (!Array.isArray(level) || level.length < 2)
      throw new FrameError(`${path}${key}[${index}]`, 'a level [price, size]', level);
    const price = numberOf(level[0], parsePrice);
    if (!(price > 0)) throw new FrameError(`${path}${key}[${index}][0]`, 'a price above 0', level[0]);
    const size = numberOf(level[1], parseSize);
    if (!(size >= 0)) throw new FrameError(`${path}${key}[${index}][1]`, 'a size not below 0', level[1]);
    if (size > 0) into.add(price, size);
  }
}

/** A finite number; one of 16 and more digits arrives as text. NaN for anything else. */
function numberOf(value: unknown, parse: (text: string) => number): number {
  if (typeof value === 'string') return parse(value);
  return typeof value === 'number' && Number.isFinite(value) ? value : NaN;
}

function readTrade(row: f.Fields, path: string, symbol: string): TradeEvent {
  const side = f.member(row, 'side');
  if (side !== 'buy' && side !== 'sell') throw new FrameError(`${path}side`, "'buy' or 'sell'", side);
  return {
    symbol,
    channel: 'trades',
    tradeId: f.idAt(row, 'id', path),
    price: decimalAt(row, 'price', path),
    quantity: decimalAt(row, 'amount', path),
    side,
    exchangeTimeMs: f.timeAt(row, 'timestamp', path),
  };
}
