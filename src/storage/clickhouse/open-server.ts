import { ClickHouseLogLevel, createClient, type ClickHouseClient } from '@clickhouse/client';
import { ArbotError } from '../../messages/errors.js';
import type { ModeName } from '../../messages/primitives.js';
import type { Logger } from '../../ports/log.js';
import type { TickStore } from '../../ports/tick-store.js';
import { Engine } from './engine.js';
import { claimTickMode, migrateTicks } from './migrate.js';
import { clickHouseTicks, type TickStorePorts } from './tick-store.js';

const REQUEST_TIMEOUT_MS = 20_000;
const MAX_CONNECTIONS = 8;
/** ClickHouse: no privilege for what was asked. */
const ACCESS_DENIED = /\b497\b|ACCESS_DENIED|Not enough privileges/;

export interface ClickHouseServer {
  /** `http://host:8123` or `https://…`. */
  readonly url: string;
  readonly user: string | null;
  readonly password: string | null;
  readonly database: string;
}

/** Scheme, host and database; whatever the URL holds besides stays out of every output. */
export function locationOf(server: ClickHouseServer): string {
  const { protocol, host } = new URL(server.url);
  return `${protocol}//${host}/${server.database}`;
}

const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]']);

/** What makes a server unfit for LIVE. */
export function hazardsOf(server: ClickHouseServer): string[] {
  const { protocol, hostname, password } = new URL(server.url);
  return [
    ...(server.password === null && password === '' ? ['the ClickHouse user has no password'] : []),
    ...(protocol !== 'https:' && !LOOPBACK.has(hostname) ? ['ClickHouse is reached without TLS'] : []),
  ];
}

/** The official client for one database of a server; it prints nothing by itself. */
export function clientOf(server: ClickHouseServer, database: string): ClickHouseClient {
  return createClient({
    url: server.url,
    database,
    ...(server.user === null ? {} : { username: server.user }),
    ...(server.password === null ? {} : { password: server.password }),
    application: 'arbot',
    request_timeout: REQUEST_TIMEOUT_MS,
    max_open_connections: MAX_CONNECTIONS,
    log: { level: ClickHouseLogLevel.OFF },
  });
}

/** Makes the database unless it is there; whoever may not make one has to find it made. */
async function requireDatabase(server: ClickHouseServer): Promise<void> {
  const engine = new Engine(clientOf(server, 'default'));
  try {
    await engine.command(`CREATE DATABASE IF NOT EXISTS \`${server.database}\``);
  } catch (error) {
    if (!(error instanceof ArbotError) || !ACCESS_DENIED.test(error.message)) throw error;
  } finally {
    await engine.close();
  }
}

/**
 * Connects to a ClickHouse server, brings the tables up to date and claims the mode (`mode` null = read a store of any mode).
 * Rejects ARB_STORE_UNAVAILABLE, ARB_MIGRATION_REFUSED or ARB_MODE_MIXED.
 */
export async function openServerTicks(
  server: ClickHouseServer,
  mode: ModeName | null,
  ports: TickStorePorts & { readonly log: Logger },
): Promise<TickStore> {
  const location = locationOf(server);
  await requireDatabase(server);
  const engine = new Engine(clientOf(server, server.database));
  try {
    const applied = await migrateTicks(engine);
    if (mode !== null) await claimTickMode(engine, mode, location);
    ports.log.info({ engine: 'clickhouse', location, mode, applied }, 'the tick store is open');
    return clickHouseTicks(
      engine,
      { engine: 'clickhouse', location, unsafeForLive: hazardsOf(server) },
      ports,
    );
  } catch (error) {
    await engine.close();
    throw error;
  }
}
