import { runPairTest } from '../detectors/statistical/pair-test.js';
import type { ExchangeId } from '../messages/primitives.js';
import { connectorOf } from './connectors.js';
import { readMarketList, type MarketAnswers, type MarketList, type WantedMarkets } from './market-list.js';

/** What a node computes off its event loop, by name: pure functions of structured-cloneable input. */

export interface ReadMarketsInput {
  readonly exchange: ExchangeId;
  readonly answers: MarketAnswers;
  readonly wanted: WantedMarkets;
}

export const tasks = {
  /** The whole list of an exchange: several megabytes of JSON and thousands of markets. */
  readMarkets: ({ exchange, answers, wanted }: ReadMarketsInput): MarketList =>
    readMarketList(connectorOf(exchange, {}), answers, wanted),
  /** Tests of pairs on a window of prices: some milliseconds for each pair. */
  testPairs: runPairTest,
};

/** Of this module, for the threads that run it. */
export const TASKS_URL = import.meta.url;
