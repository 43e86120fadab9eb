import { FrameError } from './frame-error.js';

/**
 * From bytes to a JSON value, with the bounds checked before anything is built. One pass over the bytes finds the
 * nesting depth and numbers with more digits than float64 holds; only then `JSON.parse` runs.
 *
 * Numbers of 16 and more digits (ids beyond 2^53, nanoseconds) are quoted first, so that they arrive as text, digit by
 * digit as sent (PROTOCOLS §12 trap 4).
 */

export interface ParseLimits {
  readonly maxBytes: number;
  readonly maxDepth: number;
}

/**
 * The deepest frame of the eight exchanges has 6 levels, and the longest captured one 82 kB; a quarter of a megabyte holds
 * 5,000 price levels. Twice of it could stall the event loop over 50 ms (measured with a hundred thousand object keys).
 */
export const FRAME_LIMITS: ParseLimits = { maxBytes: 256 << 10, maxDepth: 16 };
/** Instrument lists of a whole exchange. */
export const REST_LIMITS: ParseLimits = { maxBytes: 32 << 20, maxDepth: 32 };

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const ZERO = 0x30;
const NINE = 0x39;
const LONG_NUMBER_DIGITS = 16;

/** Positions of number tokens that lose digits as float64: start, end, start, end … Reused between calls. */
const longNumbers: number[] = [];

/**
 * Parses one JSON text.
 * @throws FrameError naming `frame` when it is too long, too deep or not JSON.
 */
export function parseJson(data: Buffer, limits: ParseLimits): unknown {
  if (data.length > limits.maxBytes) {
    throw new FrameError('frame', `at most ${limits.maxBytes} bytes`, `${data.length} bytes`);
  }
  scan(data, limits.maxDepth);
  const text = longNumbers.length === 0 ? data.toString('utf8') : quoteLongNumbers(data);
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // V8's message quotes the input; the error below carries a bounded excerpt instead.
    throw new FrameError('frame', 'JSON', text);
  }
}

/** Checks the depth and notes the long numbers. Malformed text is left to `JSON.parse`. */
function scan(data: Buffer, maxDepth: number): void {
  longNumbers.length = 0;
  const length = data.length;
  let depth = 0;
  for (let i = 0; i < length; i++) {
    const byte = data[i]!;
    if (byte === QUOTE) {
      i = endOfString(data, i);
    } else if (byte >= ZERO && byte <= NINE) {
      i = endOfNumber(data, i) - 1;
    } else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > maxDepth)
        throw new FrameError('frame', `nested at most ${maxDepth} deep`, `depth ${depth}`);
    } else if (byte === 0x7d || byte === 0x5d) {
      depth--;
    }
  }
}

/** Index of the closing quote of the string that opens at `at`; the end of the data when it never closes. */
function endOfString(data: Buffer, at: number): number {
  const length = data.length;
  for (let i = at + 1; i < length; i++) {
    const byte = data[i]!;
    if (byte === QUOTE) return i;
    if (byte === BACKSLASH) i++;
  }
  return length;
}

/** Index after the number that starts at `start`; noted when it has too many digits. */
function endOfNumber(data: Buffer, start: number): number {
  const length = data.length;
  let digits = 0;
  let i = start;
  for (; i < length; i++) {
    const byte = data[i]!;
    if (byte >= ZERO && byte <= NINE) digits++;
    else if (!isInsideNumber(byte)) break;
  }
  // A leading zero before further digits is not JSON; quoting it would make it so.
  const leadingZero = data[start] === ZERO && data[start + 1] !== 0x2e;
  if (digits >= LONG_NUMBER_DIGITS && !leadingZero) {
    const negative = start > 0 && data[start - 1] === 0x2d;
    longNumbers.push(negative ? start - 1 : start, i);
  }
  return i;
}

/** `.`, `+`, `-`, `e` and `E`. */
function isInsideNumber(byte: number): boolean {
  return byte === 0x2e || byte === 0x2b || byte === 0x2d || byte === 0x65 || byte === 0x45;
}

const LONG_NUMBER = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

function quoteLongNumbers(data: Buffer): string {
  let text = '';
  let from = 0;
  for (let n = 0; n < longNumbers.length; n += 2) {
    const start = longNumbers[n]!;
    const end = longNumbers[n + 1]!;
    const token = data.toString('latin1', start, end);
    // What is not a number is left as it stands, so that JSON.parse refuses it.
    const quoted = LONG_NUMBER.test(token) ? `"${token}"` : token;
    text += data.toString('utf8', from, start) + quoted;
    from = end;
  }
  return text + data.toString('utf8', from);
}
