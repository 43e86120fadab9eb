import { Decimal, ZERO } from '../market/decimal.js';
import type { DecimalText } from '../messages/primitives.js';

/**
 * What trading has lost: today, from its peak, and in a row. It is told the trading value, Σ (holdings − baseline) × price, in
 * which the revaluation of what is held on purpose has no part (TRADING §1): a market that falls 30 % without a trade changes
 * nothing here. What was reached stays reached: today's loss until the next trading day, the others until a person resets.
 */
export interface LossLimits {
  /** All in the reporting currency; a loss that reaches its limit stops. */
  readonly maxDailyLoss: DecimalText;
  readonly maxDrawdown: DecimalText;
  /** Losing arbitrages one after the other. */
  readonly maxLossStreak: number;
  /** When a trading day begins, ms after midnight UTC. */
  readonly dayOffsetMs: number;
}

/** As it is kept over a restart. Values are decimal text; null = not known yet. */
export interface LossRecord {
  /** Number of the trading day. */
  readonly day: number | null;
  /** Trading value with which the day began. */
  readonly dayStart: string | null;
  readonly peak: string | null;
  readonly value: string | null;
  readonly streak: number;
  /** The day on which the daily loss was reached. */
  readonly stoppedDay: number | null;
  readonly isDrawnDown: boolean;
}

export const NO_LOSSES: LossRecord = {
  day: null,
  dayStart: null,
  peak: null,
  value: null,
  streak: 0,
  stoppedDay: null,
  isDrawnDown: false,
};

const DAY_MS = 86_400_000;

export class LossBook {
  private limits: LossLimits;
  private day: number | null = null;
  private dayStart: Decimal | null = null;
  private peak: Decimal | null = null;
  private value: Decimal | null = null;
  private streakCount = 0;
  private stoppedDay: number | null = null;
  private drawnDown = false;
  /** The next value is measured from another baseline than the last one. */
  private isMovedOn = false;

  constructor(limits: LossLimits) {
    this.limits = limits;
  }

  setLimits(limits: LossLimits): void {
    this.limits = limits;
  }

  /** `isSameBaseline` false = what is held on purpose was changed since: the losses so far stay what they were. */
  restore(record: LossRecord, isSameBaseline = true): void {
    this.isMovedOn = !isSameBaseline;
    const amount = (text: string | null) => (text === null ? null : new Decimal(text));
    this.day = record.day;
    this.dayStart = amount(record.dayStart);
    this.peak = amount(record.peak);
    this.value = amount(record.value);
    this.streakCount = record.streak;
    this.stoppedDay = record.stoppedDay;
    this.drawnDown = record.isDrawnDown;
  }

  get record(): LossRecord {
    const text = (amount: Decimal | null) => amount?.toFixed() ?? null;
    return {
      day: this.day,
      dayStart: text(this.dayStart),
      peak: text(this.peak),
      value: text(this.value),
      streak: this.streakCount,
      stoppedDay: this.stoppedDay,
      isDrawnDown: this.drawnDown,
    };
  }

  /** The trading value as it is now. A new day begins with the first one that is told in it. */
  valued(value: Decimal, nowMs: number): void {
    if (this.isMovedOn && this.value !== null) this.moved(value.minus(this.value));
    this.isMovedOn = false;
    const day = this.dayOf(nowMs);
    // A clock that went back does not begin an old day again.
    if (this.day === null || day > this.day || this.dayStart === null) {
      this.day = Math.max(day, this.day ?? day);
      this.dayStart = value;
    }
    this.value = value;
    this.peak = this.peak === null ? value : Decimal.max(this.peak, value);
    if (this.todaysLoss.gte(this.limits.maxDailyLoss)) this.stoppedDay = this.day;
    if (this.drawdown.gte(this.limits.maxDrawdown)) this.drawnDown = true;
  }

  /** What came from outside or went there is no result of trading: everything is measured from the new level. */
  moved(amount: Decimal): void {
    const shift = (known: Decimal | null) => known?.plus(amount) ?? null;
    this.dayStart = shift(this.dayStart);
    this.peak = shift(this.peak);
    this.value = shift(this.value);
  }

  /** An arbitrage of which something was filled came to this net result. */
  closed(realisedNet: Decimal): void {
    this.streakCount = realisedNet.lt(0) ? this.streakCount + 1 : 0;
  }

  /** A person has looked: day and peak begin where trading stands now. */
  reset(): void {
    this.streakCount = 0;
    this.stoppedDay = null;
    this.drawnDown = false;
    this.dayStart = this.value;
    this.peak = this.value;
  }

  /** At least 0. */
  get todaysLoss(): Decimal {
    return lossOf(this.dayStart, this.value);
  }

  /** At least 0. */
  get drawdown(): Decimal {
    return lossOf(this.peak, this.value);
  }

  get streak(): number {
    return this.streakCount;
  }

  isStoppedAt(nowMs: number): boolean {
    return this.stoppedDay !== null && this.stoppedDay >= this.dayOf(nowMs);
  }

  get isDrawnDown(): boolean {
    return this.drawnDown;
  }

  private dayOf(nowMs: number): number {
    return Math.floor((nowMs - this.limits.dayOffsetMs) / DAY_MS);
  }
}

const lossOf = (from: Decimal | null, to: Decimal | null): Decimal =>
  from === null || to === null ? ZERO : Decimal.max(0, from.minus(to));
