import type { PairId, Side } from '../messages/primitives.js';
import { CROSS_PAIRS, dollarPairsOf, type SimulatedExchange } from './listings.js';
import { NORMAL_QUOTING, type Quoting } from './market-maker.js';
import { REASON_OF, type Oracle, type Plant, type PlantKind } from './oracle.js';
import { canBeSmall, leastLots, type PlantGrounds } from './plant-edges.js';
import { levelTexts } from './planted-levels.js';
import { Prng } from './prng.js';

/**
 * Edges around cycles of three trades on one exchange: the market between two coins is moved away from what their dollar markets say.
 * The three pairs stand still meanwhile, and no other plant touches them.
 */
export type CyclePlantKind = Exclude<PlantKind, 'stale'>;

/** When and what is planted around cycles. All times are world ms; ranges are [from, to). */
export interface CyclePlantSettings {
  readonly firstAfterMs: number;
  /** Quiet time of a cross pair between two plants. */
  readonly quietMs: readonly [number, number];
  readonly durationMs: readonly [number, number];
  /** Edge of true plants before fees, basis points: three of them are to be paid. */
  readonly trueEdgeBps: readonly [number, number];
  readonly weights: Readonly<Record<CyclePlantKind, number>>;
  /** The kind of the first plant of each cross pair, in their order; absent = chance decides from the start. */
  readonly opening?: readonly CyclePlantKind[];
}

export const DEFAULT_CYCLES: CyclePlantSettings = {
  firstAfterMs: 4_000,
  quietMs: [8_000, 20_000],
  durationMs: [1_500, 5_000],
  trueEdgeBps: [65, 145],
  weights: { true: 5, crossed: 1, too_thin: 1, below_minimum: 1, eaten_by_fees: 1, too_good: 1 },
};

/** What the director may do to the world for a cycle. */
export interface CycleStage extends PlantGrounds {
  readonly stepMs: number;
  requote(exchange: SimulatedExchange, pair: PairId, quoting: Quoting): void;
  setCalm(pair: PairId, calm: boolean): void;
  hold(pair: PairId): void;
  release(pair: PairId): void;
}

/** A cross pair, the dollar pairs of its coins, and the exchanges that list all three. */
export interface CycleGround {
  readonly cross: PairId;
  readonly dollars: readonly PairId[];
  readonly exchanges: readonly SimulatedExchange[];
}

/** Those of a world with these pairs. */
export function cycleGrounds(
  pairs: readonly PairId[],
  exchangesOf: (pair: PairId) => readonly SimulatedExchange[],
): CycleGround[] {
  return pairs
    .filter((pair) => CROSS_PAIRS.includes(pair))
    .flatMap((cross) => {
      const dollars = dollarPairsOf(cross);
      const exchanges = exchangesOf(cross).filter((exchange) =>
        dollars.every((dollar) => pairs.includes(dollar) && exchangesOf(dollar).includes(exchange)),
      );
      return exchanges.length === 0 ? [] : [{ cross, dollars, exchanges }];
    });
}

interface CycleSchedule extends CycleGround {
  readonly prng: Prng;
  /** Every exchange in both directions once per shuffle. `side` = what the cycle does on the cross market. */
  deck: (readonly [SimulatedExchange, Side])[];
  nextAtMs: number;
  opening: CyclePlantKind | null;
  plant: Plant | null;
  disturbed: boolean;
}

export interface CyclePlantsOptions {
  readonly seed: number;
  readonly settings: CyclePlantSettings;
  readonly grounds: readonly CycleGround[];
  readonly stage: CycleStage;
  readonly oracle: Oracle;
  readonly startMs: number;
  readonly nextId: () => string;
}

/** The pairs stand still this long before and after the edge. */
const SETTLE_MS = 1_000;
/** Three quotes stand off the fair price, and the ticks of the two dollar markets round away from it. */
const QUOTE_COST_BPS = 3.5;

export class CyclePlants {
  private readonly options: CyclePlantsOptions;
  private readonly schedules: CycleSchedule[];

  constructor(options: CyclePlantsOptions) {
    this.options = options;
    const { seed, settings, grounds, startMs } = options;
    this.schedules = grounds.map((ground, index) => {
      const prng = Prng.of(seed, `plants/${ground.cross}`);
      const opening = settings.opening?.[index] ?? null;
      const byChanceMs = prng.next() * settings.quietMs[1];
      const nextAtMs = startMs + settings.firstAfterMs + (opening === null ? byChanceMs : 0);
      return { ...ground, prng, deck: [], nextAtMs, opening, plant: null, disturbed: false };
    });
  }

  /** Whether a cycle needs this pair as it is. */
  holds(pair: PairId): boolean {
    return this.schedules.some(({ plant, dollars }) => plant !== null && dollars.includes(pair));
  }

  /** `isBusy`: another plant is under way on this dollar pair. */
  step(nowMs: number, isLate: boolean, isBusy: (pair: PairId) => boolean): void {
    for (const schedule of this.schedules) {
      this.stepOne(schedule, nowMs, isBusy);
      if (isLate && schedule.plant !== null) schedule.disturbed = true;
    }
  }

