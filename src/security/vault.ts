import { dirname } from 'node:path';
import { ArbotError } from '../messages/errors.js';
import type { Files } from '../ports/files.js';
import type { Random } from '../ports/random.js';
import {
  accountName,
  MAX_VAULT_ENTRIES,
  newVaultKeys,
  openEntry,
  readVault,
  sealEntry,
  VAULT_COST,
  vaultSecret,
  writeVault,
  type OpenVault,
  type VaultCost,
  type VaultEntry,
  type VaultSecret,
} from './vault-format.js';

/**
 * The key vault: the accounts' keys on the disk, under one password. The file belongs to whoever runs ArBot and nobody else may
 * read it; where that is not so it is refused, and nothing of it is used.
 */
export interface VaultParts {
  readonly files: Files;
  readonly path: string;
  readonly random: Random;
  /** Who runs this process; null where the system has no such numbers. */
  readonly ownerId: number | null;
  readonly cost?: VaultCost;
}

export const VAULT_FILE = 'keys.vault';
export const MIN_PASSWORD = 12;
const OWNER_ONLY = 0o600;
const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;

export class KeyVault {
  private readonly parts: VaultParts;
  private open: OpenVault;

  private constructor(parts: VaultParts, open: OpenVault) {
    this.parts = parts;
    this.open = open;
  }

  /** A new vault without keys, written. Rejects with ARB_VAULT_REFUSED where there is a file already. */
  static async create(parts: VaultParts, password: string): Promise<KeyVault> {
    checkPassword(password);
    if (await parts.files.exists(parts.path))
      throw new ArbotError('ARB_VAULT_REFUSED', `there is a file at ${parts.path} already`);
    const keys = await newVaultKeys(password, parts.random, parts.cost ?? VAULT_COST);
    const vault = new KeyVault(parts, { entries: [], keys });
    await vault.write(vault.open);
    return vault;
  }

  /**
   * Rejects with ARB_VAULT_UNSAFE where others could read or replace the file, and with ARB_VAULT_REFUSED where there is none,
   * the password is wrong, or a byte was changed.
   */
  static async open(parts: VaultParts, password: string): Promise<KeyVault> {
    await checkPlace(parts);
    return new KeyVault(parts, await readVault(await parts.files.read(parts.path), password));
  }

  /** What may be shown, by exchange and account. */
  list(): VaultEntry[] {
    return this.open.entries
      .map(({ exchange, account, generation, createdAtMs, changedAtMs, keyTail }) => ({
        ...{ exchange, account, generation, createdAtMs, changedAtMs, keyTail },
      }))
      .sort((a, b) => compare(`${a.exchange} ${a.account}`, `${b.exchange} ${b.account}`));
  }

  /** @throws ArbotError ARB_VAULT_REFUSED: it holds no key of that account. */
  secretOf(exchange: string, account: string): VaultSecret {
    return openEntry(this.entryOf(exchange, account), this.open.keys);
  }

  /** The first key of an account. Rejects with ARB_VAULT_REFUSED where it has one, or for a shape that no key has. */
  async add(exchange: string, account: string, secret: VaultSecret, nowMs: number): Promise<void> {
    if (this.find(exchange, account) !== undefined)
      throw new ArbotError('ARB_VAULT_REFUSED', `${exchange} ${account} has a key already: rotate it`);
    if (this.open.entries.length >= MAX_VAULT_ENTRIES)
      throw new ArbotError('ARB_VAULT_REFUSED', `a key vault holds at most ${MAX_VAULT_ENTRIES} accounts`);
    checkShape(account, secret);
    const shown = { exchange, account, generation: 1, createdAtMs: nowMs, changedAtMs: nowMs };
    const entry = sealEntry(shown, secret, this.open.keys, this.parts.random);
    await this.write({ ...this.open, entries: [...this.open.entries, entry] });
  }

