import type { DailyPerformance, DayFacts, UtcDay } from '../messages/performance.js';
import type { AssetId } from '../messages/primitives.js';

/** Rows of closed days and what they follow from. A row is written once: history is not worked over. */
export interface PerformanceStore {
  /** The day of the oldest snapshot in this currency; null when there is none. */
  firstDay(currency: AssetId): Promise<UtcDay | null>;
  /** What the row of a day follows from, sums included, exact. */
  facts(day: UtcDay, currency: AssetId): Promise<DayFacts>;
  /** The same row again is `duplicate`. Rejects ARB_STORE_CONFLICT for another row of the same day and currency. */
  saveDay(row: DailyPerformance): Promise<'booked' | 'duplicate'>;
  /** Newest first; those before a day, or from the newest when null. */
  days(currency: AssetId, before: UtcDay | null, limit: number): Promise<readonly DailyPerformance[]>;
}

/** What explains trades and may be forgotten; never the ledger, fills, the journal, arbitrages or daily rows. */
export type TelemetryTable = 'arbitrage_signals' | 'opportunity_events' | 'portfolio_snapshots';

export interface Thinning {
  readonly table: TelemetryTable;
  /** Rows younger than this stay; whole days, at least 1. */
  readonly keepDays: number;
  /** From when the age is told; a clock ahead of the newest row of the table counts as that row's time. */
  readonly nowMs: number;
  /** At most so many rows, 1 to 10,000, so that nobody waits long behind it. */
  readonly limit: number;
}

export interface RetentionStore {
  /**
   * Forgets old telemetry, oldest first, and returns how many rows went; fewer than the limit means that none is left. Signals:
   * the refused with their verdicts; what was approved explains money and stays. Snapshots: the first ever and the last of each
   * UTC day stay, so that every daily row can be worked out again.
   */
  thin(thinning: Thinning): Promise<number>;
  /** Gives the space of what went back to use, where the engine does not do so by itself. */
  compact(): Promise<void>;
}
