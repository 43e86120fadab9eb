import { ArbotError } from '../messages/errors.js';
import type { DailyPerformance, EquityMark } from '../messages/performance.js';
import type { PortfolioSnapshot } from '../ports/stores.js';

/** Rules of daily rows that every implementation shares. */

/** What the figures of a day need of a snapshot. */
export function markOf({ atMs, equity, holdings, baseline }: PortfolioSnapshot): EquityMark {
  const amounts = holdings.map(({ asset, amount, mark }) => ({ asset, amount, mark }));
  return { atMs, equity, holdings: amounts, ...(baseline !== undefined && { baseline }) };
}

export function anotherDay({ day, currency }: DailyPerformance): ArbotError {
  return new ArbotError(
    'ARB_STORE_CONFLICT',
    `the row of ${day} in ${currency} is written already with other figures, and stays`,
  );
}