  /** Time jumped: what was under way cannot be judged. */
  abandon(nowMs: number): void {
    for (const schedule of this.schedules) {
      const { plant } = schedule;
      if (plant !== null) {
        plant.state = 'void';
        this.undo(schedule, plant, nowMs);
        this.settle(schedule, nowMs);
      }
      schedule.nextAtMs = Math.max(schedule.nextAtMs, nowMs + this.options.settings.quietMs[0]);
    }
  }

  private stepOne(schedule: CycleSchedule, nowMs: number, isBusy: (pair: PairId) => boolean): void {
    const { plant, dollars } = schedule;
    if (plant === null) {
      const isFree = !dollars.some((pair) => isBusy(pair) || this.holds(pair));
      if (nowMs >= schedule.nextAtMs && isFree) this.announce(schedule, nowMs);
    } else if (plant.state === 'announced' && nowMs >= plant.startMs) {
      plant.state = 'active';
      this.begin(schedule, plant, nowMs);
      plant.planted = this.published(schedule, plant);
    } else if (plant.state === 'active' && nowMs >= plant.endMs) {
      plant.state = schedule.disturbed ? 'void' : 'over';
      this.undo(schedule, plant, nowMs);
    } else if ((plant.state === 'over' || plant.state === 'void') && nowMs >= plant.endMs + SETTLE_MS) {
      this.settle(schedule, nowMs);
    }
  }

  private announce(schedule: CycleSchedule, nowMs: number): void {
    const { prng, cross, opening } = schedule;
    const { settings, stage, oracle } = this.options;
    schedule.opening = null;
    const drawn = opening ?? weighted(settings.weights, prng);
    const [exchange, side] = this.deal(schedule);
    // Where the least order is a lot or two, nothing smaller can be shown.
    const kind = drawn === 'below_minimum' && !canBeSmall(stage, exchange, cross) ? 'too_thin' : drawn;
    const cycle = cycleOf(schedule, side);
    const lifeMs = prng.between(...settings.durationMs);
    const startMs = nowMs + SETTLE_MS;
    const plant: Plant = {
      id: this.options.nextId(),
      kind,
      pair: cycle[0]!.pair,
      buyExchange: exchange,
      sellExchange: exchange,
      disturbedExchange: exchange,
      cycle,
      announcedAtMs: nowMs,
      startMs,
      endMs: startMs + Math.ceil(lifeMs / stage.stepMs) * stage.stepMs,
      expected: kind === 'true' ? { decision: 'execute' } : { decision: 'refuse', reason: REASON_OF[kind] },
      state: 'announced',
      planted: null,
    };
    schedule.plant = plant;
    oracle.add(plant);
    for (const pair of schedule.dollars) stage.hold(pair);
    for (const pair of [...schedule.dollars, cross]) {
      stage.setCalm(pair, true);
      // Full sizes, so that nothing eaten before makes the edge thin.
      stage.requote(exchange, pair, { ...NORMAL_QUOTING, calm: true });
    }
  }

  /** The cross market as a whole is moved, down where the cycle buys there; or one order of it stands out. */
  private begin(schedule: CycleSchedule, plant: Plant, nowMs: number): void {
    const { prng, cross } = schedule;
    const { settings } = this.options;
    const move = (bps: number) => {
      const offset = this.sign(schedule, plant) * bps;
      this.requote(schedule, plant, { bidOffsetBps: offset, askOffsetBps: offset, front: null, calm: true });
    };
    switch (plant.kind) {
      case 'true':
        return move(prng.between(...settings.trueEdgeBps) + QUOTE_COST_BPS + this.tickBps(schedule, plant));
      case 'eaten_by_fees':
        return move(prng.between(12, 22));
      case 'too_good':
        return move(prng.between(850, 1_200));
      case 'too_thin':
        return this.thin(schedule, plant, prng.between(10, 30) / this.dollarsOf(cross));
      case 'below_minimum':
        return this.thin(schedule, plant, null);
      case 'crossed':
        return this.cross(schedule, plant, nowMs);
      case 'stale':
        return;
    }
  }

  /** −1 = the cross market becomes cheap. */
  private sign({ cross }: CycleSchedule, { cycle }: Plant): 1 | -1 {
    return cycle!.find(({ pair }) => pair === cross)!.side === 'buy' ? -1 : 1;
  }

  private market({ cross }: CycleSchedule, { disturbedExchange }: Plant) {
    return this.options.stage.market(disturbedExchange as SimulatedExchange, cross);
  }

  private tickBps(schedule: CycleSchedule, plant: Plant): number {
    const { tick } = this.market(schedule, plant).listing;
    const exchange = plant.disturbedExchange as SimulatedExchange;
    return (tick.value / this.options.stage.fair(exchange, schedule.cross)) * 10_000;
  }

  /** What one unit of a cross market's quote is worth. */
  private dollarsOf(cross: PairId): number {
    const { stage } = this.options;
    const { exchanges } = this.schedules.find((one) => one.cross === cross)!;
    return stage.fair(exchanges[0]!, dollarPairsOf(cross)[1]!);
  }

