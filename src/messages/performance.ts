import { z } from 'zod';
import { arbitrageClosed } from './order.js';
import * as p from './primitives.js';

/** One UTC day of a node: what it is worked out from, and the row that is kept of it. Money in the reporting currency. */

const DAY_MS = 86_400_000;
const dayOfMs = (atMs: number): string => new Date(atMs).toISOString().slice(0, 10);

/** `2026-11-27`, a day that exists. */
export const utcDay = z
  .string()
  .regex(/^(?:19[7-9]\d|[2-9]\d{3})-\d{2}-\d{2}$/, 'not a day')
  .refine((day) => {
    const startMs = Date.parse(`${day}T00:00:00Z`);
    return Number.isFinite(startMs) && dayOfMs(startMs) === day;
  }, 'not a day of the calendar');
export type UtcDay = z.infer<typeof utcDay>;

/** The UTC day that a moment belongs to. */
export const utcDayOf = (atMs: number): UtcDay => dayOfMs(atMs);
/** First moment of a day, Unix ms; the day ends before `dayStartMs(nextDay(day))`. */
export const dayStartMs = (day: UtcDay): number => Date.parse(`${day}T00:00:00Z`);
export const nextDay = (day: UtcDay): UtcDay => dayOfMs(dayStartMs(day) + DAY_MS);
export const previousDay = (day: UtcDay): UtcDay => dayOfMs(dayStartMs(day) - DAY_MS);

/** What is held on purpose of an asset, with its price at that moment; null while none is known. */
export const baselineAmount = z.strictObject({
  asset: p.assetId,
  amount: p.decimalText,
  mark: p.decimalText.nullable(),
});

/** Equity at one moment, as far as the figures of a day need it. */
export interface EquityMark {
  readonly atMs: number;
  readonly equity: p.DecimalText;
  readonly holdings: readonly {
    readonly asset: p.AssetId;
    readonly amount: p.DecimalText;
    readonly mark: p.DecimalText | null;
  }[];
  /** Absent in snapshots of earlier versions. */
  readonly baseline?: readonly z.infer<typeof baselineAmount>[] | undefined;
}

export type Outcome = z.infer<typeof arbitrageClosed>['outcome'];

/** Arbitrages that closed in the day with one outcome and in one quote asset; sums are exact. */
export interface ClosedTotals {
  readonly outcome: Outcome;
  readonly quote: p.AssetId;
  readonly arbitrages: number;
  readonly realisedNet: p.DecimalText;
  readonly fees: p.DecimalText;
}

/** Everything that the row of a day follows from, beside the rows before it. */
export interface DayFacts {
  readonly day: UtcDay;
  readonly currency: p.AssetId;
  /** The last mark before the day; null on the very first day. */
  readonly before: EquityMark | null;
  /** The first and the last mark in the day; both null when none was taken. */
  readonly first: EquityMark | null;
  readonly last: EquityMark | null;
  readonly closed: readonly ClosedTotals[];
  /** Moved in from outside (openings included) between the marks the day opens and closes with; negative = out. */
  readonly flows: readonly { readonly asset: p.AssetId; readonly amount: p.DecimalText }[];
}

const counts = z.strictObject({
  completed: p.count,
  partial: p.count,
  unwound: p.count,
  failed: p.count,
  flagged: p.count,
});

/** The row of one day and currency; docs/performance.md defines each figure. */
export const dailyPerformance = z.strictObject({
  day: utcDay,
  currency: p.assetId,
  /** True when no snapshot was taken in the day: the equity is that of an earlier one. */
  carried: z.boolean(),
  openingAtMs: p.timeMs,
  closingAtMs: p.timeMs,
  openingEquity: p.decimalText,
  closingEquity: p.decimalText,
  /** Deposits less withdrawals, openings included, at closing prices; null without a price. */
  flows: p.decimalText.nullable(),
  /** What trading made: neither flows nor the revaluation of the baseline. Null when a price or the baseline is not known. */
  tradingNet: p.decimalText.nullable(),
  /** The rest of the change: closing = opening + flows + tradingNet + revaluation, exactly. */
  revaluation: p.decimalText.nullable(),
  /** Assets whose price the three figures above lack. */
  unmarked: z.array(p.assetId).max(4096),
  realisedNet: p.decimalText,
  fees: p.decimalText,
  arbitrages: counts,
  /** Closed in another quote asset: counted above, not in the two sums. */
  unconverted: p.count,
  /** tradingNet over openingEquity. */
  dayReturn: p.decimalText.nullable(),
  /** What 1 became since the first day, by returns. */
  index: p.decimalText,
  peakIndex: p.decimalText,
  /** index over peakIndex less 1: at most 0. */
  drawdown: p.decimalText,
  /** A year, of the returns of whole days up to this one; null below two, or when all are the same. */
  sharpe: p.decimalText.nullable(),
  sharpeDays: p.count,
});
export type DailyPerformance = z.infer<typeof dailyPerformance>;
