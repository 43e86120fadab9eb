import { ArbotError } from '../messages/errors.js';
import type { PairId } from '../messages/primitives.js';
import { pairModel } from './listings.js';
import { Prng } from './prng.js';

/** Two pairs that belong together: y follows x to the power of beta, and a spread that returns to 0. Known to the oracle. */
export interface PriceTie {
  readonly y: PairId;
  readonly x: PairId;
  readonly beta: number;
  /** Of the spread, world ms. */
  readonly halfLifeMs: number;
  /** Of the spread once it has forgotten its start, basis points. */
  readonly deviationBps: number;
}

/** What `npm start` plants where pairs are looked for: a spread that is worth its fees at twice its deviation, every few minutes. */
export const WATCHED_TIES: readonly PriceTie[] = [
  { y: 'DOGE-USDT', x: 'XRP-USDT', beta: 1, halfLifeMs: 120_000, deviationBps: 40 },
];

/** A tied price never moves faster, basis points a step: as much as two readers one step apart may differ by. */
export const MAX_TIED_STEP_BPS = 2;

/**
 * What both pairs of a tie do together beside the walk of x, basis points a step: prices of this world return to their references within minutes, and
 * of prices that return by themselves nothing can be said to belong together. It comes back over days.
 */
const WANDER_BPS = 0.9;
const WANDER_PULL = 1e-6;

/** The spread of a tie, from a stream of its own: worlds without ties draw what they drew before. */
export class TiedSpread {
  readonly tie: PriceTie;
  private readonly prng: Prng;
  private readonly memory: number;
  private readonly shockBps: number;
  private bps = 0;
  private wander = 0;
  /** Of the newest step, basis points. */
  wanderStepBps = 0;

  constructor(seed: number, tie: PriceTie, stepMs: number) {
    this.tie = tie;
    this.prng = Prng.of(seed, `prices/tie/${tie.y}~${tie.x}`);
    this.memory = Math.exp((-Math.LN2 * stepMs) / tie.halfLifeMs);
    this.shockBps = tie.deviationBps * Math.sqrt(1 - this.memory * this.memory);
  }

  /** Where the spread wants to be; the price follows it by bounded steps. */
  get spreadBps(): number {
    return this.bps;
  }

  /** What the reference of x is multiplied by. */
  get wandered(): number {
    return Math.exp(this.wander / 10_000);
  }

  step(): void {
    this.wanderStepBps = WANDER_BPS * this.prng.normal() - WANDER_PULL * this.wander;
    this.wander += this.wanderStepBps;
    this.bps = this.memory * this.bps + this.shockBps * this.prng.normal();
  }

  /** What y is to be worth while x is worth this. */
  target(x: number): number {
    const { y, x: other, beta } = this.tie;
    return (
      pairModel(y).referencePrice * (x / pairModel(other).referencePrice) ** beta * (1 + this.bps / 10_000)
    );
  }
}

/** Throws ARB_CONFIG_INVALID for a tie that cannot be made. */
export function checkTies(ties: readonly PriceTie[], pairs: readonly PairId[]): void {
  const tied = new Set<PairId>();
  for (const { y, x, beta, halfLifeMs, deviationBps } of ties) {
    const isSound =
      y !== x &&
      pairs.includes(y) &&
      pairs.includes(x) &&
      !tied.has(y) &&
      ![y, x].some((pair) => pair.endsWith('-KRW')) &&
      beta > 0 &&
      halfLifeMs > 0 &&
      deviationBps > 0;
    if (!isSound) throw new ArbotError('ARB_CONFIG_INVALID', `${y} cannot be tied to ${x}`);
    tied.add(y);
  }
}
