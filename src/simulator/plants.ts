import type { PairId, Side } from '../messages/primitives.js';
import { CyclePlants, DEFAULT_CYCLES, type CycleGround, type CyclePlantSettings } from './cycle-plants.js';
import { CROSS_PAIRS, type SimulatedExchange } from './listings.js';
import { NORMAL_QUOTING, type Quoting } from './market-maker.js';
import { type Oracle, type Plant, type PlantKind, REASON_OF } from './oracle.js';
import {
  canBeSmall,
  inOneQuote,
  isCoarse,
  leastLots,
  MAKER_QUOTE_BPS,
  offsetFor,
  quoteUnits,
  type PlantGrounds,
} from './plant-edges.js';
import { pairAt, pairsOf, partiesOf, sitesOf, type PlantGround, type PlantSite } from './plant-sites.js';
import { levelTexts } from './planted-levels.js';
import { Prng } from './prng.js';

/** When and what is planted. All times are world ms; ranges are [from, to). */
export interface PlantSettings {
  /** No plant by chance before this long after the start of the world. */
  readonly firstAfterMs: number;
  /** Quiet time of a pair between two plants. */
  readonly quietMs: readonly [number, number];
  /** Life of the edge, except for stale books, which need longer to grow old. */
  readonly durationMs: readonly [number, number];
  /** Gross edge of true plants, basis points. */
  readonly trueEdgeBps: readonly [number, number];
  /** How often each kind comes, relative to the others; 0 = never. */
  readonly weights: Readonly<Record<PlantKind, number>>;
  /** A coin in dollars and in won is one ground: plants are between all its markets, through the rate too. Absent = false. */
  readonly bridged?: boolean;
  /** Gross edge of true plants that lead through the rate: three fees, and a rate with coarse ticks. Absent = `trueEdgeBps`. */
  readonly bridgedEdgeBps?: readonly [number, number];
  /** The first plant of the first pairs, one each in the order of the pairs; absent = chance decides from the start. */
  readonly opening?: readonly OpeningPlant[];
  /** What is planted around cycles where the world has cross pairs; absent = nothing. */
  readonly cycles?: CyclePlantSettings;
}

/** A plant whose kind and time are given, so that whoever starts a world soon sees what it is for. */
export interface OpeningPlant {
  readonly kind: PlantKind;
  /** When the edge begins, ms after the start of the world; from `SETTLE_MS` on. */
  readonly startsAfterMs: number;
}

export const DEFAULT_PLANTS: PlantSettings = {
  firstAfterMs: 3_000,
  quietMs: [8_000, 20_000],
  durationMs: [1_500, 5_000],
  trueEdgeBps: [45, 145],
  weights: {
    true: 5,
    stale: 1,
    crossed: 1,
    too_thin: 1,
    below_minimum: 1,
    eaten_by_fees: 1,
    too_good: 1,
  },
  cycles: DEFAULT_CYCLES,
};

/**
 * What a person watches: within seconds one edge to trade and one to refuse, and once more of each for a reader that came
 * late. They live as long as plants may, so that a slow start does not miss them.
 */
export const WATCHED_PLANTS: PlantSettings = {
  ...DEFAULT_PLANTS,
  opening: [
    { kind: 'true', startsAfterMs: 3_000 },
    { kind: 'eaten_by_fees', startsAfterMs: 3_500 },
    { kind: 'true', startsAfterMs: 6_500 },
    { kind: 'too_good', startsAfterMs: 8_000 },
  ],
  cycles: { ...DEFAULT_CYCLES, opening: ['true', 'eaten_by_fees'] },
};

/** Coins in dollars and in won together, where Korean exchanges take part. */
export const BRIDGED_PLANTS: PlantSettings = {
  ...WATCHED_PLANTS,
  bridged: true,
  bridgedEdgeBps: [80, 165],
};

