import { resolve } from 'node:path';
import { z } from 'zod';
import { secretOf } from '../config/index.js';
import { ArbotError } from '../messages/errors.js';
import { exchangeId } from '../messages/primitives.js';
import { LocalFiles } from '../runtime/platform/files.js';
import { CryptoRandom } from '../runtime/platform/random.js';
import { VAULT_COST, type VaultSecret } from '../security/vault-format.js';
import { KeyVault, VAULT_FILE, type VaultParts } from '../security/vault.js';
import { SystemClock } from '../runtime/platform/clock.js';
import { EXIT, table, type Terminal } from './output.js';
import { loadWithFlags, type StartFlags } from './start.js';

/** What `arbot keys` does to the vault. No secret is printed, and none is taken from the command line, which others can read. */

export interface KeysFlags extends Pick<StartFlags, 'config' | 'node'> {
  readonly vault?: string;
  readonly account: string;
}

export const VAULT_PASSWORD = 'ARBOT_VAULT_PASSWORD';

/** Exchanges whose keys have a passphrase beside the secret. */
const WITH_PASSPHRASE: ReadonlySet<string> = new Set(['okx', 'kucoin', 'bitget']);
const MAX_INPUT_BYTES = 8_192;

const piped = z.strictObject({
  apiKey: z.string(),
  secret: z.string(),
  passphrase: z.string().nullable().default(null),
});

/** Returns the exit code; rejects with ARB_VAULT_REFUSED, ARB_VAULT_UNSAFE or ARB_CLI_USAGE. */
export async function runKeys(
  what: 'add' | 'rotate' | 'remove' | 'list' | 'password',
  exchange: string,
  flags: KeysFlags,
  terminal: Terminal,
): Promise<number> {
  if (what !== 'list' && what !== 'password') checkExchange(exchange);
  const parts = await vaultParts(flags, terminal);
  const { account } = flags;
  if (what === 'add' && !(await parts.files.exists(parts.path))) {
    const vault = await KeyVault.create(parts, await newPassword(terminal));
    terminal.print(`made ${parts.path}: keep its password where the file is not`);
    return addKey(vault, exchange, account, terminal);
  }
  const vault = await openVault(parts, terminal);
  switch (what) {
    case 'add':
      return addKey(vault, exchange, account, terminal);
    case 'rotate':
      vault.secretOf(exchange, account);
      await vault.rotate(exchange, account, await askSecret(exchange, terminal), new SystemClock().nowMs());
      terminal.print(
        `${exchange} ${account}: another key is in its place; delete the old one at the exchange`,
      );
      return EXIT.done;
    case 'remove':
      await vault.remove(exchange, account);
      terminal.print(`${exchange} ${account}: taken out; delete the key at the exchange too`);
      return EXIT.done;
    case 'password':
      await vault.changePassword(await newPassword(terminal));
      terminal.print(`${parts.path}: sealed under the new password; copies of before open with the old one`);
      return EXIT.done;
    case 'list':
      for (const line of listLines(vault)) terminal.print(line);
      return EXIT.done;
  }
}

/** The vault of a command line, opened with the password of the environment or of the person. */
export async function vaultOf(flags: KeysFlags, terminal: Terminal): Promise<KeyVault> {
  return openVault(await vaultParts(flags, terminal), terminal);
}

async function addKey(
  vault: KeyVault,
  exchange: string,
  account: string,
  terminal: Terminal,
): Promise<number> {
  await vault.add(exchange, account, await askSecret(exchange, terminal), new SystemClock().nowMs());
  terminal.print(`${exchange} ${account}: in the vault; arbot keys test ${exchange} asks what it may do`);
  return EXIT.done;
}

function listLines(vault: KeyVault): string[] {
  const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
  const rows = vault
    .list()
    .map(({ exchange, account, keyTail, generation, createdAtMs, changedAtMs }) => [
      ...[exchange, account, keyTail === '' ? '' : `…${keyTail}`, String(generation)],
      ...[day(createdAtMs), day(changedAtMs)],
    ]);
  if (rows.length === 0) return ['the vault holds no key'];
  return table([['exchange', 'account', 'key', 'generation', 'since', 'changed'], ...rows]);
}

export function checkExchange(exchange: string): void {
  if (!exchangeId.safeParse(exchange).success)
    throw new ArbotError('ARB_CLI_USAGE', 'keys: name an exchange, such as binance');
}

async function vaultParts(flags: KeysFlags, terminal: Terminal): Promise<VaultParts> {
  const { config, node: name } = flags;
  const named = { ...(config !== undefined && { config }), ...(name !== undefined && { node: name }) };
  const files = new LocalFiles();
  const path = flags.vault ?? (await defaultPath(named, terminal));
  const ownerId = process.getuid?.() ?? null;
  const { vaultCost: logN } = terminal;
  return {
    ...{ files, path: resolve(terminal.workingFolder, path), random: new CryptoRandom(), ownerId },
    ...(logN !== undefined && { cost: { ...VAULT_COST, logN } }),
  };
}

async function defaultPath(
  named: { readonly config?: string; readonly node?: string },
  terminal: Terminal,
): Promise<string> {
  const { node } = await loadWithFlags(named, terminal);
  const folder = resolve(terminal.workingFolder, node.dataFolder);
  await new LocalFiles().makeFolder(folder);
  return resolve(folder, VAULT_FILE);
}

async function openVault(parts: VaultParts, terminal: Terminal): Promise<KeyVault> {
  const password =
    secretOf(terminal.environment, VAULT_PASSWORD) ?? (await ask(terminal, 'Password of the vault'));
  return KeyVault.open(parts, password);
}

async function newPassword(terminal: Terminal): Promise<string> {
  // While the password is being changed the environment holds the old one.
  const given = secretOf(terminal.environment, 'ARBOT_VAULT_NEW_PASSWORD');
  if (given !== null) return given;
  const current = secretOf(terminal.environment, VAULT_PASSWORD);
  if (current !== null && terminal.ask === undefined) return current;
  const first = await ask(terminal, 'New password of the vault, at least 12 letters');
  if (first !== (await ask(terminal, 'The same again')))
    throw new ArbotError('ARB_CLI_USAGE', 'the two passwords differ');
  return first;
}

async function askSecret(exchange: string, terminal: Terminal): Promise<VaultSecret> {
  if (terminal.ask === undefined) return pipedSecret(terminal);
  const apiKey = await ask(terminal, `API key of ${exchange}`);
  const secret = await ask(terminal, 'Secret');
  const passphrase = WITH_PASSPHRASE.has(exchange) ? await ask(terminal, 'Passphrase') : null;
  return { apiKey, secret, passphrase };
}

async function pipedSecret(terminal: Terminal): Promise<VaultSecret> {
  const text = (await terminal.readInput?.(MAX_INPUT_BYTES)) ?? '';
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const parsed = piped.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new ArbotError(
    'ARB_CLI_USAGE',
    'nobody to ask, and the input is no JSON of {"apiKey", "secret", "passphrase"}',
  );
}

async function ask(terminal: Terminal, question: string): Promise<string> {
  if (terminal.ask !== undefined) return (await terminal.ask(`${question}: `)).trim();
  throw new ArbotError('ARB_CLI_USAGE', `nobody to ask: set ${VAULT_PASSWORD} or ${VAULT_PASSWORD}_FILE`);
}
