import {
  asList,
  asObject,
  asText,
  CONTROL,
  decimalsOf,
  NOTHING_ASKED,
  objectOf,
  stepOf,
} from '../protocol.js';
import type { Argument, ClientRequest, FrameFacts, Json, ReplayProtocol, SymbolFacts } from '../protocol.js';
import type { TextLevel } from '../book-change.js';
import type { RebuiltBook } from '../rebuilt-book.js';

/**
 * The public sockets of Upbit and Bithumb (docs.upbit.com, apidocs.bithumb.com; PROTOCOLS §6, §7): every book frame is the whole
 * book, a request replaces the one before and is not acknowledged. Amounts are JSON numbers; a rebuilt book spells them plainly.
 */
export const upbitReplay = protocolOf('upbit', {
  bookStamp: (timeMs) => Math.floor(timeMs),
  listRow: (market) => ({ market, english_name: market, market_event: { warning: false, caution: {} } }),
  detailsPath: '/v1/orderbook/instruments',
  details: (facts) => ({
    market: facts.symbol,
    quote_currency: facts.quote,
    tick_size: Number(tickOf(facts)),
  }),
});

/** Ticks are read off the prices of a book, so that a book of the recording is the answer. */
export const bithumbReplay = protocolOf('bithumb', {
  bookStamp: (timeMs) => Math.floor(timeMs * 1_000),
  listRow: (market) => ({ market, english_name: market, market_warning: 'NONE' }),
  detailsPath: '/v1/orderbook',
  details: ({ symbol, firstBook }) => ({
    market: symbol,
    timestamp: Math.floor(firstBook?.timeMs ?? 0),
    orderbook_units: unitsOf(firstBook?.bids ?? [], firstBook?.asks ?? []),
    level: 1,
  }),
});

interface Dialect {
  bookStamp(timeMs: number): number;
  listRow(market: string): Json;
  readonly detailsPath: string;
  details(facts: SymbolFacts): Json;
}

function protocolOf(exchange: string, dialect: Dialect): ReplayProtocol {
  return {
    exchange,
    snapshots: 'socket',
    isSocketPath: (path) => path === '/websocket/v1',
    argumentsOfUrl: () => [],
    parts: (symbol) => {
      const at = symbol.indexOf('-');
      return { quote: symbol.slice(0, at), base: symbol.slice(at + 1) };
    },
    read,
    readClient,
    shape: (text) => text,
    snapshotFrame: (book, timeMs) => snapshotFrame(book, dialect.bookStamp(book.timeMs ?? timeMs)),
    question: ({ pathname, searchParams }) => {
      if (pathname === '/v1/market/all') return { kind: 'instruments' };
      if (pathname !== dialect.detailsPath) return { kind: 'unknown' };
      return { kind: 'details', symbols: (searchParams.get('markets') ?? '').split(',') };
    },
    timeAnswer: () => '[]',
    instrumentsAnswer: (symbols) => JSON.stringify(symbols.map(({ symbol }) => dialect.listRow(symbol))),
    detailsAnswer: (symbols) => JSON.stringify(symbols.map((facts) => dialect.details(facts))),
    readDepth: () => null,
    depthAnswer: () => '[]',
    answers: (recordedUrl, question) =>
      question.kind === 'instruments' && recordedUrl.includes('/v1/market/all'),
  };
}

const STEPS = [5, 1];

/** The coarsest 1 or 5 × 10^k that every price of the first book is a multiple of; the last decimal seen without one. */
function tickOf({ firstBook, priceDecimals }: SymbolFacts): string {
  const texts = [...(firstBook?.bids ?? []), ...(firstBook?.asks ?? [])].map(([price]) => price);
  const whole = texts.map((text) =>
    BigInt(text.replace('.', '') + '0'.repeat(priceDecimals - decimalsOf(text))),
  );
  for (let zeros = texts.length === 0 ? 0 : 6; zeros > 0; zeros--) {
    for (const step of STEPS) {
      const size = BigInt(step) * 10n ** BigInt(zeros - 1);
      if (whole.every((price) => price % size === 0n)) return scaled(size, priceDecimals);
    }
  }
  return stepOf(priceDecimals);
}

function scaled(units: bigint, decimals: number): string {
  const digits = units.toString().padStart(decimals + 1, '0');
  if (decimals === 0) return digits;
  return `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}

/** Either format: long names, or the short ones. */
function read(text: string): FrameFacts {
  const frame = objectOf(text);
  const channel = asText(frame?.['type']) || asText(frame?.['ty']);
  const symbol = asText(frame?.['code']) || asText(frame?.['cd']);
  if (frame === null || channel === '' || symbol === '') return CONTROL;
  if (channel !== 'orderbook') return { kind: 'data', symbol, channel, book: null };
  const units = asList(frame['orderbook_units'] ?? frame['obu']).map(asObject);
  const stamp = Number(frame['timestamp'] ?? frame['tms']);
  const side = (price: string, short: string, size: string, shortSize: string): TextLevel[] =>
    units.flatMap((unit): TextLevel[] => {
      const level: TextLevel = [plain(unit[price] ?? unit[short]), plain(unit[size] ?? unit[shortSize])];
      return Number(level[0]) > 0 && Number(level[1]) > 0 ? [level] : [];
    });
  const book = {
    key: `${channel}:${symbol}`,
    snapshot: true,
    bids: side('bid_price', 'bp', 'bid_size', 'bs'),
    asks: side('ask_price', 'ap', 'ask_size', 'as'),
    follows: null,
    sequence: null,
    timeMs: stamp > 0 ? (stamp < 1e14 ? stamp : stamp / 1_000) : null,
  };
  return { kind: 'book', symbol, channel, book };
}

/** A JSON number without an exponent; '0' for anything else. */
function plain(value: unknown): string {
  if (typeof value !== 'number' || !(value > 0) || value > 1e20) return '0';
  const text = String(value);
  if (!text.includes('e')) return text;
  return value.toFixed(20).replace(/\.?0+$/, '');
}

function readClient(text: string): ClientRequest {
  const answers = [{ argument: null, text: '{"status":"UP"}' }];
  if (text === 'PING') return { kind: 'ping', arguments: [], answers };
  const args = partsOf(text).flatMap((part): Argument[] =>
    asList(part['codes']).map((code) => ({ channel: asText(part['type']), symbol: asText(code) })),
  );
  if (args.length === 0) return NOTHING_ASKED;
  return { kind: 'subscribe', arguments: args, answers: [], replaces: true };
}

function partsOf(text: string): Json[] {
  try {
    return asList(JSON.parse(text)).map(asObject);
  } catch {
    return [];
  }
}

function unitsOf(bids: readonly TextLevel[], asks: readonly TextLevel[]): Json[] {
  const at = (side: readonly TextLevel[], i: number, part: 0 | 1) => Number(side[i]?.[part] ?? 0);
  return Array.from({ length: Math.max(bids.length, asks.length) }, (_, i) => ({
    ask_price: at(asks, i, 0),
    bid_price: at(bids, i, 0),
    ask_size: at(asks, i, 1),
    bid_size: at(bids, i, 1),
  }));
}

function snapshotFrame(book: RebuiltBook, stamp: number): string {
  return JSON.stringify({
    type: 'orderbook',
    code: book.symbol,
    timestamp: stamp,
    orderbook_units: unitsOf(book.topBids(), book.topAsks()),
    stream_type: 'SNAPSHOT',
  });
}
