import type { DecimalText, Side } from '../messages/primitives.js';
import {
  BestQuoteEvent,
  BookEvent,
  setHeader,
  type FrameHeader,
  type FrameSink,
  type TradeEvent,
} from './base.js';
import { FrameCursor, piece } from './scan/frame-cursor.js';
import type { Piece } from './scan/frame-bytes.js';
import type { FrameScanner } from './scan/scan-front.js';
import { WordTable } from './scan/word-table.js';

/**
 * The frames of OKX's public socket from their bytes (PROTOCOLS §4 [P]). The keys of a book stand in several orders on the wire, so
 * that any order of the known ones is taken. A checksum other than 0 is judged over the original digits, which only the JSON
 * decoder keeps: from the first such frame on it reads all books of the connection.
 */

const ARG = piece('{"arg":{"channel":"');
const INSTRUMENT = piece('","instId":"');
const ACTION = piece('"},"action":"');
const SNAPSHOT = piece('snapshot","data":[{');
const UPDATE = piece('update","data":[{');
const DATA = piece('"},"data":[{');
const NEXT = piece(',{');
const CLOSE = piece('}');
const END = piece('}]}');
const END_LIST = piece(']}');
const QUOTE = piece('"');
const BUY = piece('"buy"');
const SELL = piece('"sell"');

const BOOK_KEYS = ['asks', 'bids', 'instId', 'ts', 'checksum', 'prevSeqId', 'seqId'].map(keyOf);
const TRADE_KEYS = ['instId', 'tradeId', 'px', 'sz', 'side', 'ts', 'count', 'source', 'seqId'].map(keyOf);
/** Bits of the keys that every book must have: asks, bids, ts. */
const BOOK_NEEDS = 0b1011;
/** Of every trade: all but count, source and seqId. */
const TRADE_NEEDS = 0b111111;
const MAX_TRADES = 1000;

function keyOf(name: string): Piece {
  return piece(`"${name}":`);
}

interface Market {
  readonly symbol: string;
  readonly bytes: Piece;
}

export class OkxScanner implements FrameScanner {
  private readonly header: FrameHeader;
  private readonly cursor = new FrameCursor();
  private readonly markets = new WordTable<Market>();
  private readonly channels = new WordTable<string>();
  private readonly event = new BookEvent();
  private readonly quote = new BestQuoteEvent();
  private readonly trades: TradeEvent[] = [];
  private checksumSeen = false;

  constructor(header: FrameHeader) {
    this.header = header;
    for (const name of ['books', 'books-l2-tbt', 'books50-l2-tbt', 'bbo-tbt', 'trades'])
      this.channels.add(name, name);
  }

  follow(symbols: readonly string[]): void {
    for (const symbol of symbols) this.markets.add(symbol, { symbol, bytes: piece(symbol) });
  }

  scan(data: Buffer, sink: FrameSink): boolean {
    const { cursor } = this;
    if (!cursor.open(data) || !cursor.literal(ARG)) return false;
    const channel = cursor.word(this.channels);
    if (channel === undefined || !cursor.literal(INSTRUMENT)) return false;
    const market = cursor.word(this.markets);
    if (market === undefined) return false;
    if (channel === 'bbo-tbt') return cursor.literal(DATA) && this.bestQuote(market, sink);
    if (channel === 'trades') return cursor.literal(DATA) && this.tradeList(market, sink);
    return cursor.literal(ACTION) && !this.checksumSeen && this.book(channel, market, sink);
  }

  private book(channel: string, market: Market, sink: FrameSink): boolean {
    const { cursor, event } = this;
    const snapshot = cursor.literal(SNAPSHOT);
    if (!snapshot && !cursor.literal(UPDATE)) return false;
    if (!this.bookObject(market) || !cursor.ends(END)) return false;
    // Without numbers an update proves nothing, and a number without its predecessor chains nothing.
    if (!snapshot && !(event.last >= 0 && event.previous >= -1)) return false;
    event.symbol = market.symbol;
    event.channel = channel;
    event.snapshot = snapshot;
    event.first = event.last;
    event.order = Number.isNaN(event.last) ? event.exchangeTimeMs : event.last;
    setHeader(this.header, 'book', channel, market.symbol, snapshot ? 'snapshot' : 'update');
    sink.book(event);
    return true;
  }

