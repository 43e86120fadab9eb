import { KalmanHedge } from '../../statistics/kalman-hedge.js';
import { EwmaZ } from '../../statistics/z-scores.js';
import type { FoundPair } from './pair-discovery.js';

/**
 * One pair over time, as a machine without clock or I/O: each observation of both log prices gives at most one action. The hedge ratio drifts by a Kalman
 * filter while nothing is held and is frozen while something is, since what is held has the ratio it was bought with. z is that of the spread against what
 * came before, so no decision looks at its own future.
 */
export interface PairTerms {
  /** |z| from which on a position is opened, closed at its target, and given up. entry > exit, stop > entry. */
  readonly entryZ: number;
  readonly exitZ: number;
  readonly stopZ: number;
  /** Longest holding, in half-lives. */
  readonly maxHoldHalfLives: number;
  /** Half-life of mean and variance of the spread, in half-lives of the pair. */
  readonly memoryHalfLives: number;
  /** Observations before the first decision, in half-lives of that memory. */
  readonly warmUpMemories: number;
  /** Relative change of the hedge ratio since discovery beyond which the pair is another one. */
  readonly maxHedgeDrift: number;
  /** Half-life of what the hedge has learned, in half-lives of the pair: one that learns faster takes the spread itself for drift. */
  readonly hedgeMemoryHalfLives: number;
}

export const PAIR_TERMS: PairTerms = {
  entryZ: 2,
  exitZ: 0.5,
  stopZ: 4,
  maxHoldHalfLives: 4,
  memoryHalfLives: 10,
  warmUpMemories: 2,
  maxHedgeDrift: 0.25,
  hedgeMemoryHalfLives: 30,
};

/** `long` buys y and sells x. */
export type PairSide = 'long' | 'short';

export type PairAction =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'enter';
      readonly side: PairSide;
      readonly z: number;
      readonly alpha: number;
      readonly beta: number;
      /** What a return to the exit is worth, per unit of y: the way of log y − α − β log x from here to there, above 0. */
      readonly reversion: number;
    }
  | { readonly kind: 'leave'; readonly reason: LeaveReason; readonly z: number };

/** `target`: it returned. `stop`: it went on. `time`: it did neither. `regime`: the two no longer belong together. */
export type LeaveReason = 'target' | 'stop' | 'time' | 'regime';

export type PairPhase = 'warming' | 'flat' | PairSide | 'broken';

const NONE: PairAction = { kind: 'none' };

interface Held {
  readonly side: PairSide;
  readonly alpha: number;
  readonly beta: number;
  /** In observations that decided something or could have. */
  readonly since: number;
}

/** A position from before this trader lived. */
export interface HeldBefore extends Pick<Held, 'side' | 'alpha' | 'beta'> {
  /** How long it has been held, in observations. */
  readonly heldFor: number;
}

export class PairTrader {
  private readonly pair: FoundPair;
  private readonly terms: PairTerms;
  /** Null before the first observation, whose size says how fast the filter learns. */
  private filter: KalmanHedge | null = null;
  private readonly level: EwmaZ;
  private observations = 0;
  /** Of these, those that came one by one and not as history. */
  private lived = 0;
  private held: Held | null;
  private broken: string | null = null;
  private lastZ: number | null = null;
  /** Of the last spread from its level before, signed. */
  private lastDistance = 0;

  constructor(pair: FoundPair, terms: PairTerms = PAIR_TERMS, before: HeldBefore | null = null) {
    this.pair = pair;
    this.terms = terms;
    this.held = before === null ? null : { ...before, since: -before.heldFor };
    this.level = new EwmaZ(terms.memoryHalfLives * pair.halfLife);
  }

  /** One observation of both log prices; a gap (not finite) changes nothing but the time held. */
  observe(logY: number, logX: number): PairAction {
    this.observations++;
    this.lived++;
    const z = this.learn(logY, logX);
    if (!Number.isFinite(logY) || !Number.isFinite(logX)) return this.overdue();
    if (z === null || this.observations < this.warmUp) return this.whileWarming();
    return this.held === null ? this.whileFlat(z) : this.whileHeld(z, this.held);
  }

  /** An observation from before: it is learned from, and nothing is decided. */
  warm(logY: number, logX: number): void {
    this.observations++;
    this.learn(logY, logX);
  }

