import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { chdbMissing } from '../../src/storage/clickhouse/chdb-package.js';
import type { Engine } from '../../src/storage/clickhouse/engine.js';
import { claimTickMode, clickHouseMigrations, migrateTicks } from '../../src/storage/clickhouse/migrate.js';
import { TTL_DAYS } from '../../src/storage/tick-retention.js';
import { skipOrFail } from '../servers/server-process.js';
import { closedContract, tickContract } from './tick-contract.js';
import { batchOf, HOUR_MS, sampleBook, sampleSpread, sampleTrade } from './tick-samples.js';
import { engineInProcess, ticksOver } from './ticks-in-process.js';

const root = mkdtempSync(join(tmpdir(), 'arbot-ticks-'));
t.teardown(() => rmSync(root, { recursive: true, force: true }));
t.setTimeout(1_400_000);
const absent = chdbMissing();
const HOUR = { fromMs: HOUR_MS, toMs: HOUR_MS + 3_600_000 };
/** One process holds one folder, so that every test of this file shares it. */
const open = (): Promise<Engine> => engineInProcess(join(root, 'own'));

t.test('the tables are made once, and by files that nobody edits afterwards', async (t) => {
  if (skipOrFail(t, absent)) return;
  const engine = await open();
  t.strictSame(await migrateTicks(engine), ['001.do.ticks.sql']);
  t.strictSame(await migrateTicks(engine), []);
  const edited = join(root, 'edited');
  cpSync(clickHouseMigrations(), edited, { recursive: true });
  writeFileSync(join(edited, '001.do.ticks.sql'), '-- nothing\nSELECT 1;\n');
  const refused = { code: 'ARB_MIGRATION_REFUSED' };
  await t.rejects(migrateTicks(engine, edited), { ...refused, message: /001.*edited/ });
  rmSync(join(edited, '001.do.ticks.sql'));
  await t.rejects(migrateTicks(engine, edited), { ...refused, message: /migration 1 .* unknown here/ });
  await claimTickMode(engine, 'PAPER', 'here');
  await claimTickMode(engine, 'PAPER', 'here');
  await t.rejects(claimTickMode(engine, 'LIVE', 'here'), { code: 'ARB_MODE_MIXED', message: /PAPER.*LIVE/ });

  const tables = await engine.select(
    `SELECT name, engine, create_table_query FROM system.tables WHERE database = currentDatabase()`,
  );
  for (const [table, days] of Object.entries(TTL_DAYS)) {
    const [, kind, text] = tables.find(([name]) => name === table) ?? [];
    t.equal(kind, 'MergeTree');
    t.match(text, new RegExp(`toIntervalDay\\(${days}\\)`));
    t.match(text, /LowCardinality/);
    t.match(text, /CODEC/);
    t.match(text, /PARTITION BY/);
  }
});

