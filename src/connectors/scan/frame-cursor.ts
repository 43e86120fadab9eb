import type { DecimalText } from '../../messages/primitives.js';
import { FRAME_LIMITS } from '../frame-parser.js';
import type { LevelBuffer } from '../level-buffer.js';
import { MAX_WHOLE_DIGITS, readAmount, readDecimal, readWhole } from './decimal-bytes.js';
import { frameBytes, frameView, loadFrame, Piece } from './frame-bytes.js';
import type { WordTable } from './word-table.js';

/** Constants of this module, whose place the compiler knows; imported ones are looked up at each use. */
const bytes = frameBytes;
const view = frameView;

/**
 * A position in the bytes of one frame and the pieces that frames are made of. Each piece answers false at the first byte that
 * is not exactly as exchanges print it (blank, escape, sign, exponent, other key); the scanner then gives the frame up and the JSON
 * decoder judges it. So a scanner never refuses a frame, and accepts only what the decoder accepts with the same result.
 *
 * Nothing here allocates, except the texts of identifiers and of trades. Reading stays inside the frame because zeros
 * stand behind it, at which every loop stops.
 */

const QUOTE = 0x22;
const COMMA = 0x2c;
const DASH = 0x2d;
const ZERO = 0x30;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const CLOSE_BRACE = 0x7d;
const MAX_ID_LENGTH = 64;
/** Of a Unix time of this century. */
const MILLISECOND_DIGITS = 13;
const MICROSECOND_DIGITS = 16;
const NANOSECOND_DIGITS = 19;
const NOTHING = Buffer.alloc(0);

/** A piece of JSON that must stand in a frame as it is. */
export function piece(text: string): Piece {
  return new Piece(text);
}

const NO_LEVELS = piece('[]');
const OPEN_ROW = piece('["');
const NEXT_COLUMN = piece('","');
const CLOSE_ROW = piece('"]');
const PRICE_FIRST = piece('{"p":');
const THEN_SIZE = piece(',"s":');
const SIZE_FIRST = piece('{"s":');
const THEN_PRICE = piece(',"p":');
const TRUE = piece('true');
const FALSE = piece('false');
/** What stands between two numbers of a row and between two rows, as words of three or four bytes. */
const BETWEEN = wordOf('","');
const NEXT_ROW = wordOf('"],[');
const LAST_ROW = wordOf('"]]');
const THREE_BYTES = 0xffffff;

function wordOf(text: string): number {
  return Buffer.from(text.padEnd(4, '\0'), 'latin1').readInt32LE(0);
}

/** What stands before the four numbers of a unit: ask price, bid price, ask size, bid size. */
export type UnitNames = readonly [Piece, Piece, Piece, Piece];

export class FrameCursor {
  private data: Buffer = NOTHING;
  private length = 0;
  private at = 0;
  /** Of the number read last. */
  value = NaN;
  /** Of the text read last. */
  text = '';
  private readonly scratch = new Float64Array(1);

  /** Starts a frame, or a REST answer with limits of its own. */
  open(data: Buffer, limits = FRAME_LIMITS): boolean {
    const { length } = data;
    this.data = data;
    this.length = length;
    this.at = 0;
    return length > 1 && length <= limits.maxBytes && loadFrame(data);
  }

  /** Exactly these bytes. */
  literal(what: Piece): boolean {
    const { at } = this;
    if (!what.isAt(at)) return false;
    this.at = at + what.length;
    return true;
  }

  /** Exactly these bytes, and they are the last. */
  ends(what: Piece): boolean {
    return this.literal(what) && this.at === this.length;
  }

  /** `true` or `false`, as 1 or 0 into `value`. */
  flag(): boolean {
    const isTrue = this.literal(TRUE);
    this.value = isTrue ? 1 : 0;
    return isTrue || this.literal(FALSE);
  }

  /** The value of a word that is followed by its table's terminator, which is not passed; undefined when it is unknown. */
  word<T>(table: WordTable<T>): T | undefined {
    const index = table.find(this.at);
    if (index < 0) return undefined;
    this.at += table.lengthOf(index);
    return table.valueOf(index);
  }

  /** Which of the keys comes now (`"name":` each), the expected one tried first; -1 = none of them. */
  key(keys: readonly Piece[], expected: number): number {
    if (expected < keys.length && this.literal(keys[expected]!)) return expected;
    for (let i = 0; i < keys.length; i++) if (i !== expected && this.literal(keys[i]!)) return i;
    return -1;
  }

  /** A comma: the object or list goes on. */
  comma(): boolean {
    if (bytes[this.at] !== COMMA) return false;
    this.at++;
    return true;
  }

  /** A whole number of up to 15 digits, into `value`. */
  integer(): boolean {
    const digits = readWhole(this.at, this.scratch);
    // Sixteen digits may lie beyond 2^53.
    if (digits === 0 || digits === MAX_WHOLE_DIGITS) return false;
    this.at += digits;
    this.value = this.scratch[0]!;
    return true;
  }

