import type { FrameSet } from './frame-sets.js';

/**
 * The slow truth for the hot path: `JSON.parse`, `Number`, a Map per side, sorted when asked. Written from the protocols
 * without the connectors, for undamaged recordings only: it follows the frames and verifies nothing.
 */

type Rows = readonly (readonly string[])[];

interface PlainBook {
  readonly bids: Map<number, number>;
  readonly asks: Map<number, number>;
  sequence: number;
  /** The newest best quote: number, bid, ask. */
  quote: readonly [order: number, bid: number, ask: number];
}

interface BinancePayload {
  readonly s: string;
  readonly u: number;
  readonly b: Rows | string;
  readonly a: Rows | string;
}

interface OkxFrame {
  readonly arg: { readonly instId: string };
  readonly action: string;
  readonly data: readonly [{ readonly bids: Rows; readonly asks: Rows }];
}

interface BybitFrame {
  readonly type: string;
  readonly data: { readonly s: string; readonly u: number; readonly b: Rows; readonly a: Rows };
}

interface GateFrame {
  readonly result: {
    readonly s: string;
    readonly u: number;
    readonly b: readonly GateLevel[];
    readonly a: readonly GateLevel[];
  };
}

type GateLevel = readonly [string, string] | { readonly p: string; readonly s: number | string };

/** Upbit and Bithumb in their formats DEFAULT and SIMPLE. */
interface WonFrame {
  readonly code?: string;
  readonly cd?: string;
  readonly orderbook_units?: readonly Record<string, number>[];
  readonly obu?: readonly Record<string, number>[];
}

export class PlainBooks {
  private readonly set: FrameSet;
  private readonly books = new Map<string, PlainBook>();

  constructor(set: FrameSet) {
    this.set = set;
    for (const symbol of set.symbols) this.books.set(symbol, emptyBook());
    // Snapshots first: a diff that is older than its snapshot is skipped by its number.
    for (const answer of set.answers) this.load(answer.symbol || set.symbols[0]!, answer.body);
  }

  /** Applies one frame; returns its symbol. */
  apply(frame: Buffer): string {
    const json: unknown = JSON.parse(frame.toString());
    switch (this.set.exchange) {
      case 'binance':
        return this.binance(json as BinancePayload & { data?: BinancePayload });
      case 'bybit':
        return this.bybit(json as BybitFrame);
      case 'gate':
        return this.gate(json as GateFrame);
      case 'upbit':
      case 'bithumb':
        return this.won(json as WonFrame);
      default:
        // Bitget's second protocol names what OKX names.
        return this.okx(json as OkxFrame);
    }
  }

  /** [best bid, best ask], 0 for an empty side. */
  best(symbol: string): readonly [number, number] {
    const book = this.bookOf(symbol);
    const [order, bid, ask] = book.quote;
    if (order > book.sequence) return [bid, ask];
    const bids = [...book.bids.keys()];
    const asks = [...book.asks.keys()];
    return [
      bids.reduce((best, price) => Math.max(best, price), 0),
      asks.length === 0 ? 0 : asks.reduce((best, price) => Math.min(best, price), Infinity),
    ];
  }

  /** The best levels of a side, best first. */
  top(symbol: string, side: 'bids' | 'asks', count: number): [number, number][] {
    const sign = side === 'bids' ? -1 : 1;
    return [...this.bookOf(symbol)[side]].sort((a, b) => sign * (a[0] - b[0])).slice(0, count);
  }

  /** True when a best quote is newer than the book, so that the board shows it above the book's levels. */
  isQuoted(symbol: string): boolean {
    const book = this.bookOf(symbol);
    return book.quote[0] > book.sequence;
  }

  private binance(json: BinancePayload & { data?: BinancePayload }): string {
    const { s, u, b, a } = json.data ?? json;
    const book = this.bookOf(s);
    if (typeof b === 'string' || typeof a === 'string') {
      if (u > book.quote[0]) book.quote = [u, Number(b), Number(a)];
    } else if (u > book.sequence) {
      merge(book, b, a);
      book.sequence = u;
    }
    return s;
  }

  private okx({ arg, action, data: [row] }: OkxFrame): string {
    const book = this.bookOf(arg.instId);
    if (action === 'snapshot') clear(book);
    merge(book, row.bids, row.asks);
    return arg.instId;
  }

  private bybit({ type, data }: BybitFrame): string {
    const book = this.bookOf(data.s);
    if (type === 'snapshot' || data.u === 1) clear(book);
    merge(book, data.b, data.a);
    return data.s;
  }

  private gate({ result }: GateFrame): string {
    const book = this.bookOf(result.s);
    if (result.u > book.sequence) {
      merge(book, result.b.map(gateRow), result.a.map(gateRow));
      book.sequence = result.u;
    }
    return result.s;
  }

  private won(json: WonFrame): string {
    const symbol = json.code ?? json.cd!;
    const book = this.bookOf(symbol);
    clear(book);
    for (const unit of json.orderbook_units ?? json.obu ?? []) {
      const [ask, askSize] = [unit['ask_price'] ?? unit['ap']!, unit['ask_size'] ?? unit['as']!];
      const [bid, bidSize] = [unit['bid_price'] ?? unit['bp']!, unit['bid_size'] ?? unit['bs']!];
      if (ask > 0 && askSize > 0) book.asks.set(ask, askSize);
      if (bid > 0 && bidSize > 0) book.bids.set(bid, bidSize);
    }
    return symbol;
  }

  private load(symbol: string, body: Buffer): void {
    const json = JSON.parse(body.toString()) as {
      lastUpdateId?: number;
      id?: number;
      bids: readonly GateLevel[];
      asks: readonly GateLevel[];
    };
    const book = this.bookOf(symbol);
    merge(book, json.bids.map(gateRow), json.asks.map(gateRow));
    book.sequence = json.lastUpdateId ?? json.id!;
  }

  private bookOf(symbol: string): PlainBook {
    const book = this.books.get(symbol);
    if (book === undefined) throw new Error(`${symbol} is not in the set`);
    return book;
  }
}

function gateRow(level: GateLevel): readonly string[] {
  return 'p' in level ? [level.p, String(level.s)] : level;
}

function emptyBook(): PlainBook {
  return { bids: new Map(), asks: new Map(), sequence: -Infinity, quote: [-Infinity, 0, 0] };
}

function clear(book: PlainBook): void {
  book.bids.clear();
  book.asks.clear();
}

function merge(book: PlainBook, bids: Rows, asks: Rows): void {
  for (const [side, rows] of [
    [book.bids, bids],
    [book.asks, asks],
  ] as const) {
    for (const [price, size] of rows) {
      if (Number(size) === 0) side.delete(Number(price));
      else side.set(Number(price), Number(size));
    }
  }
}
