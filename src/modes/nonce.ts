import type { Random } from '../ports/random.js';

const NONCE_BYTES = 16;

/** A nonce of a process: 32 hex digits. */
export const hexOf = (random: Random): string => Buffer.from(random.bytes(NONCE_BYTES)).toString('hex');
