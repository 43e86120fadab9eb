import { invariant } from '../messages/errors.js';
import {
  BestQuoteEvent,
  BookEvent,
  emptyHeader,
  setHeader,
  type Capabilities,
  type Connector,
  type Endpoints,
  type FrameHeader,
  type FrameSink,
  type SubscriptionScope,
} from './base.js';
import * as f from './fields.js';
import { FrameError } from './frame-error.js';
import { FRAME_LIMITS, parseJson } from './frame-parser.js';
import { contractLevelsAt, contractsAt } from './gate-contracts.js';
import { readControl, topicOf } from './gate-control.js';
import { fractionalTimeAt } from './gate-fields.js';
import { GATE_ORDERS } from './gate-orders.js';
import { EXCHANGE, FEES, gateRest } from './gate-rest.js';
import { GateScanner } from './gate-scan.js';
import { GATE_PRIVATE_SOCKET } from './gate-stream.js';
import { withScanner } from './scan/scan-front.js';

/**
 * Gate spot socket v4 (PROTOCOLS §9). Books `spot.obu`: a whole book (`full`), then deltas whose `U` is the last `u` + 1; a whole
 * book may come at any time and replaces, an empty delta only advances, levels come in any order [O][P]. The older
 * `spot.order_book_update` bridges diffs onto a REST snapshot. Best quotes `spot.book_ticker` every 10 ms count with the books:
 * one number per market [O]. A request carries its time, which may be 60 s off [O].
 */

export interface GateOptions {
  readonly endpoints?: Partial<Endpoints>;
  /** `futures.order_book_update` is for old recordings. */
  readonly bookChannel?: GateBookChannel;
  /** Levels of `spot.obu`: 400 every 100 ms or 50 every 20 ms [O]. */
  readonly depth?: 50 | 400;
}
export type GateBookChannel = 'spot.obu' | 'spot.order_book_update' | 'futures.order_book_update';

function capabilitiesOf(channel: GateBookChannel, depth: 50 | 400): Capabilities {
  const isObu = channel === 'spot.obu';
  return {
    syncRule: isObu ? 'counted' : 'bridged',
    snapshotSource: isObu ? 'socket' : 'rest',
    depthLevels: isObu ? depth : 100,
    subscriptionMode: 'add',
    entrance: { kind: 'direct' },
    awaitsWelcome: false,
    clockResolutionMs: 1,
    checksum: 'none',
    // Seen on captured diffs, where every quote of a book's number equalled it [P]; no capture of `spot.obu` shows it yet.
    quoteOrderIsExact: !isObu,
    channels: {
      depth: isObu ? `spot.obu.${depth}` : channel,
      bestQuote: channel.startsWith('futures') ? 'futures.book_ticker' : 'spot.book_ticker',
      trades: 'spot.trades',
    },
    // A ping frame does; `spot.ping` would need the time in it. Lines that carry nothing end after 30 to 60 s [P].
    heartbeat: {
      everyMs: 15_000,
      probe: { kind: 'ping' },
      probeAfterSilenceMs: 4000,
      deadAfterSilenceMs: 9000,
    },
    limits: {
      maxFrameBytes: FRAME_LIMITS.maxBytes,
      // At most 300 connections [D]; messages and subscriptions are not limited [O 2022], what follows keeps bursts polite.
      connects: { kind: 'window', name: 'connects', capacity: 60, windowMs: 60_000 },
      clientMessages: { kind: 'window', name: 'messages', capacity: 50, windowMs: 1000 },
      subscriptions: null,
      // A refused or unserved pair then costs no other, and its answer names it.
      topicsPerRequest: 1,
      // The server closes lines whose client reads too slowly [O 2022].
      topicsPerConnection: 300,
      lifetimeMs: null,
    },
    // 200 in 10 s for each path [O]; one budget for all of them.
    restLimits: [{ kind: 'window', name: 'requests', capacity: 200, windowMs: 10_000 }],
    watchdogs: { noSnapshotMs: 10_000, silentSymbolMs: 60_000, silentConnectionMs: 15_000 },
    // PROTOCOLS §1.1 and §9.6 [O]. The look-up by text may end with the order; prevention is for members of a group only.
    orders: {
      clientId: { field: 'text', pattern: /^t-[0-9A-Za-z_.-]{1,28}$/, reuse: 'unknown', lookupMs: 0 },
      requestExpiry: { kind: 'deadline', field: 'x-gate-exptime' },
      deadManSwitch: { kind: 'timer', minMs: 5000, maxMs: Infinity, scope: 'account or pair' },
      selfTradePrevention: null,
    },
  };
}

const ADDRESSES = {
  spot: 'wss://api.gateio.ws/ws/v4/',
  futures: 'wss://fx-ws.gateio.ws/v4/ws/usdt',
} as const;

