import { ArbotError } from '../../messages/errors.js';
import type { BookTop } from '../../messages/feed.js';
import type { InstrumentId } from '../../messages/primitives.js';
import type { BestQuote, PriceCache } from '../../ports/price-cache.js';
import {
  acceptBooks,
  acceptInstruments,
  parsed,
  quoteOf,
  restoreBook,
  restoreQuote,
} from '../prices/price-border.js';
import type { RedisConnection, RedisPorts } from './redis-connection.js';
import { RedisListener } from './redis-listener.js';
import { resultsOf } from './redis-results.js';
import { PUT_BOOKS } from './redis-scripts.js';

/** Books per call of the script, so that the server is never busy with one of them for long. */
const BOOKS_PER_SCRIPT = 64;
/** Longer texts are nobody's quote or book. */
const MAX_TEXT = 65_536;

const QUOTE_FIELDS = [
  'exchange',
  'instrument',
  'trusted',
  'bid',
  'bidSize',
  'ask',
  'askSize',
  'exchangeTimeMs',
  'receiveTimeMs',
] as const satisfies readonly (keyof BestQuote)[];

export interface RedisPricesOptions extends RedisPorts {
  /** Ends with a colon. */
  readonly prefix: string;
  readonly ttlMs: number;
  readonly connection: RedisConnection;
  /** A connection that may do nothing but listen, made at the first subscription. */
  readonly listening: () => RedisConnection;
  /** Told of each value that no ArBot can have written so. */
  readonly refused: (error: unknown) => void;
}

/**
 * Books and quotes in Redis. Per instrument a hash with the best quote, a string with the whole book as JSON, and a channel on
 * which each new quote is told; docs/prices.md has the layout.
 */
export class RedisPrices implements PriceCache {
  private readonly options: RedisPricesOptions;
  private readonly listener: RedisListener;

  constructor(options: RedisPricesOptions) {
    this.options = options;
    this.listener = new RedisListener({
      ...options,
      channelPrefix: this.key('prices', ''),
      restore: (text, instrument) => {
        const what = `quote of ${instrument}`;
        return this.restored(() => restoreQuote(parsed(bounded(text, what), what), instrument));
      },
    });
  }

  private key(what: 'quote' | 'book' | 'prices', instrument: string): string {
    return `${this.options.prefix}${what}:${instrument}`;
  }

  async put(books: readonly BookTop[]): Promise<number> {
    const accepted = acceptBooks(books);
    if (accepted.length === 0) return 0;
    const results = await this.options.connection.call((client) => {
      const pipeline = client.pipeline();
      for (let from = 0; from < accepted.length; from += BOOKS_PER_SCRIPT) {
        const some = accepted.slice(from, from + BOOKS_PER_SCRIPT);
        const keys = some.flatMap(({ instrument }) => [
          this.key('quote', instrument),
          this.key('book', instrument),
        ]);
        const ttl = String(this.options.ttlMs);
        const values = some.flatMap((book) => this.argumentsOf(book));
        pipeline.eval(PUT_BOOKS, keys.length, ...keys, ttl, String(QUOTE_FIELDS.length * 2), ...values);
      }
      return resultsOf(pipeline.exec());
    });
    return results.reduce<number>((sum, taken) => sum + Number(taken), 0);
  }

  private argumentsOf(book: BookTop): string[] {
    const quote = quoteOf(book);
    const fields = QUOTE_FIELDS.flatMap((field) => [field, String(quote[field] ?? '')]);
    return [
      String(book.receiveTimeMs),
      JSON.stringify(book),
      this.key('prices', book.instrument),
      JSON.stringify(quote),
      ...fields,
    ];
  }

  async book(instrument: InstrumentId): Promise<BookTop | null> {
    acceptInstruments([instrument]);
    const what = `book of ${instrument}`;
    try {
      // No more of it than could be a book, whatever somebody put there.
      const text = await this.options.connection.call((client) =>
        client.getrange(this.key('book', instrument), 0, MAX_TEXT),
      );
      return text === '' ? null : this.restored(() => restoreBook(bounded(text, what), instrument));
    } catch (error) {
      if (!isWrongType(error)) throw error;
      this.options.refused(error);
      return null;
    }
  }

  async quotes(instruments: readonly InstrumentId[]): Promise<readonly BestQuote[]> {
    const wanted = acceptInstruments(instruments);
    if (wanted.length === 0) return [];
    const rows = await this.options.connection.call((client) => {
      const pipeline = client.pipeline();
      for (const instrument of wanted) pipeline.hmget(this.key('quote', instrument), ...QUOTE_FIELDS);
      return resultsOf(pipeline.exec(), (error) => {
        this.options.refused(error);
        return [];
      });
    });
    return wanted.flatMap((instrument, index) => {
      const row = rows[index] as readonly (string | null)[];
      if (row.every((cell) => cell === null || cell === undefined)) return [];
      return this.restored(() => restoreQuote(quoteFrom(row), instrument)) ?? [];
    });
  }

  private restored<T>(restore: () => T): T | null {
    try {
      return restore();
    } catch (error) {
      this.options.refused(error);
      return null;
    }
  }

  async subscribe(
    instruments: readonly InstrumentId[],
    listener: (quote: BestQuote) => void,
  ): Promise<() => void> {
    return this.listener.subscribe(new Set(acceptInstruments(instruments)), listener);
  }

  close(): void {
    this.listener.close();
  }
}

function quoteFrom(row: readonly (string | null)[]): Record<string, unknown> {
  const cells = new Map(QUOTE_FIELDS.map((field, index) => [field, row[index] ?? '']));
  const number = (field: (typeof QUOTE_FIELDS)[number]) => numberOf(cells.get(field) ?? '');
  return {
    exchange: cells.get('exchange'),
    instrument: cells.get('instrument'),
    trusted: cells.get('trusted') === 'true' ? true : cells.get('trusted') === 'false' ? false : undefined,
    bid: number('bid'),
    bidSize: number('bidSize'),
    ask: number('ask'),
    askSize: number('askSize'),
    exchangeTimeMs: number('exchangeTimeMs'),
    receiveTimeMs: number('receiveTimeMs'),
  };
}

/** Empty = null; anything that is not a plain number is handed on as text, and refused. */
function numberOf(text: string): number | string | null {
  if (text === '') return null;
  return /^\d+(?:\.\d+)?(?:e[+-]?\d{1,3})?$/.test(text) ? Number(text) : text;
}

function bounded(text: string, what: string): string {
  if (text.length <= MAX_TEXT) return text;
  throw new ArbotError('ARB_MESSAGE_INVALID', `${what}: ${text.length} characters, at most ${MAX_TEXT}`);
}

/** Somebody else keeps something else under the key. */
const isWrongType = (error: unknown): boolean =>
  error instanceof ArbotError && error.code === 'ARB_STORE_CONFLICT' && error.message.includes('WRONGTYPE');
