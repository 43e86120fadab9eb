import {
  BestQuoteEvent,
  BookEvent,
  emptyHeader,
  setHeader,
  type ControlKind,
  type FrameHeader,
  type FrameSink,
} from './base.js';
import * as f from './fields.js';
import { FrameError } from './frame-error.js';
import { FRAME_LIMITS, parseJson } from './frame-parser.js';
import { categoryOf, requestNamed } from './kucoin-channels.js';
import * as k from './kucoin-fields.js';

/** Reads the frames of both public sockets, whichever the connector is set to (PROTOCOLS §8). */
export class KucoinDecoder {
  readonly header = emptyHeader();
  private readonly bookEvent = new BookEvent();
  private readonly quote = new BestQuoteEvent();

  decode(data: Buffer, sink: FrameSink): FrameHeader {
    setHeader(this.header, 'foreign', '', '', '');
    const frame = f.asFields(parseJson(data, FRAME_LIMITS), 'frame');
    if (Object.hasOwn(frame, 'T')) return this.proFrame(frame, sink);
    return Object.hasOwn(frame, 'topic') ? this.classicFrame(frame, sink) : this.control(frame, sink);
  }

  /** `{T:"obu.SPOT",dp,t,P,d:{…}}`: type, depth, kind, push time, data. */
  private proFrame(frame: f.Fields, sink: FrameSink): FrameHeader {
    const type = f.textAt(frame, 'T', '');
    const at = type.lastIndexOf('.');
    const depth = f.member(frame, 'dp');
    const name = at < 0 ? type : type.slice(0, at);
    const channel = typeof depth === 'string' ? `${name}/${depth.slice(0, 32)}` : name;
    const category = type.slice(at + 1).toUpperCase() === 'SPOT' ? categoryOf(channel) : 'foreign';
    setHeader(this.header, category, channel, '', '');
    if (category === 'foreign') return this.header;
    const row = f.fieldsAt(frame, 'd', '');
    const symbol = f.symbolAt(row, 's', 'd.');
    this.header.symbol = symbol;
    if (category === 'trade') sink.trade(k.proTrade(row, channel, symbol));
    else this.proBook(frame, row, sink);
    return this.header;
  }

  private proBook(frame: f.Fields, row: f.Fields, sink: FrameSink): void {
    const { category } = this.header;
    const kind = f.textAt(frame, 't', '');
    if (kind !== 'snapshot' && (kind !== 'delta' || category !== 'book')) {
      throw new FrameError('t', category === 'book' ? "'snapshot' or 'delta'" : "'snapshot'", kind);
    }
    this.header.detail = kind;
    const event = this.begin(kind === 'snapshot');
    event.first = f.counterAt(row, 'O', 'd.');
    event.last = f.counterAt(row, 'C', 'd.');
    if (event.first > event.last) throw new FrameError('d.O', 'at most C', event.first);
    event.order = event.last;
    event.exchangeTimeMs = k.nanosecondsAt(row, 'M', 'd.');
    event.bidRows = f.levelsAt(row, 'b', 'd.', event.bids);
    event.askRows = f.levelsAt(row, 'a', 'd.', event.asks);
    if (category === 'book') sink.book(event);
    else this.topQuote(sink, 'd.b', 'd.a');
  }

  /** `{type:"message",topic:"/market/level2:BTC-USDT",subject,data}`. */
  private classicFrame(frame: f.Fields, sink: FrameSink): FrameHeader {
    const topic = f.textAt(frame, 'topic', '');
    const at = topic.lastIndexOf(':');
    const channel = at < 0 ? topic : topic.slice(0, at);
    const symbol = at < 0 ? '' : topic.slice(at + 1);
    const subject = f.member(frame, 'subject');
    const category = symbol === '' ? 'foreign' : categoryOf(channel);
    setHeader(
      this.header,
      category,
      channel,
      symbol,
      typeof subject === 'string' ? subject.slice(0, 64) : '',
    );
    // `/market/ticker:all` tells of every market, its subject being the name; nobody here asks for it.
    if (category === 'foreign' || symbol === 'all')
      return setHeader(this.header, 'foreign', channel, symbol, '');
    const data = f.fieldsAt(frame, 'data', '');
    switch (channel) {
      case '/market/level2':
        this.changes(data, sink);
        break;
      case '/market/ticker':
        this.ticker(data, sink);
        break;
      case '/spotMarket/level1':
        this.levelOne(data, sink);
        break;
      case '/market/match':
        sink.trade(k.classicTrade(data, channel, symbol));
        break;
      case '/market/snapshot':
        return this.state(data, sink);
      default:
        this.wholeBook(data, sink);
    }
    return this.header;
  }

  private changes(data: f.Fields, sink: FrameSink): void {
    k.sameSymbol(data, 'symbol', 'data.', this.header.symbol);
    const event = this.begin(false);
    // The exchange's own page once prints them the other way round.
    const start = f.counterAt(data, 'sequenceStart', 'data.');
    const end = f.counterAt(data, 'sequenceEnd', 'data.');
    event.first = Math.min(start, end);
    event.last = Math.max(start, end);
    event.order = event.last;
    // Frames of 2022 and before have no time.
    event.exchangeTimeMs = Object.hasOwn(data, 'time') ? f.timeAt(data, 'time', 'data.') : 0;
    const changes = f.fieldsAt(data, 'changes', 'data.');
    k.changesAt(changes, 'bids', 'data.changes.', event.bids);
    k.changesAt(changes, 'asks', 'data.changes.', event.asks);
    event.bidRows = [];
    event.askRows = [];
    sink.book(event);
  }

