import { BestQuoteEvent, BookEvent, setHeader, type FrameHeader, type FrameSink } from './base.js';
import type { Piece } from './scan/frame-bytes.js';
import { FrameCursor, piece } from './scan/frame-cursor.js';
import type { FrameScanner } from './scan/scan-front.js';
import { WordTable } from './scan/word-table.js';

/**
 * The books and best quotes of KuCoin's two public sockets from their bytes (PROTOCOLS §8 [P]); prints, states and `/market/ticker`
 * are left to the JSON decoder. The Pro socket puts a blank behind each comma of its outer object and none inside. The keys of a book
 * stand in several orders, so that any order of the known ones is taken.
 */

const PRO = piece('{"T":"obu.SPOT", "dp":"');
const KIND = piece('", "t":"');
const SNAPSHOT = piece('snapshot", "P":');
const DELTA = piece('delta", "P":');
const PRO_DATA = piece(', "d":{');
const CLASSIC = piece('{"type":"message","topic":"');
const COLON = piece(':');
const DATA = piece(',"data":{');
const OPEN = piece('{');
const CLOSE = piece('}');
const END = piece('}}');
const QUOTE = piece('"');

const PRO_KEYS = ['a', 'b', 's', 'C', 'M', 'O'].map(keyOf);
const PRO_NEEDS = 0b111111;
const CHANGE_KEYS = ['changes', 'sequenceEnd', 'sequenceStart', 'symbol', 'time'].map(keyOf);
/** All but `time`, which frames of 2022 and before have not. */
const CHANGE_NEEDS = 0b1111;
const SIDE_KEYS = ['asks', 'bids'].map(keyOf);
const SIDE_NEEDS = 0b11;
const WHOLE_KEYS = ['asks', 'bids', 'timestamp'].map(keyOf);
const WHOLE_NEEDS = 0b111;

function keyOf(name: string): Piece {
  return piece(`"${name}":`);
}

interface ClassicChannel {
  readonly name: string;
  readonly kind: 'changes' | 'whole' | 'quote';
  readonly subject: string;
  readonly subjectBytes: Piece;
}

const CLASSIC_CHANNELS: readonly ClassicChannel[] = [
  channelOf('/market/level2', 'changes', 'trade.l2update'),
  channelOf('/spotMarket/level2Depth50', 'whole', 'level2'),
  channelOf('/spotMarket/level2Depth5', 'whole', 'level2'),
  channelOf('/spotMarket/level1', 'quote', 'level1'),
];

function channelOf(name: string, kind: ClassicChannel['kind'], subject: string): ClassicChannel {
  return { name, kind, subject, subjectBytes: piece(`","subject":"${subject}"`) };
}

/** The kinds of objects that hold levels: each with its own keys. */
type Shape = 'pro' | 'changes' | 'sides' | 'whole' | 'quote';

export class KucoinScanner implements FrameScanner {
  private readonly header: FrameHeader;
  private readonly cursor = new FrameCursor();
  private readonly proChannels = new WordTable<string>();
  private readonly classicChannels = new WordTable<ClassicChannel>(':');
  private readonly symbols = new WordTable<string>();
  private readonly event = new BookEvent();
  private readonly quote = new BestQuoteEvent();
  private symbol = '';

  constructor(header: FrameHeader) {
    this.header = header;
    for (const depth of ['increment@10ms', '1']) this.proChannels.add(depth, `obu/${depth}`);
    for (const channel of CLASSIC_CHANNELS) this.classicChannels.add(channel.name, channel);
  }

  follow(symbols: readonly string[]): void {
    // `all` is no market: a topic of every market has that name.
    for (const symbol of symbols)
      if (symbol !== 'all' && !symbol.includes(':')) this.symbols.add(symbol, symbol);
  }

  scan(data: Buffer, sink: FrameSink): boolean {
    const { cursor } = this;
    if (!cursor.open(data)) return false;
    if (cursor.literal(PRO)) return this.proFrame(sink);
    return cursor.literal(CLASSIC) && this.classicFrame(sink);
  }

  private proFrame(sink: FrameSink): boolean {
    const { cursor, event } = this;
    const channel = cursor.word(this.proChannels);
    if (channel === undefined || !cursor.literal(KIND)) return false;
    const isQuote = channel === 'obu/1';
    event.snapshot = cursor.literal(SNAPSHOT);
    if (!event.snapshot && (isQuote || !cursor.literal(DELTA))) return false;
    if (!cursor.digits() || !cursor.literal(PRO_DATA)) return false;
    this.symbol = '';
    if (this.members('pro', PRO_KEYS, PRO_NEEDS) === 0 || !cursor.ends(END)) return false;
    if (event.first > event.last) return false;
    event.order = event.last;
    return this.give(isQuote, channel, event.snapshot ? 'snapshot' : 'delta', sink);
  }

