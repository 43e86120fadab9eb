import { randomFillSync } from 'node:crypto';
import { invariant } from '../../messages/errors.js';
import type { Ids, Random } from '../../ports/random.js';
import type { Clock } from '../../ports/time.js';

/** Randomness from the operating system, the same from a seed, and identifiers that sort by time. */

const TWO_TO_53 = 2 ** 53;
const POOL_BYTES = 4096;

/** 53 uniform bits from two 32-bit words. */
function unitInterval(high: number, low: number): number {
  return ((high >>> 5) * 67_108_864 + (low >>> 6)) / TWO_TO_53;
}

export class CryptoRandom implements Random {
  private readonly pool = new DataView(new ArrayBuffer(POOL_BYTES));
  private used = POOL_BYTES;

  next(): number {
    if (this.used === POOL_BYTES) {
      randomFillSync(this.pool);
      this.used = 0;
    }
    const value = unitInterval(this.pool.getUint32(this.used), this.pool.getUint32(this.used + 4));
    this.used += 8;
    return value;
  }

  bytes(length: number): Uint8Array {
    return randomFillSync(new Uint8Array(length));
  }
}

/**
 * Repeatable randomness: xoshiro128** (Blackman and Vigna, 2018), its four words filled by splitmix32 from the FNV-1a hash
 * of the seed text. Not for secrets. The sequence of a seed is part of the contract: a test holds its first values.
 */
export class SeededRandom implements Random {
  readonly seed: string;
  private readonly state: Uint32Array;

  constructor(seed: string | number) {
    this.seed = String(seed);
    this.state = expand(fnv1a(this.seed));
  }

  next(): number {
    const high = this.word();
    return unitInterval(high, this.word());
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i += 4) {
      const word = this.word();
      for (let j = 0; j < 4 && i + j < length; j++) bytes[i + j] = word >>> (8 * j);
    }
    return bytes;
  }

  /** An independent stream, so that one part's use of chance does not shift another's. */
  fork(label: string): SeededRandom {
    return new SeededRandom(`${this.seed}/${label}`);
  }

  private word(): number {
    const s = this.state;
    const [s0, s1, s2, s3] = [s[0]!, s[1]!, s[2]!, s[3]!];
    const result = Math.imul(rotateLeft(Math.imul(s1, 5), 7), 9) >>> 0;
    s[2] = s2 ^ s0;
    s[3] = s3 ^ s1;
    s[1] = s1 ^ s[2];
    s[0] = s0 ^ s[3];
    s[2] = s[2] ^ (s1 << 9);
    s[3] = rotateLeft(s[3], 11);
    return result;
  }
}

function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text, 'utf8')) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

function expand(seed: number): Uint32Array {
  let counter = seed;
  return Uint32Array.from({ length: 4 }, () => {
    counter = (counter + 0x9e3779b9) | 0;
    let word = Math.imul(counter ^ (counter >>> 16), 0x21f0aaad);
    word = Math.imul(word ^ (word >>> 15), 0x735a2d97);
    return word ^ (word >>> 15);
  });
}

/** Crockford's base 32 in lower case: sorts like the numbers it stands for. */
const DIGITS = '0123456789abcdefghjkmnpqrstvwxyz';
const TIME_DIGITS = 10;
const CHANCE_DIGITS = 16;

/**
 * `<prefix>-<26 characters>`: 10 of Unix milliseconds, 16 random (80 bits), so that processes do not collide. Within one
 * millisecond, or when the wall clock jumps back, the random part counts up: ids of one process never go back.
 */
export class TimeOrderedIds implements Ids {
  private readonly clock: Clock;
  private readonly random: Random;
  private lastMs = -1;
  private chance: Uint8Array = new Uint8Array(CHANCE_DIGITS);

  constructor(clock: Clock, random: Random) {
    this.clock = clock;
    this.random = random;
  }

  next(prefix: string): string {
    invariant(/^[A-Za-z][A-Za-z0-9]{0,15}$/.test(prefix), `'${prefix}' is not an id prefix`);
    const nowMs = Math.floor(this.clock.nowMs());
    if (nowMs > this.lastMs) {
      this.lastMs = nowMs;
      this.chance = this.random.bytes(CHANCE_DIGITS).map((byte) => byte & 31);
    } else if (!countUp(this.chance)) {
      this.lastMs++;
    }
    return `${prefix}-${timeText(this.lastMs)}${Array.from(this.chance, (digit) => DIGITS[digit]).join('')}`;
  }
}

/** False when every digit was at its end and all are 0 again. */
function countUp(digits: Uint8Array): boolean {
  for (let i = digits.length - 1; i >= 0; i--) {
    if (digits[i]! < 31) {
      digits[i]!++;
      return true;
    }
    digits[i] = 0;
  }
  return false;
}

function timeText(ms: number): string {
  let text = '';
  let rest = ms;
  for (let i = 0; i < TIME_DIGITS; i++) {
    text = DIGITS[rest % 32]! + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}
