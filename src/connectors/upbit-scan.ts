import { BookEvent, setHeader, type FrameHeader, type FrameSink } from './base.js';
import { FrameCursor, piece, type UnitNames } from './scan/frame-cursor.js';
import type { Piece } from './scan/frame-bytes.js';
import type { FrameScanner } from './scan/scan-front.js';
import { WordTable } from './scan/word-table.js';

/**
 * The books of Upbit and Bithumb from their bytes, in the formats DEFAULT and SIMPLE (PROTOCOLS §6, §7 [P]); prints and notices are
 * left to the JSON decoder. The order of the outer keys differs between the exchanges and their formats.
 */

const TYPE = { long: piece('{"type":"orderbook",'), short: piece('{"ty":"orderbook",') };
/** Members by bit: code, timestamp, totals, units, stream, level. */
const LONG_KEYS = [
  ...['code', 'timestamp', 'total_ask_size', 'total_bid_size'],
  ...['orderbook_units', 'stream_type', 'level'],
].map(keyOf);
const SHORT_KEYS = ['cd', 'tms', 'tas', 'tbs', 'obu', 'st', 'lv'].map(keyOf);
/** Bits of code, time and units. */
const NEEDS = 0b10011;

const LONG_UNIT: UnitNames = [
  piece('{"ask_price":'),
  piece(',"bid_price":'),
  piece(',"ask_size":'),
  piece(',"bid_size":'),
];
const SHORT_UNIT: UnitNames = [piece('{"ap":'), piece(',"bp":'), piece(',"as":'), piece(',"bs":')];
const QUOTE = piece('"');
const CLOSE = piece('}');
const NONE = piece('[]');
const OPEN_LIST = piece('[');
const CLOSE_LIST = piece(']');
const SNAPSHOT = piece('"SNAPSHOT"');
const REALTIME = piece('"REALTIME"');
const MILLISECONDS_BELOW = 1e14;

function keyOf(name: string): Piece {
  return piece(`"${name}":`);
}

export interface UpbitScanRules {
  readonly channel: string;
  /** The grouping of prices that is none; null = not checked. */
  readonly ungrouped: number | null;
  readonly maxLevels: number;
}

export class UpbitScanner implements FrameScanner {
  private readonly header: FrameHeader;
  private readonly rules: UpbitScanRules;
  private readonly cursor = new FrameCursor();
  private readonly symbols = new WordTable<string>();
  private readonly event: BookEvent;
  private readonly unit = new Float64Array(4);
  private symbol = '';
  private stream = '';

  constructor(header: FrameHeader, rules: UpbitScanRules) {
    this.header = header;
    this.rules = rules;
    this.event = new BookEvent(rules.maxLevels);
    this.event.snapshot = true;
    this.event.channel = rules.channel;
  }

  follow(symbols: readonly string[]): void {
    for (const symbol of symbols) this.symbols.add(symbol, symbol);
  }

  scan(data: Buffer, sink: FrameSink): boolean {
    const { cursor, event } = this;
    if (!cursor.open(data)) return false;
    const isLong = cursor.literal(TYPE.long);
    if (!isLong && !cursor.literal(TYPE.short)) return false;
    this.stream = '';
    let seen = 0;
    let key = -1;
    do {
      key = cursor.key(isLong ? LONG_KEYS : SHORT_KEYS, key + 1);
      if (key < 0 || (seen & (1 << key)) !== 0 || !this.member(key, isLong)) return false;
      seen |= 1 << key;
    } while (cursor.comma());
    if ((seen & NEEDS) !== NEEDS || !cursor.ends(CLOSE)) return false;
    event.symbol = this.symbol;
    setHeader(this.header, 'book', event.channel, this.symbol, this.stream);
    sink.book(event);
    return true;
  }

  private member(key: number, isLong: boolean): boolean {
    const { cursor } = this;
    switch (key) {
      case 0:
        return this.code();
      case 1:
        return this.time();
      case 4:
        return this.units(isLong ? LONG_UNIT : SHORT_UNIT);
      case 5:
        this.stream = cursor.literal(SNAPSHOT) ? 'SNAPSHOT' : 'REALTIME';
        return this.stream === 'SNAPSHOT' || cursor.literal(REALTIME);
      case 6:
        if (!cursor.amount(this.unit, 0)) return false;
        return this.rules.ungrouped === null || this.unit[0] === this.rules.ungrouped;
      default:
        return cursor.amount(this.unit, 0);
    }
  }

  private code(): boolean {
    const { cursor } = this;
    if (!cursor.literal(QUOTE)) return false;
    const symbol = cursor.word(this.symbols);
    if (symbol === undefined) return false;
    this.symbol = symbol;
    return cursor.literal(QUOTE);
  }

  /** In ms or µs; the stamp orders the frames. */
  private time(): boolean {
    const { cursor, event } = this;
    if (!cursor.safeInteger()) return false;
    event.order = cursor.value < MILLISECONDS_BELOW ? cursor.value * 1000 : cursor.value;
    event.exchangeTimeMs = event.order / 1000;
    return true;
  }

  /** Padding with price 0 and levels of size 0 hold nothing. */
  private units(names: UnitNames): boolean {
    const { cursor } = this;
    const { bids, asks } = this.event;
    bids.clear();
    asks.clear();
    if (cursor.literal(NONE)) return true;
    if (!cursor.literal(OPEN_LIST)) return false;
    let count = 0;
    do {
      if (++count > this.rules.maxLevels || !asks.hasRoom() || !bids.hasRoom()) return false;
      // Read in place, and kept by counting them.
      if (!cursor.unit(names, asks, bids)) return false;
      const ask = asks.count;
      const bid = bids.count;
      if (asks.prices[ask]! > 0 && asks.sizes[ask]! > 0) asks.count = ask + 1;
      if (bids.prices[bid]! > 0 && bids.sizes[bid]! > 0) bids.count = bid + 1;
    } while (cursor.comma());
    return cursor.literal(CLOSE_LIST);
  }
}