  private wholeBook(data: f.Fields, sink: FrameSink): void {
    const event = this.begin(true);
    event.first = NaN;
    event.last = NaN;
    event.exchangeTimeMs = f.timeAt(data, 'timestamp', 'data.');
    event.order = event.exchangeTimeMs;
    event.bidRows = f.levelsAt(data, 'bids', 'data.', event.bids);
    event.askRows = f.levelsAt(data, 'asks', 'data.', event.asks);
    sink.book(event);
  }

  /** One level a side, `["price","size"]`; an empty side is an empty list. */
  private levelOne(data: f.Fields, sink: FrameSink): void {
    const event = this.begin(true);
    event.exchangeTimeMs = f.timeAt(data, 'timestamp', 'data.');
    event.order = event.exchangeTimeMs;
    k.bestLevelAt(data, 'bids', 'data.', event.bids);
    k.bestLevelAt(data, 'asks', 'data.', event.asks);
    this.topQuote(sink, 'data.bids', 'data.asks');
  }

  private ticker(data: f.Fields, sink: FrameSink): void {
    const { quote, header } = this;
    quote.symbol = header.symbol;
    quote.channel = header.channel;
    quote.order = k.counterTextAt(data, 'sequence', 'data.');
    quote.exchangeTimeMs = f.timeAt(data, 'time', 'data.');
    quote.bid = f.sizeAt(data, 'bestBid', 'data.');
    quote.bidSize = f.sizeAt(data, 'bestBidSize', 'data.');
    quote.ask = f.sizeAt(data, 'bestAsk', 'data.');
    quote.askSize = f.sizeAt(data, 'bestAskSize', 'data.');
    sink.bestQuote(quote);
  }

  private state(data: f.Fields, sink: FrameSink): FrameHeader {
    const row = f.member(data, 'data');
    // A list of markets was sent by an older version.
    if (Array.isArray(row))
      return setHeader(this.header, 'foreign', this.header.channel, this.header.symbol, '');
    const fields = f.asFields(row, 'data.data');
    const symbol = f.symbolAt(fields, 'symbol', 'data.data.');
    const trading = f.booleanAt(fields, 'trading', 'data.data.');
    const state = trading ? 'trading' : 'halted';
    sink.instrumentState({ symbol, state, reason: `trading ${trading}` });
    return this.header;
  }

  private control(frame: f.Fields, sink: FrameSink): FrameHeader {
    const { kind, detail, code, message } = k.controlOf(frame);
    if (detail === '') return this.header;
    const { isSubscription, channel, symbol } = requestNamed(f.member(frame, 'id'));
    setHeader(this.header, 'control', channel, symbol, detail);
    const told: ControlKind = kind === 'subscribed' && !isSubscription ? 'unsubscribed' : kind;
    sink.control({ kind: told, channel, symbol, code, message });
    return this.header;
  }

  /** A book of REST, `{sequence,time,bids,asks}`, as a snapshot of `channel`. */
  readSnapshot(data: f.Fields, path: string, channel: string, symbol: string): BookEvent {
    const event = this.begin(true);
    event.symbol = symbol;
    event.channel = channel;
    event.last = k.counterTextAt(data, 'sequence', path);
    event.first = event.last;
    event.order = event.last;
    event.exchangeTimeMs = f.timeAt(data, 'time', path);
    event.bidRows = f.levelsAt(data, 'bids', path, event.bids);
    event.askRows = f.levelsAt(data, 'asks', path, event.asks);
    return event;
  }

  private begin(snapshot: boolean): BookEvent {
    const event = this.bookEvent;
    event.symbol = this.header.symbol;
    event.channel = this.header.channel;
    event.snapshot = snapshot;
    event.previous = NaN;
    return event;
  }

  /** The book event holds at most one level a side: it is a best quote. */
  private topQuote(sink: FrameSink, bidField: string, askField: string): void {
    const { quote, bookEvent, header } = this;
    const { bids, asks } = bookEvent;
    if (bids.count > 1) throw new FrameError(bidField, 'at most one level', bookEvent.bidRows);
    if (asks.count > 1) throw new FrameError(askField, 'at most one level', bookEvent.askRows);
    quote.symbol = header.symbol;
    quote.channel = header.channel;
    quote.order = bookEvent.order;
    quote.exchangeTimeMs = bookEvent.exchangeTimeMs;
    quote.bid = bids.count > 0 ? bids.prices[0]! : 0;
    quote.bidSize = bids.count > 0 ? bids.sizes[0]! : 0;
    quote.ask = asks.count > 0 ? asks.prices[0]! : 0;
    quote.askSize = asks.count > 0 ? asks.sizes[0]! : 0;
    sink.bestQuote(quote);
  }
}