/** Nothing is planted. */
export const NO_PLANTS: PlantSettings = {
  ...DEFAULT_PLANTS,
  firstAfterMs: Number.POSITIVE_INFINITY,
  cycles: { ...DEFAULT_CYCLES, firstAfterMs: Number.POSITIVE_INFINITY },
};

/** The pair stands still this long before and after the edge, so that readers of several sockets agree about it. */
const SETTLE_MS = 1_000;
const STALE_DURATION_MS = 8_000;
/** A stale plant moves the market this much per 100 ms: slow enough that one second of delay is no edge after fees. */
const STALE_DRIFT_BPS_PER_SECOND = 12;
/** World ms of delay gained per ms: frames keep coming, ever older. */
const STALE_DELAY_GROWTH = 0.75;
const STALE_MAX_DELAY_MS = 5_500;

/** What the director may do to the world. */
export interface PlantStage extends PlantGrounds {
  readonly stepMs: number;
  requote(exchange: SimulatedExchange, pair: PairId, quoting: Quoting): void;
  setCalm(pair: PairId, calm: boolean): void;
  hold(pair: PairId): void;
  drift(pair: PairId, bpsPerStep: number): void;
  release(pair: PairId): void;
  delayFrames(exchange: SimulatedExchange, pair: PairId, growth: number, maxDelayMs: number): void;
  stopDelay(exchange: SimulatedExchange, pair: PairId): void;
  /** Markets between this pair's coin and others quote so wide that nobody goes around by them, or as usual again. */
  setCrossesAside(pair: PairId, aside: boolean): void;
}

/** Where edges may be planted: between exchanges, and around cycles on one. */
export interface PlantPlaces {
  readonly pairs: readonly PlantGround[];
  readonly cycles: readonly CycleGround[];
}

interface PairSchedule extends PlantGround {
  readonly prng: Prng;
  readonly sites: readonly PlantSite[];
  /** Every ordered pair of markets once per shuffle, so that inventory returns to where it was. */
  deck: (readonly [PlantSite, PlantSite])[];
  nextAtMs: number;
  /** The kind of the next plant when it is not left to chance. */
  opening: PlantKind | null;
  plant: Plant | null;
  /** The plant of this moment was published late. */
  disturbed: boolean;
}

/** Stages the plants of all pairs, each on its own schedule and its own random stream. */
export class PlantDirector {
  private readonly settings: PlantSettings;
  private readonly stage: PlantStage;
  private readonly oracle: Oracle;
  private readonly schedules: PairSchedule[];
  private readonly cycles: CyclePlants | null;
  private planted = 0;

  constructor(
    seed: number,
    settings: PlantSettings,
    places: PlantPlaces,
    stage: PlantStage,
    oracle: Oracle,
    startMs: number,
  ) {
    this.settings = settings;
    this.stage = stage;
    this.oracle = oracle;
    this.cycles = this.cyclesOf(seed, places.cycles, startMs);
    // Cross pairs have plants of their own.
    const usable = places.pairs.filter(
      (ground) => sitesOf(ground).length > 1 && !CROSS_PAIRS.includes(ground.pair),
    );
    this.schedules = usable.map((ground, index) => {
      const { pair } = ground;
      const prng = Prng.of(seed, `plants/${pair}`);
      const byChanceMs = startMs + settings.firstAfterMs + prng.next() * settings.quietMs[1];
      const opening = settings.opening?.[index];
      const nextAtMs = opening === undefined ? byChanceMs : startMs + opening.startsAfterMs - SETTLE_MS;
      return {
        ...ground,
        prng,
        sites: sitesOf(ground),
        deck: [],
        nextAtMs,
        opening: opening?.kind ?? null,
        plant: null,
        disturbed: false,
      };
    });
  }

  /**
   * Moves every schedule on; called once per step, after the makers. `isLate` = readers get this step late, so that what
   * is alive now cannot be judged.
   */
  step(nowMs: number, isLate: boolean): void {
    for (const schedule of this.schedules) {
      this.stepPair(schedule, nowMs);
      if (isLate && schedule.plant !== null) schedule.disturbed = true;
    }
    this.cycles?.step(nowMs, isLate, (pair) =>
      this.schedules.some((schedule) => schedule.pair === pair && schedule.plant !== null),
    );
  }

