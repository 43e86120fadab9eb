import { BestQuoteEvent, BookEvent, setHeader, type FrameHeader, type FrameSink } from './base.js';
import { ascii, FrameCursor } from './scan/frame-cursor.js';
import type { FrameScanner } from './scan/scan-front.js';
import { WordTable } from './scan/word-table.js';

/**
 * The frames of Binance's combined stream from their bytes (PROTOCOLS §3 [P]): diffs, best quotes, single trades, each in the one
 * order of keys that the exchange prints.
 */

const STREAM = ascii('{"stream":"');
const DATA = ascii('","data":{');
const END = ascii('}}');
const TAKER_SOLD = ascii('true');
const TAKER_BOUGHT = ascii('false');

const DIFF = {
  time: ascii('"e":"depthUpdate","E":'),
  symbol: ascii(',"s":"'),
  first: ascii('","U":'),
  last: ascii(',"u":'),
  bids: ascii(',"b":'),
  asks: ascii(',"a":'),
};
const QUOTE = {
  order: ascii('"u":'),
  symbol: ascii(',"s":"'),
  bid: ascii('","b":'),
  bidSize: ascii(',"B":'),
  ask: ascii(',"a":'),
  askSize: ascii(',"A":'),
};
const TRADE = {
  time: ascii('"e":"trade","E":'),
  symbol: ascii(',"s":"'),
  id: ascii('","t":'),
  price: ascii(',"p":'),
  quantity: ascii(',"q":'),
  tradeTime: ascii(',"T":'),
  maker: ascii(',"m":'),
  ignored: ascii(',"M":'),
};

interface Market {
  readonly symbol: string;
  readonly bytes: Uint8Array;
}

interface Channel {
  readonly name: string;
  readonly category: 'book' | 'bestQuote' | 'trade';
}

export class BinanceScanner implements FrameScanner {
  private readonly header: FrameHeader;
  private readonly cursor = new FrameCursor();
  private readonly markets = new WordTable<Market>('@');
  private readonly channels = new WordTable<Channel>();
  private readonly event = new BookEvent();
  private readonly quote = new BestQuoteEvent();

  constructor(header: FrameHeader) {
    this.header = header;
    this.channels.add('@depth@100ms', { name: 'depth@100ms', category: 'book' });
    this.channels.add('@depth', { name: 'depth', category: 'book' });
    this.channels.add('@bookTicker', { name: 'bookTicker', category: 'bestQuote' });
    this.channels.add('@trade', { name: 'trade', category: 'trade' });
  }

  follow(symbols: readonly string[]): void {
    for (const name of symbols) {
      const symbol = name.toUpperCase();
      this.markets.add(name.toLowerCase(), { symbol, bytes: ascii(symbol) });
    }
  }

  scan(data: Buffer, sink: FrameSink): boolean {
    const { cursor } = this;
    if (!cursor.open(data) || !cursor.literal(STREAM)) return false;
    const market = cursor.word(this.markets);
    if (market === undefined) return false;
    const channel = cursor.word(this.channels);
    if (channel === undefined || !cursor.literal(DATA)) return false;
    if (channel.category === 'book') return this.diff(market, channel.name, sink);
    return channel.category === 'bestQuote' ? this.bestQuote(market, sink) : this.trade(market, sink);
  }

  private diff(market: Market, channel: string, sink: FrameSink): boolean {
    const { cursor, event } = this;
    if (!cursor.literal(DIFF.time) || !cursor.integer()) return false;
    event.exchangeTimeMs = cursor.value;
    if (!cursor.literal(DIFF.symbol) || !cursor.literal(market.bytes)) return false;
    if (!cursor.literal(DIFF.first) || !cursor.integer()) return false;
    event.first = cursor.value;
    if (!cursor.literal(DIFF.last) || !cursor.integer() || cursor.value < event.first) return false;
    event.last = cursor.value;
    if (!cursor.literal(DIFF.bids) || !cursor.textLevels(event.bids)) return false;
    if (!cursor.literal(DIFF.asks) || !cursor.textLevels(event.asks)) return false;
    if (!cursor.literal(END) || !cursor.done) return false;
    event.symbol = market.symbol;
    event.channel = channel;
    event.order = event.last;
    setHeader(this.header, 'book', channel, market.symbol, '');
    sink.book(event);
    return true;
  }

  private bestQuote(market: Market, sink: FrameSink): boolean {
    const { cursor, quote } = this;
    if (!cursor.literal(QUOTE.order) || !cursor.integer()) return false;
    quote.order = cursor.value;
    if (!cursor.literal(QUOTE.symbol) || !cursor.literal(market.bytes)) return false;
    if (!cursor.literal(QUOTE.bid) || !cursor.quotedDecimal()) return false;
    quote.bid = cursor.value;
    if (!cursor.literal(QUOTE.bidSize) || !cursor.quotedDecimal()) return false;
    quote.bidSize = cursor.value;
    if (!cursor.literal(QUOTE.ask) || !cursor.quotedDecimal()) return false;
    quote.ask = cursor.value;
    if (!cursor.literal(QUOTE.askSize) || !cursor.quotedDecimal()) return false;
    quote.askSize = cursor.value;
    // An empty side is price 0 with size 0; a size without a price is damage.
    if ((quote.bid === 0 && quote.bidSize !== 0) || (quote.ask === 0 && quote.askSize !== 0)) return false;
    if (!cursor.literal(END) || !cursor.done) return false;
    quote.symbol = market.symbol;
    quote.channel = 'bookTicker';
    setHeader(this.header, 'bestQuote', 'bookTicker', market.symbol, '');
    sink.bestQuote(quote);
    return true;
  }

  private trade(market: Market, sink: FrameSink): boolean {
    const { cursor } = this;
    if (!cursor.literal(TRADE.time) || !cursor.integer()) return false;
    if (!cursor.literal(TRADE.symbol) || !cursor.literal(market.bytes)) return false;
    if (!cursor.literal(TRADE.id) || !cursor.idNumber()) return false;
    const tradeId = cursor.text;
    if (!cursor.literal(TRADE.price) || !cursor.positiveText()) return false;
    const price = cursor.text;
    if (!cursor.literal(TRADE.quantity) || !cursor.positiveText()) return false;
    const quantity = cursor.text;
    if (!cursor.literal(TRADE.tradeTime) || !cursor.integer()) return false;
    const exchangeTimeMs = cursor.value;
    if (!cursor.literal(TRADE.maker)) return false;
    const takerSold = cursor.literal(TAKER_SOLD);
    if (!takerSold && !cursor.literal(TAKER_BOUGHT)) return false;
    if (!cursor.literal(TRADE.ignored)) return false;
    if (!cursor.literal(TAKER_SOLD) && !cursor.literal(TAKER_BOUGHT)) return false;
    if (!cursor.literal(END) || !cursor.done) return false;
    setHeader(this.header, 'trade', 'trade', market.symbol, '');
    sink.trade({
      symbol: market.symbol,
      channel: 'trade',
      tradeId,
      price,
      quantity,
      side: takerSold ? 'sell' : 'buy',
      exchangeTimeMs,
    });
    return true;
  }
}
