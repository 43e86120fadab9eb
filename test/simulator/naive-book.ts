import type { SimulatedExchange } from '../../src/simulator/listings.js';

/** A book rebuilt from frames only, as plainly as the protocol says it. Prices and sizes stay the exchange's text. */
export interface NaiveBook {
  readonly bids: Map<string, string>;
  readonly asks: Map<string, string>;
  /** Last sequence by the exchange's own counting; −1 = no snapshot yet. */
  sequence: number;
  exchangeTimeMs: number;
  gaps: number;
}

export function emptyBook(): NaiveBook {
  return { bids: new Map(), asks: new Map(), sequence: -1, exchangeTimeMs: 0, gaps: 0 };
}

type Levels = readonly (readonly string[])[];

function apply(side: Map<string, string>, levels: Levels): void {
  for (const [price, size] of levels) {
    if (Number(size) === 0) side.delete(price!);
    else side.set(price!, size!);
  }
}

function replace(book: NaiveBook, bids: Levels, asks: Levels): void {
  book.bids.clear();
  book.asks.clear();
  apply(book.bids, bids);
  apply(book.asks, asks);
}

interface BinanceDepth {
  e?: string;
  E: number;
  s: string;
  U: number;
  u: number;
  b: Levels;
  a: Levels;
}
interface OkxBooks {
  arg?: { channel: string; instId: string };
  action?: 'snapshot' | 'update';
  data?: { asks: Levels; bids: Levels; ts: string; seqId: number; prevSeqId: number }[];
}
interface KucoinBook {
  T?: string;
  dp: string;
  t: 'snapshot' | 'delta';
  d: { s: string; b: Levels; a: Levels; O: number; C: number; M: number };
}
interface BybitBook {
  topic?: string;
  ts: number;
  type: 'snapshot' | 'delta';
  data: { s: string; b: Levels; a: Levels; u: number };
}

interface BitgetBooks {
  arg?: { channel: string; instId: string };
  action?: 'snapshot' | 'update';
  data?: { asks: Levels; bids: Levels; ts: string; seq: number; pseq: number }[];
}

/** Applies one frame; returns the symbol whose book it concerned, or null. */
export function applyFrame(
  exchange: SimulatedExchange,
  books: Map<string, NaiveBook>,
  text: string,
): string | null {
  const frame = JSON.parse(text) as unknown;
  if (exchange === 'binance') return applyBinance(books, frame as BinanceDepth);
  if (exchange === 'bitget') return applyBitget(books, frame as BitgetBooks);
  if (exchange === 'kucoin') return applyKucoin(books, frame as KucoinBook);
  return exchange === 'okx' ? applyOkx(books, frame as OkxBooks) : applyBybit(books, frame as BybitBook);
}

export function bookOf(books: Map<string, NaiveBook>, symbol: string): NaiveBook {
  let book = books.get(symbol);
  if (book === undefined) {
    book = emptyBook();
    books.set(symbol, book);
  }
  return book;
}

/** The REST snapshot of Binance. */
export function applyBinanceSnapshot(book: NaiveBook, body: string): void {
  const snapshot = JSON.parse(body) as { lastUpdateId: number; bids: Levels; asks: Levels };
  replace(book, snapshot.bids, snapshot.asks);
  book.sequence = snapshot.lastUpdateId;
}

function applyBinance(books: Map<string, NaiveBook>, frame: BinanceDepth): string | null {
  if (frame.e !== 'depthUpdate') return null;
  const book = bookOf(books, frame.s);
  if (frame.u <= book.sequence) return frame.s;
  if (frame.U > book.sequence + 1) book.gaps++;
  apply(book.bids, frame.b);
  apply(book.asks, frame.a);
  book.sequence = frame.u;
  book.exchangeTimeMs = frame.E;
  return frame.s;
}

function applyOkx(books: Map<string, NaiveBook>, frame: OkxBooks): string | null {
  const data = frame.data?.[0];
  if (frame.arg?.channel !== 'books' || data === undefined) return null;
  const book = bookOf(books, frame.arg.instId);
  if (frame.action === 'snapshot') {
    replace(book, data.bids, data.asks);
  } else {
    if (data.prevSeqId !== book.sequence) book.gaps++;
    apply(book.bids, data.bids);
    apply(book.asks, data.asks);
  }
  book.sequence = data.seqId;
  book.exchangeTimeMs = Number(data.ts);
  return frame.arg.instId;
}

function applyBitget(books: Map<string, NaiveBook>, frame: BitgetBooks): string | null {
  const data = frame.data?.[0];
  if (frame.arg?.channel !== 'books' || data === undefined) return null;
  const book = bookOf(books, frame.arg.instId);
  if (frame.action === 'snapshot') {
    replace(book, data.bids, data.asks);
  } else {
    if (data.pseq !== book.sequence) book.gaps++;
    apply(book.bids, data.bids);
    apply(book.asks, data.asks);
  }
  book.sequence = data.seq;
  book.exchangeTimeMs = Number(data.ts);
  return frame.arg.instId;
}

/** The Pro socket. `M` is in ns; float64 keeps its milliseconds. */
function applyKucoin(books: Map<string, NaiveBook>, { T, dp, t, d }: KucoinBook): string | null {
  if (T !== 'obu.SPOT' || dp !== 'increment@10ms') return null;
  const book = bookOf(books, d.s);
  if (t === 'snapshot') {
    replace(book, d.b, d.a);
  } else {
    if (d.O !== book.sequence + 1) book.gaps++;
    apply(book.bids, d.b);
    apply(book.asks, d.a);
  }
  book.sequence = d.C;
  book.exchangeTimeMs = Math.round(d.M / 1e6);
  return d.s;
}

function applyBybit(books: Map<string, NaiveBook>, frame: BybitBook): string | null {
  if (frame.topic?.startsWith('orderbook.') !== true) return null;
  const book = bookOf(books, frame.data.s);
  if (frame.type === 'snapshot' || frame.data.u === 1) {
    replace(book, frame.data.b, frame.data.a);
  } else {
    if (frame.data.u !== book.sequence + 1) book.gaps++;
    apply(book.bids, frame.data.b);
    apply(book.asks, frame.data.a);
  }
  book.sequence = frame.data.u;
  book.exchangeTimeMs = frame.ts;
  return frame.data.s;
}

/** [price, size] best first, as numbers of the exchange's text. */
export function sorted(side: Map<string, string>, isBid: boolean): [number, number][] {
  const out = [...side].map(([price, size]) => [Number(price), Number(size)] as [number, number]);
  return out.sort((a, b) => (isBid ? b[0] - a[0] : a[0] - b[0]));
}
