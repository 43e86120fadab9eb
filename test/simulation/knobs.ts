import { clusterSchema, type ClusterConfig } from '../../src/config/cluster.js';
import { tradingSchema, type TradingConfig } from '../../src/config/trading.js';
import type { PairId } from '../../src/messages/primitives.js';
import { DEFAULT_PAIRS, DEFAULT_EXCHANGES } from '../../src/simulator/listings.js';
import { DEFAULT_PLANTS, type PlantSettings } from '../../src/simulator/plants.js';
import { Prng } from '../../src/simulator/prng.js';

export type EngineName = 'nact' | 'plain';

/** What one seed draws for its world beside the faults. All ms are virtual. */
export interface Knobs {
  readonly engine: EngineName;
  readonly pairs: readonly PairId[];
  readonly stepMs: number;
  /** Messages per turn of an actor. */
  readonly batch: number;
  /** Bound of every mailbox; null = the actors' own. */
  readonly mailbox: number | null;
  readonly busDelayMaxMs: number;
  readonly storeDelayMaxMs: number;
  readonly lineMaxMs: number;
  /** Share of orders that find only part of the displayed size. */
  readonly thinShare: number;
  readonly paperMedianMs: number;
  readonly assetNotional: number;
  readonly clock: { readonly offsetMs: number; readonly driftPpm: number };
}

/** One seed in ten runs on the plain engine, so that nothing rests on nact's own order. */
const PLAIN_EVERY = 10;

export function drawKnobs(seed: number, engine: EngineName | null): Knobs {
  const prng = Prng.of(seed, 'knobs');
  return {
    engine: engine ?? (seed % PLAIN_EVERY === 0 ? 'plain' : 'nact'),
    pairs: prng.shuffled(DEFAULT_PAIRS).slice(0, 1 + prng.below(2)),
    stepMs: prng.pick([100, 100, 200]),
    batch: prng.pick([1, 2, 64]),
    mailbox: prng.pick([null, null, 64, 4]),
    busDelayMaxMs: prng.pick([0, 0, 2, 20]),
    storeDelayMaxMs: prng.pick([1, 5, 40]),
    lineMaxMs: prng.pick([2, 10, 40]),
    thinShare: prng.pick([0, 0.2, 0.6]),
    paperMedianMs: prng.pick([2, 15, 60]),
    assetNotional: prng.pick([2_500, 4_000, 20_000]),
    clock: { offsetMs: prng.between(-80, 80), driftPpm: prng.between(-100, 100) },
  };
}

const OPENING: Readonly<Record<string, string>> = {
  BTC: '1',
  ETH: '20',
  SOL: '400',
  XRP: '60000',
  DOGE: '400000',
};

/** The trader's file of a world, through the project's own schema. */
export function tradingOf(knobs: Knobs): TradingConfig {
  const bases = knobs.pairs.map((pair) => pair.split('-')[0]!);
  // Only what has a book: a holding without a price stops all trading.
  const opening: Record<string, string> = { USDT: '100000' };
  for (const base of bases) opening[base] = OPENING[base]!;
  const exchange = {
    enabled: true,
    takerFeeBps: 10,
    paperLatency: { medianMs: knobs.paperMedianMs, p99Ms: knobs.paperMedianMs * 4 },
    opening,
    reserve: { USDT: '1000' },
  };
  return tradingSchema.parse({
    assets: Object.fromEntries<object>(['USDT', ...bases].map((asset) => [asset, {}])),
    pairs: knobs.pairs.map((pair) => ({ pair })),
    exchanges: Object.fromEntries(DEFAULT_EXCHANGES.map((name) => [name, exchange])),
    edge: { minNetEdgeBps: 5, minNetProfit: '0.5', tooGoodToBeTrueBps: 500 },
    sizes: { minNotional: '10', maxNotional: '2000' },
    limits: {
      orderNotional: '2000',
      assetNotional: String(knobs.assetNotional),
      totalNotional: String(knobs.assetNotional * 2),
      exchangeNotional: '2000000',
    },
  });
}

export function clusterOf(): ClusterConfig {
  const roles = ['feeds', 'detectors', 'trade', 'recorder'];
  return clusterSchema.parse({
    nodes: [{ name: 'local', region: 'local', roles }],
    stores: { trades: { kind: 'memory' } },
  });
}

/** More plants than a person would watch, so that five minutes hold many decisions. */
export const PLANTS: PlantSettings = { ...DEFAULT_PLANTS, firstAfterMs: 4_000, quietMs: [2_000, 7_000] };
