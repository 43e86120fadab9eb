import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { runCommand } from '../../src/cli/main.js';
import type { Terminal } from '../../src/cli/output.js';
import { loadConfig } from '../../src/config/index.js';
import { judgeKey } from '../../src/connectors/key-facts.js';
import { describeExchanges, openExchanges } from '../../src/modes/exchange-process.js';
import { connectorOf } from '../../src/modes/connectors.js';
import { MachineTime } from '../../src/modes/machine-time.js';
import type { KeyRights } from '../../src/simulator/trading/key-rights.js';
import { TraderDesk } from '../contract/orders/trader-desk.js';
import { KeptLog } from '../runtime/harness.js';

/** `arbot keys` as a person and as a script run it; questions go to simulated exchanges over real sockets. */

const repository = new URL('../../', import.meta.url).pathname;
const PASSWORD = 'a password of a test';
const CANARY = 'canary0secret0of0the0vault0test';
const KEY = { apiKey: 'canary0key0ABCDEFGHQRST', secret: CANARY, passphrase: null as string | null };

interface Typist {
  /** What a person types, answer by answer. */
  readonly typed?: readonly string[];
  readonly piped?: unknown;
  readonly environment?: Readonly<Record<string, string>>;
}

async function run(
  words: readonly string[],
  { typed, piped, environment = { ARBOT_VAULT_PASSWORD: PASSWORD } }: Typist = {},
) {
  const [out, err, questions]: [string[], string[], string[]] = [[], [], []];
  const answers = [...(typed ?? [])];
  const terminal: Terminal = {
    environment,
    workingFolder: repository,
    vaultCost: 8,
    print: (text) => void out.push(text),
    complain: (text) => void err.push(text),
    onSignal: () => () => undefined,
    ...(typed !== undefined && {
      ask: (question: string) => {
        questions.push(question);
        return Promise.resolve(answers.shift() ?? '');
      },
    }),
    ...(piped !== undefined && { readInput: () => Promise.resolve(JSON.stringify(piped)) }),
  };
  const importStartNode = () => Promise.reject(new Error('starts nothing'));
  const code = await runCommand(['keys', ...words], { terminal, importStartNode });
  return { code, out: out.join('\n'), err: err.join('\n'), questions };
}

async function vaultIn(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'arbot-keys-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return join(folder, 'keys.vault');
}

t.test('a person makes a vault, is asked without echo, and sees no secret again', async (t) => {
  const vault = await vaultIn(t);
  const at = ['--vault', vault];
  const typed = [PASSWORD, PASSWORD, KEY.apiKey, KEY.secret, 'a-passphrase'];
  const made = await run(['add', 'okx', ...at], { typed, environment: {} });
  t.equal(made.code, 0, made.err);
  t.equal(made.questions.length, 5, 'password twice, key, secret, passphrase');
  const listed = await run(['list', ...at]);
  t.match(listed.out, /okx +main +…QRST +1 /);
  const wrong = await run(['add', 'binance', ...at], { typed: ['another password'], environment: {} });
  t.match([wrong.code, wrong.err], [1, /ARB_VAULT_REFUSED: the password/]);
  const differ = await run(['add', 'okx', '--vault', `${vault}2`], {
    typed: [PASSWORD, 'not the same one'],
    environment: {},
  });
  t.match([differ.code, differ.err], [2, /the two passwords differ/]);
  for (const { out, err } of [made, listed, wrong, differ])
    t.notMatch(`${out}${err}`, /canary|a-passphrase|a password/);
});