  private learn(logY: number, logX: number): number | null {
    if (!Number.isFinite(logY) || !Number.isFinite(logX)) return null;
    if (this.held === null) this.filterFor(logX).observe(logY, logX);
    const { alpha, beta } = this.held ?? this.hedge;
    const spread = logY - alpha - beta * logX;
    this.lastDistance = spread - (this.level.mean ?? spread);
    // Against the ratio in force, around the level that the pair was found at.
    this.lastZ = this.level.observe(spread);
    return this.lastZ;
  }

  /** The ratio in force while nothing is held. */
  private get hedge(): { readonly alpha: number; readonly beta: number } {
    return this.filter ?? { alpha: this.pair.intercept, beta: this.pair.beta };
  }

  /** In its steady state a filter of gain k has a variance of about k · R / h'h, and walks by its gain's share of that. */
  private filterFor(logX: number): KalmanHedge {
    if (this.filter !== null) return this.filter;
    const { intercept: alpha, beta, halfLife, spreadDeviation } = this.pair;
    const gain = Math.LN2 / (this.terms.hedgeMemoryHalfLives * halfLife);
    const observationVariance = spreadDeviation ** 2;
    const initialVariance = (gain * observationVariance) / (1 + logX * logX);
    const walk = gain * initialVariance;
    return (this.filter = new KalmanHedge({
      ...{ alpha, beta, observationVariance, initialVariance },
      delta: walk / (1 + walk),
    }));
  }

  /** What the trader could not open (refused, no inventory) is not held. */
  entryFailed(): void {
    this.held = null;
  }

  /** The retest does not find the pair any more, or the market is in disorder. What is held is closed by the next observation. */
  breakRegime(reason: string): void {
    this.broken = reason;
  }

  summary() {
    return {
      pair: `${this.pair.y}~${this.pair.x}`,
      phase: this.phase,
      z: this.lastZ,
      beta: this.held?.beta ?? this.hedge.beta,
      halfLife: this.pair.halfLife,
      observations: this.observations,
      broken: this.broken,
    };
  }

  get phase(): PairPhase {
    if (this.held !== null) return this.held.side;
    if (this.broken !== null) return 'broken';
    return this.observations < this.warmUp ? 'warming' : 'flat';
  }

  private get warmUp(): number {
    return Math.ceil(this.terms.warmUpMemories * this.terms.memoryHalfLives * this.pair.halfLife);
  }

  private whileFlat(z: number): PairAction {
    const { entryZ, exitZ, stopZ, maxHedgeDrift } = this.terms;
    const { alpha, beta } = this.hedge;
    if (Math.abs(beta / this.pair.beta - 1) > maxHedgeDrift) this.broken ??= 'the hedge ratio drifted away';
    // Beyond the stop nothing is opened that would have to be given up at once.
    if (this.broken !== null || Math.abs(z) < entryZ || Math.abs(z) >= stopZ) return NONE;
    const side = z < 0 ? 'long' : 'short';
    this.held = { side, alpha, beta, since: this.lived };
    const reversion = Math.abs(this.lastDistance) * (1 - exitZ / Math.abs(z));
    return { kind: 'enter', side, z, alpha, beta, reversion };
  }

  /** What is held from before can be told to end, or has lasted too long, also where z says nothing yet. */
  private whileWarming(): PairAction {
    if (this.held === null) return NONE;
    return this.broken === null ? this.overdue() : this.leave('regime', this.lastZ ?? 0);
  }

  private whileHeld(z: number, { side }: Held): PairAction {
    // Positive = further away than nothing, on the side it was entered from.
    const distance = side === 'long' ? -z : z;
    if (this.broken !== null) return this.leave('regime', z);
    if (distance >= this.terms.stopZ) {
      this.broken = 'the spread went past its stop';
      return this.leave('stop', z);
    }
    if (distance <= this.terms.exitZ) return this.leave('target', z);
    return this.isOverdue ? this.leave('time', z) : NONE;
  }

  private get isOverdue(): boolean {
    const { maxHoldHalfLives } = this.terms;
    return this.held !== null && this.lived - this.held.since > maxHoldHalfLives * this.pair.halfLife;
  }

  private overdue(): PairAction {
    return this.isOverdue ? this.leave('time', this.lastZ ?? 0) : NONE;
  }

  private leave(reason: LeaveReason, z: number): PairAction {
    this.held = null;
    return { kind: 'leave', reason, z };
  }
}
