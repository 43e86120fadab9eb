import { chmod, chown, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { ArbotError } from '../../src/messages/errors.js';
import { LocalFiles } from '../../src/runtime/platform/files.js';
import { SeededRandom } from '../../src/runtime/platform/random.js';
import {
  newVaultKeys,
  openEntry,
  readVault,
  sealEntry,
  VAULT_COST,
  writeVault,
  type SealedEntry,
} from '../../src/security/vault-format.js';
import { KeyVault, type VaultParts } from '../../src/security/vault.js';

const PASSWORD = 'a password of a test';
/** As cheap as the format allows: what is tested here is not the cost. */
const CHEAP = { logN: 8, r: 1, p: 1 };
const SECRET = {
  apiKey: 'ABCDEFGHIJKLMNOPQRST',
  secret: 'canary-of-the-vault-test',
  passphrase: 'open sesame'.replace(' ', '-'),
};

const codeOf = (error: unknown): string => (error instanceof ArbotError ? error.code : String(error));
const refusedBy = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'opened',
    (error: unknown) => codeOf(error),
  );

async function folderOf(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'arbot-vault-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

const partsIn = (folder: string, more: Partial<VaultParts> = {}): VaultParts => ({
  files: new LocalFiles(),
  path: join(folder, 'keys.vault'),
  random: new SeededRandom('vault'),
  ownerId: process.getuid?.() ?? null,
  cost: CHEAP,
  ...more,
});

t.test('a vault gives back what was put into it, and shows nothing of it', async (t) => {
  const folder = await folderOf(t);
  const parts = partsIn(folder);
  const vault = await KeyVault.create(parts, PASSWORD);
  await vault.add('okx', 'main', SECRET, 1_000);
  await vault.add('binance', 'second', { ...SECRET, passphrase: null }, 2_000);
  const again = await KeyVault.open(parts, PASSWORD);
  t.same(again.secretOf('okx', 'main'), SECRET);
  t.equal(again.secretOf('binance', 'second').passphrase, null);
  t.same(again.list(), [
    {
      exchange: 'binance',
      account: 'second',
      generation: 1,
      createdAtMs: 2_000,
      changedAtMs: 2_000,
      keyTail: 'QRST',
    },
    {
      exchange: 'okx',
      account: 'main',
      generation: 1,
      createdAtMs: 1_000,
      changedAtMs: 1_000,
      keyTail: 'QRST',
    },
  ]);
  const bytes = await readFile(parts.path, 'utf8');
  for (const secret of Object.values(SECRET))
    t.notOk(bytes.includes(secret), 'nothing secret stands in the file');
  t.equal((await new LocalFiles().facts(parts.path)).mode, 0o600);
  t.equal(
    await refusedBy(vault.add('okx', 'main', SECRET, 3_000)),
    'ARB_VAULT_REFUSED',
    'a second key is a rotation',
  );
  t.equal(
    await refusedBy(KeyVault.create(parts, PASSWORD)),
    'ARB_VAULT_REFUSED',
    'a vault is never replaced',
  );
  t.throws(() => again.secretOf('bybit', 'main'), { code: 'ARB_VAULT_REFUSED' });
});

t.test('rotating forgets the key before, and another password seals all anew', async (t) => {
  const parts = partsIn(await folderOf(t));
  const vault = await KeyVault.create(parts, PASSWORD);
  await vault.add('okx', 'main', SECRET, 1_000);
  const other = { ...SECRET, secret: 'the-next-one' };
  await vault.rotate('okx', 'main', other, 5_000);
  t.match(vault.list()[0], { generation: 2, createdAtMs: 1_000, changedAtMs: 5_000 });
  await vault.changePassword('another long password');
  t.equal(await refusedBy(KeyVault.open(parts, PASSWORD)), 'ARB_VAULT_REFUSED');
  const again = await KeyVault.open(parts, 'another long password');
  t.same(again.secretOf('okx', 'main'), other);
  await again.remove('okx', 'main');
  t.same((await KeyVault.open(parts, 'another long password')).list(), []);
  t.equal(await refusedBy(again.rotate('okx', 'main', other, 1)), 'ARB_VAULT_REFUSED');
  t.equal(await refusedBy(again.changePassword('short')), 'ARB_VAULT_REFUSED');
});

t.test('a wrong password and every changed byte are refused', async (t) => {
  const keys = await newVaultKeys(PASSWORD, new SeededRandom('keys'), CHEAP);
  const random = new SeededRandom('entries');
  const shown = { exchange: 'okx', account: 'main', generation: 1, createdAtMs: 1, changedAtMs: 1 };
  const file = writeVault({ entries: [sealEntry(shown, SECRET, keys, random)], keys }, random);
  t.equal((await readVault(file, PASSWORD)).entries.length, 1);
  t.equal(await refusedBy(readVault(file, `${PASSWORD} `)), 'ARB_VAULT_REFUSED');
  const opened: string[] = [];
  for (let at = 0; at < file.length; at++)
    for (const mask of [0x01, 0x20, 0x80]) {
      const changed = Buffer.from(file);
      changed[at]! ^= mask;
      const outcome = await refusedBy(readVault(changed, PASSWORD));
      if (outcome !== 'ARB_VAULT_REFUSED') opened.push(`${at} ^ ${mask}: ${outcome}`);
    }
  t.same(opened, [], `${file.length} bytes, three bits each`);
  for (const cut of [0, 1, file.length - 1, file.length - 2])
    t.equal(
      await refusedBy(readVault(file.subarray(0, cut), PASSWORD)),
      'ARB_VAULT_REFUSED',
      `cut to ${cut}`,
    );
  const longer = Buffer.concat([file, Buffer.from('\n')]);
  t.equal(await refusedBy(readVault(longer, PASSWORD)), 'ARB_VAULT_REFUSED');
  t.equal(await refusedBy(readVault(Buffer.alloc(1 << 20, 0x20), PASSWORD)), 'ARB_VAULT_REFUSED', 'bounded');
});

t.test('an entry opens only in its own place', async (t) => {
  const keys = await newVaultKeys(PASSWORD, new SeededRandom('keys'), CHEAP);
  const shown = { exchange: 'okx', account: 'main', generation: 2, createdAtMs: 1, changedAtMs: 1 };
  const entry = sealEntry(shown, SECRET, keys, new SeededRandom('entries'));
  t.same(openEntry(entry, keys), SECRET);
  const elsewhere: Partial<SealedEntry>[] = [{ exchange: 'bybit' }, { account: 'other' }, { generation: 1 }];
  for (const change of elsewhere)
    t.throws(
      () => openEntry({ ...entry, ...change }, keys),
      { code: 'ARB_VAULT_REFUSED' },
      JSON.stringify(change),
    );
});

t.test('whatever keys there are come back whole', async (t) => {
  const keys = await newVaultKeys(PASSWORD, new SeededRandom('keys'), CHEAP);
  const letters = fc.string({
    unit: fc.integer({ min: 0x21, max: 0x7e }).map((n) => String.fromCharCode(n)),
    minLength: 1,
    maxLength: 512,
  });
  fc.assert(
    fc.property(
      letters,
      letters,
      fc.option(letters.map((text) => text.slice(0, 128))),
      fc.string(),
      (apiKey, secret, passphrase, seed) => {
        const shown = { exchange: 'gate', account: 'main', generation: 1, createdAtMs: 1, changedAtMs: 1 };
        const entry = sealEntry(shown, { apiKey, secret, passphrase }, keys, new SeededRandom(seed));
        const back = openEntry(entry, keys);
        return back.apiKey === apiKey && back.secret === secret && back.passphrase === passphrase;
      },
    ),
    { numRuns: 200 },
  );
  t.pass('of any printable letters');
});

t.test(
  'keys of a shape that no key has are refused by the name of the part, never by its value',
  async (t) => {
    const vault = await KeyVault.create(partsIn(await folderOf(t)), PASSWORD);
    for (const [part, secret] of Object.entries({
      apiKey: { ...SECRET, apiKey: '' },
      secret: { ...SECRET, secret: 'canary with spaces' },
      passphrase: { ...SECRET, passphrase: 'canary\n' },
    })) {
      const error: unknown = await vault.add('okx', 'main', secret, 1).catch((caught: unknown) => caught);
      t.equal(codeOf(error), 'ARB_VAULT_REFUSED');
      t.match(String(error), new RegExp(part));
      t.notMatch(String(error), /canary/);
    }
    t.equal(await refusedBy(vault.add('okx', 'No Name', SECRET, 1)), 'ARB_VAULT_REFUSED');
  },
);

t.test('a vault that others could read or replace is refused', async (t) => {
  const folder = await folderOf(t);
  const parts = partsIn(folder);
  await (await KeyVault.create(parts, PASSWORD)).add('okx', 'main', SECRET, 1);
  for (const mode of [0o640, 0o604, 0o644, 0o660, 0o700, 0o400]) {
    await chmod(parts.path, mode);
    t.equal(await refusedBy(KeyVault.open(parts, PASSWORD)), 'ARB_VAULT_UNSAFE', mode.toString(8));
  }
  await chmod(parts.path, 0o600);
  t.equal(await refusedBy(KeyVault.open(parts, PASSWORD)), 'opened');
  await chmod(folder, 0o777);
  t.equal(
    await refusedBy(KeyVault.open(parts, PASSWORD)),
    'ARB_VAULT_UNSAFE',
    'a folder that others may write in',
  );
  await chmod(folder, 0o1777);
  t.equal(await refusedBy(KeyVault.open(parts, PASSWORD)), 'opened', 'unless only owners may remove there');
  await chmod(folder, 0o700);
  const other = { ...parts, ownerId: (process.getuid?.() ?? 0) + 1 };
  t.equal(await refusedBy(KeyVault.open(other, PASSWORD)), 'ARB_VAULT_UNSAFE', 'of another user');
  const link = join(folder, 'link.vault');
  await symlink(parts.path, link);
  t.equal(await refusedBy(KeyVault.open({ ...parts, path: link }, PASSWORD)), 'ARB_VAULT_UNSAFE', 'a link');
  t.equal(
    await refusedBy(KeyVault.open({ ...parts, path: folder }, PASSWORD)),
    'ARB_VAULT_UNSAFE',
    'a folder',
  );
  const nothing = { ...parts, path: join(folder, 'none') };
  t.equal(await refusedBy(KeyVault.open(nothing, PASSWORD)), 'ARB_VAULT_REFUSED');
  await writeFile(nothing.path, '', { mode: 0o600 });
  t.equal(await refusedBy(KeyVault.open(nothing, PASSWORD)), 'ARB_VAULT_REFUSED', 'an empty file');
});

t.test(
  'a file of another user is refused where the process may read it all the same',
  { skip: process.getuid?.() === 0 ? false : 'needs root' },
  async (t) => {
    const parts = partsIn(await folderOf(t));
    await KeyVault.create(parts, PASSWORD);
    await chown(parts.path, 65_534, 65_534);
    t.equal(await refusedBy(KeyVault.open(parts, PASSWORD)), 'ARB_VAULT_UNSAFE');
  },
);

t.test('the cost that is written by default is no less than 128 MiB, and opens', async (t) => {
  t.ok(VAULT_COST.logN >= 17 && VAULT_COST.r >= 8, 'at least 128 MiB');
  const keys = await newVaultKeys(PASSWORD, new SeededRandom('keys'));
  const file = writeVault({ entries: [], keys }, new SeededRandom('file'));
  t.same((await readVault(file, PASSWORD)).entries, []);
});
