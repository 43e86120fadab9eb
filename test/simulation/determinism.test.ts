import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Linter } from 'eslint';
import t from 'tap';
import { BUGS } from './bugs/index.js';
import { CRASH_POINTS, momentsOfDeath } from './crash-points.js';
import { AccountAuditor } from './invariants/accounts.js';
import type { MoneyAuditor } from './invariants/money.js';
import type { Scene } from './invariants/scene.js';
import { drawOrderEntry, signedOrdinal } from './knobs.js';
import { POINTS, UNFORCED, UNREACHABLE } from './sometimes.js';

/** The determinism rule is ESLint's to enforce; here is shown that it bites, and that its exceptions are few and explained. */
const repository = resolve(import.meta.dirname, '../..');
const MOST_EXCEPTIONS = 10;

interface ConfigEntry {
  readonly files?: readonly string[];
  readonly ignores?: readonly string[];
  readonly rules?: Linter.RulesRecord;
}

async function determinismRules(): Promise<Linter.RulesRecord> {
  const config = (await import(`${repository}/eslint.config.js`)) as { default: ConfigEntry[] };
  const entries = config.default.filter(({ files }) => files?.includes('test/simulation/**/*.ts') === true);
  return Object.assign({}, ...entries.map(({ rules }) => rules ?? {})) as Linter.RulesRecord;
}

