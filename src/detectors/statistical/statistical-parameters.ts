import { Decimal, parsePositive, parseUnsigned, ZERO } from '../../market/decimal.js';
import { BOARD_DEPTH } from '../../market/quote-board.js';
import { ArbotError } from '../../messages/errors.js';
import type { AssetId, ExchangeId, PairId } from '../../messages/primitives.js';
import type { QuoteLimits, QuoteLimitsExact } from '../spatial-parameters.js';
import { DISCOVERY_TERMS, type DiscoveryTerms } from './pair-discovery.js';
import { PAIR_TERMS, type PairTerms } from './pair-trader.js';

/** What a trader allows of statistical pairs. Times of the search are in bars. */
export interface StatisticalParameters {
  /** `watch` shows what would be traded and offers nothing to the gate. */
  readonly use: 'trade' | 'watch';
  /** By quote asset; markets of other quotes are left alone. */
  readonly limits: ReadonlyMap<AssetId, QuoteLimits>;
  /** The only pairs whose markets are looked at; absent = all whose quote has limits. */
  readonly pairs?: ReadonlySet<PairId>;
  readonly barMs: number;
  /** Bars that a test looks at. */
  readonly windowBars: number;
  /** Share of the window that may be missing, 0 to 0.5. */
  readonly maxGapShare: number;
  /** Bars between two tests of all candidates. */
  readonly retestBars: number;
  /** Whether the two markets of a pair may be on two exchanges. */
  readonly acrossExchanges: boolean;
  /** Two markets each; those beyond are not tested. */
  readonly maxCandidates: number;
  /** Found pairs that are followed. */
  readonly maxPairs: number;
  readonly maxPositions: number;
  readonly discovery: DiscoveryTerms;
  readonly trader: PairTerms;
  /** A pair that is followed stays one while a retest of it alone is below this p … */
  readonly keepP: number;
  /** … and is broken by so many retests in a row that are not. */
  readonly maxFailedTests: number;
  /** Least net worth of an entry over the quote spent, bps, after what the whole way in and out costs. */
  readonly minNetBps: number;
  readonly latencyDecayBps: number;
  readonly transferCostBps: number;
  /** Levels per side that sizing may use, 1…BOARD_DEPTH. */
  readonly depth: number;
  readonly maxBookAgeMs: number;
  readonly maxUnchangedMs: number;
  readonly acceptOpaqueBooks?: readonly ExchangeId[];
  readonly clockOffsetMs?: (exchange: ExchangeId) => number;
  /** Kept back of an asset on an exchange. Absent = nothing. */
  readonly reserveOf?: (exchange: ExchangeId, asset: AssetId) => Decimal;
  readonly limitSlackBps: number;
  readonly signalTtlMs: number;
  /** An entry that was refused is offered again after this, ms … */
  readonly entryRetryMs: number;
  /** … and an exit after this. */
  readonly exitRetryMs: number;
}

export const DEFAULT_STATISTICAL_PARAMETERS: Omit<StatisticalParameters, 'limits'> = {
  use: 'trade',
  barMs: 60_000,
  windowBars: 1_000,
  maxGapShare: 0.05,
  retestBars: 60,
  acrossExchanges: true,
  maxCandidates: 50,
  maxPairs: 50,
  maxPositions: 3,
  discovery: DISCOVERY_TERMS,
  trader: PAIR_TERMS,
  keepP: 0.1,
  maxFailedTests: 2,
  minNetBps: 2,
  latencyDecayBps: 0.5,
  transferCostBps: 0,
  depth: BOARD_DEPTH,
  maxBookAgeMs: 1_500,
  maxUnchangedMs: 60_000,
  limitSlackBps: 0,
  signalTtlMs: 1_500,
  entryRetryMs: 30_000,
  exitRetryMs: 1_000,
};

/** @throws ArbotError ARB_CONFIG_INVALID naming every number that makes no sense. */
export function checkStatistical(parameters: StatisticalParameters): void {
  const { trader, discovery } = parameters;
  const wrong: string[] = [];
  const need = (isSound: boolean, name: string) => void (isSound || wrong.push(name));
  need(parameters.barMs >= 100, 'barMs');
  need(parameters.windowBars >= 50, 'windowBars');
  need(parameters.maxGapShare >= 0 && parameters.maxGapShare <= 0.5, 'maxGapShare');
  for (const name of ['retestBars', 'maxCandidates', 'maxPairs', 'maxPositions', 'maxFailedTests'] as const)
    need(Number.isInteger(parameters[name]) && parameters[name] >= 1, name);
  need(trader.entryZ > trader.exitZ && trader.exitZ >= 0, 'exitZ');
  need(trader.stopZ > trader.entryZ, 'stopZ');
  need(trader.maxHoldHalfLives > 0, 'maxHoldHalfLives');
  need(discovery.falseDiscoveryRate > 0 && discovery.falseDiscoveryRate < 1, 'falseDiscoveryRate');
  need(discovery.maxHalfLife > discovery.minHalfLife && discovery.minHalfLife > 0, 'maxHalfLife');
  need(parameters.depth >= 1 && parameters.depth <= BOARD_DEPTH, 'depth');
  for (const name of ['latencyDecayBps', 'transferCostBps', 'limitSlackBps', 'signalTtlMs'] as const)
    need(parameters[name] >= 0, name);
  need(Number.isFinite(parameters.minNetBps), 'minNetBps');
  if (wrong.length > 0)
    throw new ArbotError('ARB_CONFIG_INVALID', `statistical detector: ${wrong.join(', ')} out of range`);
}

/** Reads and checks the limits. Throws ARB_DECIMAL_INVALID naming the currency. */
export function exactPairLimits(parameters: StatisticalParameters): Map<AssetId, QuoteLimitsExact> {
  return new Map(
    [...parameters.limits].map(([quote, limits]) => {
      const minNetProfit = parseUnsigned(limits.minNetProfit, `minNetProfit of ${quote}`);
      return [
        quote,
        {
          minNetProfit,
          minNetProfitNumber: minNetProfit.toNumber(),
          maxNotional: parsePositive(limits.maxNotional, `maxNotional of ${quote}`),
          minNotional: parseUnsigned(limits.minNotional ?? '0', `minNotional of ${quote}`),
        },
      ];
    }),
  );
}

export const NO_RESERVE = (): Decimal => ZERO;