  /** One small order far inside, the rest of its side where it was. `notional` in quote; null = a share of the least order. */
  private thin(schedule: CycleSchedule, plant: Plant, notional: number | null): void {
    const { prng, cross } = schedule;
    const { stage } = this.options;
    const exchange = plant.disturbedExchange as SimulatedExchange;
    const sign = this.sign(schedule, plant);
    const edge = prng.between(60, 90);
    const lot = this.market(schedule, plant).listing.lot.value;
    const size =
      notional === null
        ? leastLots(stage, exchange, cross) * prng.between(0.3, 0.7)
        : notional / stage.fair(exchange, cross) / lot;
    const away = sign * (edge + 10);
    this.requote(schedule, plant, {
      bidOffsetBps: sign > 0 ? 0 : away,
      askOffsetBps: sign > 0 ? away : 0,
      front: {
        side: sign > 0 ? 'buy' : 'sell',
        offsetBps: sign * edge,
        lots: Math.max(1, Math.floor(size)),
      },
      calm: true,
    });
  }

  private cross(schedule: CycleSchedule, plant: Plant, nowMs: number): void {
    const market = this.market(schedule, plant);
    const sign = this.sign(schedule, plant);
    const fair = this.options.stage.fair(plant.disturbedExchange as SimulatedExchange, schedule.cross);
    const side: Side = sign > 0 ? 'buy' : 'sell';
    const lots = market.engine.level(side, 0)?.lots ?? market.listing.minLots;
    const best = market.engine.level(side === 'buy' ? 'sell' : 'buy', 0)?.priceTicks;
    const wanted = Math.round(
      (fair * (1 + (sign * schedule.prng.between(60, 90)) / 10_000)) / market.listing.tick.value,
    );
    // A coarse tick could round the level out of the crossing.
    const priceTicks = best === undefined ? wanted : sign * Math.max(sign * wanted, sign * best + 1);
    market.setPhantom({ side, priceTicks, lots }, nowMs);
  }

  private requote({ cross }: CycleSchedule, { disturbedExchange }: Plant, quoting: Quoting): void {
    this.options.stage.requote(disturbedExchange as SimulatedExchange, cross, quoting);
  }

  private undo(schedule: CycleSchedule, plant: Plant, nowMs: number): void {
    if (plant.kind === 'crossed') this.market(schedule, plant).setPhantom(null, nowMs);
    else this.requote(schedule, plant, { ...NORMAL_QUOTING, calm: true });
  }

  private settle(schedule: CycleSchedule, nowMs: number): void {
    const { stage, settings } = this.options;
    schedule.plant = null;
    schedule.disturbed = false;
    schedule.nextAtMs = nowMs + schedule.prng.between(...settings.quietMs);
    for (const pair of [...schedule.dollars, schedule.cross]) stage.setCalm(pair, false);
    for (const pair of schedule.dollars) stage.release(pair);
  }

  private published(schedule: CycleSchedule, plant: Plant): Plant['planted'] {
    const market = this.market(schedule, plant);
    const [asks, bids] = [levelTexts(market, 'asks'), levelTexts(market, 'bids')];
    if (asks[0] === undefined || bids[0] === undefined) return null;
    const { stage } = this.options;
    const rate = plant.cycle!.reduce((product, { pair, side }) => {
      const one = stage.market(plant.disturbedExchange as SimulatedExchange, pair);
      const best = Number(levelTexts(one, side === 'buy' ? 'asks' : 'bids')[0]?.[0]);
      return side === 'buy' ? product / best : product * best;
    }, 1);
    const offered = this.sign(schedule, plant) < 0 ? asks[0] : bids[0];
    return { asks, bids, grossBps: (rate - 1) * 10_000, quantity: offered[1] };
  }

  private deal(schedule: CycleSchedule): readonly [SimulatedExchange, Side] {
    if (schedule.deck.length === 0) {
      const all = schedule.exchanges.flatMap((exchange) =>
        (['buy', 'sell'] as const).map((side) => [exchange, side] as const),
      );
      schedule.deck = schedule.prng.shuffled(all);
    }
    return schedule.deck.pop()!;
  }
}

/** From dollars and back to them: over the quote coin first where the cross market is bought. */
function cycleOf({ cross, dollars }: CycleGround, side: Side): NonNullable<Plant['cycle']> {
  const [base, quote] = dollars as [PairId, PairId];
  const [first, last] = side === 'buy' ? [quote, base] : [base, quote];
  return [
    { pair: first, side: 'buy' },
    { pair: cross, side },
    { pair: last, side: 'sell' },
  ];
}

function weighted(weights: CyclePlantSettings['weights'], prng: Prng): CyclePlantKind {
  const kinds = Object.entries(weights) as [CyclePlantKind, number][];
  let at = prng.next() * kinds.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [kind, weight] of kinds) {
    at -= weight;
    if (at < 0) return kind;
  }
  return 'true';
}
