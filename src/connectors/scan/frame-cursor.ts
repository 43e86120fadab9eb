import type { DecimalText } from '../../messages/primitives.js';
import { FRAME_LIMITS } from '../frame-parser.js';
import type { LevelBuffer } from '../level-buffer.js';
import { POWERS_OF_TEN, readAmount, readDecimal } from './decimal-bytes.js';
import type { WordTable } from './word-table.js';

/**
 * A position in the bytes of one frame and the pieces that frames are made of. Each piece answers false at the first byte that
 * is not exactly as exchanges print it (blank, escape, sign, exponent, other key); the scanner then gives the frame up and the JSON
 * decoder judges it. So a scanner never refuses a frame, and accepts only what the decoder accepts with the same result.
 *
 * Nothing here allocates, except the texts of identifiers and of trades. Reading stays inside the frame because `open` asks for a
 * closing brace as its last byte, at which every loop stops.
 */

const QUOTE = 0x22;
const COMMA = 0x2c;
const DASH = 0x2d;
const ZERO = 0x30;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const CLOSE_BRACE = 0x7d;
/** Sixteen digits may lie beyond 2^53. */
const MAX_INTEGER_DIGITS = 15;
const MAX_ID_LENGTH = 64;
const NOTHING = Buffer.alloc(0);

/** The bytes of a piece of JSON that must stand in a frame as it is. */
export function ascii(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'latin1'));
}

const NO_LEVELS = ascii('[]');
const CONTRACT_PRICE = ascii('{"p":"');
const CONTRACT_SIZE = ascii('","s":');
const TRUE = ascii('true');
const FALSE = ascii('false');

export class FrameCursor {
  private data: Buffer = NOTHING;
  private at = 0;
  /** Of the number read last. */
  value = NaN;
  /** Of the text read last. */
  text = '';
  private readonly scratch = new Float64Array(1);

  /** Starts a frame, or a REST answer with limits of its own. */
  open(data: Buffer, limits = FRAME_LIMITS): boolean {
    this.data = data;
    this.at = 0;
    const { length } = data;
    return length > 1 && length <= limits.maxBytes && data[length - 1] === CLOSE_BRACE;
  }

  /** Exactly these bytes. */
  literal(bytes: Uint8Array): boolean {
    const { data, at } = this;
    const { length } = bytes;
    if (at + length > data.length) return false;
    for (let i = 0; i < length; i++) if (data[at + i] !== bytes[i]) return false;
    this.at = at + length;
    return true;
  }

  /** Exactly these bytes, and they are the last. */
  ends(bytes: Uint8Array): boolean {
    return this.literal(bytes) && this.at === this.data.length;
  }

  /** `true` or `false`, as 1 or 0 into `value`. */
  flag(): boolean {
    const isTrue = this.literal(TRUE);
    this.value = isTrue ? 1 : 0;
    return isTrue || this.literal(FALSE);
  }

  /** The value of a word that is followed by its table's terminator, which is not passed; undefined when it is unknown. */
  word<T>(table: WordTable<T>): T | undefined {
    const index = table.find(this.data, this.at);
    if (index < 0) return undefined;
    this.at += table.lengthOf(index);
    return table.valueOf(index);
  }

  /** Which of the keys comes now (`"name":` each), the expected one tried first; -1 = none of them. */
  key(keys: readonly Uint8Array[], expected: number): number {
    if (expected < keys.length && this.literal(keys[expected]!)) return expected;
    for (let i = 0; i < keys.length; i++) if (i !== expected && this.literal(keys[i]!)) return i;
    return -1;
  }

  /** A comma: the object or list goes on. */
  comma(): boolean {
    if (this.data[this.at] !== COMMA) return false;
    this.at++;
    return true;
  }

  /** A whole number of up to 15 digits, into `value`. */
  integer(): boolean {
    const { data } = this;
    const start = this.at;
    let at = start;
    let high = 0;
    let digit = data[at]! ^ ZERO;
    for (; digit <= 9 && at - start < 9; digit = data[++at]! ^ ZERO) high = (Math.imul(high, 10) + digit) | 0;
    const lowStart = at;
    let low = 0;
    for (; digit <= 9 && at - start < MAX_INTEGER_DIGITS; digit = data[++at]! ^ ZERO)
      low = (Math.imul(low, 10) + digit) | 0;
    if (at === start || digit <= 9 || (data[start] === ZERO && at > start + 1)) return false;
    this.at = at;
    this.value = high * POWERS_OF_TEN[at - lowStart]! + low;
    return true;
  }

  /** As `integer`, with sixteen digits too, up to 2^53. */
  safeInteger(): boolean {
    const { data } = this;
    const start = this.at;
    let at = start;
    let value = 0;
    for (let digit = data[at]! ^ ZERO; digit <= 9; digit = data[++at]! ^ ZERO) value = value * 10 + digit;
    const digits = at - start;
    if (digits === 0 || digits > MAX_INTEGER_DIGITS + 1 || (data[start] === ZERO && digits > 1)) return false;
    this.at = at;
    this.value = value;
    return value <= Number.MAX_SAFE_INTEGER;
  }

