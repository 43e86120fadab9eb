import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BookSync } from '../../connectors/book-sync.js';
import type { BestQuoteEvent, BookEvent, Connector, FrameSink, TradeEvent } from '../../connectors/base.js';
import { FrameError } from '../../connectors/frame-error.js';
import type { OrderBook } from '../../market/order-book.js';
import { linesOf } from './capture-file.js';
import type { WireExchange } from './exchanges.js';
import { Comparison, type FileReport } from './report.js';

/** What an independent mapper made of a frame; prices are JS numbers. */
interface MappedRow {
  readonly type: string;
  readonly symbol: string;
  readonly timestamp: string;
  readonly id?: string;
  readonly price?: number;
  readonly amount?: number;
  readonly side?: string;
  readonly isSnapshot?: boolean;
  readonly bids?: readonly MappedLevel[];
  readonly asks?: readonly MappedLevel[];
  readonly bidPrice?: number;
  readonly bidAmount?: number;
  readonly askPrice?: number;
  readonly askAmount?: number;
}
interface MappedLevel {
  readonly price: number;
  readonly amount: number;
}

/** REST snapshots between the frames: their symbol and their body. */
const GENERATED: readonly RegExp[] = [
  /^\{"stream":"(\w+)@depthSnapshot","generated":true,"data":(.*)\}$/,
  /^\{"channel":"spot\.order_book_update","event":"snapshot","generated":true,"symbol":"(\w+)","result":(.*)\}$/,
  /^\{"type":"message","generated":true,"topic":"[^":]+:([^"]+)","subject":"[^"]+",(.*)\}$/,
];

/** Compares our reading of single frames with an independent mapper's, for the channels that ArBot uses. */
export async function runMapperFile(folder: string, file: string, wire: WireExchange): Promise<FileReport> {
  const frames = linesOf(await readFile(join(folder, file)));
  const expected = linesOf(await readFile(join(folder, file.replace(/\.jsonl$/, '.expected.jsonl'))));
  const comparison = new Comparison();
  const reader = new MappedReader(wire.connector(null, null), comparison);
  for (const [index, frame] of frames.entries()) {
    const { out } = JSON.parse(expected[index]!.toString('utf8')) as { out: readonly MappedRow[] };
    reader.read(`[${index}]`, frame, out);
  }
  return comparison.report(file, 'mapper');
}

class MappedReader implements FrameSink {
  private readonly connector: Connector;
  private readonly comparison: Comparison;
  private readonly syncs = new Map<string, BookSync>();
  private readonly ours: MappedRow[] = [];
  private readonly trades: TradeEvent[] = [];

  constructor(connector: Connector, comparison: Comparison) {
    this.connector = connector;
    this.comparison = comparison;
  }

  read(field: string, frame: Buffer, out: readonly MappedRow[]): void {
    this.ours.length = 0;
    this.trades.length = 0;
    try {
      if (!this.readGenerated(frame)) this.connector.decode(frame, this);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.comparison.fail(field, 'a frame that can be read', error.message);
      return;
    }
    const mapped = [...this.trades.map(tradeRow), ...this.ours];
    if (mapped.length === 0) return this.comparison.note('foreignOrControl');
    const theirs = out.filter(({ type }) => mapped.some((row) => row.type === type));
    // The mapper is silent about channels before the date on which it began to use them.
    if (theirs.length === 0) return this.comparison.note('mapperSilent');
    const timed = mapped.every(({ timestamp }) => timestamp !== '');
    const comparable = (row: MappedRow, index: number) => comparableRow(row, index, mapped.length, timed);
    this.comparison.same(field, theirs.map(comparable), mapped.map(comparable));
  }

  /** REST snapshots that the mapper's authors put between the frames. */
  private readGenerated(frame: Buffer): boolean {
    const match = GENERATED.map((form) => form.exec(frame.toString('utf8'))).find((found) => found !== null);
    if (match === undefined) return false;
    const [, symbol, body] = match as unknown as [string, string, string];
    const answer = body.startsWith('{') ? body : `{${body}}`;
    this.connector.rest.parseDepth(Buffer.from(answer), symbol.toUpperCase(), this);
    return true;
  }

  book(event: BookEvent): void {
    const { syncRule: rule, snapshotSource } = this.connector.capabilities;
    const key = rule === 'bridged' ? event.symbol : `${event.channel} ${event.symbol}`;
    const sync = this.syncs.get(key) ?? new BookSync({ rule, snapshotSource });
    this.syncs.set(key, sync);
    const result = sync.apply(event);
    const isTop = event.channel === 'orderbook.1';
    if (rule === 'bridged' && event.snapshot && result !== 'gap') {
      // The mapper applies what waited and calls the sum a snapshot.
      this.ours.push(bookRow(event.symbol, true, 0, levelsOf(sync.book, 'bid'), levelsOf(sync.book, 'ask')));
    } else if (
      (result === 'gap' && (rule !== 'bridged' || event.snapshot)) ||
      result === 'crossed' ||
      (isTop && result !== 'applied')
    ) {
      this.comparison.note('continuityRefused');
    } else if (isTop) {
      this.ours.push(quoteRow(event.symbol, event.exchangeTimeMs, sync.book));
    } else if (rule !== 'bridged' || result !== 'old') {
      // Single frames do not follow one another; what they say is compared all the same.
      const { bids, asks } = event;
      const levels = ({ prices, sizes, count }: typeof bids) =>
        Array.from({ length: count }, (_, i) => ({ price: prices[i]!, amount: sizes[i]! }));
      this.ours.push(bookRow(event.symbol, event.snapshot, event.exchangeTimeMs, levels(bids), levels(asks)));
    }
  }

  bestQuote(event: BestQuoteEvent): void {
    const { symbol, exchangeTimeMs, bid, bidSize, ask, askSize } = event;
    const book = { bestBid: bid, bestBidSize: bidSize, bestAsk: ask, bestAskSize: askSize };
    this.ours.push(quoteRow(symbol, exchangeTimeMs, book));
  }

  trade(event: TradeEvent): void {
    this.trades.push(event);
  }

  instrumentState(): void {
    // Not compared.
  }

  control(): void {
    this.comparison.note('control');
  }
}

function tradeRow(event: TradeEvent): MappedRow {
  return {
    type: 'trade',
    symbol: event.symbol,
    timestamp: isoOf(event.exchangeTimeMs),
    id: event.tradeId,
    price: Number(event.price),
    amount: Number(event.quantity),
    side: event.side,
  };
}

function bookRow(
  symbol: string,
  isSnapshot: boolean,
  timeMs: number,
  bids: readonly MappedLevel[],
  asks: readonly MappedLevel[],
): MappedRow {
  return { type: 'book_change', symbol, timestamp: isoOf(timeMs), isSnapshot, bids, asks };
}

type Top = Pick<OrderBook, 'bestBid' | 'bestBidSize' | 'bestAsk' | 'bestAskSize'>;

function quoteRow(symbol: string, timeMs: number, top: Top): MappedRow {
  return {
    type: 'book_ticker',
    symbol,
    timestamp: isoOf(timeMs),
    // The mapper leaves out a side without orders, and sizes of 0.
    ...(top.bestBid > 0 && { bidPrice: top.bestBid }),
    ...(top.bestAsk > 0 && { askPrice: top.bestAsk }),
    ...(top.bestBidSize > 0 && { bidAmount: top.bestBidSize }),
    ...(top.bestAskSize > 0 && { askAmount: top.bestAskSize }),
  };
}

/** '' where the exchange sent no time: the mapper then takes its own clock. */
function isoOf(timeMs: number): string {
  return timeMs === 0 ? '' : new Date(timeMs).toISOString();
}

function levelsOf(book: OrderBook, side: 'bid' | 'ask'): MappedLevel[] {
  const count = side === 'bid' ? book.bidCount : book.askCount;
  return Array.from({ length: count }, (_, i) => ({
    price: book.price(side, i),
    amount: book.size(side, i),
  }));
}

/** The fields that both sides name; times only where the exchange sent one. */
function comparableRow(
  row: MappedRow,
  index: number,
  of: number,
  withTime: boolean,
): Record<string, unknown> {
  const { timestamp, ...rest } = row as MappedRow & Record<string, unknown>;
  delete rest['exchange'];
  delete rest['localTimestamp'];
  const timed = row.type === 'trade' || (row.type === 'book_change' && row.isSnapshot !== true);
  return { ...rest, ...(timed && withTime && { timestamp }), of, index };
}
