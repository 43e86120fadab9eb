import { statisticalActor } from '../../actors/statistical-detector.js';
import {
  DEFAULT_STATISTICAL_PARAMETERS,
  type StatisticalParameters,
} from '../../detectors/statistical/statistical-parameters.js';
import type { TradingConfig } from '../../config/index.js';
import { Decimal } from '../../market/decimal.js';
import type { AssetId, ExchangeId } from '../../messages/primitives.js';
import type { Stores } from '../../ports/stores.js';
import { InlineCompute } from '../../runtime/platform/compute.js';
import { tasks } from '../compute-tasks.js';
import type { NodeContext } from '../node-context.js';
import { opaqueAccepted, SIGNAL_TTL_MS, tradedPairs } from '../parameters.js';
import { erased } from '../tree.js';

/** The statistical detector of a node, or of the cluster. */

const RETRY = { minMs: 100, maxMs: 2_000 };

export const looksForPairs = ({ strategies }: TradingConfig): boolean => strategies.statistical !== 'off';

/** Null while the strategy is off. */
export function pairDetectorOf(context: NodeContext, stores: Stores) {
  const { bus, board, parts, clockOffsetMs } = context;
  const trading = parts.options.tradingConfig;
  if (!looksForPairs(trading)) return null;
  return erased(
    statisticalActor(
      context.live({
        ...{ bus, board, stores },
        ticks: parts.ticks,
        compute: parts.compute ?? new InlineCompute(tasks),
        parameters: statisticalParametersOf(trading, clockOffsetMs),
        retry: RETRY,
      }),
    ),
  );
}

export function statisticalParametersOf(
  trading: TradingConfig,
  clockOffsetMs: (exchange: ExchangeId) => number,
): StatisticalParameters {
  const { edge, sizes, limits, statistical, strategies, reportingCurrency } = trading;
  const own = DEFAULT_STATISTICAL_PARAMETERS;
  const { entryZ, exitZ, stopZ, maxHoldHalfLives, maxNotional = sizes.maxNotional } = statistical;
  return {
    ...own,
    use: strategies.statistical === 'trade' ? 'trade' : 'watch',
    limits: new Map([
      [reportingCurrency, { minNetProfit: edge.minNetProfit, minNotional: sizes.minNotional, maxNotional }],
    ]),
    pairs: new Set(tradedPairs(trading).map(({ pair }) => pair)),
    barMs: statistical.barMs,
    windowBars: statistical.windowBars,
    retestBars: statistical.retestBars,
    acrossExchanges: statistical.acrossExchanges,
    maxCandidates: statistical.maxCandidates,
    maxPositions: statistical.maxPositions,
    discovery: {
      ...own.discovery,
      falseDiscoveryRate: statistical.falseDiscoveryRate,
      minHalfLife: statistical.minHalfLifeBars,
      maxHalfLife: statistical.maxHalfLifeBars,
    },
    trader: { ...own.trader, entryZ, exitZ, stopZ, maxHoldHalfLives },
    minNetBps: edge.minNetEdgeBps,
    latencyDecayBps: edge.latencyDecayBps,
    transferCostBps: edge.transferCostBps,
    limitSlackBps: edge.limitSlackBps,
    signalTtlMs: SIGNAL_TTL_MS,
    maxBookAgeMs: limits.bookAgeMaxMs,
    maxUnchangedMs: limits.unchangedMaxMs,
    acceptOpaqueBooks: opaqueAccepted(trading),
    clockOffsetMs,
    reserveOf: reserveOf(trading),
  };
}

function reserveOf(trading: TradingConfig) {
  const kept = new Map(
    Object.entries(trading.exchanges).flatMap(([exchange, { reserve }]) =>
      Object.entries(reserve).map(
        ([asset, amount]) => [`${exchange} ${asset}`, new Decimal(amount)] as const,
      ),
    ),
  );
  const nothing = new Decimal(0);
  return (exchange: ExchangeId, asset: AssetId): Decimal => kept.get(`${exchange} ${asset}`) ?? nothing;
}
