import type { Clock } from '../../ports/time.js';
import { Engine } from './engine.js';
import { clientOf, hazardsOf, locationOf, type ClickHouseServer } from './open-server.js';

/** What `arbot doctor` tells of a server. */
export interface ServerFacts {
  readonly engine: string;
  readonly location: string;
  readonly latencyMs: number;
  /** Of durability: how far an acknowledged insert has come. */
  readonly settings: Readonly<Record<string, string>>;
  readonly hazards: readonly string[];
}

/** Looks only: no database is made or changed. Rejects ARB_STORE_UNAVAILABLE. */
export async function examineClickHouse(server: ClickHouseServer, clock: Clock): Promise<ServerFacts> {
  const engine = new Engine(clientOf(server, 'default'));
  try {
    const [version] = await engine.select('SELECT version()');
    const startedMs = clock.monotonicMs();
    await engine.select('SELECT 1');
    const latencyMs = clock.monotonicMs() - startedMs;
    const rows = await engine.select(
      `SELECT name, value FROM system.merge_tree_settings WHERE name = 'fsync_after_insert'`,
    );
    return {
      engine: `clickhouse ${String(version?.[0])}`,
      location: locationOf(server),
      latencyMs,
      settings: Object.fromEntries(rows.map(([name, value]) => [String(name), String(value)])),
      hazards: hazardsOf(server),
    };
  } finally {
    await engine.close();
  }
}
