import { WON_PER_USDT } from './listings.js';
import type { PriceTie } from './price-ties.js';
import type { PlantBridge } from './plant-sites.js';
import type { DecimalText, ExchangeId, LevelText, PairId, Side, Strategy } from '../messages/primitives.js';

/** `true` may be traded; every other kind looks like an edge and must be refused. */
export const PLANT_KINDS = [
  'true',
  'stale',
  'crossed',
  'too_thin',
  'below_minimum',
  'eaten_by_fees',
  'too_good',
] as const;
export type PlantKind = (typeof PLANT_KINDS)[number];

/** Why a false plant must be refused, in words of the oracle; several rules of a gate may express one class. */
export type ReasonClass =
  | 'book_age'
  | 'book_not_trusted'
  | 'profit_below_minimum'
  | 'order_below_minimum'
  | 'net_edge'
  | 'too_good_to_be_true';

export const REASON_OF: Readonly<Record<Exclude<PlantKind, 'true'>, ReasonClass>> = {
  stale: 'book_age',
  crossed: 'book_not_trusted',
  too_thin: 'profit_below_minimum',
  below_minimum: 'order_below_minimum',
  eaten_by_fees: 'net_edge',
  too_good: 'too_good_to_be_true',
};

/**
 * What the oracle takes for granted about the trader it judges. A trader configured outside these bounds may rightly
 * decide otherwise, and then the verdict of `judge` says nothing about it.
 */
export const ORACLE_ASSUMPTIONS = {
  /** What the quote units below are worth: of won it takes so many times more. */
  quoteUnitsPerDollar: { USDT: 1, KRW: WON_PER_USDT },
  /** Taker fee of every exchange, basis points per side. */
  takerFeeBps: 10,
  /** Net edge demanded after fees and all other costs together: within these bounds, basis points. */
  minNetEdgeBps: { atLeast: 0, atMost: 12 },
  /** Everything but fees that is subtracted (latency decay, transfer, inventory) stays within, basis points. */
  otherCostsBps: { atMost: 8 },
  /** Net profit demanded per trade, quote units. */
  minNetProfit: { atLeast: 0.25, atMost: 0.5 },
  /** One order may have this notional, so that the edge of a true plant is worth the least profit, quote units. */
  maxOrderNotional: { atLeast: 800 },
  /** A book is too old at this age by the exchange's own time, world ms. */
  maxBookAgeMs: { atLeast: 300, atMost: 1_500 },
  /** A gross edge above this is not believed, basis points. */
  tooGoodBps: { atLeast: 200, atMost: 700 },
  /** Least notional of an order on the exchanges that have one, quote units. */
  exchangeMinNotional: 5,
  /** After a jump of its price a market need not be traded on for so long, world ms: windows of flash rules, and what they hold. */
  unrestMs: 8_000,
  /** A trade belongs to a plant until this long after its end, world ms. */
  graceMs: 500,
} as const;

export type PlantState = 'announced' | 'active' | 'over' | 'void';

/** One planted opportunity, with everything needed to judge a decision about it. */
export interface Plant {
  readonly id: string;
  readonly kind: PlantKind;
  /** Of a bridged plant the coin in dollars. */
  readonly pair: PairId;
  /** Present where one side is in won: the edge leads through the rate. */
  readonly bridge?: PlantBridge;
  /** Where the edge says to buy and to sell. */
  readonly buyExchange: ExchangeId;
  readonly sellExchange: ExchangeId;
  /** The one of the two whose book was changed. */
  readonly disturbedExchange: ExchangeId;
  /** Of an edge around a cycle on one exchange, its trades in order, of which `pair` is the first one's; absent = between two exchanges. */
  readonly cycle?: readonly { readonly pair: PairId; readonly side: Side }[];
  /** World time from which the pair stands still and other exchanges step aside, Unix ms. */
  readonly announcedAtMs: number;
  /** The edge exists from here … */
  readonly startMs: number;
  /** … to here, Unix ms. */
  readonly endMs: number;
  readonly expected:
    { readonly decision: 'execute' } | { readonly decision: 'refuse'; readonly reason: ReasonClass };
  /** `void`: time jumped over it or readers got it late, so nothing can be said. */
  state: PlantState;
  /** As published at the start, best first: asks of the buy side and bids of the sell side; of a cycle both sides of the disturbed book. */
  planted: PlantedBooks | null;
}

