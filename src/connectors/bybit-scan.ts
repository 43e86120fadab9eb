import type { DecimalText, Side } from '../messages/primitives.js';
import { BookEvent, setHeader, type FrameHeader, type FrameSink, type TradeEvent } from './base.js';
import { FrameCursor, piece } from './scan/frame-cursor.js';
import type { Piece } from './scan/frame-bytes.js';
import type { FrameScanner } from './scan/scan-front.js';
import { WordTable } from './scan/word-table.js';

/**
 * The frames of Bybit's public socket from their bytes (PROTOCOLS §5 [P]). The order of the outer keys differs between markets, so
 * that any order of the known ones is taken.
 */

const TOPIC = piece('{"topic":"');
const AFTER_TOPIC = piece('",');
const OPEN_OBJECT = piece('{"s":"');
const OPEN_LIST = piece('[{');
const NEXT = piece(',{');
const CLOSE = piece('}');
const CLOSE_LIST = piece(']');
const QUOTE = piece('"');
const SNAPSHOT = piece('"snapshot"');
const DELTA = piece('"delta"');
const BUY = piece('"Buy"');
const SELL = piece('"Sell"');

const BOOK = { bids: piece('","b":'), asks: piece(',"a":'), last: piece(',"u":'), order: piece(',"seq":') };
const FRAME_KEYS = ['ts', 'type', 'data', 'cts'].map(keyOf);
/** Bits of ts, type and data; `cts` is missing in frames before 2023. */
const FRAME_NEEDS = 0b111;
const HAS_CTS = 0b1000;
const TRADE_KEYS = ['T', 's', 'S', 'v', 'p', 'L', 'i', 'BT', 'RPI', 'seq'].map(keyOf);
/** T, s, S, v, p and i. */
const TRADE_NEEDS = 0b1011111;
const MAX_TRADES = 1024;
const MAX_WORD_LENGTH = 32;

function keyOf(name: string): Piece {
  return piece(`"${name}":`);
}

interface Topic {
  readonly channel: string;
  readonly symbol: string;
  readonly symbolBytes: Piece;
}

export class BybitScanner implements FrameScanner {
  private readonly header: FrameHeader;
  private readonly channels: readonly string[];
  private readonly cursor = new FrameCursor();
  private readonly topics = new WordTable<Topic>();
  private readonly event = new BookEvent();
  private readonly trades: TradeEvent[] = [];
  private snapshot = false;
  private pushedAtMs = 0;

  /** `channels`: the book channels that are subscribed, and `publicTrade`. */
  constructor(header: FrameHeader, channels: readonly string[]) {
    this.header = header;
    this.channels = channels;
  }

  follow(symbols: readonly string[]): void {
    for (const symbol of symbols) {
      for (const channel of this.channels)
        this.topics.add(`${channel}.${symbol}`, { channel, symbol, symbolBytes: piece(symbol) });
    }
  }

  scan(data: Buffer, sink: FrameSink): boolean {
    const { cursor } = this;
    if (!cursor.open(data) || !cursor.literal(TOPIC)) return false;
    const topic = cursor.word(this.topics);
    if (topic === undefined || !cursor.literal(AFTER_TOPIC)) return false;
    return topic.channel === 'publicTrade' ? this.tradeFrame(topic, sink) : this.book(topic, sink);
  }

  private book(topic: Topic, sink: FrameSink): boolean {
    const { event, header } = this;
    const seen = this.members(topic, true);
    if ((seen & FRAME_NEEDS) !== FRAME_NEEDS) return false;
    if ((seen & HAS_CTS) === 0) event.exchangeTimeMs = this.pushedAtMs;
    event.symbol = topic.symbol;
    event.channel = topic.channel;
    event.first = event.last;
    event.snapshot = this.snapshot || event.last === 1;
    setHeader(header, 'book', topic.channel, topic.symbol, this.snapshot ? 'snapshot' : 'delta');
    sink.book(event);
    return true;
  }

  private tradeFrame(topic: Topic, sink: FrameSink): boolean {
    const seen = this.members(topic, false);
    if ((seen & FRAME_NEEDS) !== FRAME_NEEDS || !this.snapshot) return false;
    setHeader(this.header, 'trade', topic.channel, topic.symbol, 'snapshot');
    for (const trade of this.trades) sink.trade(trade);
    return true;
  }

