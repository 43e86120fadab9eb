import type { PriceStore, PriceStoreState } from '../../ports/price-cache.js';
import type { StoreDescription } from '../../ports/stores.js';
import { InProcessPrices, type InProcessPricesOptions } from './in-process-prices.js';
import { InProcessStreams } from './in-process-streams.js';

export interface InProcessStoreOptions extends InProcessPricesOptions {
  /** Of each stream. */
  readonly maxEntries: number;
}

/** Prices and events in this process's own memory: nothing to install, and gone at its end. */
export class InProcessStore implements PriceStore {
  readonly prices: InProcessPrices;
  readonly events: InProcessStreams;

  constructor(options: InProcessStoreOptions) {
    this.prices = new InProcessPrices(options);
    this.events = new InProcessStreams(options.clock, options.maxEntries);
  }

  isUp(): boolean {
    return true;
  }

  state(): PriceStoreState {
    return { connected: true, reconnects: 0, invalid: 0, lastError: null };
  }

  describe(): Promise<StoreDescription> {
    return Promise.resolve({
      name: 'prices',
      engine: 'in-process',
      location: 'this process',
      unsafeForLive: [],
    });
  }

  ping(): Promise<number> {
    return Promise.resolve(0);
  }

  close(): Promise<void> {
    this.prices.close();
    return Promise.resolve();
  }
}