const sourcesBelow = (folder: string): string[] =>
  // eslint-disable-next-line no-restricted-syntax -- dst-ok: sorted in the same breath
  readdirSync(join(repository, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => join(folder, path))
    .sort();

t.test('raw clocks, timers, chance, sockets and orders that nobody promises are refused', async (t) => {
  const rules = await determinismRules();
  const refused = [
    'Date.now();',
    'new Date();',
    'Date();',
    'performance.now();',
    'process.hrtime();',
    'process.nextTick(() => 1);',
    'setTimeout(() => 1, 5);',
    'globalThis.setTimeout(() => 1, 5);',
    'queueMicrotask(() => 1);',
    'AbortSignal.timeout(5);',
    "import { setTimeout as wait } from 'node:timers/promises'; wait(5);",
    'Math.random();',
    'crypto.randomUUID();',
    "import { randomBytes } from 'node:crypto'; randomBytes(4);",
    "import net from 'node:net'; net.connect(1);",
    "import { WebSocket as Ws } from 'ws'; new Ws('ws://x');",
    "import { request } from 'undici'; request('http://x');",
    "fetch('http://x');",
    "import { readFile } from 'node:fs/promises'; readFile('x');",
    'Promise.race([]);',
    'Promise.any([]);',
    "files.readdir('x');",
    'for (const key in {}) key;',
    "'a'.localeCompare('b');",
    '(1.5).toLocaleString();',
    'new Intl.NumberFormat();',
    'new WeakRef({});',
  ];
  const linter = new Linter();
  for (const code of refused) {
    const found = linter
      .verify(code, [{ rules }])
      .filter(({ ruleId }) => ruleId?.startsWith('no-restricted'));
    t.ok(found.length > 0, code);
  }
  t.same(linter.verify("const when = new Date(5); [...new Map([['a', when]])].sort();", [{ rules }]), []);
});

t.test('exceptions are few, and each says why', async (t) => {
  const exceptions: string[] = [];
  for (const path of [...sourcesBelow('src'), ...sourcesBelow('test/simulation')])
    for (const line of readFileSync(join(repository, path), 'utf8').split('\n'))
      if (/^\s*(\/\/|\/\*) eslint-disable.*no-restricted-(globals|syntax|imports)/.test(line)) {
        exceptions.push(path);
        t.match(line, /eslint-disable-next-line .* -- dst-ok: \S.{15,}/, `${path}: ${line.trim()}`);
      }
  t.ok(exceptions.length > 0 && exceptions.length <= MOST_EXCEPTIONS, exceptions.join(' '));
});

t.test('each rule of the gate is a point to reach, or it is said why no world reaches it', async (t) => {
  const named = new Set<string>();
  for (const path of [...sourcesBelow('src/risk'), 'src/market/order-rules.ts']) {
    const text = readFileSync(join(repository, path), 'utf8');
    // The rules of exchanges are a union of names; those of the gate are given to whoever refuses.
    const naming = path.endsWith('order-rules.ts')
      ? /(?:add\(|\|\s*)'([A-Z_]{4,})'/g
      : /(?:refuse\(|alarmRule\('[a-z]+',|scaledOrderCap\([^']*|assetCap\([^']*)\s*'([A-Z_]{4,})'/g;
    for (const [, rule] of text.matchAll(naming)) named.add(rule!);
  }
  t.ok(named.size > 25, [...named].join(' '));
  for (const rule of named)
    t.equal(
      [POINTS.includes(`refused ${rule}`), rule in UNREACHABLE, rule in UNFORCED].filter(Boolean).length,
      1,
      `${rule}: ${UNREACHABLE[rule] ?? UNFORCED[rule] ?? ''}`,
    );
});

t.test('worlds with signed orders share out the points at which a process dies', (t) => {
  const signed = Array.from({ length: 120 }, (_, at) => at + 1).filter(
    (seed) => drawOrderEntry(seed) === 'signed',
  );
  t.same(
    signed.map((seed) => signedOrdinal(seed) - signedOrdinal(signed[0]!)),
    signed.map((_, at) => at),
    'they are counted without a gap',
  );
  const dealt = signed.flatMap((seed) => momentsOfDeath(signedOrdinal(seed), () => 0.5));
  for (const point of CRASH_POINTS)
    t.ok(
      dealt.filter((moment) => moment.point === point).length >= 3,
      `${point} is dealt three times at least`,
    );
  t.end();
});

t.test(
  'every invariant of money, orders and actors has its auditor, and a planted bug that it must find',
  (t) => {
    const rows = readFileSync(join(repository, 'docs/determinism.md'), 'utf8')
      .split('\n')
      .flatMap((line) => /^\| I(\d+) +\|[^|]*\|([^|]*)\|([^|]*)\|/.exec(line) ?? [])
      .filter((_, at) => at % 4 !== 0);
    const told: string[] = [];
    for (let at = 0; at < rows.length; at += 3) {
      const [number, files, bugs] = [rows[at]!, rows[at + 1]!, rows[at + 2]!];
      told.push(number);
      for (const [, file] of files.matchAll(/`([^`]+)`/g))
        t.ok(existsSync(join(repository, `test/simulation/invariants/${file}.ts`)), `I${number}: ${file}`);
      const named = [...bugs.matchAll(/`([^`]+)`/g)].map(([, name]) => name);
      t.ok(named.length > 0 || /none: /.test(bugs), `I${number} names a bug, or why there is none`);
      for (const name of named)
        t.ok(
          BUGS.some((bug) => bug.name === name),
          `I${number}: ${name}`,
        );
    }
    t.same(
      told,
      Array.from({ length: 17 }, (_, at) => String(at + 1)),
    );
    t.end();
  },
);

t.test('a trade between two orders of ours is seen in the record of its exchange', (t) => {
  const violations: string[] = [];
  const scene = { violated: (name: string) => violations.push(name) } as unknown as Scene;
  const auditor = new AccountAuditor(scene, {} as MoneyAuditor, new Set());
  const trade = {
    exchange: 'binance',
    name: 'BTCUSDT:1',
    tradeId: '1',
    exchangeOrderId: '10',
    clientOrderId: 'a',
    symbol: 'BTCUSDT',
    side: 'buy' as const,
    price: '100',
    quantity: '1',
    quote: '100',
    fee: '0',
    feeAsset: 'BTC',
    liquidity: 'taker' as const,
    timeMs: 5,
  };
  auditor.traded(trade);
  auditor.traded({ ...trade, name: 'BTCUSDT:2', timeMs: 6, side: 'sell', liquidity: 'maker' });
  t.same(violations, [], 'another moment');
  auditor.traded({ ...trade, name: 'BTCUSDT:3', side: 'sell', liquidity: 'maker' });
  t.same(violations, ['no-self-trade']);
  t.end();
});
