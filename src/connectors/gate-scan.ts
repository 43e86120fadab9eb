import { BestQuoteEvent, BookEvent, setHeader, type FrameHeader, type FrameSink } from './base.js';
import { REST_LIMITS } from './frame-parser.js';
import { FrameCursor, piece } from './scan/frame-cursor.js';
import type { Piece } from './scan/frame-bytes.js';
import type { FrameScanner } from './scan/scan-front.js';
import { WordTable } from './scan/word-table.js';

/**
 * The books and best quotes of Gate's socket from their bytes (PROTOCOLS §9 [P]); prints and empty sides are left to the JSON decoder.
 * Channels differ in the order of their keys, so that any order of the known ones is taken where the channel comes before its result.
 */

const OPEN = piece('{');
const CLOSE = piece('}');
const QUOTE = piece('"');
const UPDATE = piece('"update"');
const DEPTH_UPDATE = piece('"depthUpdate"');

const FRAME_KEYS = ['time', 'time_ms', 'channel', 'event', 'result'].map(keyOf);
/** Bits of channel, event and result. */
const FRAME_NEEDS = 0b11100;
const HAS_CHANNEL = 0b100;
const BOOK_KEYS = ['t', 'e', 'E', 's', 'U', 'u', 'b', 'a', 'full', 'l'].map(keyOf);
/** Bits of t, s and u. */
const BOOK_NEEDS = 0b101001;
const HAS_FIRST = 0b10000;
const HAS_SIDES = 0b11000000;
const SNAPSHOT_KEYS = ['id', 'current', 'update', 'asks', 'bids'].map(keyOf);
/** Bits of id and of both sides; spot has `update` too. */
const SNAPSHOT_NEEDS = 0b11001;
const HAS_UPDATE = 0b100;
const QUOTE_KEYS = ['t', 'u', 's', 'b', 'B', 'a', 'A'].map(keyOf);
const QUOTE_NEEDS = 0b1111111;

function keyOf(name: string): Piece {
  return piece(`"${name}":`);
}

interface Channel {
  readonly name: string;
  readonly kind: 'obu' | 'diff' | 'quote';
  /** Sizes are counts of contracts. */
  readonly isFutures: boolean;
}

const CHANNELS: readonly Channel[] = [
  { name: 'spot.obu', kind: 'obu', isFutures: false },
  { name: 'spot.order_book_update', kind: 'diff', isFutures: false },
  { name: 'spot.book_ticker', kind: 'quote', isFutures: false },
  { name: 'futures.order_book_update', kind: 'diff', isFutures: true },
  { name: 'futures.book_ticker', kind: 'quote', isFutures: true },
];

/** What `s` names: a market, or with `ob.` and the levels the book of one. */
interface Topic {
  readonly symbol: string;
  /** Of `spot.obu`; '' for a market's plain name. */
  readonly obuChannel: string;
}

export class GateScanner implements FrameScanner {
  private readonly header: FrameHeader;
  private readonly cursor = new FrameCursor();
  private readonly channels = new WordTable<Channel>();
  private readonly topics = new WordTable<Topic>();
  private readonly event = new BookEvent();
  private readonly quote = new BestQuoteEvent();
  private channel: Channel = CHANNELS[0]!;
  private topic: Topic = { symbol: '', obuChannel: '' };
  private readonly snapshot = new BookEvent();

  /** `depthChannel`: of the books that REST answers with. */
  constructor(header: FrameHeader, depthChannel: string) {
    this.header = header;
    this.snapshot.snapshot = true;
    this.snapshot.channel = depthChannel;
    for (const channel of CHANNELS) this.channels.add(channel.name, channel);
  }

  follow(symbols: readonly string[]): void {
    for (const symbol of symbols) {
      this.topics.add(symbol, { symbol, obuChannel: '' });
      if (symbol.includes('.')) continue;
      for (const levels of [50, 400])
        this.topics.add(`ob.${symbol}.${levels}`, { symbol, obuChannel: `spot.obu.${levels}` });
    }
  }

  scan(data: Buffer, sink: FrameSink): boolean {
    const { cursor } = this;
    if (!cursor.open(data) || !cursor.literal(OPEN)) return false;
    let seen = 0;
    let key = -1;
    do {
      key = cursor.key(FRAME_KEYS, key + 1);
      if (key < 0 || (seen & (1 << key)) !== 0 || !this.frameMember(key, seen)) return false;
      seen |= 1 << key;
    } while (cursor.comma());
    if ((seen & FRAME_NEEDS) !== FRAME_NEEDS || !cursor.ends(CLOSE)) return false;
    if (this.channel.kind === 'quote') this.giveQuote(sink);
    else this.giveBook(sink);
    return true;
  }

  scanDepth(body: Buffer, symbol: string, sink: FrameSink): boolean {
    const { cursor, snapshot } = this;
    if (!cursor.open(body, REST_LIMITS) || !cursor.literal(OPEN)) return false;
    const isFutures = snapshot.channel.startsWith('futures');
    let seen = 0;
    let key = -1;
    do {
      key = cursor.key(SNAPSHOT_KEYS, key + 1);
      if (key < 0 || (seen & (1 << key)) !== 0 || !this.snapshotMember(key, isFutures)) return false;
      seen |= 1 << key;
    } while (cursor.comma());
    const needs = isFutures ? SNAPSHOT_NEEDS : SNAPSHOT_NEEDS | HAS_UPDATE;
    if ((seen & needs) !== needs || !cursor.ends(CLOSE)) return false;
    snapshot.symbol = symbol;
    snapshot.first = snapshot.last;
    snapshot.order = snapshot.last;
    sink.book(snapshot);
    return true;
  }