/** A new connector. It holds reusable buffers: one per feed. */
export function gate(options: GateOptions = {}): Connector {
  const channel = options.bookChannel ?? 'spot.obu';
  const depth = options.depth ?? 400;
  const market = channel.startsWith('futures') ? 'futures' : 'spot';
  const capabilities = capabilitiesOf(channel, depth);
  const { channels } = capabilities;
  const decoder = new GateDecoder();
  const payloadOf = (symbol: string): readonly string[] =>
    channel === 'spot.obu' ? [`ob.${symbol}.${depth}`] : [symbol, '100ms'];
  /** Books first: the others are of no use without them. */
  const topics = (symbols: readonly string[], scope: SubscriptionScope) => [
    ...symbols.map((symbol) => ({ channel, payload: payloadOf(symbol) })),
    ...[channels.bestQuote!, channels.trades].flatMap((name) =>
      scope === 'depth' ? [] : symbols.map((symbol) => ({ channel: name, payload: [symbol] })),
    ),
  ];
  const requests =
    (event: 'subscribe' | 'unsubscribe'): Connector['subscribe'] =>
    (symbols, scope, firstId, timeMs) => {
      invariant(Number.isFinite(timeMs), 'Gate refuses requests without the time');
      const time = Math.floor(timeMs / 1000);
      return topics(symbols, scope).map((topic, index) =>
        JSON.stringify({
          time,
          id: firstId + index,
          channel: topic.channel,
          event,
          payload: topic.payload,
        }),
      );
    };
  const connector: Connector = {
    exchange: EXCHANGE,
    capabilities,
    endpoints: {
      websocketUrl: ADDRESSES[market],
      restUrl: 'https://api.gateio.ws',
      ...(market === 'spot' && { privateUrl: GATE_PRIVATE_SOCKET }),
      ...options.endpoints,
    },
    fees: FEES,
    header: decoder.header,
    subscribe: requests('subscribe'),
    unsubscribe: requests('unsubscribe'),
    decode: (data, sink) => decoder.decode(data, sink),
    rest: gateRest(market, (answer, symbol, sink) =>
      decoder.readSnapshot(answer, market === 'futures', channels.depth, symbol, sink),
    ),
    // Contracts are followed in old recordings and never traded.
    ...(market === 'spot' && { orders: GATE_ORDERS }),
  };
  return withScanner(connector, new GateScanner(decoder.header, channels.depth));
}

const KINDS: ReadonlyMap<string, 'obu' | 'diff' | 'quote' | 'trade'> = new Map([
  ['spot.obu', 'obu'],
  ['spot.order_book_update', 'diff'],
  ['futures.order_book_update', 'diff'],
  ['spot.book_ticker', 'quote'],
  ['futures.book_ticker', 'quote'],
  ['spot.trades', 'trade'],
]);

class GateDecoder {
  readonly header = emptyHeader();
  private readonly bookEvent = new BookEvent();
  private readonly quote = new BestQuoteEvent();

  decode(data: Buffer, sink: FrameSink): FrameHeader {
    setHeader(this.header, 'foreign', '', '', '');
    const parsed = parseJson(data, FRAME_LIMITS);
    // Lists of the contract statistics and objects of the old `method` protocol have no channel.
    if (Array.isArray(parsed)) return this.header;
    const frame = f.asFields(parsed, 'frame');
    if (!Object.hasOwn(frame, 'channel')) return this.header;
    const channel = f.textAt(frame, 'channel', '');
    if (readControl(frame, channel, this.header, sink)) return this.header;
    const kind = KINDS.get(channel);
    if (kind === undefined) return this.foreign(frame, channel);
    setHeader(
      this.header,
      kind === 'quote' ? 'bestQuote' : kind === 'trade' ? 'trade' : 'book',
      channel,
      '',
      '',
    );
    const event = f.textAt(frame, 'event', '');
    if (event !== 'update') return setHeader(this.header, 'foreign', channel, '', event.slice(0, 32));
    const result = f.fieldsAt(frame, 'result', '');
    if (kind === 'obu') this.readObu(result, sink);
    else if (kind === 'diff') this.readDiff(channel, result, sink);
    else if (kind === 'quote') this.readQuote(channel, result, sink);
    else this.readTrade(channel, result, sink);
    return this.header;
  }

  /** The market stands in the topic: `ob.BTC_USDT.400`. */
  private readObu(result: f.Fields, sink: FrameSink): void {
    const name = f.symbolAt(result, 's', 'result.');
    const topic = topicOf(name);
    if (topic === null) throw new FrameError('result.s', "'ob.<market>.<levels>'", name);
    const isFull = this.beginBook(topic.channel, topic.symbol, result);
    const event = this.bookEvent;
    if (isFull && !Object.hasOwn(result, 'U')) event.first = event.last;
    else this.readFirst(result);
    // Members without a value are left out, as `full` and `U` are; so may a side be that did not change [D].
    event.bidRows = Object.hasOwn(result, 'b')
      ? f.levelsAt(result, 'b', 'result.', event.bids)
      : none(event.bids);
    event.askRows = Object.hasOwn(result, 'a')
      ? f.levelsAt(result, 'a', 'result.', event.asks)
      : none(event.asks);
    sink.book(event);
  }

