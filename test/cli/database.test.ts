import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { sizeText, statusLines } from '../../src/cli/db-actions.js';
import { runCommand } from '../../src/cli/main.js';
import type { Terminal } from '../../src/cli/output.js';
import { fillEntry, openingEntries } from '../../src/execution/ledger.js';
import { openDb, openStores } from '../../src/storage/open-stores.js';
import { migrationsFolder } from '../../src/storage/sql/migrate.js';
import { testPorts } from '../storage/ports.js';
import { sampleClosed, sampleFill } from '../storage/samples.js';

/** The commands that look at a database, over the embedded one, from an empty folder on. */

t.setTimeout(170_000);

const repository = new URL('../../', import.meta.url).pathname;
const root = mkdtempSync(join(tmpdir(), 'arbot-db-'));
t.teardown(() => rmSync(root, { recursive: true, force: true }));
const store = {
  kind: 'pglite',
  folder: join(root, 'data', 'simulated', 'pglite'),
  mode: 'SIMULATED',
} as const;

async function run(line: string) {
  const [out, err]: [string[], string[]] = [[], []];
  const terminal: Terminal = {
    environment: {},
    workingFolder: root,
    print: (text) => void out.push(text),
    complain: (text) => void err.push(text),
    onSignal: () => () => undefined,
  };
  const args = [...line.split(' '), '--config', repository, '--data', 'data'];
  const importStartNode = () => Promise.reject(new Error('starts nothing'));
  const code = await runCommand(args, { terminal, importStartNode });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

const files = readdirSync(migrationsFolder())
  .filter((name) => name.endsWith('.sql'))
  .sort();

t.test(
  'a database is made, looked at and exported from, and nothing of it is changed by looking',
  async (t) => {
    t.match(await run('db status'), { code: 0, out: /no database yet in .*simulated/ });
    t.match(await run('export trades'), { code: 1, err: /ARB_STORE_UNAVAILABLE: there is no data yet/ });
    t.notOk(existsSync(join(root, 'data')), 'asking makes nothing');
    const made = await run('db migrate');
    t.equal(made.code, 0, made.err);
    for (const file of files) t.ok(made.out.includes(`applied ${file}`), file);

    const stores = await openStores(store, testPorts());
    const openings = [
      { exchange: 'okx', asset: 'BTC', amount: '1' },
      { exchange: 'binance', asset: 'USDT', amount: '5000' },
    ];
    const startMs = Date.UTC(2025, 11, 31, 14, 59);
    for (const entry of openingEntries(openings, startMs)) await stores.ledger.append(entry);
    for (let i = 0; i < 240; i++) {
      // Half of them before the new year in Seoul.
      const fill = sampleFill(String(i), {
        side: i % 2 === 0 ? 'buy' : 'sell',
        price: i % 2 === 0 ? '60000' : '60100',
        fee: '0.01',
        exchangeTimeMs: startMs + i * 500,
        tradeId: `x-${i}`,
      });
      await stores.ledger.bookFill(fill, fillEntry(fill, fill.exchangeTimeMs));
    }
    const parts = { priceMove: '-0.02', fees: '0', slippage: '0', latency: '0', legFailure: '0' };
    await stores.trades.closeArbitrage(sampleClosed('told', { attribution: parts }));
    t.match(
      await run('db status'),
      { code: 1, err: /ARB_FOLDER_LOCKED/ },
      'a running node keeps its database',
    );
    await stores.close();

    const status = JSON.parse((await run('db status --json')).out) as Parameters<typeof statusLines>[0];
    t.equal(status.mode, 'SIMULATED');
    t.same(
      status.migrations.map(({ file, state }) => `${file} ${state}`),
      files.map((file) => `${file} applied`),
    );
    t.match(
      status.tables.filter(({ table }) => ['fills', 'ledger_entries'].includes(table)),
      [
        { table: 'fills', rows: 240, isEstimate: false },
        { table: 'ledger_entries', rows: 242 },
      ],
    );
    t.ok(status.tables.every(({ bytes }) => bytes > 0) && status.bytes > 1_000_000);
    t.match(statusLines(status).join('\n'), /fills +240 +\d+\.\d [KM]iB/);

    const trades = await run('export trades --tz Asia/Seoul --from 2026-01-01 --out trades.csv');
    t.match(trades, { code: 0, err: /120 rows in .*trades\.csv/ });
    const csv = readFileSync(join(root, 'trades.csv'), 'utf8');
    t.equal(csv.split('\r\n').length, 122, 'a head, 120 records, and an end to the last');
    t.match(
      csv.split('\r\n')[1],
      /^2026-01-01T00:00:00\.000\+09:00,2026-01-01,binance,BTC,USDT,buy,0\.00100000,60000,60,0\.01,USDT,taker,x-120,/,
    );
    t.match(await run('export trades --out trades.csv'), { code: 2, err: /--out: the file exists already/ });
    t.notOk(existsSync(join(root, 'trades.csv.unfinished')));

    const transfers = await run('export transfers --format json');
    t.match(JSON.parse(transfers.out), [
      { kind: 'opening', from: 'opening', to: 'okx', asset: 'BTC', amount: '1', day: '2025-12-31' },
      { kind: 'opening', to: 'binance', asset: 'USDT', amount: '5000' },
    ]);
    t.match(
      await run('export tax --cost-basis fifo --opening-price BTC=60000 --out fifo.csv'),
      { code: 0, err: /120 disposals: proceeds 7210\.8, cost 7200, gain 10\.8 USDT\. 121 lots are left/ },
      'the opening balance goes first',
    );
    t.match(readFileSync(join(root, 'fifo.csv'), 'utf8'), /residual lot,,,,BTC,/);
    t.match(await run('trades'), { code: 0, out: /BTC-USDT +binance > okx +completed.* -0\.02 .*arb-told/ });
    t.match(await run('pnl --from 2020-01-01'), {
      code: 0,
      out: /BTC-USDT +spatial +completed +1 +0\.5 +0\.48 +-0\.02/,
    });
    t.match(await run('explain arb-told'), { code: 0, out: /price move +-0\.02[^]*No order was journalled/ });
    t.match(await run('explain arb-none'), { code: 2, err: /nothing is stored of arb-none/ });
  },
);

t.test('what does not fit is refused by name', async (t) => {
  for (const [line, words] of [
    ['export tax', /--cost-basis/],
    ['export tax --cost-basis lifo', /--cost-basis: must be/],
    ['export tax --cost-basis fifo --opening-price BTC', /--opening-price/],
    ['export tax --cost-basis fifo --opening-price BTC=-1', /--opening-price/],
    ['export tax --cost-basis fifo --opening-price BTC=1 --opening-price BTC=2', /--opening-price/],
    ['export trades --tz Mars/Base', /--tz/],
    ['export trades --from 2026-02-30', /--from/],
    ['export trades --from 2026-02-02 --to 2026-02-01', /--from: must not be after/],
    ['export trades --format xlsx', /--format/],
    ['export trades --market paper', /--market/],
    ['export gossip', /gossip|unknown/],
  ] as const)
    t.match(await run(line), { code: 2, err: words }, line);
  t.match(await run('export trades --market live'), { code: 1, err: /no data yet/ });
  writeFileSync(join(root, 'plain'), '');
  t.match(await run('export transfers --out plain/x.csv'), { code: 2, err: /--out: cannot be written/ });

  const db = await openDb(store, testPorts());
  await db.query(`update schema_migrations set md5 = 'x' where version = 2`);
  await db.query(`delete from schema_migrations where version = 11`);
  await db.query(
    `insert into schema_migrations (version, name, md5, run_at) values (900, 'later', 'y', now())`,
  );
  await db.close();
  const drifted = await run('db status');
  t.match(drifted, { code: 1, err: /002\.do\.ledger\.sql, version 900: not what was applied here/ });
  t.match(drifted.out, /002\.do\.ledger\.sql +edited/);
  t.match(drifted.out, /011\.do\.retention\.sql +pending/);
  t.match(drifted.out, /version 900 +unknown/);
  t.match(await run('export trades'), {
    code: 1,
    err: /ARB_MIGRATION_REFUSED: 002\.do\.ledger\.sql is edited/,
  });
});

t.test('sizes are told for people', async (t) => {
  t.same([0, 1_023, 1_024, 1_536 * 1_024, 5 * 1_024 ** 4].map(sizeText), [
    '0 B',
    '1023 B',
    '1.0 KiB',
    '1.5 MiB',
    '5.0 TiB',
  ]);
});