  private snapshotMember(key: number, isFutures: boolean): boolean {
    const { cursor, snapshot } = this;
    switch (key) {
      case 0:
        if (!cursor.integer()) return false;
        snapshot.last = cursor.value;
        return true;
      case 1:
        return cursor.unread();
      case 2:
        // Contracts write their times in seconds, which nobody reads.
        if (isFutures) return cursor.unread();
        if (!cursor.integer()) return false;
        snapshot.exchangeTimeMs = cursor.value;
        return true;
      case 3:
        return isFutures ? cursor.contractLevels(snapshot.asks) : cursor.textLevels(snapshot.asks);
      default:
        return isFutures ? cursor.contractLevels(snapshot.bids) : cursor.textLevels(snapshot.bids);
    }
  }

  private frameMember(key: number, seen: number): boolean {
    const { cursor } = this;
    if (key === 2) {
      if (!cursor.literal(QUOTE)) return false;
      const channel = cursor.word(this.channels);
      if (channel === undefined) return false;
      this.channel = channel;
      return cursor.literal(QUOTE);
    }
    if (key === 3) return cursor.literal(UPDATE);
    if (key !== 4) return cursor.integer();
    if ((seen & HAS_CHANNEL) === 0 || !cursor.literal(OPEN)) return false;
    return this.channel.kind === 'quote' ? this.quoteResult() : this.bookResult();
  }

  private bookResult(): boolean {
    const { cursor, event } = this;
    event.snapshot = false;
    event.bids.clear();
    event.asks.clear();
    let seen = 0;
    let key = -1;
    do {
      key = cursor.key(BOOK_KEYS, key + 1);
      if (key < 0 || (seen & (1 << key)) !== 0 || !this.bookMember(key)) return false;
      seen |= 1 << key;
    } while (cursor.comma());
    const isObu = this.channel.kind === 'obu';
    if ((seen & BOOK_NEEDS) !== BOOK_NEEDS || isObu !== (this.topic.obuChannel !== '')) return false;
    // Members without a value are left out of `spot.obu`.
    if (!isObu && (seen & HAS_SIDES) !== HAS_SIDES) return false;
    if ((seen & HAS_FIRST) === 0) {
      if (!isObu || !event.snapshot) return false;
      event.first = event.last;
    }
    return event.first <= event.last && cursor.literal(CLOSE);
  }

  private bookMember(key: number): boolean {
    const { cursor, event } = this;
    switch (key) {
      case 0:
        if (!cursor.integer()) return false;
        event.exchangeTimeMs = cursor.value;
        return true;
      case 1:
        return cursor.literal(DEPTH_UPDATE);
      case 2:
        return cursor.integer();
      case 3:
        return this.topicName();
      case 4:
        if (!cursor.integer()) return false;
        event.first = cursor.value;
        return true;
      case 5:
        if (!cursor.integer()) return false;
        event.last = cursor.value;
        return true;
      case 6:
        return this.channel.isFutures ? cursor.contractLevels(event.bids) : cursor.textLevels(event.bids);
      case 7:
        return this.channel.isFutures ? cursor.contractLevels(event.asks) : cursor.textLevels(event.asks);
      case 8:
        if (!cursor.flag()) return false;
        event.snapshot = cursor.value === 1;
        return true;
      default:
        return cursor.quotedInteger();
    }
  }

  private topicName(): boolean {
    const { cursor } = this;
    if (!cursor.literal(QUOTE)) return false;
    const topic = cursor.word(this.topics);
    if (topic === undefined) return false;
    this.topic = topic;
    return cursor.literal(QUOTE);
  }

  private giveBook(sink: FrameSink): void {
    const { event, topic, channel } = this;
    event.symbol = topic.symbol;
    event.channel = channel.kind === 'obu' ? topic.obuChannel : channel.name;
    event.order = event.last;
    setHeader(this.header, 'book', event.channel, event.symbol, event.snapshot ? 'full' : 'update');
    sink.book(event);
  }

  private quoteResult(): boolean {
    const { cursor } = this;
    let seen = 0;
    let key = -1;
    do {
      key = cursor.key(QUOTE_KEYS, key + 1);
      if (key < 0 || (seen & (1 << key)) !== 0 || !this.quoteMember(key)) return false;
      seen |= 1 << key;
    } while (cursor.comma());
    return seen === QUOTE_NEEDS && this.topic.obuChannel === '' && cursor.literal(CLOSE);
  }

  private quoteMember(key: number): boolean {
    const { cursor, quote } = this;
    switch (key) {
      case 0:
        if (!cursor.integer()) return false;
        quote.exchangeTimeMs = cursor.value;
        return true;
      case 1:
        if (!cursor.integer()) return false;
        quote.order = cursor.value;
        return true;
      case 2:
        return this.topicName();
      case 3:
        if (!this.price()) return false;
        quote.bid = cursor.value;
        return true;
      case 4:
        if (!this.size()) return false;
        quote.bidSize = cursor.value;
        return true;
      case 5:
        if (!this.price()) return false;
        quote.ask = cursor.value;
        return true;
      default:
        if (!this.size()) return false;
        quote.askSize = cursor.value;
        return true;
    }
  }

  /** Above 0: an empty side is left to the JSON decoder. */
  private price(): boolean {
    const { cursor } = this;
    return cursor.quotedDecimal() && cursor.value > 0;
  }

  private size(): boolean {
    return this.channel.isFutures ? this.cursor.integer() : this.cursor.quotedDecimal();
  }

  private giveQuote(sink: FrameSink): void {
    const { quote, topic, channel } = this;
    quote.symbol = topic.symbol;
    quote.channel = channel.name;
    setHeader(this.header, 'bestQuote', channel.name, topic.symbol, 'update');
    sink.bestQuote(quote);
  }
}