  /** Another key in the place of the one that is there, which is forgotten. */
  async rotate(exchange: string, account: string, secret: VaultSecret, nowMs: number): Promise<void> {
    const { createdAtMs, generation } = this.entryOf(exchange, account);
    checkShape(account, secret);
    const shown = { exchange, account, generation: generation + 1, createdAtMs, changedAtMs: nowMs };
    const entry = sealEntry(shown, secret, this.open.keys, this.parts.random);
    await this.write({ ...this.open, entries: [...this.others(exchange, account), entry] });
  }

  async remove(exchange: string, account: string): Promise<void> {
    this.entryOf(exchange, account);
    await this.write({ ...this.open, entries: this.others(exchange, account) });
  }

  /** Everything sealed anew under a key of the new password and a new salt. */
  async changePassword(password: string): Promise<void> {
    checkPassword(password);
    const { parts, open } = this;
    const keys = await newVaultKeys(password, parts.random, parts.cost ?? VAULT_COST);
    const entries = open.entries.map((entry) => {
      const { exchange, account, generation, createdAtMs, changedAtMs } = entry;
      const shown = { exchange, account, generation, createdAtMs, changedAtMs };
      return sealEntry(shown, openEntry(entry, open.keys), keys, parts.random);
    });
    await this.write({ entries, keys });
  }

  private find(exchange: string, account: string) {
    return this.open.entries.find((one) => one.exchange === exchange && one.account === account);
  }

  private entryOf(exchange: string, account: string) {
    const found = this.find(exchange, account);
    if (found === undefined)
      throw new ArbotError('ARB_VAULT_REFUSED', `the key vault holds no key of ${exchange} ${account}`);
    return found;
  }

  private others(exchange: string, account: string) {
    return this.open.entries.filter((one) => one.exchange !== exchange || one.account !== account);
  }

  /** What is on the disk is what is in memory: a write that fails changes neither. */
  private async write(next: OpenVault): Promise<void> {
    const { files, path, random } = this.parts;
    await files.writeAtomic(path, writeVault(next, random), OWNER_ONLY);
    this.open = next;
  }
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function checkPassword(password: string): void {
  if (password.length < MIN_PASSWORD)
    throw new ArbotError('ARB_VAULT_REFUSED', `the password must have at least ${MIN_PASSWORD} letters`);
}

/** Says which part is refused, never its value. */
function checkShape(account: string, secret: VaultSecret): void {
  const name = accountName.safeParse(account);
  if (!name.success) throw new ArbotError('ARB_VAULT_REFUSED', `account: ${name.error.issues[0]!.message}`);
  const shape = vaultSecret.safeParse(secret);
  if (shape.success) return;
  const [issue] = shape.error.issues;
  throw new ArbotError('ARB_VAULT_REFUSED', `${issue!.path.join('.')}: is no such thing as a key has`);
}

/** The file must be the owner's alone, and nobody else may put another in its place. */
async function checkPlace({ files, path, ownerId }: VaultParts): Promise<void> {
  const facts = await files.facts(path).catch(() => null);
  if (facts === null) throw new ArbotError('ARB_VAULT_REFUSED', `there is no key vault at ${path}`);
  if (facts.kind !== 'file') throw unsafe(`${path} is no plain file but a ${facts.kind}`);
  if (ownerId !== null && facts.ownerId !== ownerId)
    throw unsafe(`${path} belongs to user ${facts.ownerId}, and this process is user ${ownerId}`);
  if ((facts.mode & 0o777) !== OWNER_ONLY)
    throw unsafe(`${path} has mode ${octal(facts.mode)}, and must have 600: chmod 600 ${path}`);
  const folder = dirname(path);
  const around = await files.facts(folder);
  if (ownerId !== null && around.ownerId !== ownerId && around.ownerId !== 0)
    throw unsafe(`its folder ${folder} belongs to user ${around.ownerId}`);
  if ((around.mode & WRITABLE_BY_OTHERS) !== 0 && (around.mode & STICKY) === 0)
    throw unsafe(`others may write in its folder ${folder}: chmod go-w ${folder}`);
}

const unsafe = (message: string): ArbotError => new ArbotError('ARB_VAULT_UNSAFE', message);
const octal = (mode: number): string => (mode & 0o777).toString(8).padStart(3, '0');