t.test('a script pipes keys in, rotates and removes them, and changes the password', async (t) => {
  const at = ['--vault', await vaultIn(t)];
  t.equal((await run(['add', 'binance', ...at], { piped: KEY })).code, 0);
  t.match((await run(['add', 'binance', ...at], { piped: KEY })).err, /has a key already/);
  t.equal((await run(['add', 'binance', '--account', 'second', ...at], { piped: KEY })).code, 0);
  const next = { ...KEY, apiKey: 'canary0key0ABCDEFGHWXYZ' };
  t.equal((await run(['rotate', 'binance', ...at], { piped: next })).code, 0);
  t.match((await run(['list', ...at])).out, /binance +main +…WXYZ +2 [^]*binance +second +…QRST +1 /);
  t.equal((await run(['remove', 'binance', '--account', 'second', ...at])).code, 0);
  const environment = { ARBOT_VAULT_PASSWORD: PASSWORD, ARBOT_VAULT_NEW_PASSWORD: 'the next password' };
  t.equal((await run(['password', ...at], { environment })).code, 0);
  t.match((await run(['list', ...at])).err, /ARB_VAULT_REFUSED/, 'the old one opens it no more');
  const listed = await run(['list', ...at], { environment: { ARBOT_VAULT_PASSWORD: 'the next password' } });
  t.match(listed.out, /binance +main/);
  t.notMatch(listed.out, /second/);
});

t.test('what cannot be done is said, without what was given', async (t) => {
  const at = ['--vault', await vaultIn(t)];
  const refusals: [string[], Typist, RegExp][] = [
    [['add', 'Not An Exchange', ...at], { piped: KEY }, /ARB_CLI_USAGE: keys: name an exchange/],
    [
      ['add', 'binance', ...at],
      { piped: { ...KEY, secret: 'canary with spaces' } },
      /ARB_VAULT_REFUSED: secret/,
    ],
    [['add', 'binance', ...at], { piped: { ...KEY, canary: 1 } }, /ARB_CLI_USAGE: nobody to ask/],
    [['add', 'binance', ...at], {}, /ARB_CLI_USAGE: nobody to ask/],
    [['rotate', 'binance', ...at], { piped: KEY }, /holds no key of binance main/],
    [['test', 'binance', ...at], {}, /holds no key of binance main/],
    [['list', ...at], { environment: {} }, /set ARBOT_VAULT_PASSWORD/],
    [['list', '--vault', '/proc/self/environ'], {}, /ARB_VAULT_UNSAFE/],
  ];
  for (const [words, typist, message] of refusals) {
    const { code, out, err } = await run(words, typist);
    t.not(code, 0, words.join(' '));
    t.match(err, message);
    t.notMatch(`${out}${err}`, /canary/);
  }
});

t.test('keys are judged by what their exchange says of them', async (t) => {
  const trading = { canTrade: true, canWithdraw: false, isAddressBound: true, expiresAtMs: null };
  const states = (facts: Partial<typeof trading> | { expiresAtMs: number }) =>
    judgeKey({ ...trading, ...facts }, 1_000).map(({ state }) => state);
  t.same(states({}), ['ok', 'ok', 'ok']);
  t.same(states({ canWithdraw: true }), ['bad', 'ok', 'ok']);
  t.same(states({ canTrade: false }), ['ok', 'bad', 'ok']);
  t.same(states({ isAddressBound: false }), ['ok', 'ok', 'warn']);
  t.same(states({ expiresAtMs: 1_000 + 20 * 86_400_000 }), ['ok', 'ok', 'ok', 'ok']);
  t.same(states({ expiresAtMs: 1_000 + 86_400_000 }), ['ok', 'ok', 'ok', 'warn']);
  t.same(states({ expiresAtMs: 999 }), ['ok', 'ok', 'ok', 'bad']);
  const silent = judgeKey({ canTrade: null, canWithdraw: null, isAddressBound: null, expiresAtMs: null }, 0);
  t.same(
    silent.map(({ state }) => state),
    ['warn', 'warn', 'warn'],
  );
});

t.test('an answer about keys that is none says nothing', async (t) => {
  for (const exchange of ['binance', 'okx', 'bybit', 'upbit', 'kucoin', 'gate', 'bithumb'] as const) {
    const question = connectorOf(exchange, {}).orders!.keyFacts!;
    for (const body of [
      '',
      '{}',
      '[]',
      '[1]',
      'null',
      '{"code":"0","data":[{}]}',
      '{"retCode":0,"result":{}}',
    ])
      t.match(
        question.parse({ status: 200, headers: {}, body: Buffer.from(body) }, 'canary-key'),
        { kind: 'unknown', reason: /^(?!.*canary-key)/ },
        `${exchange} ${body}`,
      );
  }
});