  private readDiff(channel: string, result: f.Fields, sink: FrameSink): void {
    this.beginBook(channel, f.symbolAt(result, 's', 'result.'), result);
    this.readFirst(result);
    this.readSides(result, 'result.', 'b', 'a', channel.startsWith('futures'));
    sink.book(this.bookEvent);
  }

  /** Names the book in header and event and reads what all book frames have. True for a whole book. */
  private beginBook(channel: string, symbol: string, result: f.Fields): boolean {
    setHeader(this.header, 'book', channel, symbol, '');
    const event = this.bookEvent;
    event.symbol = symbol;
    event.channel = channel;
    event.snapshot = Object.hasOwn(result, 'full') && f.booleanAt(result, 'full', 'result.');
    this.header.detail = event.snapshot ? 'full' : 'update';
    event.exchangeTimeMs = f.timeAt(result, 't', 'result.');
    event.last = f.counterAt(result, 'u', 'result.');
    event.previous = NaN;
    event.order = event.last;
    return event.snapshot;
  }

  private readFirst(result: f.Fields): void {
    const event = this.bookEvent;
    event.first = f.counterAt(result, 'U', 'result.');
    if (event.first > event.last) throw new FrameError('result.U', 'at most u', event.first);
  }

  private readSides(from: f.Fields, path: string, bidKey: string, askKey: string, contracts: boolean): void {
    const event = this.bookEvent;
    if (contracts) {
      contractLevelsAt(from, bidKey, path, event.bids);
      contractLevelsAt(from, askKey, path, event.asks);
      event.bidRows = event.askRows = [];
    } else {
      event.bidRows = f.levelsAt(from, bidKey, path, event.bids);
      event.askRows = f.levelsAt(from, askKey, path, event.asks);
    }
  }

  private readQuote(channel: string, result: f.Fields, sink: FrameSink): void {
    const { quote } = this;
    quote.symbol = f.symbolAt(result, 's', 'result.');
    setHeader(this.header, 'bestQuote', channel, quote.symbol, 'update');
    quote.channel = channel;
    quote.order = f.counterAt(result, 'u', 'result.');
    quote.exchangeTimeMs = f.timeAt(result, 't', 'result.');
    const sizeAt = channel.startsWith('futures') ? contractsAt : f.sizeAt;
    quote.bidSize = sizeAt(result, 'B', 'result.');
    quote.bid = priceOrNone(result, 'b', quote.bidSize);
    quote.askSize = sizeAt(result, 'A', 'result.');
    quote.ask = priceOrNone(result, 'a', quote.askSize);
    sink.bestQuote(quote);
  }

  private readTrade(channel: string, result: f.Fields, sink: FrameSink): void {
    const symbol = f.symbolAt(result, 'currency_pair', 'result.');
    setHeader(this.header, 'trade', channel, symbol, 'update');
    const side = f.member(result, 'side');
    if (side !== 'buy' && side !== 'sell') throw new FrameError('result.side', "'buy' or 'sell'", side);
    sink.trade({
      symbol,
      channel,
      tradeId: f.idAt(result, 'id', 'result.'),
      price: f.positiveTextAt(result, 'price', 'result.'),
      quantity: f.positiveTextAt(result, 'amount', 'result.'),
      // The taker's [O].
      side,
      exchangeTimeMs: fractionalTimeAt(result, 'create_time_ms', 'result.'),
    });
  }

  private foreign(frame: f.Fields, channel: string): FrameHeader {
    const event = f.member(frame, 'event');
    const result = f.member(frame, 'result');
    const first: unknown = Array.isArray(result) ? (result as unknown[])[0] : result;
    const fields = f.isFields(first) ? first : {};
    const symbol = ['s', 'currency_pair', 'contract', 'n'].map((key) => f.member(fields, key));
    const name = symbol.find((value) => typeof value === 'string') ?? '';
    return setHeader(
      this.header,
      'foreign',
      channel,
      String(name).slice(0, 64),
      typeof event === 'string' ? event.slice(0, 32) : '',
    );
  }

  /** The REST snapshot `{id,current,update,asks,bids}`; contracts write their times in seconds. */
  readSnapshot(answer: f.Fields, contracts: boolean, channel: string, symbol: string, sink: FrameSink): void {
    const event = this.bookEvent;
    event.symbol = symbol;
    event.channel = channel;
    event.snapshot = true;
    event.exchangeTimeMs = contracts ? 0 : f.timeAt(answer, 'update', '');
    event.last = f.counterAt(answer, 'id', '');
    event.first = event.last;
    event.previous = NaN;
    event.order = event.last;
    this.readSides(answer, '', 'bids', 'asks', contracts);
    sink.book(event);
  }
}

function none(side: BookEvent['bids']): [] {
  side.clear();
  return [];
}

/** An empty side has no price ("") or 0, with size 0 [P]. */
function priceOrNone(result: f.Fields, key: string, size: number): number {
  const value = f.member(result, key);
  if (size === 0 && (value === '' || value === '0')) return 0;
  return f.priceAt(result, key, 'result.');
}
