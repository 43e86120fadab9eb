import type { OpeningBalance } from '../execution/ledger.js';
import type { AdmissionLimits } from '../execution/order-admission.js';
import type { SagaPolicy } from '../execution/saga-state.js';
import { DEFAULT_SPATIAL_PARAMETERS, type SpatialParameters } from '../detectors/spatial-parameters.js';
import { Decimal, toText } from '../market/decimal.js';
import type { Instrument } from '../market/instrument.js';
import type { AssetId, DecimalText, ExchangeId } from '../messages/primitives.js';
import type { RiskLimits } from '../risk/limits.js';
import type { TradingConfig } from '../config/index.js';

/** The trader's file in the terms of each stage. Nothing here decides; it only translates. */

const RECOVERY_SLACK_BPS = 20;
const MAX_RECOVERY_LOSS_BPS = 100;
/** The longest a paper order may take both ways and still be answered, ms. */
export const ANSWER_TIMEOUT_MS = 2_000;

export function openingsOf(trading: TradingConfig): OpeningBalance[] {
  return enabledExchanges(trading).flatMap(([exchange, { opening }]) =>
    Object.entries(opening).map(([asset, amount]) => ({ exchange, asset, amount })),
  );
}

/** What is held on purpose: the configured baseline, else the sum of the opening balances. */
export function baselineOf(trading: TradingConfig): { asset: AssetId; amount: DecimalText }[] {
  const opened = new Map<AssetId, Decimal>();
  for (const { asset, amount } of openingsOf(trading))
    opened.set(asset, (opened.get(asset) ?? new Decimal(0)).plus(amount));
  for (const [asset, { baseline }] of Object.entries(trading.assets))
    if (baseline !== undefined) opened.set(asset, new Decimal(baseline));
  return [...opened].map(([asset, amount]) => ({ asset, amount: toText(amount) }));
}

export function riskLimitsOf(trading: TradingConfig): RiskLimits {
  const { limits, edge } = trading;
  return {
    reportingCurrency: trading.reportingCurrency,
    minNetEdgeBps: edge.minNetEdgeBps,
    minNetProfit: edge.minNetProfit,
    maxGrossEdgeBps: edge.tooGoodToBeTrueBps,
    maxBookAgeMs: limits.bookAgeMaxMs,
    maxUnchangedMs: limits.unchangedMaxMs,
    maxOrderNotional: limits.orderNotional,
    maxAssetExposure: limits.assetNotional,
    assetExposureOverrides: Object.fromEntries(
      Object.entries(trading.assets).flatMap(([asset, { maxExposure }]) =>
        maxExposure === undefined ? [] : [[asset, maxExposure]],
      ),
    ),
    maxExchangeHoldings: limits.exchangeNotional,
    exchangeHoldingsOverrides: limits.exchangeNotionalBy,
    maxTotalExposure: limits.totalNotional,
    baseline: baselineOf(trading),
    reserve: enabledExchanges(trading).flatMap(([exchange, { reserve }]) =>
      Object.entries(reserve).map(([asset, amount]) => ({ exchange, asset, amount })),
    ),
    shrinkToFit: true,
    recoverySlackBps: RECOVERY_SLACK_BPS,
    approvalLifetimeMs: 1_000,
    unclaimedGraceMs: ANSWER_TIMEOUT_MS * 5,
    maxReservations: 64,
  };
}

export function spatialParametersOf(
  trading: TradingConfig,
  clockOffsetMs: (exchange: ExchangeId) => number,
): SpatialParameters {
  const { edge, sizes, limits, reportingCurrency } = trading;
  const perTrade = { minNetProfit: edge.minNetProfit, maxNotional: sizes.maxNotional };
  return {
    ...DEFAULT_SPATIAL_PARAMETERS,
    limits: new Map([[reportingCurrency, perTrade]]),
    minNetBps: edge.minNetEdgeBps,
    latencyDecayBps: edge.latencyDecayBps,
    transferCostBps: edge.transferCostBps,
    reportFloorBps: edge.reportFloorBps,
    maxBookAgeMs: limits.bookAgeMaxMs,
    maxUnchangedMs: limits.unchangedMaxMs,
    clockOffsetMs,
  };
}

export const SAGA_POLICY: SagaPolicy = {
  recoverySlackBps: RECOVERY_SLACK_BPS,
  maxRecoveryLossBps: MAX_RECOVERY_LOSS_BPS,
  maxQueries: 10,
  queryIntervalMs: 1_000,
  minNotFound: 2,
  expirySkewMs: 250,
};

export const ADMISSION: AdmissionLimits = {
  recoveryWindowMs: 5_000,
  recoveryCollarBps: RECOVERY_SLACK_BPS * 2,
  recoverWhileHalted: false,
};

/** The fee the trader's account pays, where the file says so; start-up defaults of the exchange otherwise. */
export function withConfiguredFee(trading: TradingConfig, instrument: Instrument): Instrument {
  const configured = trading.exchanges[instrument.exchange];
  if (configured === undefined) return instrument;
  const { takerFeeBps, feeMode } = configured;
  return {
    ...instrument,
    ...(takerFeeBps !== undefined && { takerFeeRate: toText(new Decimal(takerFeeBps).div(10_000)) }),
    ...(feeMode !== undefined && { feeMode }),
  };
}

/** Enabled and not blacklisted. */
export function enabledExchanges(
  trading: TradingConfig,
): [ExchangeId, TradingConfig['exchanges'][ExchangeId]][] {
  return Object.entries(trading.exchanges).filter(
    ([exchange, { enabled }]) => enabled && !trading.blacklist.exchanges.includes(exchange),
  );
}

/** Pairs that are enabled and of which neither side is blacklisted. */
export function enabledPairs(trading: TradingConfig): TradingConfig['pairs'] {
  const { assets, pairs } = trading.blacklist;
  return trading.pairs.filter(
    ({ pair, enabled }) =>
      enabled && !pairs.includes(pair) && !pair.split('-').some((asset) => assets.includes(asset)),
  );
}
