import type { TradingConfig } from '../config/index.js';
import { premiumsOf } from '../detectors/bridge/premium.js';
import type { Instrument } from '../market/instrument.js';
import type { QuoteBoard } from '../market/quote-board.js';
import type { PremiumReport } from '../messages/premium.js';
import type { ExchangeId } from '../messages/primitives.js';
import type { Clock } from '../ports/time.js';
import type { FxRates } from './fx-rates.js';

export interface PremiumsOptions {
  readonly trading: TradingConfig;
  readonly board: QuoteBoard;
  readonly instruments: () => readonly Instrument[];
  /** The market's own time: books are as old as it says. */
  readonly clock: Clock;
  readonly clockOffsetMs: (exchange: ExchangeId) => number;
  readonly fx: FxRates;
}

/** Premiums of all coins in local money on this node's books, and the banks' rates that they are also held against. */
export async function premiumReport(options: PremiumsOptions): Promise<PremiumReport> {
  const { trading, board, instruments, clock, clockOffsetMs } = options;
  const fx = await options.fx.current();
  const known = fx.flatMap(({ currency, rate }) => (rate === null ? [] : [[currency, { rate }] as const]));
  const rows = premiumsOf({
    ...{ board, clockOffsetMs },
    instruments: instruments(),
    dollar: trading.reportingCurrency,
    limits: { maxBookAgeMs: trading.limits.bookAgeMaxMs, maxUnchangedMs: trading.limits.unchangedMaxMs },
    monotonicMs: clock.monotonicMs(),
    fx: new Map(known),
  });
  return { atMs: clock.nowMs(), dollar: trading.reportingCurrency, rows, fx };
}