t.test(
  'a batch is stored once also after the engine has forgotten its token, and after a restart',
  async (t) => {
    if (skipOrFail(t, absent)) return;
    let engine = await open();
    let store = ticksOver(engine);
    const batches = [
      batchOf('tick_trades', [sampleTrade('TOKEN'), sampleTrade('TOKEN', { tradeId: '2' })]),
      batchOf('orderbook_snapshots', [sampleBook('TOKEN'), sampleBook('TOKEN', { sequence: 101 })]),
      batchOf('spread_history', [sampleSpread('TOKEN'), sampleSpread('TOKEN', { sellExchange: 'bybit' })]),
    ];
    const counts = async (): Promise<readonly number[]> => [
      (await store.trades('okx:TOKEN-USDT', HOUR, 100)).length,
      (await store.books('binance:TOKEN-USDT', HOUR, 100)).length,
      (await store.spreads('TOKEN-USDT', HOUR, 100)).length,
    ];
    for (const batch of batches) await store.insert(batch);
    for (const { table } of batches)
      await engine.command(`ALTER TABLE ${table} MODIFY SETTING non_replicated_deduplication_window = 2`);
    for (let other = 0; other < 4; other++) {
      await store.insert(batchOf('tick_trades', [sampleTrade('OTHER', { tradeId: `token-${other}` })]));
      await store.insert(batchOf('orderbook_snapshots', [sampleBook('OTHER')]));
      await store.insert(batchOf('spread_history', [sampleSpread('OTHER')]));
    }
    // Proof that the engine alone has forgotten: the bare statement under the same token is taken again.
    const bare = (id: string): Promise<void> =>
      engine.insert(
        `INSERT INTO tick_trades (instrument, receive_time) SETTINGS async_insert = 0, insert_deduplication_token = '${id}' FORMAT TabSeparated`,
        [Buffer.from(`bare\t${HOUR_MS / 1_000}.000000\n`)],
      );
    for (const id of ['bare-0', 'bare-0', 'bare-1', 'bare-2', 'bare-3', 'bare-0']) await bare(id);
    t.strictSame(await engine.select(`SELECT count() FROM tick_trades WHERE instrument = 'bare'`), [[5]]);
    for (const batch of batches) await store.insert(batch);
    t.strictSame(await counts(), [2, 2, 2]);
    for (const { table } of batches) await engine.command(`OPTIMIZE TABLE ${table} FINAL`);
    for (const batch of batches) await store.insert(batch);
    t.strictSame(await counts(), [2, 2, 2], 'after a merge');

    await engine.close();
    engine = await open();
    store = ticksOver(engine);
    for (const batch of batches) await store.insert(batch);
    t.strictSame(await counts(), [2, 2, 2], 'after a restart');
    for (const { table } of batches)
      await engine.command(`ALTER TABLE ${table} MODIFY SETTING non_replicated_deduplication_window = 10000`);
  },
);

t.test('rows beyond their time to live go with the next merge', async (t) => {
  if (skipOrFail(t, absent)) return;
  const engine = await open();
  const store = ticksOver(engine);
  const dayMs = 86_400_000;
  for (const days of [TTL_DAYS.tick_trades + 20, TTL_DAYS.tick_trades - 20])
    await store.insert(
      batchOf('tick_trades', [sampleTrade('OLD', { receiveTimeMs: HOUR_MS - days * dayMs })]),
    );
  for (const days of [TTL_DAYS.orderbook_snapshots + 2, TTL_DAYS.orderbook_snapshots - 2])
    await store.insert(
      batchOf('orderbook_snapshots', [sampleBook('OLD', { receiveTimeMs: HOUR_MS - days * dayMs })]),
    );
  for (const days of [TTL_DAYS.spread_history + 40, TTL_DAYS.spread_history - 40])
    await store.insert(
      batchOf('spread_history', [sampleSpread('OLD', { secondMs: HOUR_MS - days * dayMs })]),
    );
  for (const table of Object.keys(TTL_DAYS)) await engine.command(`OPTIMIZE TABLE ${table} FINAL`);
  const ever = { fromMs: 0, toMs: HOUR_MS };
  t.equal((await store.trades('okx:OLD-USDT', ever, 10)).length, 1);
  t.equal((await store.books('binance:OLD-USDT', ever, 10)).length, 1);
  t.equal((await store.spreads('OLD-USDT', ever, 10)).length, 1);
});

t.test('a settings of an insert is not kept for the next, and prices add up exactly in SQL', async (t) => {
  if (skipOrFail(t, absent)) return;
  const engine = await open();
  const store = ticksOver(engine);
  const prices = ['0.1', '0.2', '123456789012345678901234.00000000000000000001'];
  await store.insert(
    batchOf(
      'tick_trades',
      prices.map((price, at) => sampleTrade('SUM', { price, tradeId: String(at) })),
    ),
  );
  const settings = `SELECT value FROM system.settings WHERE name IN ('async_insert', 'insert_deduplication_token') ORDER BY name`;
  t.strictSame(await engine.select(settings), [['1'], ['']]);
  t.strictSame(
    await engine.select(
      `SELECT toString(sum(exact_price)) FROM tick_trades WHERE instrument = 'okx:SUM-USDT'`,
    ),
    [['123456789012345678901234.30000000000000000001']],
  );
});

t.test('chdb in this process keeps the contract', async (t) => {
  if (skipOrFail(t, absent)) return;
  const store = ticksOver(await open());
  await tickContract(t, store);
  await closedContract(t, store);
});