t.test('a key is asked about over real sockets, and one that may withdraw is refused', async (t) => {
  const vault = await vaultIn(t);
  const loaded = await loadConfig({ folder: repository, environment: {}, flags: [] });
  const { exchanges } = loaded.trading;
  const trading = { ...loaded.trading, exchanges: { ...exchanges, kucoin: exchanges['binance']! } };
  const time = new MachineTime();
  const names = ['binance', 'okx', 'bybit', 'kucoin'] as const;
  const running = await openExchanges({
    trading,
    exchanges: [...names],
    seed: 'keys',
    time,
    log: new KeptLog(),
  });
  t.teardown(() => running.close());
  const described = describeExchanges(running, process.pid, time.nowMs());
  const file = `${vault}.exchanges`;
  await writeFile(file, JSON.stringify(described));
  const at = ['--vault', vault];
  const test = (exchange: string) => run(['test', exchange, ...at, '--exchanges-at', file]);
  const rights = (exchange: (typeof names)[number]): KeyRights => running.accounts[exchange]!.keyRights;
  for (const exchange of names) {
    const piped = described.exchanges[exchange]!.credentials!;
    t.equal((await run(['add', exchange, ...at], { piped })).code, 0);
    const { code, out } = await test(exchange);
    t.equal(code, 0, `${exchange}: ${out}`);
    t.match(out, /reads balances: \d+ assets/);
    t.match(out, /may not withdraw[^]*may trade[^]*listed addresses only/);
    t.notMatch(out, new RegExp(piped.secret));
  }
  for (const exchange of names) {
    rights(exchange).canWithdraw = true;
    rights(exchange).addresses = [];
    const { code, out } = await test(exchange);
    t.equal(code, 1);
    t.match(out, /bad +the key may withdraw[^]*warn +works from every address/);
    rights(exchange).canWithdraw = false;
    rights(exchange).canTrade = false;
    t.match(await test(exchange), { code: 1, out: /bad +the key may not trade/ });
  }
  await run(['rotate', 'binance', ...at], {
    piped: { ...described.exchanges['binance']!.credentials!, secret: CANARY },
  });
  const forged = await test('binance');
  t.match(
    forged,
    { code: 1, out: /bad +rights: refused -1022/ },
    'another secret is refused by the exchange',
  );
  t.notMatch(`${forged.out}${forged.err}${await readFile(vault, 'utf8')}`, new RegExp(CANARY));
});

for (const [exchange, isAddressBound] of [
  ['upbit', true],
  ['bithumb', null],
] as const)
  t.test(`${exchange} tells when a key ends, and nothing of its rights`, async (t) => {
    const desk = new TraderDesk(exchange);
    const { account, orders } = desk;
    const facts = () => {
      const answer = orders.keyFacts!.parse(desk.ask(orders.keyFacts!.call())!, account.credentials.apiKey);
      return answer.kind === 'rows' ? answer.rows[0]! : answer;
    };
    const expiresAtMs = Math.floor(account.keyRights.expiresAtMs / 1_000) * 1_000;
    t.same(facts(), { canTrade: null, canWithdraw: null, isAddressBound, expiresAtMs });
    account.keyRights.expiresAtMs = Date.UTC(2026, 0, 2, 3, 4, 5);
    t.match(facts(), { expiresAtMs: Date.UTC(2026, 0, 2, 3, 4, 5) });
  });

t.test('Gate tells from where a key works, and nothing of its rights', async (t) => {
  const desk = new TraderDesk('gate');
  const { account, orders } = desk;
  const facts = () => {
    const answer = orders.keyFacts!.parse(desk.ask(orders.keyFacts!.call())!, account.credentials.apiKey);
    return answer.kind === 'rows' ? answer.rows[0]! : answer;
  };
  t.same(facts(), { canTrade: null, canWithdraw: null, isAddressBound: true, expiresAtMs: null });
  account.keyRights.addresses = [];
  t.match(facts(), { isAddressBound: false });
});
