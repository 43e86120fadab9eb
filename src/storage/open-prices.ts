import type { Logger } from '../ports/log.js';
import type { PriceStore } from '../ports/price-cache.js';
import type { Random } from '../ports/random.js';
import type { Clock, Timers } from '../ports/time.js';
import { InProcessStore } from './prices/in-process-store.js';

/** Where prices and events are. */
export type PriceChoice =
  { readonly kind: 'in-process' } | { readonly kind: 'redis'; readonly url: string; readonly prefix: string };

export interface PricePorts {
  readonly log: Logger;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
}

/** A quote that nobody wrote again for so long is not the newest any more. */
const TTL_MS = 3_000;
/** The newest entries that a stream keeps; few in the node's own memory, where an entry of a signal is some kilobytes. */
const MAX_ENTRIES = { 'in-process': 500, redis: 10_000 } as const;

/**
 * Opens the store of prices and events. A server that is away is no reason to fail: it is tried for ever, and meanwhile calls
 * reject at once. Throws ARB_CONFIG_INVALID for a URL that is none.
 */
export async function openPrices(choice: PriceChoice, ports: PricePorts): Promise<PriceStore> {
  const common = { ...ports, ttlMs: TTL_MS, maxEntries: MAX_ENTRIES[choice.kind] };
  if (choice.kind === 'in-process') return new InProcessStore(common);
  // Only who uses the server loads its driver.
  const { RedisStore } = await import('./redis/redis-store.js');
  return RedisStore.open({ ...common, url: choice.url, prefix: choice.prefix });
}
