import { clusterSchema, type ClusterConfig } from '../../src/config/cluster.js';
import { tradingRelations } from '../../src/config/trading-relations.js';
import { tradingSchema, type TradingConfig } from '../../src/config/trading.js';
import type { PairId } from '../../src/messages/primitives.js';
import { DEFAULT_PAIRS, lists, pairModel, type SimulatedExchange } from '../../src/simulator/listings.js';
import { DEFAULT_PLANTS, type PlantSettings } from '../../src/simulator/plants.js';
import { Prng } from '../../src/simulator/prng.js';
import {
  drawExchanges,
  fitToRecording,
  isWonExchange,
  withWonPairs,
  type ExchangeKnobs,
} from './exchanges.js';
import { isStrategySeed, strategyDraws, STRATEGY_SETTINGS, type StrategyKnobs } from './strategy-worlds.js';
import { WORLD_START_MS } from './virtual-time.js';

export type EngineName = 'nact' | 'plain';

export type ActorPath = `node/${string}`;

/** The actors that faults may hit, of a node that holds these exchanges. */
export const actorPathsOf = (exchanges: readonly SimulatedExchange[]): readonly ActorPath[] => [
  'node/infra/clock-sync',
  'node/trade/ledger',
  'node/trade/gate',
  'node/trade/saga',
  'node/watch/recorder',
  'node/watch/portfolio',
  'node/watch/tick-recorder',
  'node/detect/spatial',
  ...exchanges.flatMap((name): ActorPath[] => [`node/trade/gateway-${name}`, `node/feeds/${name}`]),
  'node/trade/lease',
];

/**
 * Who lives in the world: one node alone; two complete nodes that share the exchanges and nothing else; or a complete node and
 * one that only follows the markets and records them, on one bus.
 */
export type Topology = 'one' | 'two' | 'followed';

/** How a seed bounds the recording of ticks. */
export interface TickKnobs {
  readonly ringRows: number;
  readonly batchRows: number;
  readonly spoolMaxMegabytes: number;
}

/** A stream of its own, so that nothing else that a seed draws is shifted. */
function drawTicks(seed: number): TickKnobs {
  const prng = Prng.of(seed, 'ticks');
  return {
    ringRows: prng.pick([32_768, 32_768, 200, 40]),
    batchRows: prng.pick([5_000, 20, 5]),
    spoolMaxMegabytes: prng.pick([1_024, 1_024, 0.1, 0.02]),
  };
}

/**
 * Whether orders are signed and sent to the accounts of the simulated exchanges, or meet the paper gateway. Every second seed of the
 * plain engine is among the signed ones; all of them hold the classic three, on each of which one can trade.
 */
export type OrderEntryKind = 'paper' | 'signed';
const SIGNED_LAST_DIGITS = new Set([4, 5, 8]);
/** Most planted bugs of older parts are recorded with the seeds up to here, which stay the worlds that they were. */
const LAST_PAPER_SEED = 14;
export const drawOrderEntry = (seed: number): OrderEntryKind =>
  seed > LAST_PAPER_SEED && (SIGNED_LAST_DIGITS.has(seed % 10) || seed % 20 === 10) ? 'signed' : 'paper';

const SIGNED_PERIOD = 20;
const SIGNED_OF_PERIOD = [4, 5, 8, 10, 14, 15, 18];

/** The how-manieth of all worlds with signed orders a seed is, so that such worlds can share out what each of a few has to hold. */
export const signedOrdinal = (seed: number): number =>
  Math.floor(seed / SIGNED_PERIOD) * SIGNED_OF_PERIOD.length + SIGNED_OF_PERIOD.indexOf(seed % SIGNED_PERIOD);

