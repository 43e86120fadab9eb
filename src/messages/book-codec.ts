import { ArbotError } from './errors.js';
import type { BookTop } from './feed.js';
import { senderName, type MessageHeader } from './header.js';
import * as p from './primitives.js';

/**
 * A compact layout for the one message that is frequent: the top of a book. Little-endian.
 *
 *   0 u8 magic        1 u8 layout version   2 u16 kind version
 *   4 u8 flags        5 u8 bids             6 u8 asks            7 u8 instrument length
 *   8 u8 sender length  9 u8 trace length  10 u16 zero          12 u32 total length
 *  16 f64 sentAtMs   24 f64 epoch   32 f64 sequence   40 f64 exchangeTimeMs   48 f64 receiveTimeMs
 *  56 f64 price, f64 size per level (bids, then asks, best first), then the three ASCII texts
 *
 * Every byte is checked: a reader either gets a valid book or an ArbotError.
 */

/** First byte; no JSON text begins with it. */
const MAGIC = 0xb7;
const LAYOUT_VERSION = 1;
const HEADER_BYTES = 56;
const LEVEL_BYTES = 16;
const MAX_LEVELS = 50;
const TRUSTED = 1;

export function isBookBytes(bytes: Uint8Array): boolean {
  return bytes[0] === MAGIC;
}

/**
 * What a schema cannot say: sides are sorted, best first, without repeats, and a trusted book is not crossed or locked.
 * Returns the field and the fault, or null.
 */
export function checkBookTop(book: BookTop): string | null {
  const unsorted = unsortedAt(book.bids, -1, 'bids') ?? unsortedAt(book.asks, 1, 'asks');
  if (unsorted !== null) return unsorted;
  const bid = book.bids[0]?.[0];
  const ask = book.asks[0]?.[0];
  const crossed = bid !== undefined && ask !== undefined && bid >= ask;
  return book.trusted && crossed ? 'trusted: a crossed book cannot be trusted' : null;
}

/** `book` and `header` were checked by the caller. */
export function encodeBookTop(book: BookTop, header: MessageHeader, kindVersion: number): Uint8Array {
  const texts = [book.instrument, header.sender, header.traceId];
  const levels = book.bids.length + book.asks.length;
  const textBytes = texts.reduce((sum, text) => sum + text.length, 0);
  const bytes = new Uint8Array(HEADER_BYTES + levels * LEVEL_BYTES + textBytes);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, MAGIC);
  view.setUint8(1, LAYOUT_VERSION);
  view.setUint16(2, kindVersion, true);
  view.setUint8(4, book.trusted ? TRUSTED : 0);
  view.setUint8(5, book.bids.length);
  view.setUint8(6, book.asks.length);
  texts.forEach((text, index) => view.setUint8(7 + index, text.length));
  view.setUint32(12, bytes.length, true);
  const numbers = [header.sentAtMs, book.epoch, book.sequence, book.exchangeTimeMs, book.receiveTimeMs];
  numbers.forEach((number, index) => view.setFloat64(16 + index * 8, number, true));
  let at = writeLevels(view, HEADER_BYTES, book.bids);
  at = writeLevels(view, at, book.asks);
  for (const text of texts) at = writeAscii(bytes, at, text);
  return bytes;
}

/** Throws ARB_MESSAGE_INVALID naming the field. */
export function decodeBookTop(
  bytes: Uint8Array,
  kindVersion: number,
): { header: MessageHeader; book: BookTop } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = readShape(view, kindVersion);
  const number = (index: number) => view.getFloat64(16 + index * 8, true);
  const asksAt = HEADER_BYTES + shape.bids * LEVEL_BYTES;
  const textsAt = asksAt + shape.asks * LEVEL_BYTES;
  const senderAt = textsAt + shape.instrument;
  const traceAt = senderAt + shape.sender;
  const book: BookTop = {
    instrument: textOf(bytes, textsAt, senderAt, 'body.instrument', isInstrument),
    epoch: counter(number(1), 'body.epoch'),
    sequence: counter(number(2), 'body.sequence'),
    trusted: shape.trusted,
    bids: readLevels(view, HEADER_BYTES, shape.bids, 'bids'),
    asks: readLevels(view, asksAt, shape.asks, 'asks'),
    exchangeTimeMs: time(number(3), 'body.exchangeTimeMs'),
    receiveTimeMs: time(number(4), 'body.receiveTimeMs'),
  };
  const problem = checkBookTop(book);
  if (problem !== null) throw invalid(`body.${problem}`);
  const header: MessageHeader = {
    sentAtMs: time(number(0), 'sentAtMs'),
    sender: textOf(bytes, senderAt, traceAt, 'sender', isSender),
    traceId: textOf(bytes, traceAt, bytes.length, 'trace', isTrace),
  };
  return { header, book };
}

