import type { PairId } from '../../src/messages/primitives.js';
import { DEFAULT_CYCLES } from '../../src/simulator/cycle-plants.js';
import type { SimulatedExchange } from '../../src/simulator/listings.js';
import { DEFAULT_PLANTS, NO_PLANTS, type PlantSettings } from '../../src/simulator/plants.js';
import type { PriceTie } from '../../src/simulator/price-ties.js';
import { Prng } from '../../src/simulator/prng.js';
import type { ActorPath, Knobs } from './knobs.js';

/**
 * Worlds in which all three detectors look and trade, on paper: seeds from here on, so that the seeds before stay the worlds that they were. Every second
 * one suffers nothing at all: there what was planted must be found.
 */
export const FIRST_STRATEGY_SEED = 900_001;
export const isStrategySeed = (seed: number): boolean => seed >= FIRST_STRATEGY_SEED;

/** `cycles`: edges around three markets of an exchange, and between exchanges. `pairs`: two prices that belong together, and no plant. */
export interface StrategyKnobs {
  readonly kind: 'cycles' | 'pairs';
  readonly isCalm: boolean;
  readonly plants: PlantSettings;
  readonly ties: readonly PriceTie[];
  readonly takerFeeBps: number;
}

const CYCLE_PLANTS: PlantSettings = {
  ...DEFAULT_PLANTS,
  firstAfterMs: 4_000,
  quietMs: [8_000, 16_000],
  cycles: { ...DEFAULT_CYCLES, quietMs: [2_000, 7_000] },
};
/** Back within seconds, so that five minutes hold a window of bars, its test and some ways there and back. */
const TIE: PriceTie = { y: 'DOGE-USDT', x: 'XRP-USDT', beta: 1, halfLifeMs: 1_000, deviationBps: 12 };

/** Of the strategies in a world's trading.config. */
export const STRATEGY_SETTINGS = {
  strategies: { spatial: 'trade', triangular: 'trade', statistical: 'trade' },
  statistical: {
    ...{ barMs: 1_000, windowBars: 100, retestBars: 10, acrossExchanges: false },
    ...{ minHalfLifeBars: 0.5, maxHalfLifeBars: 30 },
  },
} as const;

export function drawStrategies(seed: number): StrategyKnobs {
  const kind = seed % 4 === 1 || seed % 4 === 2 ? 'cycles' : 'pairs';
  const isCalm = seed % 2 === 1;
  return kind === 'cycles'
    ? { kind, isCalm, plants: CYCLE_PLANTS, ties: [], takerFeeBps: 10 }
    : // What returns within seconds is worth less than ordinary fees.
      { kind, isCalm, plants: NO_PLANTS, ties: [TIE], takerFeeBps: 1 };
}

/** What such a seed draws beside; from streams of its own. */
export function strategyDraws(seed: number): Partial<Knobs> {
  const prng = Prng.of(seed, 'strategies');
  const strategies = drawStrategies(seed);
  const exchanges = prng.shuffled<SimulatedExchange>(['binance', 'okx', 'bybit']).slice(0, 2);
  const cycles: PairId[] = prng.pick([
    ['BTC-USDT', 'ETH-USDT', 'ETH-BTC'],
    ['BTC-USDT', 'SOL-USDT', 'SOL-BTC'],
  ]);
  return {
    strategies,
    orderEntry: 'paper',
    topology: 'one',
    pairs: strategies.kind === 'cycles' ? cycles : ['DOGE-USDT', 'XRP-USDT'],
    ...{ mailbox: null, timeoutShare: 1, exchangeRoom: null, opening: 'rich', noTradeMinute: null },
    assetNotional: 20_000,
    totalShare: 2,
    stepMs: 100,
    unchangedMaxMs: 60_000,
    records: false,
    markets: {
      ...{ kind: 'classic', exchanges, wonPairs: [], lifeMs: null, skewMs: {} },
      books: { gate: 'spot.obu', kucoin: 'obu', bitget: 'v2' },
      ...{ kucoinPeriodMs: 0, gateBookAgeMs: 0 },
    },
  };
}

/** The detectors that such a world has beside the one of all worlds. */
export const strategyActors = (knobs: Pick<Knobs, 'strategies' | 'markets'>): readonly ActorPath[] =>
  knobs.strategies === null
    ? []
    : [
        ...knobs.markets.exchanges.map((name): ActorPath => `node/detect/triangular-${name}`),
        'node/detect/statistical',
      ];
