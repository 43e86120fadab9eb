import { createHmac, timingSafeEqual } from 'node:crypto';
import { ArbotError } from '../messages/errors.js';

/** Time-based one-time passwords (RFC 6238): six digits of HMAC-SHA-1 over the half minute, as authenticator apps show them. */

const STEP_MS = 30_000;
const DIGITS = 6;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const MIN_BYTES = 16;
/** Steps to either side of now: clocks differ, and typing takes time. */
const TOLERANCE = 1;
/** Wrong ones within `LOCK_MS` after which nothing is right for as long. */
const MAX_WRONG = 5;
const LOCK_MS = 600_000;

/** The six digits of one moment, Unix ms. */
export function totpAt(key: Uint8Array, atMs: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(atMs / STEP_MS)));
  const mac = createHmac('sha1', key).update(counter).digest();
  const offset = mac[mac.length - 1]! & 0xf;
  const number = mac.readUInt32BE(offset) & 0x7fff_ffff;
  return String(number % 10 ** DIGITS).padStart(DIGITS, '0');
}

/** @throws ArbotError ARB_CONFIG_INVALID, without the text, when it is not Base32 of at least 16 bytes. */
export function totpKey(base32: string): Uint8Array {
  const text = base32.replaceAll(/[\s=]/g, '').toUpperCase();
  if (!/^[A-Z2-7]+$/.test(text) || (text.length * 5) / 8 < MIN_BYTES)
    throw new ArbotError(
      'ARB_CONFIG_INVALID',
      'the secret of the second factor must be Base32 of at least 16 bytes',
    );
  const bits = [...text].map((letter) => ALPHABET.indexOf(letter).toString(2).padStart(5, '0')).join('');
  return Uint8Array.from({ length: Math.floor(bits.length / 8) }, (_, at) =>
    Number.parseInt(bits.slice(at * 8, at * 8 + 8), 2),
  );
}

/** Judges codes: each is good once, and guessing locks it. Times are Unix ms. */
export class SecondFactor {
  private readonly key: Uint8Array;
  private usedStep = -1;
  private wrong: number[] = [];

  constructor(key: Uint8Array) {
    this.key = key;
  }

  check(code: string, nowMs: number): boolean {
    this.wrong = this.wrong.filter((atMs) => Math.abs(nowMs - atMs) < LOCK_MS);
    if (this.wrong.length >= MAX_WRONG) return false;
    const step = this.stepOf(code, nowMs);
    if (step === null || step <= this.usedStep) {
      this.wrong.push(nowMs);
      return false;
    }
    this.usedStep = step;
    this.wrong = [];
    return true;
  }

  private stepOf(code: string, nowMs: number): number | null {
    if (!/^\d{6}$/.test(code)) return null;
    const now = Math.floor(nowMs / STEP_MS);
    for (let step = now - TOLERANCE; step <= now + TOLERANCE; step++)
      if (timingSafeEqual(Buffer.from(totpAt(this.key, step * STEP_MS)), Buffer.from(code))) return step;
    return null;
  }
}