  /** As `integer`, with a minus where it is not 0. */
  signedInteger(): boolean {
    if (this.data[this.at] !== DASH) return this.integer();
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
    const at = readDecimal(this.data, this.at, this.scratch, 0);
    if (at < 0) return false;
    this.at = at;
    this.value = this.scratch[0]!;
    return true;
  }

  /** `0.5` or `1.16539E8` into `into[index]`. */
  amount(into: Float64Array, index: number): boolean {
    const at = readAmount(this.data, this.at, into, index);
    if (at < 0) return false;
    this.at = at;
    return true;
  }

  /** These bytes and an amount behind them, into `into[index]`. */
  amountAfter(bytes: Uint8Array, into: Float64Array, index: number): boolean {
    const { data, at } = this;
    const { length } = bytes;
    if (at + length > data.length) return false;
    for (let i = 0; i < length; i++) if (data[at + i] !== bytes[i]) return false;
    const end = readAmount(data, at + length, into, index);
    if (end < 0) return false;
    this.at = end;
    return true;
  }

  /** A quoted decimal above 0, into `text` as it is spelled: for messages. */
  positiveText(): boolean {
    const start = this.at + 1;
    if (!this.quote() || !this.decimal() || !this.quote() || !(this.value > 0)) return false;
    this.text = this.data.toString('latin1', start, this.at - 1) satisfies DecimalText;
    return true;
  }

  /** A number of any length without sign, fraction or exponent, into `text`: identifiers beyond 2^53 survive. */
  idNumber(): boolean {
    const { data, at: start } = this;
    let at = start;
    while ((data[at]! ^ ZERO) <= 9) at++;
    if (at === start || at - start > MAX_ID_LENGTH || (data[start] === ZERO && at > start + 1)) return false;
    this.text = data.toString('latin1', start, at);
    this.at = at;
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
    const { data } = this;
    const limit = Math.min(this.at + maxLength, data.length - 1);
    let at = this.at;
    while (at < limit && data[at]! > 0x20 && data[at]! < 0x7f && data[at] !== QUOTE && data[at] !== BACKSLASH)
      at++;
    this.at = at;
    return this.quote();
  }

  /**
   * `[["price","size"],…]` into `into`, price above 0 and size not below. Rows may have more columns of quoted digits,
   * which nobody reads.
   */
  textLevels(into: LevelBuffer): boolean {
    const { data } = this;
    let at = this.at;
    into.clear();
    if (data[at++] !== OPEN_BRACKET) return false;
    if (data[at] === CLOSE_BRACKET) {
      this.at = at + 1;
      return true;
    }
    for (let count = 0; ; at++) {
      if (!into.hasRoom()) return false;
      const { prices, sizes } = into;
      if (data[at] !== OPEN_BRACKET || data[at + 1] !== QUOTE) return false;
      at = readDecimal(data, at + 2, prices, count);
      if (at < 0 || data[at] !== QUOTE || data[at + 1] !== COMMA || data[at + 2] !== QUOTE) return false;
      at = readDecimal(data, at + 3, sizes, count);
      if (at < 0 || data[at] !== QUOTE || !(prices[count]! > 0)) return false;
      if (data[++at] === COMMA) at = endOfColumns(data, at);
      if (data[at] !== CLOSE_BRACKET) return false;
      into.count = ++count;
      if (data[++at] !== COMMA) break;
    }
    this.at = at + 1;
    return data[at] === CLOSE_BRACKET;
  }

  /** `[{"p":"price","s":size},…]` into `into`, sizes being whole numbers. */
  contractLevels(into: LevelBuffer): boolean {
    into.clear();
    if (this.literal(NO_LEVELS)) return true;
    if (this.data[this.at] !== OPEN_BRACKET) return false;
    do {
      this.at++;
      if (!into.hasRoom() || !this.literal(CONTRACT_PRICE)) return false;
      const { count } = into;
      if (!this.decimal() || !(this.value > 0)) return false;
      into.prices[count] = this.value;
      if (!this.literal(CONTRACT_SIZE) || !this.integer()) return false;
      into.sizes[count] = this.value;
      if (this.data[this.at++] !== CLOSE_BRACE) return false;
      into.count = count + 1;
    } while (this.data[this.at] === COMMA);
    return this.data[this.at++] === CLOSE_BRACKET;
  }

  private quote(): boolean {
    if (this.data[this.at] !== QUOTE) return false;
    this.at++;
    return true;
  }
}

/** The position after `,"0","4"` … : columns of quoted digits; that of a comma when one of them is anything else. */
function endOfColumns(data: Buffer, start: number): number {
  let at = start;
  while (data[at] === COMMA && data[at + 1] === QUOTE) {
    at += 2;
    while ((data[at]! ^ ZERO) <= 9) at++;
    if (data[at] !== QUOTE) return start;
    at++;
  }
  return at;
}
