import type { ExchangeId } from '../messages/primitives.js';
import type { BookChange, TextLevel } from './book-change.js';
import type { RebuiltBook } from './rebuilt-book.js';

/**
 * What the replay server must know of an exchange's protocol: enough to route frames by symbol, to acknowledge subscriptions and
 * to give a fresh snapshot to a client that asks again. Written from the protocol, independent of the connectors that it tests.
 */

export interface FrameFacts {
  readonly kind: 'book' | 'ack' | 'data' | 'control' | 'greeting';
  /** The exchange's own name; null = concerns no symbol. */
  readonly symbol: string | null;
  readonly channel: string | null;
  readonly book: BookChange | null;
}

export interface Argument {
  readonly channel: string;
  readonly symbol: string;
}

/** What a client frame means. */
export interface ClientRequest {
  readonly kind: 'subscribe' | 'unsubscribe' | 'ping' | 'other';
  readonly arguments: readonly Argument[];
  /** The answer in the exchange's form: one frame per entry; `argument` null = it answers the whole request. */
  readonly answers: readonly { readonly argument: Argument | null; readonly text: string }[];
  /** True when nothing asked before on the connection holds any more. */
  readonly replaces?: boolean;
}

export interface SymbolFacts {
  readonly symbol: string;
  readonly base: string | null;
  readonly quote: string | null;
  readonly priceDecimals: number;
  readonly sizeDecimals: number;
  /** Where the recording has books. */
  readonly firstBook?: BookChange | undefined;
}

/** A REST question of the client, as far as the protocol decides it. */
export type RestQuestion =
  | { readonly kind: 'time' | 'instruments' | 'ticket' }
  | { readonly kind: 'depth'; readonly symbol: string; readonly limit: number }
  /** Rules of single markets that the list lacks. */
  | { readonly kind: 'details'; readonly symbols: readonly string[] }
  | { readonly kind: 'unknown' };

export interface ReplayProtocol {
  readonly exchange: ExchangeId;
  /** Where a client gets the whole book. With `rest` and `both`, updates up to the snapshot's sequence are skipped. */
  readonly snapshots: 'rest' | 'socket' | 'both';
  /** True when this path accepts a WebSocket. */
  isSocketPath(path: string): boolean;
  /** Subscriptions that the URL itself makes (Binance streams). */
  argumentsOfUrl(url: URL): readonly Argument[];
  /** What the exchange says first on a new connection; recorded greetings are then not sent again. */
  greeting?(url: URL): string;
  /** Base and quote of a symbol, where the quote comes first. */
  parts?(symbol: string): { readonly base: string; readonly quote: string };
  /** Never throws: what is not understood is `control` without a symbol. */
  read(text: string): FrameFacts;
  readClient(text: string): ClientRequest;
  /** A recorded frame as this connection gets it, e.g. without the wrapper of a combined stream. */
  shape(text: string, url: URL): string;
  /** A snapshot frame of a book for a client that subscribed late or again; null when the exchange gives snapshots over REST. */
  snapshotFrame(book: RebuiltBook, timeMs: number): string | null;
  question(url: URL): RestQuestion;
  /** What the socket is entered with, where it wants a ticket. */
  ticketAnswer?(): string;
  timeAnswer(nowMs: number): string;
  instrumentsAnswer(symbols: readonly SymbolFacts[]): string;
  /** The answer to `details`, where the exchange has that question. */
  detailsAnswer?(symbols: readonly SymbolFacts[]): string;
  /** The book of a recorded depth answer; null when it is none. */
  readDepth(body: string): BookChange | null;
  depthAnswer(book: RebuiltBook, limit: number, timeMs: number): string;
  /** True when a recorded REST answer may stand for this question. */
  answers(recordedUrl: string, question: RestQuestion, symbols: readonly string[]): boolean;
}

export const CONTROL: FrameFacts = { kind: 'control', symbol: null, channel: null, book: null };
export const NOTHING_ASKED: ClientRequest = { kind: 'other', arguments: [], answers: [] };

export type Json = Readonly<Record<string, unknown>>;

/** The object of a JSON text, null for anything else. */
export function objectOf(text: string): Json | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : null;
  } catch {
    return null;
  }
}

export const asObject = (value: unknown): Json =>
  typeof value === 'object' && value !== null ? (value as Json) : {};
export const asText = (value: unknown): string => (typeof value === 'string' ? value : '');
export const asList = (value: unknown): readonly unknown[] =>
  Array.isArray(value) ? (value as unknown[]) : [];
export const asCount = (value: unknown): number | null =>
  typeof value === 'number' && Number.isSafeInteger(value) ? value : null;

/** `[["1.0","2"], …]` as text levels; entries of another shape are left out. */
export function levelsOf(value: unknown): TextLevel[] {
  return asList(value).flatMap((entry): TextLevel[] => {
    const [price, size] = asList(entry);
    return typeof price === 'string' && typeof size === 'string' ? [[price, size]] : [];
  });
}

/** Decimal places that carry information: `2683.80000000` has 1, `100` has 0. */
export function decimalsOf(text: string): number {
  const point = text.indexOf('.');
  return point < 0 ? 0 : text.slice(point + 1).replace(/0+$/, '').length;
}

/** 10^−decimals as plain text: 3 → `0.001`. */
export const stepOf = (decimals: number): string => (decimals === 0 ? '1' : `0.${'0'.repeat(decimals - 1)}1`);

const QUOTES = ['FDUSD', 'USDT', 'USDC', 'TUSD', 'BUSD', 'BTC', 'ETH', 'BNB', 'EUR', 'TRY', 'KRW', 'USD'];

/** BASE and QUOTE of a symbol without separator, by the quote assets in use; nulls when none fits. */
export function splitSymbol(symbol: string): { base: string | null; quote: string | null } {
  const quote = QUOTES.find((name) => symbol.endsWith(name) && symbol.length > name.length);
  return quote === undefined ? { base: null, quote: null } : { base: symbol.slice(0, -quote.length), quote };
}
