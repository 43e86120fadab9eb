import { BestQuoteEvent, BookEvent, setHeader, type FrameHeader, type FrameSink } from './base.js';
import { REST_LIMITS } from './frame-parser.js';
import { FrameCursor, piece } from './scan/frame-cursor.js';
import type { Piece } from './scan/frame-bytes.js';
import type { FrameScanner } from './scan/scan-front.js';
import { WordTable } from './scan/word-table.js';

/**
 * The frames of Binance's combined stream from their bytes (PROTOCOLS §3 [P]): diffs, best quotes, single trades, each in the one
 * order of keys that the exchange prints.
 */

const STREAM = piece('{"stream":"');
const END = piece('}}');
const END_QUOTED = piece('"}}');

const DIFF = {
  head: piece('","data":{"e":"depthUpdate","E":'),
  last: piece(',"u":'),
  bids: piece(',"b":'),
  asks: piece(',"a":'),
};
const QUOTE = {
  head: piece('","data":{"u":'),
  bidSize: piece('","B":"'),
  ask: piece('","a":"'),
  askSize: piece('","A":"'),
};
const TRADE = {
  head: piece('","data":{"e":"trade","E":'),
  price: piece(',"p":'),
  quantity: piece(',"q":'),
  tradeTime: piece(',"T":'),
  maker: piece(',"m":'),
  ignored: piece(',"M":'),
};

/** One stream of one market. */
interface Stream {
  readonly symbol: string;
  readonly channel: string;
  readonly category: 'book' | 'bestQuote' | 'trade';
  /** The symbol inside the frame and the key behind it. */
  readonly symbolBytes: Piece;
}

const SNAPSHOT = {
  head: piece('{"lastUpdateId":'),
  bids: piece(',"bids":'),
  asks: piece(',"asks":'),
  end: piece('}'),
};

const STREAMS = [
  { channel: 'depth@100ms', category: 'book', next: 'U":' },
  { channel: 'depth', category: 'book', next: 'U":' },
  { channel: 'bookTicker', category: 'bestQuote', next: 'b":"' },
  { channel: 'trade', category: 'trade', next: 't":' },
] as const;

export class BinanceScanner implements FrameScanner {
  private readonly header: FrameHeader;
  private readonly cursor = new FrameCursor();
  private readonly streams = new WordTable<Stream>();
  private readonly event = new BookEvent();
  private readonly snapshot = new BookEvent();
  private readonly quote = new BestQuoteEvent();

  private readonly depthChannel: string;

  constructor(header: FrameHeader, depthChannel: string) {
    this.header = header;
    this.depthChannel = depthChannel;
  }

  follow(symbols: readonly string[]): void {
    for (const name of symbols) {
      const symbol = name.toUpperCase();
      for (const { channel, category, next } of STREAMS) {
        const symbolBytes = piece(`,"s":"${symbol}","${next}`);
        this.streams.add(`${name.toLowerCase()}@${channel}`, { symbol, channel, category, symbolBytes });
      }
    }
  }

  scan(data: Buffer, sink: FrameSink): boolean {
    const { cursor } = this;
    if (!cursor.open(data) || !cursor.literal(STREAM)) return false;
    const stream = cursor.word(this.streams);
    if (stream === undefined) return false;
    if (stream.category === 'book') return this.diff(stream, sink);
    return stream.category === 'bestQuote' ? this.bestQuote(stream, sink) : this.trade(stream, sink);
  }

  private diff({ symbol, channel, symbolBytes }: Stream, sink: FrameSink): boolean {
    const { cursor, event } = this;
    if (!cursor.literal(DIFF.head) || !cursor.integer()) return false;
    event.exchangeTimeMs = cursor.value;
    if (!cursor.literal(symbolBytes) || !cursor.integer()) return false;
    event.first = cursor.value;
    if (!cursor.literal(DIFF.last) || !cursor.integer() || cursor.value < event.first) return false;
    event.last = cursor.value;
    if (!cursor.literal(DIFF.bids) || !cursor.textLevels(event.bids)) return false;
    if (!cursor.literal(DIFF.asks) || !cursor.textLevels(event.asks)) return false;
    if (!cursor.ends(END)) return false;
    event.symbol = symbol;
    event.channel = channel;
    event.order = event.last;
    setHeader(this.header, 'book', channel, symbol, '');
    sink.book(event);
    return true;
  }

  scanDepth(body: Buffer, symbol: string, sink: FrameSink): boolean {
    const { cursor, snapshot } = this;
    if (!cursor.open(body, REST_LIMITS) || !cursor.literal(SNAPSHOT.head) || !cursor.integer()) return false;
    snapshot.last = cursor.value;
    if (!cursor.literal(SNAPSHOT.bids) || !cursor.textLevels(snapshot.bids)) return false;
    if (!cursor.literal(SNAPSHOT.asks) || !cursor.textLevels(snapshot.asks)) return false;
    if (!cursor.ends(SNAPSHOT.end)) return false;
    snapshot.symbol = symbol;
    snapshot.channel = this.depthChannel;
    snapshot.snapshot = true;
    snapshot.first = snapshot.last;
    snapshot.order = snapshot.last;
    sink.book(snapshot);
    return true;
  }

  private bestQuote({ symbol, channel, symbolBytes }: Stream, sink: FrameSink): boolean {
    const { cursor, quote } = this;
    if (!cursor.literal(QUOTE.head) || !cursor.integer()) return false;
    quote.order = cursor.value;
    if (!cursor.literal(symbolBytes) || !cursor.decimal()) return false;
    quote.bid = cursor.value;
    if (!cursor.literal(QUOTE.bidSize) || !cursor.decimal()) return false;
    quote.bidSize = cursor.value;
    if (!cursor.literal(QUOTE.ask) || !cursor.decimal()) return false;
    quote.ask = cursor.value;
    if (!cursor.literal(QUOTE.askSize) || !cursor.decimal()) return false;
    quote.askSize = cursor.value;
    // An empty side is price 0 with size 0; a size without a price is damage.
    if ((quote.bid === 0 && quote.bidSize !== 0) || (quote.ask === 0 && quote.askSize !== 0)) return false;
    if (!cursor.ends(END_QUOTED)) return false;
    quote.symbol = symbol;
    quote.channel = channel;
    setHeader(this.header, 'bestQuote', channel, symbol, '');
    sink.bestQuote(quote);
    return true;
  }

  private trade({ symbol, channel, symbolBytes }: Stream, sink: FrameSink): boolean {
    const { cursor } = this;
    if (!cursor.literal(TRADE.head) || !cursor.integer()) return false;
    if (!cursor.literal(symbolBytes) || !cursor.idNumber()) return false;
    const tradeId = cursor.text;
    if (!cursor.literal(TRADE.price) || !cursor.positiveText()) return false;
    const price = cursor.text;
    if (!cursor.literal(TRADE.quantity) || !cursor.positiveText()) return false;
    const quantity = cursor.text;
    if (!cursor.literal(TRADE.tradeTime) || !cursor.integer()) return false;
    const exchangeTimeMs = cursor.value;
    // `m`: the buyer was the maker, so the taker sold.
    if (!cursor.literal(TRADE.maker) || !cursor.flag()) return false;
    const side = cursor.value === 1 ? 'sell' : 'buy';
    if (!cursor.literal(TRADE.ignored) || !cursor.flag() || !cursor.ends(END)) return false;
    setHeader(this.header, 'trade', channel, symbol, '');
    sink.trade({ symbol, channel, tradeId, price, quantity, side, exchangeTimeMs });
    return true;
  }
}