  /** The members of a frame behind its topic, in any order, each at most once; bits of those seen, 0 when one is not known. */
  private members(topic: Topic, isBook: boolean): number {
    const { cursor } = this;
    let seen = 0;
    let key = -1;
    do {
      key = cursor.key(FRAME_KEYS, key + 1);
      if (key < 0 || (seen & (1 << key)) !== 0 || !this.member(key, topic, isBook)) return 0;
      seen |= 1 << key;
    } while (cursor.comma());
    return cursor.ends(CLOSE) ? seen : 0;
  }

  private member(key: number, topic: Topic, isBook: boolean): boolean {
    const { cursor, event } = this;
    switch (key) {
      case 0:
        if (!cursor.integer()) return false;
        this.pushedAtMs = cursor.value;
        return true;
      case 1:
        this.snapshot = cursor.literal(SNAPSHOT);
        return this.snapshot || cursor.literal(DELTA);
      case 2:
        return isBook ? this.bookObject(topic) : this.tradeList(topic);
      default:
        if (!isBook || !cursor.integer()) return false;
        event.exchangeTimeMs = cursor.value;
        return true;
    }
  }

  private bookObject(topic: Topic): boolean {
    const { cursor, event } = this;
    if (!cursor.literal(OPEN_OBJECT) || !cursor.literal(topic.symbolBytes)) return false;
    if (!cursor.literal(BOOK.bids) || !cursor.textLevels(event.bids)) return false;
    if (!cursor.literal(BOOK.asks) || !cursor.textLevels(event.asks)) return false;
    if (!cursor.literal(BOOK.last) || !cursor.integer()) return false;
    event.last = cursor.value;
    if (!cursor.literal(BOOK.order) || !cursor.integer()) return false;
    event.order = cursor.value;
    return cursor.literal(CLOSE);
  }

  private tradeList(topic: Topic): boolean {
    const { cursor, trades } = this;
    trades.length = 0;
    if (!cursor.literal(OPEN_LIST)) return false;
    do {
      const trade = trades.length < MAX_TRADES ? this.trade(topic) : null;
      if (trade === null || !cursor.literal(CLOSE)) return false;
      trades.push(trade);
    } while (cursor.literal(NEXT));
    return cursor.literal(CLOSE_LIST);
  }

  private trade({ channel, symbol, symbolBytes }: Topic): TradeEvent | null {
    const { cursor } = this;
    let tradeId = '';
    let price: DecimalText = '';
    let quantity: DecimalText = '';
    let side: Side = 'buy';
    let exchangeTimeMs = 0;
    let seen = 0;
    let key = -1;
    do {
      key = cursor.key(TRADE_KEYS, key + 1);
      if (key < 0 || (seen & (1 << key)) !== 0) return null;
      seen |= 1 << key;
      if (key === 0) {
        if (!cursor.integer()) return null;
        exchangeTimeMs = cursor.value;
      } else if (key === 1) {
        if (!cursor.literal(QUOTE) || !cursor.literal(symbolBytes) || !cursor.literal(QUOTE)) return null;
      } else if (key === 2) {
        side = cursor.literal(BUY) ? 'buy' : 'sell';
        if (side === 'sell' && !cursor.literal(SELL)) return null;
      } else if (key === 3) {
        if (!cursor.positiveText()) return null;
        quantity = cursor.text;
      } else if (key === 4) {
        if (!cursor.positiveText()) return null;
        price = cursor.text;
      } else if (key === 6) {
        if (!cursor.idText()) return null;
        tradeId = cursor.text;
      } else if (!this.passUnread(key)) {
        return null;
      }
    } while (cursor.comma());
    if ((seen & TRADE_NEEDS) !== TRADE_NEEDS) return null;
    return { symbol, channel, tradeId, price, quantity, side, exchangeTimeMs };
  }

  /** Tick direction, block trade, retail improvement and sequence are of no use here. */
  private passUnread(key: number): boolean {
    const { cursor } = this;
    if (key === 5) return cursor.printable(MAX_WORD_LENGTH);
    return key === 9 ? cursor.integer() : cursor.flag();
  }
}
