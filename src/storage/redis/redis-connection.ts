import { Redis, type RedisOptions } from 'ioredis';
import { ArbotError, errorText } from '../../messages/errors.js';
import type { Logger } from '../../ports/log.js';
import type { Random } from '../../ports/random.js';
import type { Timers } from '../../ports/time.js';
import type { RedisAddress } from './redis-url.js';

export interface RedisPorts {
  /** A call waits so long for its answer; absent = a second. */
  readonly callTimeoutMs?: number;
  readonly log: Logger;
  readonly random: Random;
  readonly timers: Timers;
}

const CALL_TIMEOUT_MS = 1_000;
/** A server that takes bytes and sends none for so many call timeouts counts as gone: its connection is dropped and made again. */
const SILENT_CALLS = 2;
const CONNECT_TIMEOUT_MS = 2_000;
const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 5_000;
/** Calls under way at once; one more is rejected, so that nothing piles up in front of a server that hangs. */
const MAX_CALLS = 256;

/**
 * One connection that is made again for ever. While it is down every call rejects at once: no command waits for a server to come
 * back, and none that was under way is sent again.
 */
export class RedisConnection {
  readonly client: Redis;
  reconnects = 0;
  lastError: string | null = null;
  private readonly ports: RedisPorts;
  private calls = 0;
  private wasUp = false;
  /** Told once per absence. */
  private isAwayTold = false;

  constructor(address: RedisAddress, name: string, ports: RedisPorts) {
    this.ports = ports;
    this.client = new Redis(optionsOf(address, name, ports));
    this.client.on('ready', () => this.ready(address.location));
    this.client.on('close', () => this.gone(address.location));
    // Without a listener the driver would write to the console by itself.
    this.client.on('error', (error: unknown) => (this.lastError = errorText(error)));
  }

  isUp(): boolean {
    return this.client.status === 'ready';
  }

  /** Resolves when connected, or after so many ms in any case. */
  settled(withinMs: number): Promise<void> {
    if (this.isUp()) return Promise.resolve();
    return new Promise((resolve) => {
      const { timers } = this.ports;
      const timer = timers.setTimer(done, withinMs);
      const client = this.client;
      function done(): void {
        timers.clearTimer(timer);
        client.off('ready', done);
        resolve();
      }
      client.once('ready', done);
    });
  }

  /** Rejects ARB_STORE_UNAVAILABLE when there is no answer, ARB_STORE_CONFLICT when the answer is an error. */
  async call<T>(send: (client: Redis) => Promise<T>): Promise<T> {
    if (!this.isUp()) throw away(this.lastError ?? 'not connected yet');
    if (this.calls >= MAX_CALLS) throw away(`${MAX_CALLS} calls are under way`);
    this.calls++;
    try {
      return await send(this.client);
    } catch (error) {
      throw callError(error);
    } finally {
      this.calls--;
    }
  }

  close(): void {
    this.client.disconnect();
  }

  private ready(location: string): void {
    if (this.wasUp) this.reconnects++;
    this.wasUp = true;
    this.isAwayTold = false;
    this.ports.log.info({ location, reconnects: this.reconnects }, 'redis is connected');
  }

  private gone(location: string): void {
    this.lastError ??= 'the connection was closed';
    if (this.isAwayTold) return;
    this.isAwayTold = true;
    this.ports.log.warn({ location, error: this.lastError }, 'redis is away; nothing waits for it');
  }
}

function optionsOf(
  address: RedisAddress,
  name: string,
  { random, callTimeoutMs = CALL_TIMEOUT_MS }: RedisPorts,
): RedisOptions & { readonly replyMapping: 'legacy' } {
  const { host, port, username, password, database, tls } = address;
  return {
    host,
    port,
    db: database,
    ...(username !== null && { username }),
    ...(password !== null && { password }),
    ...(tls && { tls: { servername: host } }),
    connectionName: name,
    replyMapping: 'legacy',
    disableClientInfo: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    // Made again here, where a failure is caught.
    autoResubscribe: false,
    maxRetriesPerRequest: 0,
    commandTimeout: callTimeoutMs,
    socketTimeout: callTimeoutMs * SILENT_CALLS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    keepAlive: 5_000,
    retryStrategy: (attempt) => {
      const ceiling = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** Math.min(attempt, 10));
      return Math.round(ceiling * (0.5 + random.next() / 2));
    },
  };
}

/** Texts of the driver name commands and addresses, never their arguments; the error itself does, so it is not passed on. */
function callError(error: unknown): ArbotError {
  if (error instanceof ArbotError) return error;
  const isAnswer = error instanceof Error && error.name === 'ReplyError';
  const text = errorText(error).slice(0, 300);
  if (
    isAnswer &&
    !/^(?:LOADING|BUSY|READONLY|MASTERDOWN|CLUSTERDOWN|OOM|MISCONF|NOAUTH|TRYAGAIN) /.test(text)
  )
    return new ArbotError('ARB_STORE_CONFLICT', `redis: ${text}`);
  return away(text);
}

const away = (why: string): ArbotError =>
  new ArbotError('ARB_STORE_UNAVAILABLE', `redis: ${why}`, { retryable: true });
