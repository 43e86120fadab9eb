import type { Decimal } from '../market/decimal.js';

/**
 * Windows of training and testing, half-open [start, end) in bars (Pardo, The Evaluation and Optimization of Trading Strategies; López de Prado,
 * Advances in Financial Machine Learning, ch. 7). Nothing tested is ever trained on.
 */
export type Window = readonly [start: number, end: number];

export interface WindowPlan {
  readonly bars: number;
  readonly train: number;
  readonly test: number;
  /** How far test windows move. Below `test` they overlap: their results must not be added up then. */
  readonly step: number;
  /** `anchored` trains from the first bar on. */
  readonly mode: 'rolling' | 'anchored';
  /** Bars left out between training and test, for labels that look ahead. */
  readonly purge?: number;
  /** A last test window that is cut short is kept. */
  readonly keepsPartial?: boolean;
}

export interface Fold {
  readonly train: Window;
  readonly test: Window;
}

/** Every fold that fits; none when there are fewer bars than one takes. All lengths at least 1. */
export function walkForwardWindows(plan: WindowPlan): Fold[] {
  const { bars, train, test, step, mode, purge = 0, keepsPartial = false } = plan;
  const folds: Fold[] = [];
  for (let start = train; start < bars; start += step) {
    const end = Math.min(start + test, bars);
    if (end - start < test && !keepsPartial) break;
    folds.push({ train: [mode === 'anchored' ? 0 : start - train, start - purge], test: [start, end] });
  }
  return folds;
}

export interface PurgedFold {
  readonly test: Window;
  /** Samples that may be trained on. */
  readonly train: readonly number[];
}

/**
 * K folds in order of time. A sample is not trained on when the interval of its label (both ends in it) meets that of the fold, nor within `embargo`
 * samples after the fold's last purged one.
 */
export function purgedFolds(spans: readonly Window[], count: number, embargo: number): PurgedFold[] {
  const samples = spans.length;
  return Array.from({ length: count }, (_, fold) => {
    const from = Math.round((fold * samples) / count);
    const to = Math.round(((fold + 1) * samples) / count);
    const inside = spans.slice(from, to);
    const first = Math.min(...inside.map(([start]) => start));
    const last = Math.max(...inside.map(([, end]) => end));
    const meets = spans.map(([start, end]) => start <= last && end >= first);
    const end = meets.lastIndexOf(true) + 1;
    const isKept = (at: number) => !meets[at] && !(at >= end && at < end + embargo);
    return { test: [from, to] as const, train: spans.map((_, at) => at).filter(isKept) };
  });
}

export interface FoldResult {
  /** Earned where the parameters were chosen, over so many bars. */
  readonly isPnl: Decimal;
  readonly isBars: number;
  /** Earned where they were not. */
  readonly oosPnl: Decimal;
  readonly oosBars: number;
}

/** Share of the profit per bar that survives out of sample; null when there was none in sample. */
export function walkForwardEfficiency({ isPnl, isBars, oosPnl, oosBars }: FoldResult): Decimal | null {
  if (!isPnl.greaterThan(0)) return null;
  return oosPnl.times(isBars).div(isPnl.times(oosBars));
}
