import t from 'tap';
import { openServerTicks } from '../../src/storage/clickhouse/open-server.js';
import { ticksOfNode } from '../../src/storage/open-ticks.js';
import { available, skipOrFail, startClickHouse } from '../servers/clickhouse.js';
import { testPorts } from './ports.js';
import { closedContract, tickContract } from './tick-contract.js';
import { batchOf, HOUR_MS, sampleTrade } from './tick-samples.js';
import { until } from './writer.js';

t.setTimeout(1_400_000);
const HOUR = { fromMs: HOUR_MS, toMs: HOUR_MS + 3_600_000 };

t.test('ClickHouse over HTTP', async (t) => {
  if (skipOrFail(t, available())) return;
  const control = await startClickHouse();
  t.teardown(() => control.stop());
  const { server } = control;

  await t.test('keeps the contract', async (t) => {
    const store = await openServerTicks(server, 'SIMULATED', testPorts());
    const { location, engine } = await store.describe();
    t.match(engine, /^clickhouse \d+\./);
    t.notMatch(location, server.password ?? 'no password', 'the password is in no output');
    await tickContract(t, store);
    await closedContract(t, store);
  });

  await t.test('another mode, a wrong password and an unknown host are told apart', async (t) => {
    const ports = testPorts();
    await t.rejects(openServerTicks(server, 'PAPER', ports), {
      code: 'ARB_MODE_MIXED',
      message: /SIMULATED/,
    });
    const wrong = { ...server, password: 'wrong' };
    const setup = { code: 'ARB_STORE_UNAVAILABLE', retryable: false, message: /Authentication/ };
    await t.rejects(openServerTicks(wrong, 'SIMULATED', ports), setup);
    const away = { ...server, url: 'http://127.0.0.1:1' };
    const unreachable = { code: 'ARB_STORE_UNAVAILABLE', retryable: true };
    await t.rejects(openServerTicks(away, 'SIMULATED', ports), unreachable);
    const noPassword = await openServerTicks({ ...server }, null, ports);
    t.strictSame(
      (await noPassword.describe()).unsafeForLive,
      server.password === '' ? ['the ClickHouse user has no password'] : [],
    );
    await noPassword.close();
  });

  if (control.external) return;

  await t.test('an acknowledgement that is lost does not double its batch', async (t) => {
    const store = await openServerTicks(server, 'SIMULATED', testPorts());
    t.teardown(() => store.close());
    const batch = batchOf('tick_trades', [sampleTrade('LOST'), sampleTrade('LOST', { tradeId: '2' })]);
    await control.loseNextAnswer();
    await t.rejects(store.insert(batch), { code: 'ARB_STORE_UNAVAILABLE', retryable: true });
    t.equal((await store.trades('okx:LOST-USDT', HOUR, 10)).length, 2, 'it was stored all the same');
    await store.insert(batch);
    t.equal((await store.trades('okx:LOST-USDT', HOUR, 10)).length, 2);
    await control.kill();
    await t.rejects(store.insert(batch), { code: 'ARB_STORE_UNAVAILABLE', retryable: true });
    await control.restart();
    await store.insert(batch);
    t.equal((await store.trades('okx:LOST-USDT', HOUR, 10)).length, 2, 'also after a restart');
  });

  await t.test('a node starts while its server is away, and has it once it is back', async (t) => {
    await control.kill();
    const ports = testPorts();
    const store = ticksOfNode({ kind: 'clickhouse', server }, 'SIMULATED', ports);
    if (store === null) throw new Error('no store');
    await t.rejects(store.insert(batchOf('tick_trades', [sampleTrade('AWAY')])), {
      code: 'ARB_STORE_UNAVAILABLE',
    });
    await control.restart();
    await until('it is open', () => store.ping().then(Boolean, () => false));
    await store.insert(batchOf('tick_trades', [sampleTrade('AWAY')]));
    t.equal((await store.trades('okx:AWAY-USDT', HOUR, 10)).length, 1);
    await store.close();
  });
});
