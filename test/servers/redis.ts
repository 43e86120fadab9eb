import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { controlOf, externalServer } from './nats.js';
import {
  findBinary,
  freePort,
  preparedUrl,
  ServerProcess,
  temporaryFolder,
  type ServerControl,
} from './server-process.js';

export { skipOrFail } from './server-process.js';

const BINARIES = ['redis-server', 'valkey-server'] as const;

/** Null when tests can have a Redis server, else why not. */
export function available(): string | null {
  if (preparedUrl('REDIS_URL') !== null || binary() !== null) return null;
  return 'no redis-server: set REDIS_URL, or install redis-server';
}

const binary = (): string | null =>
  BINARIES.map((name) => findBinary(name)).find((path) => path !== null) ?? null;

export interface RedisSettings {
  /** Streams survive a kill; else the server keeps nothing. */
  readonly durable?: boolean;
  readonly arguments?: readonly string[];
}

/**
 * The server of REDIS_URL, else a private one on a free loopback port with a password of its own. A test that flushes or
 * breaks its server needs a private one: `external` says which it got.
 */
export async function startRedis(settings: RedisSettings = {}): Promise<ServerControl> {
  const url = preparedUrl('REDIS_URL');
  if (url !== null) return externalServer(url, 'REDIS_URL');
  const command = binary();
  if (command === null) throw new Error('no redis-server on PATH');
  const port = await freePort();
  const folder = temporaryFolder(null);
  const password = randomBytes(12).toString('hex');
  const durable = settings.durable === true;
  const flags = {
    bind: '127.0.0.1',
    port: String(port),
    dir: folder,
    requirepass: password,
    save: '',
    appendonly: durable ? 'yes' : 'no',
    appendfsync: 'always',
    daemonize: 'no',
    databases: '2',
  };
  const serverUrl = `redis://:${password}@127.0.0.1:${port}`;
  const server = new ServerProcess({
    command,
    args: [
      ...Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]),
      ...(settings.arguments ?? []),
    ],
    folder,
    user: null,
    stopSignal: 'SIGTERM',
    ready: () => answers(serverUrl),
  });
  await server.start();
  return controlOf(server, serverUrl);
}

async function answers(url: string): Promise<boolean> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: null, connectTimeout: 1_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.ping()) === 'PONG';
  } catch {
    return false;
  } finally {
    client.disconnect();
  }
}