  private cyclesOf(seed: number, grounds: readonly CycleGround[], startMs: number): CyclePlants | null {
    const { stage, oracle } = this;
    const { cycles: settings } = this.settings;
    if (settings === undefined || grounds.length === 0) return null;
    const nextId = () => `plant-${++this.planted}`;
    return new CyclePlants({ seed, settings, grounds, stage, oracle, startMs, nextId });
  }

  /** Time jumped: what was under way cannot be judged. Markets are brought back to normal. */
  abandon(nowMs: number): void {
    for (const schedule of this.schedules) {
      const plant = schedule.plant;
      if (plant !== null) {
        plant.state = 'void';
        this.undo(schedule, plant, nowMs);
        this.settle(schedule, nowMs);
      }
      schedule.nextAtMs = Math.max(schedule.nextAtMs, nowMs + this.settings.quietMs[0]);
    }
    this.cycles?.abandon(nowMs);
  }

  private stepPair(schedule: PairSchedule, nowMs: number): void {
    const plant = schedule.plant;
    if (plant === null) {
      const isTaken = this.cycles?.holds(schedule.pair) === true;
      if (nowMs >= schedule.nextAtMs && !isTaken) this.announce(schedule, nowMs);
    } else if (plant.state === 'announced' && nowMs >= plant.startMs) {
      plant.state = 'active';
      this.begin(schedule, plant, nowMs);
      plant.planted = this.published(plant);
    } else if (plant.state === 'active' && nowMs >= plant.endMs) {
      plant.state = schedule.disturbed ? 'void' : 'over';
      this.undo(schedule, plant, nowMs);
    } else if ((plant.state === 'over' || plant.state === 'void') && nowMs >= plant.endMs + SETTLE_MS) {
      this.settle(schedule, nowMs);
    }
  }

  private announce(schedule: PairSchedule, nowMs: number): void {
    const { prng, opening } = schedule;
    schedule.opening = null;
    const kind = opening ?? weighted(this.settings.weights, prng);
    const [buy, sell] = this.deal(schedule);
    const [buyExchange, sellExchange] = [buy.exchange, sell.exchange];
    const parties = partiesOf(schedule, buy, sell);
    const drawn = prng.next() < 0.5 ? buyExchange : sellExchange;
    const other = drawn === buyExchange ? sellExchange : buyExchange;
    const length = this.lengthMs(kind, opening !== null, prng);
    const startMs = nowMs + SETTLE_MS;
    const plant: Plant = {
      id: `plant-${++this.planted}`,
      kind,
      ...parties,
      buyExchange,
      sellExchange,
      disturbedExchange:
        kind === 'below_minimum' && !canBeSmall(this.stage, drawn, pairAt(parties, drawn)) ? other : drawn,
      announcedAtMs: nowMs,
      startMs,
      endMs: startMs + Math.ceil(length / this.stage.stepMs) * this.stage.stepMs,
      expected: kind === 'true' ? { decision: 'execute' } : { decision: 'refuse', reason: REASON_OF[kind] },
      state: 'announced',
      planted: null,
    };
    schedule.plant = plant;
    this.oracle.add(plant);
    for (const pair of pairsOf(schedule)) {
      this.stage.hold(pair);
      this.stage.setCalm(pair, true);
    }
    this.stage.setCrossesAside(schedule.pair, true);
    if (kind === 'true') this.clearTheStage(schedule, plant);
  }

  private lengthMs(kind: PlantKind, isOpening: boolean, prng: Prng): number {
    if (kind === 'stale') return STALE_DURATION_MS;
    return isOpening ? this.settings.durationMs[1] : prng.between(...this.settings.durationMs);
  }

