import { createHmac, timingSafeEqual } from 'node:crypto';
import { ArbotError } from '../messages/errors.js';
import type { Random } from '../ports/random.js';
import type { VerdictSeal } from '../ports/verdict-seal.js';

/** Name of the variable with the key that processes share, where gate and gateways are not in the same one. */
export const VERDICT_KEY_VARIABLE = 'ARBOT_VERDICT_KEY_HEX';

const KEY_BYTES = 32;
const SEAL = /^[0-9a-f]{64}$/;

/** HMAC-SHA256 over the UTF-8 of a text; compared in constant time. */
export class HmacSeal implements VerdictSeal {
  private readonly key: Buffer;

  /** @throws ArbotError ARB_CONFIG_INVALID for a key that has not 32 bytes. */
  constructor(key: Uint8Array) {
    if (key.length !== KEY_BYTES)
      throw new ArbotError('ARB_CONFIG_INVALID', `the key of verdicts must have ${KEY_BYTES} bytes`);
    this.key = Buffer.from(key);
  }

  sign(text: string): string {
    return this.digest(text).toString('hex');
  }

  verify(text: string, seal: string): boolean {
    return SEAL.test(seal) && timingSafeEqual(this.digest(text), Buffer.from(seal, 'hex'));
  }

  private digest(text: string): Buffer {
    return createHmac('sha256', this.key).update(text, 'utf8').digest();
  }
}

/**
 * The seal of this process: under the key given as 64 hexadecimal digits, else under one that only this process knows.
 * Throws ARB_CONFIG_INVALID, without the value, for a key of another shape.
 */
export function openVerdictSeal(keyHex: string | null, random: Random): HmacSeal {
  if (keyHex === null) return new HmacSeal(random.bytes(KEY_BYTES));
  if (!/^[0-9a-fA-F]{64}$/.test(keyHex))
    throw new ArbotError('ARB_CONFIG_INVALID', `${VERDICT_KEY_VARIABLE} must hold 64 hexadecimal digits`);
  return new HmacSeal(Buffer.from(keyHex, 'hex'));
}
