import { z } from 'zod';
import { checkBookTop } from '../../messages/book-codec.js';
import { ArbotError } from '../../messages/errors.js';
import { bookTop, type BookTop } from '../../messages/feed.js';
import { entityId, instrumentId, timeMs, type InstrumentId } from '../../messages/primitives.js';
import { checkStreamBody, STREAM_NAMES, type StreamName } from '../../messages/streams.js';
import type { BestQuote, GroupReader, StreamRecord } from '../../ports/price-cache.js';
import { accept } from '../border.js';

/** What may enter a price store, and what counts as a value when it is found there. Refusals name the field. */

const MAX_BOOKS = 1_024;
const MAX_LEVELS = 50;
const MAX_INSTRUMENT = 128;
const MAX_TIME_MS = 8.64e15;
const MAX_RECORDS = 256;
const MAX_ENTRIES = 1_000;
const MAX_CLAIM_AFTER_MS = 86_400_000;

const streamName = z.enum(STREAM_NAMES);
const limitSchema = z.number().int().min(1).max(MAX_ENTRIES);
/** Of Redis: milliseconds and a count within them; in a position the count may be left out. */
const entryId = z.string().regex(/^\d{1,15}-\d{1,15}$/, 'not an id of an entry');
const position = z.string().regex(/^\d{1,15}(?:-\d{1,15})?$/, 'not an id of an entry');
const groupReader = z.object({
  group: entityId,
  member: entityId,
  claimAfterMs: z.number().int().min(0).max(MAX_CLAIM_AFTER_MS),
});
const instrumentList = z.array(instrumentId).max(MAX_BOOKS);

/** Checked by hand: books come often, and the schema costs ten times as much. A test holds both to the same verdicts. */
export function acceptBooks(books: readonly BookTop[]): readonly BookTop[] {
  if (books.length > MAX_BOOKS) throw tooMany('books', books.length, MAX_BOOKS);
  for (const [index, book] of books.entries()) {
    const problem = problemOf(book) ?? checkBookTop(book);
    if (problem !== null) throw invalid(`books[${index}].${problem}`);
  }
  return books;
}

/** The field of a book that its schema refuses, and why; null = none. */
export function problemOf(book: BookTop): string | null {
  if (book.instrument.length > MAX_INSTRUMENT || !instrumentId.safeParse(book.instrument).success)
    return 'instrument: not an instrument id';
  for (const field of ['epoch', 'sequence'] as const)
    if (!Number.isSafeInteger(book[field]) || book[field] < 0) return `${field}: not a count`;
  for (const field of ['exchangeTimeMs', 'receiveTimeMs'] as const)
    if (!(book[field] >= 0 && book[field] <= MAX_TIME_MS)) return `${field}: not a time`;
  if (typeof book.trusted !== 'boolean') return 'trusted: not true or false';
  return sideProblem(book.bids, 'bids') ?? sideProblem(book.asks, 'asks');
}

function sideProblem(levels: BookTop['bids'], side: string): string | null {
  if (levels.length > MAX_LEVELS) return `${side}: ${levels.length} levels, at most ${MAX_LEVELS}`;
  for (let level = 0; level < levels.length; level++) {
    const [price, size] = levels[level]!;
    if (!(price > 0 && price < Infinity)) return `${side}[${level}][0]: not a positive number`;
    if (!(size > 0 && size < Infinity)) return `${side}[${level}][1]: not a positive number`;
  }
  return null;
}

export const acceptInstruments = (ids: readonly InstrumentId[]): readonly InstrumentId[] =>
  accept(instrumentList, ids, 'instruments');
export const acceptStream = (stream: StreamName): StreamName => accept(streamName, stream, 'stream');
export const acceptLimit = (limit: number): number => accept(limitSchema, limit, 'limit');
export const acceptPosition = (id: string): string => accept(position, id, 'afterId');
export const acceptReader = (reader: GroupReader): GroupReader => accept(groupReader, reader, 'reader');
export const acceptGroup = (group: string): string => accept(entityId, group, 'group');

export function acceptEntryIds(ids: readonly string[]): readonly string[] {
  if (ids.length > MAX_ENTRIES) throw tooMany('ids', ids.length, MAX_ENTRIES);
  return ids.map((id, index) => accept(entryId, id, `ids[${index}]`));
}

export function acceptRecords(records: readonly StreamRecord[]): readonly StreamRecord[] {
  if (records.length > MAX_RECORDS) throw tooMany('records', records.length, MAX_RECORDS);
  for (const { stream, body } of records) checkStreamBody(acceptStream(stream), body);
  return records;
}

export function quoteOf(book: BookTop): BestQuote {
  const { instrument, trusted, exchangeTimeMs, receiveTimeMs } = book;
  return {
    exchange: exchangeOf(instrument),
    instrument,
    trusted,
    bid: book.bids[0]?.[0] ?? null,
    bidSize: book.bids[0]?.[1] ?? null,
    ask: book.asks[0]?.[0] ?? null,
    askSize: book.asks[0]?.[1] ?? null,
    exchangeTimeMs,
    receiveTimeMs,
  };
}

const exchangeOf = (instrument: InstrumentId): string => instrument.slice(0, instrument.indexOf(':'));

const positive = z.number().positive().finite().nullable();
const quoteSchema = z.object({
  exchange: z.string(),
  instrument: instrumentId,
  trusted: z.boolean(),
  bid: positive,
  bidSize: positive,
  ask: positive,
  askSize: positive,
  exchangeTimeMs: timeMs,
  receiveTimeMs: timeMs,
});

/** A quote as it was found, of the instrument whose place it was found in. */
export function restoreQuote(value: unknown, instrument: InstrumentId): BestQuote {
  const quote = accept(quoteSchema, value, `quote of ${instrument}`);
  if (quote.instrument !== instrument || quote.exchange !== exchangeOf(instrument))
    throw invalid(`quote of ${instrument}.instrument: is another`);
  if ((quote.bid === null) !== (quote.bidSize === null) || (quote.ask === null) !== (quote.askSize === null))
    throw invalid(`quote of ${instrument}: a price without its size`);
  return quote;
}

export function restoreBook(text: string, instrument: InstrumentId): BookTop {
  const what = `book of ${instrument}`;
  const book = accept(bookTop, parsed(text, what), what);
  const problem = checkBookTop(book);
  if (problem !== null) throw invalid(`${what}.${problem}`);
  if (book.instrument !== instrument) throw invalid(`${what}.instrument: is another`);
  return book;
}

/** JSON text from outside; bounded where it is read. */
export function parsed(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalid(`${what}: not JSON text`);
  }
}

const tooMany = (what: string, count: number, most: number): ArbotError =>
  invalid(`${what}: ${count}, at most ${most}`);

const invalid = (message: string): ArbotError => new ArbotError('ARB_MESSAGE_INVALID', message);
