import { ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { openChdbConnection } from '../../src/storage/clickhouse/chdb-package.js';
import { CHDB_DATABASE } from '../../src/storage/clickhouse/chdb-protocol.js';
import { Engine } from '../../src/storage/clickhouse/engine.js';
import { clickHouseTicks } from '../../src/storage/clickhouse/tick-store.js';
import type { TickStore } from '../../src/ports/tick-store.js';
import { testPorts } from './ports.js';

/** chdb in this very process, which can hold one folder only. */
export async function engineInProcess(folder: string): Promise<Engine> {
  const connection = await openChdbConnection(folder);
  const engine = new Engine(createClient({ connection, log: { level: ClickHouseLogLevel.OFF } }));
  await engine.command(`CREATE DATABASE IF NOT EXISTS ${CHDB_DATABASE}`);
  await engine.command(`USE ${CHDB_DATABASE}`);
  return engine;
}

export function ticksOver(engine: Engine): TickStore {
  const place = { engine: 'chdb', location: 'this process', unsafeForLive: [] };
  return clickHouseTicks(engine, place, testPorts());
}