interface Shape {
  readonly trusted: boolean;
  readonly bids: number;
  readonly asks: number;
  readonly instrument: number;
  readonly sender: number;
}

function readShape(view: DataView, kindVersion: number): Shape {
  if (view.byteLength < HEADER_BYTES)
    throw invalid(`length: ${view.byteLength} bytes, shorter than a header`);
  const [layout, kind] = [view.getUint8(1), view.getUint16(2, true)];
  if (layout !== LAYOUT_VERSION)
    throw invalid(`layout: version ${layout} is not known, only ${LAYOUT_VERSION}`);
  if (kind !== kindVersion) throw invalid(`kv: version ${kind} is not known, only ${kindVersion}`);
  const flags = view.getUint8(4);
  if ((flags & ~TRUSTED) !== 0 || view.getUint16(10, true) !== 0)
    throw invalid('flags: unknown bits are set');
  const [bids, asks] = [view.getUint8(5), view.getUint8(6)];
  if (bids > MAX_LEVELS) throw invalid(`body.bids: ${bids} levels, at most ${MAX_LEVELS}`);
  if (asks > MAX_LEVELS) throw invalid(`body.asks: ${asks} levels, at most ${MAX_LEVELS}`);
  const [instrument, sender, trace] = [view.getUint8(7), view.getUint8(8), view.getUint8(9)];
  const total = HEADER_BYTES + (bids + asks) * LEVEL_BYTES + instrument + sender + trace;
  if (total !== view.byteLength || total !== view.getUint32(12, true)) {
    throw invalid(`length: ${view.byteLength} bytes where ${total} are announced`);
  }
  return { trusted: flags === TRUSTED, bids, asks, instrument, sender };
}

function writeLevels(view: DataView, from: number, levels: BookTop['bids']): number {
  let at = from;
  for (const [price, size] of levels) {
    view.setFloat64(at, price, true);
    view.setFloat64(at + 8, size, true);
    at += LEVEL_BYTES;
  }
  return at;
}

function readLevels(view: DataView, from: number, count: number, side: string): BookTop['bids'] {
  const levels: BookTop['bids'] = [];
  for (let level = 0; level < count; level++) {
    const at = from + level * LEVEL_BYTES;
    const price = view.getFloat64(at, true);
    const size = view.getFloat64(at + 8, true);
    if (!(price > 0 && price < Infinity)) throw invalid(`body.${side}[${level}][0]: not a positive number`);
    if (!(size > 0 && size < Infinity)) throw invalid(`body.${side}[${level}][1]: not a positive number`);
    levels.push([price, size]);
  }
  return levels;
}

function writeAscii(bytes: Uint8Array, from: number, text: string): number {
  for (let i = 0; i < text.length; i++) bytes[from + i] = text.charCodeAt(i);
  return from + text.length;
}

function textOf(
  bytes: Uint8Array,
  from: number,
  to: number,
  field: string,
  accepts: (text: string) => boolean,
): string {
  // Each byte becomes one character; the patterns accept ASCII only, so that anything else is refused here.
  const text = String.fromCharCode(...bytes.subarray(from, to));
  if (!accepts(text)) throw invalid(`${field}: not a valid name`);
  return text;
}

const isInstrument = (text: string) => p.instrumentId.safeParse(text).success;
const isSender = (text: string) => senderName.safeParse(text).success;
const isTrace = (text: string) => p.traceId.safeParse(text).success;

function counter(value: number, field: string): number {
  if (!Number.isSafeInteger(value) || value < 0) throw invalid(`${field}: not a count`);
  // −0 is an integer too; a count is written as 0.
  return value === 0 ? 0 : value;
}

function time(value: number, field: string): number {
  if (!(value >= 0 && value <= 8.64e15)) throw invalid(`${field}: not a time`);
  return value === 0 ? 0 : value;
}

function unsortedAt(levels: BookTop['bids'], direction: 1 | -1, side: string): string | null {
  for (let level = 1; level < levels.length; level++) {
    const step = (levels[level]![0] - levels[level - 1]![0]) * direction;
    if (!(step > 0)) return `${side}[${level}][0]: not worse than the level before it`;
  }
  return null;
}

function invalid(what: string): ArbotError {
  return new ArbotError('ARB_MESSAGE_INVALID', `bookTop: ${what}`);
}
