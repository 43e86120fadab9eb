import { setTimeout as sleep } from 'node:timers/promises';
import type { TickBatch } from '../../src/ports/tick-store.js';
import { openChdbTicks } from '../../src/storage/clickhouse/open-chdb.js';
import { testPorts } from '../storage/ports.js';
import { sampleTrade } from '../storage/tick-samples.js';

/** Inserts batches without end, telling each before and after, until it is killed; first those that a predecessor left open. */

interface Plan {
  readonly folder: string;
  readonly key: string;
  readonly rows: number;
  readonly atMs: number;
  readonly first: number;
  readonly unsettled: readonly number[];
}
const plan = JSON.parse(process.argv[2] ?? '') as Plan;

/** The rows of a batch follow from its number, so that a successor sends the same. */
function batchOf(number: number): TickBatch {
  const rows = Array.from({ length: plan.rows }, (_, at) =>
    sampleTrade(plan.key, { tradeId: `${number}-${at}`, receiveTimeMs: plan.atMs + number }),
  );
  return { table: 'tick_trades', batchId: `${plan.key}-${number}`, rows };
}

process.once('disconnect', () => process.exit(1));
const store = await openChdbTicks(plan.folder, 'PAPER', testPorts());
process.send?.({ enginePid: store.childPid() });

async function insert(number: number): Promise<void> {
  process.send?.({ sending: number });
  for (;;) {
    try {
      await store.insert(batchOf(number));
      process.send?.({ acknowledged: number, enginePid: store.childPid() });
      return;
    } catch {
      // The engine was killed: the same batch again, until it is back.
      await sleep(20);
    }
  }
}

for (const number of plan.unsettled) await insert(number);
for (let number = plan.first; ; number++) await insert(number);