  /** The members of one book object, in any order, each at most once. */
  private bookObject(market: Market): boolean {
    const { event, cursor } = this;
    event.last = NaN;
    event.previous = NaN;
    let seen = 0;
    let key = -1;
    do {
      key = cursor.key(BOOK_KEYS, key + 1);
      if (key < 0 || (seen & (1 << key)) !== 0 || !this.bookMember(key, market)) return false;
      seen |= 1 << key;
    } while (cursor.comma());
    return (seen & BOOK_NEEDS) === BOOK_NEEDS;
  }

  private bookMember(key: number, market: Market): boolean {
    const { event, cursor } = this;
    switch (key) {
      case 0:
        return cursor.textLevels(event.asks);
      case 1:
        return cursor.textLevels(event.bids);
      case 2:
        return cursor.literal(QUOTE) && cursor.literal(market.bytes) && cursor.literal(QUOTE);
      case 3:
        if (!cursor.quotedInteger()) return false;
        event.exchangeTimeMs = cursor.value;
        return true;
      case 4:
        if (!cursor.signedInteger()) return false;
        if (cursor.value !== 0) this.checksumSeen = true;
        return cursor.value === 0;
      case 5:
        if (!cursor.signedInteger() || cursor.value < -1) return false;
        event.previous = cursor.value;
        return true;
      default:
        if (!cursor.integer()) return false;
        event.last = cursor.value;
        return true;
    }
  }

  private bestQuote(market: Market, sink: FrameSink): boolean {
    const { cursor, event, quote } = this;
    if (!this.bookObject(market) || !cursor.ends(END)) return false;
    const { bids, asks } = event;
    if (bids.count > 1 || asks.count > 1) return false;
    quote.symbol = market.symbol;
    quote.channel = 'bbo-tbt';
    quote.exchangeTimeMs = event.exchangeTimeMs;
    quote.order = Number.isNaN(event.last) ? event.exchangeTimeMs : event.last;
    quote.bid = bids.count === 1 ? bids.prices[0]! : 0;
    quote.bidSize = bids.count === 1 ? bids.sizes[0]! : 0;
    quote.ask = asks.count === 1 ? asks.prices[0]! : 0;
    quote.askSize = asks.count === 1 ? asks.sizes[0]! : 0;
    setHeader(this.header, 'bestQuote', 'bbo-tbt', market.symbol, '');
    sink.bestQuote(quote);
    return true;
  }

  private tradeList(market: Market, sink: FrameSink): boolean {
    const { cursor, trades } = this;
    trades.length = 0;
    do {
      const trade = trades.length < MAX_TRADES ? this.trade(market) : null;
      if (trade === null || !cursor.literal(CLOSE)) return false;
      trades.push(trade);
    } while (cursor.literal(NEXT));
    if (!cursor.ends(END_LIST)) return false;
    setHeader(this.header, 'trade', 'trades', market.symbol, '');
    for (const trade of trades) sink.trade(trade);
    return true;
  }

  private trade(market: Market): TradeEvent | null {
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
        if (!cursor.literal(QUOTE) || !cursor.literal(market.bytes) || !cursor.literal(QUOTE)) return null;
      } else if (key === 1) {
        if (!cursor.idText()) return null;
        tradeId = cursor.text;
      } else if (key === 2) {
        if (!cursor.positiveText()) return null;
        price = cursor.text;
      } else if (key === 3) {
        if (!cursor.positiveText()) return null;
        quantity = cursor.text;
      } else if (key === 4) {
        side = cursor.literal(BUY) ? 'buy' : 'sell';
        if (side === 'sell' && !cursor.literal(SELL)) return null;
      } else if (key === 5) {
        if (!cursor.quotedInteger()) return null;
        exchangeTimeMs = cursor.value;
      } else if (key === 8 ? !cursor.integer() : !cursor.quotedInteger()) {
        return null;
      }
    } while (cursor.comma());
    if ((seen & TRADE_NEEDS) !== TRADE_NEEDS) return null;
    return { symbol: market.symbol, channel: 'trades', tradeId, price, quantity, side, exchangeTimeMs };
  }
}