  private classicFrame(sink: FrameSink): boolean {
    const { cursor, event } = this;
    const channel = cursor.word(this.classicChannels);
    if (channel === undefined || !cursor.literal(COLON)) return false;
    const symbol = cursor.word(this.symbols);
    if (symbol === undefined || !cursor.literal(channel.subjectBytes) || !cursor.literal(DATA)) return false;
    this.symbol = symbol;
    const { kind } = channel;
    event.snapshot = kind !== 'changes';
    event.exchangeTimeMs = 0;
    event.first = NaN;
    event.last = NaN;
    const seen =
      kind === 'changes'
        ? this.members(kind, CHANGE_KEYS, CHANGE_NEEDS)
        : this.members(kind, WHOLE_KEYS, WHOLE_NEEDS);
    if (seen === 0 || !cursor.ends(END)) return false;
    if (kind === 'changes') this.orderChanges();
    else event.order = event.exchangeTimeMs;
    return this.give(kind === 'quote', channel.name, channel.subject, sink);
  }

  /** The exchange's own page once prints first and last number the other way round. */
  private orderChanges(): void {
    const { event } = this;
    const { first, last } = event;
    event.first = Math.min(first, last);
    event.last = Math.max(first, last);
    event.order = event.last;
    event.bids.orderBySequence();
    event.asks.orderBySequence();
  }

  /** The members of an object in any order, each at most once; bits of those seen, 0 when one is not known or one of `needs` missing. */
  private members(shape: Shape, keys: readonly Piece[], needs: number): number {
    const { cursor } = this;
    let seen = 0;
    let key = -1;
    do {
      key = cursor.key(keys, key + 1);
      if (key < 0 || (seen & (1 << key)) !== 0 || !this.member(shape, key)) return 0;
      seen |= 1 << key;
    } while (cursor.comma());
    return (seen & needs) === needs ? seen : 0;
  }

  private member(shape: Shape, key: number): boolean {
    const { cursor, event } = this;
    if (shape === 'changes') return this.changeMember(key);
    if (key === 0) return this.side(shape, event.asks);
    if (key === 1) return this.side(shape, event.bids);
    if (shape === 'pro') return this.proMember(key);
    if (!cursor.integer()) return false;
    event.exchangeTimeMs = cursor.value;
    return true;
  }

  private side(shape: Shape, into: BookEvent['asks']): boolean {
    if (shape === 'quote') return this.cursor.bestLevel(into);
    return shape === 'sides' ? this.cursor.numberedLevels(into) : this.cursor.textLevels(into);
  }

  private proMember(key: number): boolean {
    const { cursor, event } = this;
    if (key === 2) return this.symbolName();
    if (key === 4) {
      if (!cursor.nanoseconds()) return false;
      event.exchangeTimeMs = cursor.value;
      return true;
    }
    if (!cursor.integer()) return false;
    if (key === 3) event.last = cursor.value;
    else event.first = cursor.value;
    return true;
  }

  private changeMember(key: number): boolean {
    const { cursor, event } = this;
    if (key === 0)
      return (
        cursor.literal(OPEN) && this.members('sides', SIDE_KEYS, SIDE_NEEDS) !== 0 && cursor.literal(CLOSE)
      );
    if (key === 3) return this.symbolName();
    if (!cursor.integer()) return false;
    if (key === 1) event.last = cursor.value;
    else if (key === 2) event.first = cursor.value;
    else event.exchangeTimeMs = cursor.value;
    return true;
  }

  /** A followed market; where a topic has named one, the same. */
  private symbolName(): boolean {
    const { cursor } = this;
    if (!cursor.literal(QUOTE)) return false;
    const symbol = cursor.word(this.symbols);
    if (symbol === undefined || (this.symbol !== '' && symbol !== this.symbol)) return false;
    this.symbol = symbol;
    return cursor.literal(QUOTE);
  }

  private give(isQuote: boolean, channel: string, detail: string, sink: FrameSink): boolean {
    const { event, symbol } = this;
    if (isQuote) return this.giveQuote(channel, detail, sink);
    event.symbol = symbol;
    event.channel = channel;
    setHeader(this.header, 'book', channel, symbol, detail);
    sink.book(event);
    return true;
  }

  private giveQuote(channel: string, detail: string, sink: FrameSink): boolean {
    const { event, quote, symbol } = this;
    const { bids, asks } = event;
    if (bids.count > 1 || asks.count > 1) return false;
    quote.symbol = symbol;
    quote.channel = channel;
    quote.order = event.order;
    quote.exchangeTimeMs = event.exchangeTimeMs;
    quote.bid = bids.count === 1 ? bids.prices[0]! : 0;
    quote.bidSize = bids.count === 1 ? bids.sizes[0]! : 0;
    quote.ask = asks.count === 1 ? asks.prices[0]! : 0;
    quote.askSize = asks.count === 1 ? asks.sizes[0]! : 0;
    setHeader(this.header, 'bestQuote', channel, symbol, detail);
    sink.bestQuote(quote);
    return true;
  }
}