  /** As `integer`, with sixteen digits too, up to 2^53. */
  safeInteger(): boolean {
    const digits = readWhole(this.at, this.scratch);
    if (digits === 0) return false;
    this.at += digits;
    this.value = this.scratch[0]!;
    return this.value <= Number.MAX_SAFE_INTEGER;
  }

  /** As `integer`, with a minus where it is not 0. */
  signedInteger(): boolean {
    if (bytes[this.at] !== DASH) return this.integer();
    this.at++;
    if (!this.integer() || this.value === 0) return false;
    this.value = -this.value;
    return true;
  }

  /** `"1790000000000"`. */
  quotedInteger(): boolean {
    return this.quote() && this.integer() && this.quote();
  }

  /** `"0.50"` into `value`. */
  quotedDecimal(): boolean {
    return this.quote() && this.decimal() && this.quote();
  }

  /** `0.50` into `value`. */
  decimal(): boolean {
    const at = readDecimal(this.at, this.scratch, 0);
    if (at < 0) return false;
    this.at = at;
    this.value = this.scratch[0]!;
    return true;
  }

  /** `0.5` or `1.16539E8` into `into[index]`. */
  amount(into: Float64Array, index: number): boolean {
    const at = readAmount(this.at, into, index);
    if (at < 0) return false;
    this.at = at;
    return true;
  }

  /** Passes a number as `amount` reads it, whose value nobody needs. */
  unread(): boolean {
    return this.amount(this.scratch, 0);
  }

  /** A level of both sides with its closing brace, behind what is counted in `asks` and `bids`; the caller counts it or not. */
  unit(names: UnitNames, asks: LevelBuffer, bids: LevelBuffer): boolean {
    const [askPrice, bidPrice, askSize, bidSize] = names;
    const ask = asks.count;
    const bid = bids.count;
    let at = this.at;
    if (!askPrice.isAt(at)) return false;
    at = readAmount(at + askPrice.length, asks.prices, ask);
    if (at < 0 || !bidPrice.isAt(at)) return false;
    at = readAmount(at + bidPrice.length, bids.prices, bid);
    if (at < 0 || !askSize.isAt(at)) return false;
    at = readAmount(at + askSize.length, asks.sizes, ask);
    if (at < 0 || !bidSize.isAt(at)) return false;
    at = readAmount(at + bidSize.length, bids.sizes, bid);
    if (at < 0 || bytes[at] !== CLOSE_BRACE) return false;
    this.at = at + 1;
    return true;
  }

  /** A quoted decimal above 0, into `text` as it is spelled: for messages. */
  positiveText(): boolean {
    const start = this.at + 1;
    if (!this.quote() || !this.decimal() || !this.quote() || !(this.value > 0)) return false;
    this.text = this.data.toString('latin1', start, this.at - 1) satisfies DecimalText;
    return true;
  }

  /** Passes a whole number of any length that nobody reads. */
  digits(): boolean {
    const start = this.at;
    let at = start;
    while ((bytes[at]! ^ ZERO) <= 9) at++;
    this.at = at;
    return at > start && (bytes[start] !== ZERO || at === start + 1);
  }

  /** A Unix time in ns or µs, 19 or 16 digits, as whole ms into `value`. */
  nanoseconds(): boolean {
    const start = this.at;
    if (!this.digits() || bytes[start] === ZERO) return false;
    const count = this.at - start;
    if (count !== MICROSECOND_DIGITS && count !== NANOSECOND_DIGITS) return false;
    let value = 0;
    for (let at = start; at < start + MILLISECOND_DIGITS; at++) value = value * 10 + (bytes[at]! ^ ZERO);
    this.value = value;
    return true;
  }

  /** A number of any length without sign, fraction or exponent, into `text`: identifiers beyond 2^53 survive. */
  idNumber(): boolean {
    const start = this.at;
    if (!this.digits() || this.at - start > MAX_ID_LENGTH) return false;
    this.text = this.data.toString('latin1', start, this.at);
    return true;
  }

  /** A quoted identifier of up to 64 printable characters, into `text`. */
  idText(): boolean {
    const start = this.at + 1;
    if (!this.printable(MAX_ID_LENGTH) || this.at - 1 === start) return false;
    this.text = this.data.toString('latin1', start, this.at - 1);
    return true;
  }

  /** Passes a quoted text of printable characters whose content nobody reads. */
  printable(maxLength: number): boolean {
    if (!this.quote()) return false;
    const limit = this.at + maxLength;
    let at = this.at;
    for (; at < limit; at++) {
      const byte = bytes[at]!;
      if (byte <= 0x20 || byte >= 0x7f || byte === QUOTE || byte === BACKSLASH) break;
    }
    this.at = at;
    return this.quote();
  }