export interface PlantedBooks {
  readonly asks: readonly LevelText[];
  readonly bids: readonly LevelText[];
  /** (best bid − best ask) / best ask, of a bridged plant at the best rate, or what a cycle returns at best prices before fees, basis points. */
  readonly grossBps: number;
  /** The smaller of both best sizes, base units. */
  readonly quantity: DecimalText;
}

/** One arbitrage that a trader executed, a bridged one by its coin in dollars; `atMs` is world time of the decision, Unix ms. */
export interface ExecutedTrade {
  readonly pair: PairId;
  readonly buyExchange: ExchangeId;
  readonly sellExchange: ExchangeId;
  readonly atMs: number;
}

export interface WrongTrade {
  readonly trade: ExecutedTrade;
  readonly reason: 'duplicate' | 'false_plant' | 'no_plant';
  readonly plantId: string | null;
}

export interface OracleVerdict {
  readonly matched: readonly { readonly plantId: string; readonly trade: ExecutedTrade }[];
  /** True plants that nobody traded. */
  readonly missed: readonly Plant[];
  readonly wrong: readonly WrongTrade[];
}

/** A position of a statistical pair that was entered: `long` bought the first and sold the second. */
export interface EnteredPair {
  readonly first: PairId;
  readonly second: PairId;
  readonly direction: 'long' | 'short';
  /** Where the spread of the tie was drawn to then, basis points; null = nobody looked. */
  readonly spreadBps: number | null;
}

export interface PairVerdicts {
  /** On a tie, on the side from which its spread returns. */
  readonly right: readonly EnteredPair[];
  /** On a tie, on the other side. */
  readonly wrongSide: readonly EnteredPair[];
  /** On pairs that belong together by chance only: as good as their fees, and nothing that was planted. */
  readonly untied: readonly EnteredPair[];
}

/** Which plants count: those that started at or after `fromMs` and ended, with grace, at or before `untilMs`. */
export interface JudgeWindow {
  readonly fromMs?: number;
  readonly untilMs?: number;
  readonly graceMs?: number;
  /** The pairs that were to be traded: plants of others cannot be missed. Absent = all. */
  readonly pairs?: readonly PairId[];
  /** The strategies that were to trade: `triangular` for plants around a cycle, `spatial` for the others. Absent = both. */
  readonly strategies?: readonly Strategy[];
}

/** Remembers this many plants; the oldest that are over fall out. */
const MAX_PLANTS = 20_000;

/** The book of what was planted, and the judge of what was done about it. */
export class Oracle {
  private readonly plants: Plant[] = [];
  private forgotten = 0;
  private readonly nowMs: () => number;

  /** Pairs whose prices belong together. */
  readonly ties: readonly PriceTie[];

  /** `nowMs` is the world's time. */
  constructor(nowMs: () => number, ties: readonly PriceTie[] = []) {
    this.nowMs = nowMs;
    this.ties = ties;
  }

  /** The tie of two pairs, in any order; null = they have nothing to do with each other. */
  tieOf(first: PairId, second: PairId): PriceTie | null {
    const isOf = ({ y, x }: PriceTie) => (y === first && x === second) || (y === second && x === first);
    return this.ties.find(isOf) ?? null;
  }

  judgePairs(entered: readonly EnteredPair[]): PairVerdicts {
    const verdicts = {
      right: [] as EnteredPair[],
      wrongSide: [] as EnteredPair[],
      untied: [] as EnteredPair[],
    };
    for (const one of entered) {
      const tie = this.tieOf(one.first, one.second);
      if (tie === null) verdicts.untied.push(one);
      // y is dear while its spread is above 0: then it is sold.
      else if (
        one.spreadBps === null ||
        (one.spreadBps > 0 === (one.direction === 'short')) === (tie.y === one.first)
      )
        verdicts.right.push(one);
      else verdicts.wrongSide.push(one);
    }
    return verdicts;
  }

  add(plant: Plant): void {
    this.plants.push(plant);
    if (this.plants.length <= MAX_PLANTS) return;
    this.plants.shift();
    this.forgotten++;
  }

  /** All plants so far, oldest first. */
  all(): readonly Plant[] {
    return this.plants;
  }

