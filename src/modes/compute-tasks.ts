import type { ExchangeId } from '../messages/primitives.js';
import { connectorOf } from './connectors.js';
import { readMarketList, type MarketList, type WantedMarkets } from './market-list.js';

/** What a node computes off its event loop, by name: pure functions of structured-cloneable input. */

export interface ReadMarketsInput {
  readonly exchange: ExchangeId;
  readonly body: Uint8Array;
  readonly wanted: WantedMarkets;
}

export const tasks = {
  /** The whole list of an exchange: several megabytes of JSON and thousands of markets. */
  readMarkets: ({ exchange, body, wanted }: ReadMarketsInput): MarketList =>
    readMarketList(
      connectorOf(exchange, {}),
      Buffer.from(body.buffer, body.byteOffset, body.byteLength),
      wanted,
    ),
};

/** Of this module, for the threads that run it. */
export const TASKS_URL = import.meta.url;
