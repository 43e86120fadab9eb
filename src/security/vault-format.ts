import { createCipheriv, createDecipheriv, createHmac, scrypt, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { ArbotError } from '../messages/errors.js';
import { exchangeId, timeMs } from '../messages/primitives.js';
import type { Random } from '../ports/random.js';

/**
 * The key vault as bytes: three lines of text. The first says how the password becomes a key (scrypt, RFC 7914) and proves
 * that the password is right; the second holds the entries, each sealed for itself with AES-256-GCM and bound to its exchange
 * and account; the third authenticates every byte of the first two (HMAC-SHA256). Nothing is used of a file that differs in
 * one bit. An older copy of the file opens: what was rotated away is refused by the exchange.
 */

/** What is kept of one account. Never logged, printed or sent but to sign. */
export interface VaultSecret {
  readonly apiKey: string;
  readonly secret: string;
  /** OKX, KuCoin, Bitget; null elsewhere. */
  readonly passphrase: string | null;
}

/** What may be shown of it. */
export interface VaultEntry {
  readonly exchange: string;
  readonly account: string;
  /** 1, and one more with every rotation. */
  readonly generation: number;
  readonly createdAtMs: number;
  readonly changedAtMs: number;
  /** The last four letters of the API key, for people. */
  readonly keyTail: string;
}

export interface SealedEntry extends VaultEntry {
  readonly nonce: string;
  readonly sealed: string;
}

export interface OpenVault {
  readonly entries: readonly SealedEntry[];
  readonly keys: VaultKeys;
}

/** scrypt: memory is 128 · 2^logN · r bytes. 17 and 8 take 128 MiB and about half a second. */
export interface VaultCost {
  readonly logN: number;
  readonly r: number;
  readonly p: number;
}

export const VAULT_COST: VaultCost = { logN: 17, r: 8, p: 1 };
export const MAX_VAULT_BYTES = 262_144;
export const MAX_VAULT_ENTRIES = 64;

/** Derived from one password and one salt. */
export interface VaultKeys {
  readonly cost: VaultCost;
  readonly salt: string;
  readonly seal: Buffer;
  readonly mac: Buffer;
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const SALT_BYTES = 16;
const PROOF = 'arbot-vault';
const MEMORY_SLACK = 2;

const base64 = (bytes: number) =>
  z
    .string()
    .max(Math.ceil((bytes * 4) / 3) + 4)
    .regex(/^[A-Za-z0-9+/]+={0,2}$/, 'not base64');

const header = z.strictObject({
  format: z.literal('arbot-vault'),
  version: z.literal(1),
  kdf: z.literal('scrypt'),
  logN: z.number().int().min(8).max(18),
  r: z.number().int().min(1).max(8),
  p: z.number().int().min(1).max(2),
  salt: base64(SALT_BYTES),
  proofNonce: base64(NONCE_BYTES),
  proof: base64(PROOF.length + TAG_BYTES),
});
type Header = z.infer<typeof header>;

export const accountName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'must be lower-case letters, digits, dashes');

const entry = z.strictObject({
  exchange: exchangeId,
  account: accountName,
  generation: z.number().int().min(1).max(1_000_000),
  createdAtMs: timeMs,
  changedAtMs: timeMs,
  keyTail: z.string().max(4),
  nonce: base64(NONCE_BYTES),
  sealed: base64(2_048),
});
const body = z.strictObject({ entries: z.array(entry).max(MAX_VAULT_ENTRIES) });

const text = z
  .string()
  .min(1)
  .max(512)
  .regex(/^[\x21-\x7e]+$/, 'must be printable letters without spaces');
/** What is taken into the vault. A private key in PEM form has line ends; no exchange of ArBot's needs one. */
export const vaultSecret = z.strictObject({
  apiKey: text,
  secret: text,
  // People choose these themselves.
  passphrase: z
    .string()
    .min(1)
    .max(128)
    .regex(/^[\x20-\x7e]+$/, 'must be printable letters')
    .nullable(),
});

const refused = (message: string): ArbotError => new ArbotError('ARB_VAULT_REFUSED', message);
const CHANGED = 'the key vault was changed after ArBot wrote it; nothing of it is used';

/** The keys of a new vault, or of one with another password: under a salt of its own. */
export function newVaultKeys(password: string, random: Random, cost = VAULT_COST): Promise<VaultKeys> {
  return deriveKeys(password, cost, Buffer.from(random.bytes(SALT_BYTES)).toString('base64'));
}

function deriveKeys(password: string, cost: VaultCost, salt: string): Promise<VaultKeys> {
  const N = 2 ** cost.logN;
  const maxmem = 128 * N * cost.r * MEMORY_SLACK + 1_048_576;
  return new Promise((resolve, reject) => {
    const { r, p } = cost;
    scrypt(password.normalize('NFC'), Buffer.from(salt, 'base64'), 64, { N, r, p, maxmem }, (error, key) => {
      if (error !== null) reject(refused(`no key can be made of the password: ${error.message}`));
      else resolve({ cost, salt, seal: key.subarray(0, 32), mac: key.subarray(32) });
    });
  });
}

/** The whole file, with a new nonce for the proof. */
export function writeVault({ entries, keys }: OpenVault, random: Random): Buffer {
  const nonce = Buffer.from(random.bytes(NONCE_BYTES));
  const { cost, salt, seal } = keys;
  const head: Header = {
    ...({ format: 'arbot-vault', version: 1, kdf: 'scrypt' } as const),
    ...{ logN: cost.logN, r: cost.r, p: cost.p, salt },
    proofNonce: nonce.toString('base64'),
    proof: encrypt(seal, nonce, Buffer.from(PROOF), proofContext(cost, salt)).toString('base64'),
  };
  const lines = `${JSON.stringify(head)}\n${JSON.stringify({ entries })}\n`;
  return Buffer.from(`${lines}${macOf(keys, lines)}\n`, 'utf8');
}

/** @throws ArbotError ARB_VAULT_REFUSED: the password is wrong, or a byte of the file is another than was written. */
export async function readVault(file: Buffer, password: string): Promise<OpenVault> {
  if (file.length > MAX_VAULT_BYTES) throw refused(CHANGED);
  const content = file.toString('utf8');
  const [first, second, third, rest, ...more] = content.split('\n');
  if (second === undefined || third === undefined || rest !== '' || more.length > 0) throw refused(CHANGED);
  const head = header.safeParse(jsonOf(first!));
  if (!head.success) throw refused(CHANGED);
  const keys = await deriveKeys(password, head.data, head.data.salt);
  if (!provesPassword(head.data, keys))
    throw refused('the password of the key vault is wrong, or its first line was changed');
  // Also compared as bytes: text that is not UTF-8 would read as another.
  const lines = `${first}\n${second}\n`;
  const isWhole = Buffer.from(content, 'utf8').equals(file) && sameText(third, macOf(keys, lines));
  const parsed = isWhole ? body.safeParse(jsonOf(second)) : null;
  if (parsed?.success !== true) throw refused(CHANGED);
  const { logN, r, p, salt } = head.data;
  return { entries: parsed.data.entries, keys: { ...keys, cost: { logN, r, p }, salt } };
}

/** One account's secret, sealed for its place in the vault. */
export function sealEntry(
  shown: Omit<VaultEntry, 'keyTail'>,
  secret: VaultSecret,
  keys: VaultKeys,
  random: Random,
): SealedEntry {
  const nonce = Buffer.from(random.bytes(NONCE_BYTES));
  const { apiKey, secret: key, passphrase } = vaultSecret.parse(secret);
  const plain = Buffer.from(JSON.stringify([apiKey, key, passphrase]), 'utf8');
  const sealed = encrypt(keys.seal, nonce, plain, entryContext(shown));
  // Of a short key even four letters are much.
  const keyTail = apiKey.length >= 16 ? apiKey.slice(-4) : '';
  return { ...shown, keyTail, nonce: nonce.toString('base64'), sealed: sealed.toString('base64') };
}

/** @throws ArbotError ARB_VAULT_REFUSED: it was sealed for another exchange, account or generation. */
export function openEntry(sealed: SealedEntry, keys: VaultKeys): VaultSecret {
  const plain = decrypt(keys.seal, sealed.nonce, sealed.sealed, entryContext(sealed));
  const [apiKey, secret, passphrase] = (plain === null ? [] : jsonOf(plain.toString('utf8'))) as unknown[];
  const parsed = vaultSecret.safeParse({ apiKey, secret, passphrase });
  if (!parsed.success) throw refused(`the entry of ${sealed.exchange} ${sealed.account} is not its own`);
  return parsed.data;
}

const proofContext = ({ logN, r, p }: VaultCost, salt: string): Buffer =>
  Buffer.from(JSON.stringify(['arbot-vault-1', logN, r, p, salt]), 'utf8');

const entryContext = ({ exchange, account, generation }: Omit<VaultEntry, 'keyTail'>): Buffer =>
  Buffer.from(JSON.stringify(['arbot-vault-1', exchange, account, generation]), 'utf8');

function provesPassword({ proofNonce, proof, salt, ...cost }: Header, keys: VaultKeys): boolean {
  return decrypt(keys.seal, proofNonce, proof, proofContext(cost, salt))?.toString('utf8') === PROOF;
}

function encrypt(key: Buffer, nonce: Buffer, plain: Buffer, context: Buffer): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES }).setAAD(context);
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** Null for anything but what was sealed. */
function decrypt(key: Buffer, nonce: string, sealed: string, context: Buffer): Buffer | null {
  const bytes = Buffer.from(sealed, 'base64');
  const at = Buffer.from(nonce, 'base64');
  if (bytes.length < TAG_BYTES || at.length !== NONCE_BYTES) return null;
  const opener = createDecipheriv('aes-256-gcm', key, at, { authTagLength: TAG_BYTES }).setAAD(context);
  opener.setAuthTag(bytes.subarray(-TAG_BYTES));
  try {
    return Buffer.concat([opener.update(bytes.subarray(0, -TAG_BYTES)), opener.final()]);
  } catch {
    return null;
  }
}

const macOf = ({ mac }: VaultKeys, lines: string): string =>
  createHmac('sha256', mac).update(lines, 'utf8').digest('hex');

const sameText = (one: string, other: string): boolean =>
  one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));

function jsonOf(source: string): unknown {
  try {
    return JSON.parse(source);
  } catch {
    return null;
  }
}