  /**
   * Compares what was executed with what was planted. A true plant is matched by one trade of its pair and exchanges inside
   * its life plus grace; a second trade on it, a trade on a false plant and a trade outside all plants are wrong.
   * Trades on plants that are void or outside the window are left out of every list.
   */
  judge(executed: readonly ExecutedTrade[], window: JudgeWindow = {}): OracleVerdict {
    const grace = window.graceMs ?? ORACLE_ASSUMPTIONS.graceMs;
    const fromMs = window.fromMs ?? 0;
    const untilMs = window.untilMs ?? this.nowMs();
    const matched = new Map<string, ExecutedTrade>();
    const wrong: WrongTrade[] = [];
    for (const trade of [...executed].sort((a, b) => a.atMs - b.atMs)) {
      if (trade.atMs < fromMs || trade.atMs > untilMs) continue;
      const plant = this.plants.find((candidate) => isDuring(candidate, trade, grace));
      if (plant?.state === 'void') continue;
      if (plant !== undefined && isMatch(plant, trade) && !matched.has(plant.id)) {
        matched.set(plant.id, trade);
      } else {
        wrong.push(wrongTrade(trade, plant, matched));
      }
    }
    const due = (plant: Plant) =>
      plant.startMs >= fromMs &&
      plant.endMs + grace <= untilMs &&
      pairsOfPlant(plant).every((pair) => window.pairs?.includes(pair) !== false) &&
      window.strategies?.includes(strategyOf(plant)) !== false &&
      !this.followsJump(plant);
    const missed = this.plants.filter(
      (plant) => plant.kind === 'true' && plant.state === 'over' && due(plant) && !matched.has(plant.id),
    );
    return { matched: [...matched].map(([plantId, trade]) => ({ plantId, trade })), missed, wrong };
  }

  /** Whether a market of this cycle has just come back from an edge that was too good to be true. */
  private followsJump({ cycle, disturbedExchange, startMs, endMs }: Plant): boolean {
    if (cycle === undefined) return false;
    return this.plants.some(
      (other) =>
        other.kind === 'too_good' &&
        other.cycle === undefined &&
        other.disturbedExchange === disturbedExchange &&
        cycle.some(({ pair }) => pair === other.pair) &&
        other.startMs < endMs &&
        startMs < other.endMs + ORACLE_ASSUMPTIONS.unrestMs,
    );
  }

  /** For people and for files: world time, assumptions and every plant, JSON-safe. */
  toJson(): {
    readonly atMs: number;
    readonly assumptions: typeof ORACLE_ASSUMPTIONS;
    readonly forgotten: number;
    readonly ties: readonly PriceTie[];
    readonly plants: readonly Plant[];
  } {
    return {
      atMs: this.nowMs(),
      assumptions: ORACLE_ASSUMPTIONS,
      forgotten: this.forgotten,
      ties: this.ties,
      plants: this.plants.map((plant) => structuredClone(plant)),
    };
  }
}

const strategyOf = ({ cycle }: Plant): Strategy => (cycle === undefined ? 'spatial' : 'triangular');

/** Every pair that has to be traded for it. */
const pairsOfPlant = ({ pair, cycle, bridge }: Plant): readonly PairId[] => {
  if (cycle !== undefined) return cycle.map((leg) => leg.pair);
  return bridge === undefined ? [pair] : [pair, bridge.pair, bridge.rate];
};

function isDuring(plant: Plant, trade: ExecutedTrade, graceMs: number): boolean {
  return plant.pair === trade.pair && trade.atMs >= plant.startMs && trade.atMs <= plant.endMs + graceMs;
}

function isMatch(plant: Plant, trade: ExecutedTrade): boolean {
  return (
    plant.kind === 'true' &&
    plant.buyExchange === trade.buyExchange &&
    plant.sellExchange === trade.sellExchange
  );
}

function wrongTrade(
  trade: ExecutedTrade,
  plant: Plant | undefined,
  matched: ReadonlyMap<string, ExecutedTrade>,
): WrongTrade {
  if (plant === undefined) return { trade, reason: 'no_plant', plantId: null };
  const duplicate = isMatch(plant, trade) && matched.has(plant.id);
  const reason = duplicate ? 'duplicate' : plant.kind === 'true' ? 'no_plant' : 'false_plant';
  return { trade, reason, plantId: plant.id };
}
