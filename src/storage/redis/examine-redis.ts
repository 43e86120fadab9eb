import { Redis } from 'ioredis';
import { ArbotError, errorText } from '../../messages/errors.js';
import type { Clock } from '../../ports/time.js';
import { askRedis, type RedisFacts } from './redis-safety.js';
import { parseRedisUrl } from './redis-url.js';

export interface RedisExamination extends RedisFacts {
  readonly location: string;
  readonly latencyMs: number;
}

const TIMEOUT_MS = 5_000;

/**
 * Connects once, asks and leaves. Rejects ARB_CONFIG_INVALID for a URL that is none, ARB_STORE_UNAVAILABLE with the reason when
 * the server does not answer or does not let this user in.
 */
export async function examineRedis(url: string, clock: Clock): Promise<RedisExamination> {
  const address = parseRedisUrl(url);
  const { host, port, username, password, database, tls, location } = address;
  const client = new Redis({
    host,
    port,
    db: database,
    ...(username !== null && { username }),
    ...(password !== null && { password }),
    ...(tls && { tls: { servername: host } }),
    lazyConnect: true,
    disableClientInfo: true,
    retryStrategy: null,
    connectTimeout: TIMEOUT_MS,
    commandTimeout: TIMEOUT_MS,
    replyMapping: 'legacy',
  });
  let reason: string | null = null;
  client.on('error', (error: unknown) => (reason = errorText(error)));
  try {
    await client.connect();
    const startedMs = clock.monotonicMs();
    await client.ping();
    const latencyMs = clock.monotonicMs() - startedMs;
    return { ...(await askRedis(client, address)), location, latencyMs };
  } catch (error) {
    throw new ArbotError(
      'ARB_STORE_UNAVAILABLE',
      `${location}: ${(reason ?? errorText(error)).slice(0, 300)}`,
    );
  } finally {
    client.disconnect();
  }
}
