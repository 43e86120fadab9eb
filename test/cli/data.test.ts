import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { runCommand } from '../../src/cli/main.js';
import { tickText } from '../../src/cli/tick-text.js';
import type { Terminal } from '../../src/cli/output.js';
import { LearnedDecays } from '../../src/detectors/latency-decay.js';
import { loadDecays } from '../../src/modes/learned-decays.js';
import { openStores } from '../../src/storage/open-stores.js';
import { chdbMissing } from '../../src/storage/clickhouse/chdb-package.js';
import { openChdbTicks } from '../../src/storage/clickhouse/open-chdb.js';
import { skipOrFail } from '../servers/server-process.js';
import { testPorts } from '../storage/ports.js';
import { batchOf, HOUR_MS, sampleBook, sampleSpread, sampleTrade } from '../storage/tick-samples.js';

const repository = new URL('../../', import.meta.url).pathname;
const root = mkdtempSync(join(tmpdir(), 'arbot-data-'));
t.teardown(() => rmSync(root, { recursive: true, force: true }));
t.setTimeout(1_400_000);

const run = (...args: readonly string[]) => runAny('data', ...args);

async function runAny(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const [out, err]: [string[], string[]] = [[], []];
  const terminal: Terminal = {
    environment: {},
    workingFolder: root,
    print: (text) => void out.push(text),
    complain: (text) => void err.push(text),
    onSignal: () => () => undefined,
  };
  const importStartNode = () => Promise.reject(new Error('starts nothing'));
  const code = await runCommand([...args, '--config', repository, '--data', root], {
    terminal,
    importStartNode,
  });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

t.test('the state and the rows of a tick store, for people and for programs', async (t) => {
  if (skipOrFail(t, chdbMissing())) return;
  const none = await run('status', '--market', 'live');
  t.same([none.code, none.err], [0, '']);
  t.match(none.out, /No ticks have been recorded in .*paper/);
  t.notOk(existsSync(join(root, 'paper')), 'and nothing is made');

  const trades = Array.from({ length: 12_000 }, (_, at) =>
    sampleTrade('DATA', { tradeId: at === 0 ? 'a,"b"\n' : String(at), receiveTimeMs: HOUR_MS + at }),
  );
  const store = await openChdbTicks(join(root, 'simulated', 'ticks'), 'SIMULATED', testPorts());
  await store.insert(batchOf('tick_trades', trades));
  await store.insert(batchOf('orderbook_snapshots', [sampleBook('DATA')]));
  await store.insert(batchOf('spread_history', [sampleSpread('DATA')]));

  const busy = await run('status');
  t.equal(busy.code, 1);
  t.match(
    busy.err,
    new RegExp(`ARB_FOLDER_LOCKED: .*ticks is in use by process ${process.pid}.*stop it first`),
  );
  const busyExport = await run('export', 'tick_trades', '--out', 'busy.csv');
  t.match(busyExport.err, /in use by/);
  t.notOk(existsSync(join(root, 'busy.csv')));
  await store.close();

  const status = await run('status');
  t.equal(status.code, 0, status.err);
  t.match(status.out, /^chdb 3\.\d+\.\d+, ClickHouse \d+\..* at .*simulated.ticks/);
  t.match(status.out, /tick_trades +12000 +\d+\.\d MiB +\S+Z +\S+Z +180 days/);
  t.match(status.out, /orderbook_snapshots +1 .* 90 days/);
  const { tables } = JSON.parse((await run('status', '--json')).out) as {
    tables: { table: string; rows: number; oldestMs: number }[];
  };
  t.match(tables[1], { table: 'tick_trades', rows: 12_000, oldestMs: HOUR_MS });

  const csv = await run('export', 'tick_trades', '--out', 'trades.csv');
  t.equal(csv.code, 0, csv.err);
  t.match(csv.out, /^12000 rows of tick_trades in .*trades\.csv$/);
  const text = readFileSync(join(root, 'trades.csv'), 'utf8');
  t.match(text, /^exchange,instrument,tradeId,price,quantity,side,exchangeTimeMs,receiveTimeMs\r\n/);
  t.ok(text.includes(`okx,okx:DATA-USDT,"a,""b""\n",60000.10,0.001,buy,${HOUR_MS - 2.5},${HOUR_MS}\r\n`));
  t.equal(text.split('\r\n').length, 12_002);
  const from = new Date(HOUR_MS + 5).toISOString();
  const part = await run(
    'export',
    'tick_trades',
    '--from',
    from,
    '--to',
    String(HOUR_MS + 7),
    '--format',
    'jsonl',
    '--out',
    'part.jsonl',
  );
  t.equal(part.code, 0, part.err);
  const lines = readFileSync(join(root, 'part.jsonl'), 'utf8').trim().split('\n');
  t.strictSame(
    lines.map((line) => JSON.parse(line) as unknown),
    trades.slice(5, 7),
  );
  const again = await run('export', 'tick_trades', '--out', 'trades.csv');
  t.same([again.code, again.out], [2, ''], 'no file is written over');
  t.notOk(existsSync(join(root, 'trades.csv.part')));
});

t.test('what edges lose is learned of the stores of a node, and kept for its next start', async (t) => {
  if (skipOrFail(t, chdbMissing())) return;
  const folder = join(root, 'paper');
  const none = await runAny('learn', 'decay', '--market', 'live');
  t.match(none.err, /there is no data yet/);
  const choice = { kind: 'pglite', folder: join(folder, 'pglite'), mode: 'PAPER' } as const;
  await (await openStores(choice, testPorts())).close();
  const ticks = await openChdbTicks(join(folder, 'ticks'), 'PAPER', testPorts());
  const rows = (exchange: string, mids: readonly number[]) =>
    mids.map((mid, i) =>
      sampleBook('BTC', {
        ...{ exchange, instrument: `${exchange}:BTC-USDT`, sequence: i, askPrices: [mid + 0.5] },
        ...{ bidPrices: [mid - 0.5], bidSizes: [1], askSizes: [1], receiveTimeMs: HOUR_MS + i * 10 },
      }),
    );
  const edges = Array.from({ length: 6 }, () => [10_000, 10_041, 10_021, 10_021, 10_000]).flat();
  await ticks.insert(batchOf('orderbook_snapshots', rows('okx', edges)));
  await ticks.insert(
    batchOf(
      'orderbook_snapshots',
      rows(
        'binance',
        edges.map(() => 10_000),
      ),
    ),
  );
  await ticks.close();

  const flags = ['learn', 'decay', '--market', 'live', '--latency-ms', '10', '--min-samples', '5'];
  const dry = await runAny(...flags, '--dry-run');
  t.equal(dry.code, 0, dry.err);
  t.match(dry.out, /BTC-USDT +binance +okx +20\.\d+ +20\.\d+ +6 +10 ms/);
  t.match(dry.out, /Nothing was stored/);
  t.match((await runAny(...flags)).out, /Stored; edge\.latencyDecaySource/);
  const stores = await openStores(choice, testPorts());
  const decays = new LearnedDecays();
  await loadDecays(stores.settings, decays, 'live');
  await stores.close();
  t.ok(Math.abs((decays.bpsOf('BTC-USDT', 'binance', 'okx') ?? 0) - 20) < 0.1);
  const fills = await runAny('learn', 'decay', '--market', 'live', '--of', 'fills');
  t.same([fills.code, fills.out], [1, '']);
  t.match(fills.err, /ARB_MODE_MIXED: .*never from PAPER/);
  for (const [words, ...wrong] of [
    [/--of: must be books or fills/, '--of', 'paper'],
    [/--latency-ms: must be/, '--latency-ms', '-1'],
    [/--min-samples: must be 2/, '--min-samples', '1'],
  ] as const) {
    const { code, err } = await runAny('learn', 'decay', ...wrong);
    t.equal(code, 2);
    t.match(err, words);
  }
});

t.test('wrong words are named, and no store is opened for them', async (t) => {
  writeFileSync(join(root, 'there.csv'), '');
  const cases: readonly [RegExp, ...string[]][] = [
    [/no table trades: one of orderbook_snapshots/, 'export', 'trades', '--out', 'x'],
    [/--format: must be csv or jsonl/, 'export', 'tick_trades', '--out', 'x', '--format', 'xml'],
    [/--from: must be a time/, 'export', 'tick_trades', '--out', 'x', '--from', 'yesterday'],
    [/--from: must be a time/, 'export', 'tick_trades', '--out', 'x', '--from', '2026-13-01'],
    [
      /--to: is before --from/,
      'export',
      'tick_trades',
      '--out',
      'x',
      '--from',
      '2026-02-01',
      '--to',
      '2026-01-01',
    ],
    [/--out: .*there\.csv exists already/, 'export', 'tick_trades', '--out', 'there.csv'],
    [/required option '--out <file>'/, 'export', 'tick_trades'],
    [/--market: must be/, 'status', '--market', 'paper'],
  ];
  for (const [words, ...args] of cases) {
    const { code, err } = await run(...args);
    t.equal(code, 2, args.join(' '));
    t.match(err, words);
  }
});

t.test('levels and signs are written so that they can be read back', (t) => {
  const books = tickText('orderbook_snapshots', 'csv');
  t.match(books.line(sampleBook('X')), /,60000\.1 60000 59999\.95,0\.5 1\.25 0\.00001,60000\.2,3\r\n$/);
  t.match(tickText('spread_history', 'csv').line(sampleSpread('X', { grossBps: -0 })), /,-0,7\.5\r\n$/);
  t.end();
});