  /**
   * `[["price","size"],…]` into `into`, price above 0 and size not below. Rows may have more columns of quoted digits,
   * which nobody reads.
   */
  textLevels(into: LevelBuffer): boolean {
    let at = this.at;
    into.clear();
    if (bytes[at++] !== OPEN_BRACKET) return false;
    if (bytes[at] === CLOSE_BRACKET) {
      this.at = at + 1;
      return true;
    }
    if (bytes[at++] !== OPEN_BRACKET) return false;
    for (let count = 0; ;) {
      if (!into.hasRoom() || bytes[at] !== QUOTE) return false;
      const { prices, sizes } = into;
      at = readDecimal(at + 1, prices, count);
      if (at < 0 || (view.getInt32(at, true) & THREE_BYTES) !== BETWEEN) return false;
      at = readDecimal(at + 3, sizes, count);
      if (at < 0 || !(prices[count]! > 0)) return false;
      if (bytes[at + 1] === COMMA) at = endOfColumns(at);
      into.count = ++count;
      const behind = view.getInt32(at, true);
      if (behind === NEXT_ROW) at += 4;
      else {
        this.at = at + 3;
        return (behind & THREE_BYTES) === LAST_ROW;
      }
    }
  }

  /** `["price","size"]` as the only level, or `[]`. */
  bestLevel(into: LevelBuffer): boolean {
    into.clear();
    if (this.literal(NO_LEVELS)) return true;
    if (!this.row(into, 0) || !this.literal(CLOSE_ROW)) return false;
    into.count = 1;
    return into.prices[0]! > 0;
  }

  /** `[["price","size","number"],…]`: changes with numbers of their own. Price 0 changes no level and is left out. */
  numberedLevels(into: LevelBuffer): boolean {
    into.clear();
    if (this.literal(NO_LEVELS)) return true;
    if (bytes[this.at] !== OPEN_BRACKET) return false;
    let rows = 0;
    do {
      this.at++;
      if (++rows > into.maxLevels || !into.hasRoom()) return false;
      const { count } = into;
      if (!this.row(into, count) || !this.literal(NEXT_COLUMN) || !this.integer()) return false;
      if (!this.literal(CLOSE_ROW)) return false;
      if (into.prices[count]! > 0) into.keepNumbered(this.value);
    } while (bytes[this.at] === COMMA);
    return bytes[this.at++] === CLOSE_BRACKET;
  }

  /** `["price","size` into `into` at `index`. */
  private row(into: LevelBuffer, index: number): boolean {
    if (!this.literal(OPEN_ROW)) return false;
    const between = readDecimal(this.at, into.prices, index);
    if (between < 0) return false;
    this.at = between;
    if (!this.literal(NEXT_COLUMN)) return false;
    const end = readDecimal(this.at, into.sizes, index);
    if (end < 0) return false;
    this.at = end;
    return true;
  }

  /** `[{"p":"price","s":size},…]` into `into`, or with sizes first; sizes are whole numbers, or quoted. */
  contractLevels(into: LevelBuffer): boolean {
    into.clear();
    if (this.literal(NO_LEVELS)) return true;
    if (bytes[this.at] !== OPEN_BRACKET) return false;
    do {
      this.at++;
      if (!into.hasRoom() || !this.contractLevel(into)) return false;
      if (bytes[this.at++] !== CLOSE_BRACE) return false;
      into.count++;
    } while (bytes[this.at] === COMMA);
    return bytes[this.at++] === CLOSE_BRACKET;
  }

  private contractLevel(into: LevelBuffer): boolean {
    const { count } = into;
    const isSizeFirst = !this.literal(PRICE_FIRST);
    if (isSizeFirst && (!this.literal(SIZE_FIRST) || !this.contracts())) return false;
    if (isSizeFirst) into.sizes[count] = this.value;
    if (isSizeFirst && !this.literal(THEN_PRICE)) return false;
    if (!this.quotedDecimal() || !(this.value > 0)) return false;
    into.prices[count] = this.value;
    if (isSizeFirst) return true;
    if (!this.literal(THEN_SIZE) || !this.contracts()) return false;
    into.sizes[count] = this.value;
    return true;
  }

  private contracts(): boolean {
    return bytes[this.at] === QUOTE ? this.quotedDecimal() : this.integer();
  }

  private quote(): boolean {
    if (bytes[this.at] !== QUOTE) return false;
    this.at++;
    return true;
  }
}

/** The position of the last quote of `","0","4"` …: columns of quoted digits; the first quote when one of them is anything else. */
function endOfColumns(start: number): number {
  let at = start;
  while ((view.getInt32(at, true) & THREE_BYTES) === BETWEEN) {
    at += 3;
    while ((bytes[at]! ^ ZERO) <= 9) at++;
    if (bytes[at] !== QUOTE) return start;
  }
  return at;
}