  /**
   * The other exchanges widen their quotes beyond the coming edge, so that it exists between exactly two; those two
   * quote full sizes, so that nothing eaten before makes the edge thin.
   */
  private clearTheStage({ sites }: PairSchedule, plant: Plant): void {
    const aside = this.edgesOf(plant)[1] + 20;
    for (const { exchange, pair } of sites) {
      const offset = takesPart(plant, exchange) ? 0 : aside;
      const quoting = { bidOffsetBps: -offset, askOffsetBps: offset, front: null, calm: true };
      this.stage.requote(exchange, pair, quoting);
    }
  }

  private edgesOf({ bridge }: Plant): readonly [number, number] {
    const { trueEdgeBps, bridgedEdgeBps = trueEdgeBps } = this.settings;
    return bridge === undefined ? trueEdgeBps : bridgedEdgeBps;
  }

  private begin(schedule: PairSchedule, plant: Plant, nowMs: number): void {
    const { prng } = schedule;
    const sign = plant.disturbedExchange === plant.sellExchange ? 1 : -1;
    const dislocate = (bps: number) =>
      this.requote(plant, { bidOffsetBps: sign * bps, askOffsetBps: sign * bps, front: null, calm: true });
    switch (plant.kind) {
      case 'true':
        return dislocate(offsetFor(this.stage, plant, prng.between(...this.edgesOf(plant)), Math.ceil));
      case 'eaten_by_fees':
        return dislocate(offsetFor(this.stage, plant, prng.between(9, 14), Math.floor));
      case 'too_good':
        return dislocate(prng.between(850, 1_200));
      case 'too_thin':
        return this.thin(
          plant,
          sign,
          prng,
          prng.between(12, 40) * quoteUnits(pairAt(plant, plant.disturbedExchange)),
        );
      case 'below_minimum':
        return this.thin(plant, sign, prng, null);
      case 'crossed':
        return this.cross(plant, sign, prng, nowMs);
      case 'stale':
        return this.slowDown(schedule, plant, sign);
    }
  }

  /**
   * One small order far inside the other exchange's book, the opposite side moved out of its way. `notional` null = a share of
   * the least order of the exchange.
   */
  private thin(plant: Plant, sign: number, prng: Prng, notional: number | null): void {
    const exchange = plant.disturbedExchange as SimulatedExchange;
    const pair = pairAt(plant, exchange);
    const { listing } = this.stage.market(exchange, pair);
    const fair = this.stage.fair(exchange, pair);
    const drawn = prng.between(50, 90);
    const edge =
      plant.bridge !== undefined || isCoarse(this.stage, exchange, pair)
        ? offsetFor(this.stage, plant, drawn, Math.round) - MAKER_QUOTE_BPS
        : drawn;
    const least = leastLots(this.stage, exchange, pair);
    const size = notional === null ? least * prng.between(0.3, 0.7) : notional / fair / listing.lot.value;
    const side: Side = sign > 0 ? 'buy' : 'sell';
    const away = sign * (edge + 10);
    this.requote(plant, {
      bidOffsetBps: sign > 0 ? 0 : away,
      askOffsetBps: sign > 0 ? away : 0,
      front: { side, offsetBps: sign * edge, lots: Math.max(1, Math.floor(size)) },
      calm: true,
    });
  }

  private cross(plant: Plant, sign: number, prng: Prng, nowMs: number): void {
    const exchange = plant.disturbedExchange as SimulatedExchange;
    const pair = pairAt(plant, exchange);
    const market = this.stage.market(exchange, pair);
    const price = this.stage.fair(exchange, pair) * (1 + (sign * prng.between(50, 90)) / 10_000);
    const side: Side = sign > 0 ? 'buy' : 'sell';
    const lots = market.engine.level(side, 0)?.lots ?? market.listing.minLots;
    const best = market.engine.level(side === 'buy' ? 'sell' : 'buy', 0)?.priceTicks;
    const ticks = Math.round(price / market.listing.tick.value);
    // A coarse tick could round the level out of the crossing.
    const priceTicks = best === undefined ? ticks : sign * Math.max(sign * ticks, sign * best + 1);
    market.setPhantom({ side, priceTicks, lots }, nowMs);
  }