/** What one seed draws for its world beside the faults. All ms are virtual. */
export interface Knobs {
  readonly engine: EngineName;
  readonly topology: Topology;
  readonly orderEntry: OrderEntryKind;
  readonly markets: ExchangeKnobs;
  /** Of a world in which all three detectors look; null = the spatial one alone. */
  readonly strategies: StrategyKnobs | null;
  /** What is traded. */
  readonly pairs: readonly PairId[];
  readonly stepMs: number;
  /** Messages per turn of an actor. */
  readonly batch: number;
  /** Bound of mailboxes; null = the actors' own. */
  readonly mailbox: { readonly bound: number; readonly of: 'all' | ActorPath } | null;
  /** What timeouts are multiplied by until the healing begins. */
  readonly timeoutShare: number;
  readonly busDelayMaxMs: number;
  readonly storeDelayMaxMs: number;
  readonly lineMaxMs: number;
  /** Share of orders that find only part of the displayed size, or none of it. */
  readonly thinShare: number;
  readonly paperMedianMs: number;
  readonly assetNotional: number;
  /** Limit over all assets as a multiple of the one per asset. */
  readonly totalShare: number;
  /** How much more than at the opening may be held at an exchange; null = far more than there is. */
  readonly exchangeRoom: number | null;
  /** Poor nodes run out of what they trade with. */
  readonly opening: 'rich' | 'poor';
  readonly unchangedMaxMs: number;
  /** A minute in which the trader wants no trades, counted from the start of the world; null = none. */
  readonly noTradeMinute: number | null;
  /** Whether the complete nodes record what they hear. */
  readonly records: boolean;
  readonly ticks: TickKnobs;
  /** One per node. */
  readonly clocks: readonly { readonly offsetMs: number; readonly driftPpm: number }[];
}

/** One seed in ten runs on the plain engine, so that nothing rests on nact's own order. */
const PLAIN_EVERY = 10;

export function drawKnobs(seed: number, engine: EngineName | null): Knobs {
  const prng = Prng.of(seed, 'knobs');
  const markets = drawExchanges(seed);
  const actors = actorPathsOf(markets.exchanges);
  const bound = prng.pick([null, null, null, 64, 4, 1]);
  const drawClock = () => ({ offsetMs: prng.between(-80, 80), driftPpm: prng.between(-100, 100) });
  const drawn: Omit<Knobs, 'markets' | 'ticks' | 'orderEntry' | 'strategies'> = {
    engine: engine ?? (seed % PLAIN_EVERY === 0 ? 'plain' : 'nact'),
    topology: prng.pick(['one', 'one', 'one', 'two', 'followed']),
    pairs: prng.shuffled(DEFAULT_PAIRS).slice(0, 1 + prng.below(2)),
    stepMs: prng.pick([100, 100, 200]),
    batch: prng.pick([1, 2, 64]),
    mailbox: bound === null ? null : { bound, of: bound > 1 ? 'all' : prng.pick(actors) },
    timeoutShare: prng.pick([1, 1, 1, 0.01]),
    busDelayMaxMs: prng.pick([0, 0, 2, 20]),
    storeDelayMaxMs: prng.pick([1, 5, 40]),
    lineMaxMs: prng.pick([2, 10, 40]),
    thinShare: prng.pick([0, 0.2, 0.6]),
    paperMedianMs: prng.pick([2, 15, 60]),
    assetNotional: prng.pick([2_500, 4_000, 20_000]),
    totalShare: prng.pick([1, 2]),
    exchangeRoom: prng.pick([null, null, 1_000, 4_000]),
    opening: prng.pick(['rich', 'rich', 'poor']),
    unchangedMaxMs: prng.pick([60_000, 60_000, 1_000]),
    noTradeMinute: prng.pick([null, null, 1, 2]),
    records: prng.next() < 0.2,
    clocks: [drawClock(), drawClock()],
  };
  const isRecorded = drawn.records || drawn.topology === 'followed';
  const known = withWonPairs(markets, drawn.pairs);
  const orderEntry = drawOrderEntry(seed);
  return {
    ...drawn,
    orderEntry,
    // What is not filled whole is what cancels, late fills and recoveries are about.
    thinShare: orderEntry === 'signed' ? Math.max(drawn.thinShare, 0.2) : drawn.thinShare,
    // An account has one trader: what another sends there would be somebody else's.
    topology: orderEntry === 'signed' && drawn.topology === 'two' ? 'one' : drawn.topology,
    ticks: drawTicks(seed),
    markets: isRecorded ? fitToRecording(known) : known,
    strategies: null,
    ...(isStrategySeed(seed) && strategyDraws(seed)),
  };
}

/** Every pair that a world has books of, traded or only followed, where one of its exchanges lists it. */
export const followedPairs = ({ pairs, markets }: Knobs): PairId[] =>
  [...pairs, ...markets.wonPairs].filter((pair) => markets.exchanges.some((name) => lists(name, pair)));

/** What a seed leaves an actor's mailbox; Infinity = its own bound. */
export const mailboxBound = ({ mailbox }: Knobs, path: string): number =>
  mailbox !== null && (mailbox.of === 'all' || mailbox.of === path) ? mailbox.bound : Infinity;

