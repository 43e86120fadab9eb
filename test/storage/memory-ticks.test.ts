import t from 'tap';
import { MemoryEngine, noFaults } from '../../src/storage/memory/memory-database.js';
import { createMemoryTicks, memoryTicks } from '../../src/storage/memory/memory-ticks.js';
import { testPorts } from './ports.js';
import { closedContract, tickContract } from './tick-contract.js';
import { batchOf, HOUR_MS, sampleTrade } from './tick-samples.js';

t.test('ticks in memory keep the contract', async (t) => {
  const { timers, clock } = testPorts();
  const store = memoryTicks(new MemoryEngine(createMemoryTicks(), noFaults(), timers, clock));
  await tickContract(t, store);
  await closedContract(t, store);
});

t.test('faults are switched while the store is in use', async (t) => {
  const { timers, clock } = testPorts();
  const [ticks, faults] = [createMemoryTicks(), noFaults()];
  const store = memoryTicks(new MemoryEngine(ticks, faults, timers, clock));
  const batch = batchOf('tick_trades', [sampleTrade('FAULT')]);
  const kept = async (): Promise<number> =>
    (await store.trades('okx:FAULT-USDT', { fromMs: HOUR_MS, toMs: HOUR_MS + 1 }, 10)).length;
  const away = { code: 'ARB_STORE_UNAVAILABLE', retryable: true };
  faults.down = true;
  await t.rejects(store.insert(batch), away);
  faults.down = false;
  faults.full = true;
  await t.rejects(store.insert(batch), away);
  t.equal(await kept(), 0);
  faults.full = false;
  faults.lostAcknowledgements = 1;
  await t.rejects(store.insert(batch), away);
  t.equal(await kept(), 1, 'it was stored all the same');
  await store.insert(batch);
  t.equal(await kept(), 1);
  const reopened = memoryTicks(new MemoryEngine(ticks, noFaults(), timers, clock));
  await reopened.insert(batch);
  t.equal(await kept(), 1, 'also when another process sends it again');
});