  private slowDown({ pair, local }: PairSchedule, plant: Plant, sign: number): void {
    const exchange = plant.disturbedExchange as SimulatedExchange;
    // The slow exchange shows old prices: too low while the market rises (buy there), too high while it falls.
    this.stage.drift(pair, (-sign * STALE_DRIFT_BPS_PER_SECOND * this.stage.stepMs) / 1_000);
    // The coin in won follows by itself, so that it stays worth what it is in dollars.
    if (local !== undefined) this.stage.release(local.pair);
    this.stage.delayFrames(exchange, pairAt(plant, exchange), STALE_DELAY_GROWTH, STALE_MAX_DELAY_MS);
  }

  private requote(plant: Plant, quoting: Quoting): void {
    const exchange = plant.disturbedExchange as SimulatedExchange;
    this.stage.requote(exchange, pairAt(plant, exchange), quoting);
  }

  private undo(schedule: PairSchedule, plant: Plant, nowMs: number): void {
    const exchange = plant.disturbedExchange as SimulatedExchange;
    const pair = pairAt(plant, exchange);
    if (plant.kind === 'stale') {
      // A coin in won may still have to catch up.
      this.stage.hold(schedule.pair);
      this.stage.stopDelay(exchange, pair);
    } else if (plant.kind === 'crossed') {
      this.stage.market(exchange, pair).setPhantom(null, nowMs);
    } else {
      this.requote(plant, { ...NORMAL_QUOTING, calm: true });
    }
  }

  private settle(schedule: PairSchedule, nowMs: number): void {
    const plant = schedule.plant;
    schedule.plant = null;
    schedule.disturbed = false;
    schedule.nextAtMs = nowMs + schedule.prng.between(...this.settings.quietMs);
    if (plant?.kind === 'true') {
      for (const { exchange, pair } of schedule.sites)
        if (!takesPart(plant, exchange)) this.stage.requote(exchange, pair, NORMAL_QUOTING);
    }
    for (const pair of pairsOf(schedule)) {
      this.stage.setCalm(pair, false);
      this.stage.release(pair);
    }
    this.stage.setCrossesAside(schedule.pair, false);
  }

  private published(plant: Plant): Plant['planted'] {
    const at = (exchange: string) =>
      this.stage.market(exchange as SimulatedExchange, pairAt(plant, exchange));
    const [buy, sell] = [at(plant.buyExchange), at(plant.sellExchange)];
    const asks = levelTexts(buy, 'asks');
    const bids = levelTexts(sell, 'bids');
    const [ask, bid] = [asks[0], bids[0]];
    if (ask === undefined || bid === undefined) return null;
    const { cost, yielded } = inOneQuote(this.stage, plant);
    const grossBps = (yielded(Number(bid[0])) / cost(Number(ask[0])) - 1) * 10_000;
    return { asks, bids, grossBps, quantity: Number(ask[1]) < Number(bid[1]) ? ask[1] : bid[1] };
  }

  private deal(schedule: PairSchedule): readonly [PlantSite, PlantSite] {
    if (schedule.deck.length === 0) {
      const { sites } = schedule;
      const all = sites.flatMap((buy) =>
        sites.filter((sell) => sell !== buy).map((sell) => [buy, sell] as const),
      );
      schedule.deck = schedule.prng.shuffled(all);
    }
    return schedule.deck.pop()!;
  }
}

const takesPart = ({ buyExchange, sellExchange }: Plant, exchange: string): boolean =>
  exchange === buyExchange || exchange === sellExchange;

function weighted(weights: PlantSettings['weights'], prng: Prng): PlantKind {
  const kinds = Object.entries(weights) as [PlantKind, number][];
  let at = prng.next() * kinds.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [kind, weight] of kinds) {
    at -= weight;
    if (at < 0) return kind;
  }
  return 'true';
}
