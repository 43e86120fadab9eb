import { BestQuoteEvent, BookEvent, setHeader, type FrameHeader, type FrameSink } from './base.js';
import { FrameCursor, piece } from './scan/frame-cursor.js';
import type { Piece } from './scan/frame-bytes.js';
import type { FrameScanner } from './scan/scan-front.js';
import { WordTable } from './scan/word-table.js';

/**
 * The books and best quotes of Bitget's two public sockets from their bytes (PROTOCOLS §10 [P]); prints and the snapshots of
 * `books` are left to the JSON decoder. A checksum other than 0 is judged over the original digits, which only that decoder keeps:
 * from the first such frame on it reads all books of the connection.
 */

const SNAPSHOT = piece('{"action":"snapshot","arg":{"instType":"');
const UPDATE = piece('{"action":"update","arg":{"instType":"');
const CHANNEL = piece('","channel":"');
const TOPIC = piece('","topic":"');
const INSTRUMENT = piece('","instId":"');
const SYMBOL = piece('","symbol":"');
const DATA = piece('"},"data":[{');
const PUSHED = piece('}],"ts":');
const END = piece('}');

/** Members of a book by the names of v2 and of v3, in one order. */
const V2_KEYS = ['asks', 'bids', 'ts', 'seq', 'pseq', 'checksum'].map(keyOf);
const V3_KEYS = ['a', 'b', 'ts', 'seq', 'pseq', 'checksum', 'maxdepth'].map(keyOf);
/** Bits of both sides and of `ts`. */
const NEEDS = 0b111;

function keyOf(name: string): Piece {
  return piece(`"${name}":`);
}

/** What the decoders of one connection have learnt from its frames. */
export interface BitgetMemory {
  /** Books have shown numbers, so that those of quotes may be compared with them. */
  numbered: boolean;
}

export class BitgetScanner implements FrameScanner {
  private readonly header: FrameHeader;
  private readonly memory: BitgetMemory;
  private readonly cursor = new FrameCursor();
  private readonly types = new WordTable<boolean>();
  private readonly channels = new WordTable<string>();
  private readonly symbols = new WordTable<string>();
  private readonly event = new BookEvent();
  private readonly quote = new BestQuoteEvent();
  private checksumSeen = false;

  /** `instTypes`: the markets that the connector reads. */
  constructor(header: FrameHeader, memory: BitgetMemory, instTypes: readonly string[]) {
    this.header = header;
    this.memory = memory;
    for (const type of instTypes) this.types.add(type, true);
    for (const name of ['books', 'books5', 'books15', 'books50', 'books1']) this.channels.add(name, name);
  }

  follow(symbols: readonly string[]): void {
    for (const symbol of symbols) this.symbols.add(symbol, symbol);
  }

  scan(data: Buffer, sink: FrameSink): boolean {
    const { cursor } = this;
    if (!cursor.open(data)) return false;
    const snapshot = cursor.literal(SNAPSHOT);
    if (!snapshot && !cursor.literal(UPDATE)) return false;
    if (cursor.word(this.types) === undefined) return false;
    const unified = cursor.literal(TOPIC);
    if (!unified && !cursor.literal(CHANNEL)) return false;
    const channel = cursor.word(this.channels);
    // Updates with a checksum follow a snapshot without one: its digits must be kept, and one comes per subscription only.
    if (snapshot && channel === 'books') return false;
    if (channel === undefined || !cursor.literal(unified ? SYMBOL : INSTRUMENT)) return false;
    const symbol = cursor.word(this.symbols);
    if (symbol === undefined || !cursor.literal(DATA)) return false;
    if (!this.members(unified ? V3_KEYS : V2_KEYS)) return false;
    if (!cursor.literal(PUSHED) || !cursor.integer() || !cursor.ends(END)) return false;
    if (channel === 'books1') return this.bestQuote(symbol, snapshot, sink);
    return !this.checksumSeen && this.book(channel, symbol, snapshot, sink);
  }

  /** The members of one book object, in any order, each at most once. */
  private members(keys: readonly Piece[]): boolean {
    const { cursor, event } = this;
    event.last = NaN;
    event.previous = NaN;
    let seen = 0;
    let key = -1;
    do {
      key = cursor.key(keys, key + 1);
      if (key < 0 || (seen & (1 << key)) !== 0 || !this.member(key)) return false;
      seen |= 1 << key;
    } while (cursor.comma());
    return (seen & NEEDS) === NEEDS;
  }

  private member(key: number): boolean {
    const { cursor, event } = this;
    switch (key) {
      case 0:
        return cursor.textLevels(event.asks);
      case 1:
        return cursor.textLevels(event.bids);
      case 2:
        if (!cursor.quotedInteger()) return false;
        event.exchangeTimeMs = cursor.value;
        return true;
      case 3:
        if (!cursor.integer()) return false;
        event.last = cursor.value;
        return true;
      case 4:
        if (!cursor.integer()) return false;
        event.previous = cursor.value;
        return true;
      case 5:
        if (!cursor.signedInteger()) return false;
        if (cursor.value !== 0) this.checksumSeen = true;
        return cursor.value === 0;
      default:
        return cursor.quotedInteger();
    }
  }

  private book(channel: string, symbol: string, snapshot: boolean, sink: FrameSink): boolean {
    const { event } = this;
    // Without numbers an update proves nothing.
    if (!snapshot && !(event.last >= 0 && event.previous >= 0)) return false;
    event.symbol = symbol;
    event.channel = channel;
    event.snapshot = snapshot;
    event.first = event.last;
    event.order = Number.isNaN(event.last) ? event.exchangeTimeMs : event.last;
    if (!Number.isNaN(event.last)) this.memory.numbered = true;
    setHeader(this.header, 'book', channel, symbol, snapshot ? 'snapshot' : 'update');
    sink.book(event);
    return true;
  }

  private bestQuote(symbol: string, snapshot: boolean, sink: FrameSink): boolean {
    const { event, quote } = this;
    const { bids, asks } = event;
    if (bids.count > 1 || asks.count > 1) return false;
    quote.symbol = symbol;
    quote.channel = 'books1';
    quote.exchangeTimeMs = event.exchangeTimeMs;
    // A quote that cannot be compared is never laid over a book.
    quote.order = this.memory.numbered ? event.last : NaN;
    quote.bid = bids.count === 1 ? bids.prices[0]! : 0;
    quote.bidSize = bids.count === 1 ? bids.sizes[0]! : 0;
    quote.ask = asks.count === 1 ? asks.prices[0]! : 0;
    quote.askSize = asks.count === 1 ? asks.sizes[0]! : 0;
    setHeader(this.header, 'bestQuote', 'books1', symbol, snapshot ? 'snapshot' : 'update');
    sink.bestQuote(quote);
    return true;
  }
}
