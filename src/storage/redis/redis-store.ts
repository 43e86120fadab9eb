import { errorText } from '../../messages/errors.js';
import type { PriceStore, PriceStoreState } from '../../ports/price-cache.js';
import type { StoreDescription } from '../../ports/stores.js';
import type { Clock } from '../../ports/time.js';
import { RedisConnection, type RedisPorts } from './redis-connection.js';
import { RedisPrices } from './redis-prices.js';
import { askRedis } from './redis-safety.js';
import { RedisStreams } from './redis-streams.js';
import { addressHazards, parseRedisUrl, type RedisAddress } from './redis-url.js';

export interface RedisStoreOptions extends RedisPorts {
  readonly url: string;
  readonly clock: Clock;
  /** Ends with a colon; what keeps clusters and modes on one server apart. */
  readonly prefix: string;
  readonly ttlMs: number;
  readonly maxEntries: number;
}

/** A start waits so long for the first connection, and goes on without it. */
const FIRST_CONNECTION_MS = 1_000;
const CONNECTION_NAME = 'arbot';

/** Prices and events in Redis or Valkey. */
export class RedisStore implements PriceStore {
  readonly prices: RedisPrices;
  readonly events: RedisStreams;
  private readonly connection: RedisConnection;
  private readonly address: RedisAddress;
  private readonly options: RedisStoreOptions;
  private invalid = 0;

  private constructor(options: RedisStoreOptions, address: RedisAddress) {
    this.options = options;
    this.address = address;
    const connection = new RedisConnection(address, CONNECTION_NAME, options);
    this.connection = connection;
    const refused = (error: unknown): void => this.refused(error);
    const listening = () => new RedisConnection(address, `${CONNECTION_NAME}-listener`, options);
    this.prices = new RedisPrices({ ...options, connection, listening, refused });
    this.events = new RedisStreams({ ...options, connection, refused });
  }

  /** Resolves also when the server is away: it is tried for ever. Throws ARB_CONFIG_INVALID for a URL that is none. */
  static async open(options: RedisStoreOptions): Promise<RedisStore> {
    const store = new RedisStore(options, parseRedisUrl(options.url));
    await store.connection.settled(FIRST_CONNECTION_MS);
    return store;
  }

  /** The first of them is worth a line; all are counted. */
  private refused(error: unknown): void {
    this.invalid++;
    const level = this.invalid === 1 ? 'warn' : 'debug';
    this.options.log[level]({ error: errorText(error), invalid: this.invalid }, 'a foreign value in redis');
  }

  isUp(): boolean {
    return this.connection.isUp();
  }

  state(): PriceStoreState {
    const { reconnects, lastError } = this.connection;
    return { connected: this.isUp(), reconnects, invalid: this.invalid, lastError };
  }

  async describe(): Promise<StoreDescription> {
    const { location } = this.address;
    try {
      const { engine, hazards } = await this.connection.call((client) => askRedis(client, this.address));
      return { name: 'prices', engine, location, unsafeForLive: hazards };
    } catch {
      return { name: 'prices', engine: 'redis, away', location, unsafeForLive: addressHazards(this.address) };
    }
  }

  async ping(): Promise<number> {
    const { clock } = this.options;
    const startedMs = clock.monotonicMs();
    await this.connection.call((client) => client.ping());
    return clock.monotonicMs() - startedMs;
  }

  /** Nothing waits for answers that are under way. */
  close(): Promise<void> {
    this.prices.close();
    this.connection.close();
    return Promise.resolve();
  }
}
