import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chdbMissing } from '../../src/storage/clickhouse/chdb-package.js';
import type { ClickHouseServer } from '../../src/storage/clickhouse/open-server.js';
import { controlOf, externalServer } from './nats.js';
import {
  freePort,
  preparedUrl,
  ServerProcess,
  temporaryFolder,
  type ServerControl,
} from './server-process.js';

export { skipOrFail } from './server-process.js';

export interface ClickHouseControl extends ServerControl {
  readonly server: ClickHouseServer;
  /** The next INSERT is carried out and its answer lost. Only where the server is not external. */
  loseNextAnswer(): Promise<void>;
}

/** Null when tests can have a ClickHouse over HTTP, else why not. */
export function available(): string | null {
  return preparedUrl('CLICKHOUSE_URL') === null ? chdbMissing() : null;
}

/** A database of its own in the server of CLICKHOUSE_URL, else the bridge over chdb on a free loopback port. */
export async function startClickHouse(): Promise<ClickHouseControl> {
  const url = preparedUrl('CLICKHOUSE_URL');
  const database = `arbot_test_${process.pid}_${randomBytes(4).toString('hex')}`;
  return url === null ? startBridge(database) : privateDatabase(url, database);
}

async function startBridge(database: string): Promise<ClickHouseControl> {
  const port = await freePort();
  const folder = temporaryFolder(null);
  const password = randomBytes(12).toString('hex');
  const address = `http://127.0.0.1:${port}`;
  const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  const process_ = new ServerProcess({
    command: process.execPath,
    args: [
      '--import',
      loader,
      join(import.meta.dirname, 'clickhouse-bridge.ts'),
      String(port),
      join(folder, 'data'),
    ],
    folder,
    user: null,
    stopSignal: 'SIGTERM',
    environment: { ...process.env, BRIDGE_USER: 'arbot', BRIDGE_PASSWORD: password },
    ready: () => answers(address),
  });
  await process_.start();
  return {
    ...controlOf(process_, address),
    server: { url: address, user: 'arbot', password, database },
    loseNextAnswer: async () => {
      await fetch(`${address}/fault/lose`, { method: 'POST' });
    },
  };
}

async function privateDatabase(url: string, database: string): Promise<ClickHouseControl> {
  const target = new URL(url);
  const user = target.username === '' ? 'default' : decodeURIComponent(target.username);
  const password = decodeURIComponent(target.password);
  const { protocol, host } = target;
  const drop = async (): Promise<void> => {
    const headers = { 'X-ClickHouse-User': user, 'X-ClickHouse-Key': password };
    await fetch(`${protocol}//${host}/`, {
      method: 'POST',
      headers,
      body: `DROP DATABASE IF EXISTS ${database}`,
    });
  };
  return {
    ...externalServer(url, 'CLICKHOUSE_URL', drop),
    server: { url: `${protocol}//${host}`, user, password, database },
    loseNextAnswer: () => Promise.reject(new Error('the server of CLICKHOUSE_URL loses no answers')),
  };
}

async function answers(address: string): Promise<boolean> {
  try {
    return (await fetch(`${address}/ping`)).ok;
  } catch {
    return false;
  }
}