/** About 60,000 to 140,000 USDT each, and a twentieth of that. */
const OPENING: Readonly<Record<Knobs['opening'], Readonly<Record<string, string>>>> = {
  rich: { USDT: '100000', BTC: '1', ETH: '20', SOL: '400', XRP: '60000', DOGE: '400000' },
  poor: { USDT: '5000', BTC: '0.05', ETH: '1.5', SOL: '25', XRP: '1800', DOGE: '22000' },
};

/** The trader's file of a world, through the project's own schema and relations. Throws for what those refuse. */
export function tradingOf(knobs: Knobs): TradingConfig {
  const { strategies } = knobs;
  const bases = knobs.pairs.map((pair) => pair.split('-')[0]!);
  // Only what has a book: a holding without a price stops all trading.
  const assets = ['USDT', ...bases];
  const opening = Object.fromEntries(assets.map((asset) => [asset, OPENING[knobs.opening][asset]!]));
  const exchange = {
    enabled: true,
    takerFeeBps: strategies?.takerFeeBps ?? 10,
    paperLatency: { medianMs: knobs.paperMedianMs, p99Ms: knobs.paperMedianMs * 4 },
    opening,
    reserve: { USDT: '1000' },
  };
  // Nothing is held where nothing is traded.
  const followed = { ...exchange, opening: {}, reserve: {} };
  const { exchanges, wonPairs } = knobs.markets;
  const won = wonPairs.length > 0 ? ['KRW', ...wonPairs.map((pair) => pair.split('-')[0]!)] : [];
  const known = [...new Set([...assets, ...won])];
  const config = tradingSchema.parse({
    assets: Object.fromEntries<object>(known.map((asset) => [asset, {}])),
    pairs: [...knobs.pairs.map((pair) => ({ pair })), ...wonPairs.map((pair) => ({ pair, trade: false }))],
    exchanges: Object.fromEntries(exchanges.map((name) => [name, isWonExchange(name) ? followed : exchange])),
    edge: { minNetEdgeBps: 5, minNetProfit: '0.5', tooGoodToBeTrueBps: 500 },
    sizes: { minNotional: '10', maxNotional: '2000' },
    limits: {
      orderNotional: '2000',
      assetNotional: String(knobs.assetNotional),
      totalNotional: String(knobs.assetNotional * knobs.totalShare),
      exchangeNotional: String(exchangeLimit(knobs, opening)),
      unchangedMaxMs: knobs.unchangedMaxMs,
    },
    noTradeWindows: knobs.noTradeMinute === null ? [] : [windowOf(knobs.noTradeMinute)],
    ...(strategies !== null && STRATEGY_SETTINGS),
  });
  const [problem] = tradingRelations(config);
  if (problem !== undefined) throw new Error(`a world's trading.config: ${problem.key} ${problem.message}`);
  return config;
}

function exchangeLimit({ exchangeRoom, pairs }: Knobs, opening: Readonly<Record<string, string>>): number {
  if (exchangeRoom === null) return 2_000_000;
  const bases = pairs.map((pair) => Number(opening[pair.split('-')[0]!]) * pairModel(pair).referencePrice);
  return Math.round(bases.reduce((sum, worth) => sum + worth, Number(opening['USDT'])) + exchangeRoom);
}

/** A minute of the virtual day, in UTC. */
function windowOf(minute: number): { from: string; to: string; reason: string } {
  const clock = (offset: number): string => {
    const minutes = Math.floor(WORLD_START_MS / 60_000) + offset;
    const [hour, rest] = [Math.floor(minutes / 60) % 24, minutes % 60];
    return `${String(hour).padStart(2, '0')}:${String(rest).padStart(2, '0')}`;
  };
  return { from: clock(minute), to: clock(minute + 1), reason: 'the trader is at lunch' };
}

/** One node of a cluster that its file would describe; each has its own. */
export function clusterOf(name: string, ticks: TickKnobs): ClusterConfig {
  const roles = ['feeds', 'detectors', 'trade', 'recorder'];
  const config = clusterSchema.parse({
    nodes: [{ name, region: 'local', roles }],
    stores: { trades: { kind: 'memory' } },
  });
  // Far smaller bounds than a person may set, so that five minutes reach them.
  return { ...config, recording: { ...config.recording, ...ticks } };
}

/** The plants of a world. */
export const plantsOf = ({ strategies }: Knobs): PlantSettings => strategies?.plants ?? PLANTS;

/** More plants than a person would watch, so that five minutes hold many decisions. */
export const PLANTS: PlantSettings = { ...DEFAULT_PLANTS, firstAfterMs: 4_000, quietMs: [2_000, 7_000] };
