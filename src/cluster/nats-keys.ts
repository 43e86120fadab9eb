import { nkeys } from 'nats';
import { ArbotError, errorText } from '../messages/errors.js';

/** The part of the nkeys library that is used; the client hands it on without its types. */
interface KeyPair {
  getSeed(): Uint8Array;
  getPublicKey(): string;
  clear(): void;
}
const { createUser, fromSeed } = nkeys as {
  readonly createUser: () => KeyPair;
  readonly fromSeed: (seed: Uint8Array) => KeyPair;
};

/** The identity of a node at its NATS servers. The seed is the secret; servers only know the public half. */
export interface NodeKey {
  readonly seed: string;
  readonly publicKey: string;
}

/** A new key, from the randomness of node:crypto. */
export function newNodeKey(): NodeKey {
  const pair = createUser();
  const key = { seed: new TextDecoder().decode(pair.getSeed()), publicKey: pair.getPublicKey() };
  pair.clear();
  return key;
}

/** Throws ARB_CONFIG_INVALID for a text that is no seed of a user; the text is not repeated. */
export function nodeKeyOf(seed: string): NodeKey {
  try {
    const pair = fromSeed(new TextEncoder().encode(seed));
    const publicKey = pair.getPublicKey();
    pair.clear();
    if (!publicKey.startsWith('U')) throw new Error('of another kind');
    return { seed, publicKey };
  } catch (error) {
    throw new ArbotError('ARB_CONFIG_INVALID', `not the nkey seed of a node (${errorText(error)})`);
  }
}
