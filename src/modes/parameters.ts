import type { OpeningBalance } from '../execution/ledger.js';
import type { AdmissionLimits } from '../execution/order-admission.js';
import type { PaperLatency } from '../execution/paper-exchange.js';
import type { ExchangeFacts } from '../execution/leg-policy.js';
import type { LegPolicy, SagaPolicy } from '../execution/saga-state.js';
import {
  DEFAULT_SPATIAL_PARAMETERS,
  type PairTerms,
  type SpatialParameters,
} from '../detectors/spatial-parameters.js';
import {
  DEFAULT_TRIANGULAR_PARAMETERS,
  type TriangularParameters,
} from '../detectors/triangular/triangular-parameters.js';
import { Decimal, toText } from '../market/decimal.js';
import { accountTerms, type MarketRates } from '../market/fee-tiers.js';
import type { Instrument } from '../market/instrument.js';
import { invariant } from '../messages/errors.js';
import type { AssetId, DecimalText, ExchangeId, ModeName, PairId, Strategy } from '../messages/primitives.js';
import type { RiskLimits } from '../risk/limits.js';
import type { Connector } from '../connectors/base.js';
import type { CcxtOptions } from '../connectors/ccxt.js';
import { assetsOfPair, type PairConfig, type TradingConfig } from '../config/index.js';
import { CLOCK_BOUND } from './connectors.js';
import { noTradeWindowsOf } from './no-trade-windows.js';

/** The trader's file in the terms of each stage. Nothing here decides; it only translates. */

/** Longer than an approval lives, so that the approval's own expiry decides. */
export const SIGNAL_TTL_MS = 1_500;
const RECOVERY_SLACK_BPS = 20;
const MAX_RECOVERY_LOSS_BPS = 100;
const BPS_IN_ONE = 10_000;
const MAX_RECOVERIES = 6;
/** An order that may be late is settled after 60 s and more, and its imbalance is brought home then (TRADING §4: 75 s). */
const RECOVERY_WINDOW_MS = 90_000;
const KST_OFFSET_MS = -9 * 3_600_000;
/** The longest a paper order may take both ways and still be answered, ms. */
export const ANSWER_TIMEOUT_MS = 2_000;
/** An order that is silent for longer counts as failed, ms: what it may take to leave and to be answered, and a margin. */
const SILENT_ORDER_MS = 5_000;

export function openingsOf(trading: TradingConfig): OpeningBalance[] {
  return enabledExchanges(trading).flatMap(([exchange, { opening }]) =>
    Object.entries(opening).map(([asset, amount]) => ({ exchange, asset, amount })),
  );
}

/** Pretended latency of paper orders. Throws ARB_INVARIANT for an exchange that is not in the file, which opens no gateway. */
export function latencyOf(trading: TradingConfig, exchange: ExchangeId): PaperLatency {
  const configured = trading.exchanges[exchange];
  invariant(configured !== undefined, `${exchange} is not in trading.config.ts`);
  return configured.paperLatency;
}

/** How long the exchange waits for a word of ours before it cancels everything; null = that is not asked for. */
export function deadManMsOf(trading: TradingConfig, exchange: ExchangeId): number | null {
  return trading.exchanges[exchange]?.deadManSwitchMs ?? null;
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

/** Paper and recorded runs trade without a measured clock: no request expires there. */
export function riskLimitsOf(trading: TradingConfig, mode: ModeName): RiskLimits {
  const { limits, edge, sizes } = trading;
  return {
    reportingCurrency: trading.reportingCurrency,
    minNetEdgeBps: edge.minNetEdgeBps,
    minNetProfit: edge.minNetProfit,
    quoteProfits: Object.fromEntries(
      Object.entries(trading.quotes).map(([quote, { minNetProfit }]) => [quote, minNetProfit]),
    ),
    maxGrossEdgeBps: edge.tooGoodToBeTrueBps,
    maxBookAgeMs: limits.bookAgeMaxMs,
    maxUnchangedMs: limits.unchangedMaxMs,
    maxClockSkewMs: limits.clockSkewMaxMs,
    clockBound: CLOCK_BOUND,
    acceptOpaqueBooks: opaqueAccepted(trading),
    refuseUnknownClock: mode === 'LIVE',
    noTradeWindows: noTradeWindowsOf(trading),
    minTradeNotional: sizes.minNotional,
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
    ...(trading.bridge !== 'none' && {
      bridge: trading.bridge,
      maxBridgeExposure: limits.bridgeNotional,
    }),
    maxStrategyExposure: limits.strategyNotional ?? limits.totalNotional,
    strategyExposureOverrides: limits.strategyNotionalBy,
    ...guardsOf(trading),
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

/** What watches losses, orders, exchanges and markets. */
function guardsOf(trading: TradingConfig) {
  const { limits } = trading;
  const { breaker, health, flash } = limits;
  return {
    maxDailyLoss: limits.dailyLoss,
    maxDrawdown: limits.drawdown,
    maxLossStreak: limits.lossStreak,
    dayOffsetMs: dayBoundaryOffsetMs(trading),
    maxOrdersPerSecond: limits.ordersPerSecond,
    maxOrdersPerMinute: limits.ordersPerMinute,
    slowOrderMs: breaker.slowOrderMs,
    silentOrderMs: SILENT_ORDER_MS,
    breaker: {
      maxConsecutiveLosses: breaker.lossesInRow,
      // The rule of the drawdown knows the whole trading value; a breaker knows only results.
      maxDrawdown: null,
      errorWindowMs: breaker.windowMs,
      minCalls: breaker.minOrders,
      errorRate: breaker.errorRate,
      cooldownMs: breaker.cooldownMs,
      backoffFactor: breaker.backoffFactor,
      maxCooldownMs: breaker.maxCooldownMs,
      halfOpenProbes: breaker.probes,
      probeSizeFactor: toText(new Decimal(breaker.probeSize)),
    },
    health,
    flash: {
      windowMs: flash.windowMs,
      move: flash.moveBps / BPS_IN_ONE,
      returnScore: flash.returnScore,
      returnFloor: flash.returnFloorBps / BPS_IN_ONE,
      band: flash.bandBps / BPS_IN_ONE,
      deviation: flash.deviationBps / BPS_IN_ONE,
      depthRatio: flash.depthRatio,
      holdMs: flash.holdMs,
    },
  };
}

export function spatialParametersOf(
  trading: TradingConfig,
  clockOffsetMs: (exchange: ExchangeId) => number,
): SpatialParameters {
  const { edge, sizes, limits, reportingCurrency, quotes, bridge } = trading;
  const perTrade = { minNetProfit: edge.minNetProfit, ...sizes };
  return {
    ...DEFAULT_SPATIAL_PARAMETERS,
    limits: new Map([[reportingCurrency, perTrade], ...Object.entries(quotes)]),
    pairs: pairTermsOf(trading),
    ...(bridge !== 'none' && { bridge: { kind: bridge, dollar: reportingCurrency } }),
    minNetBps: edge.minNetEdgeBps,
    latencyDecayBps: edge.latencyDecayBps,
    transferCostBps: edge.transferCostBps,
    limitSlackBps: edge.limitSlackBps,
    reportFloorBps: edge.reportFloorBps,
    signalTtlMs: SIGNAL_TTL_MS,
    maxBookAgeMs: limits.bookAgeMaxMs,
    maxUnchangedMs: limits.unchangedMaxMs,
    acceptOpaqueBooks: opaqueAccepted(trading),
    clockOffsetMs,
    ...(trading.strategies.spatial === 'watch' && { watchOnly: true }),
  };
}

export function triangularParametersOf(
  trading: TradingConfig,
  clockOffsetMs: (exchange: ExchangeId) => number,
): TriangularParameters {
  const { edge, limits, triangular } = trading;
  const { exchanges, minNetEdgeBps, bookAgeGapMaxMs } = triangular;
  return {
    ...DEFAULT_TRIANGULAR_PARAMETERS,
    limits: startLimitsOf(trading),
    ...(exchanges.length > 0 && { exchanges }),
    pairs: pairTermsOf(trading),
    minNetBps: minNetEdgeBps ?? edge.minNetEdgeBps,
    latencyDecayBps: edge.latencyDecayBps,
    limitSlackBps: edge.limitSlackBps,
    reportFloorBps: edge.reportFloorBps,
    signalTtlMs: SIGNAL_TTL_MS,
    maxBookAgeMs: limits.bookAgeMaxMs,
    maxUnchangedMs: limits.unchangedMaxMs,
    maxAgeGapMs: bookAgeGapMaxMs,
    acceptOpaqueBooks: opaqueAccepted(trading),
    clockOffsetMs,
    ...(trading.strategies.triangular === 'watch' && { watchOnly: true }),
  };
}

/** What is not said of a start asset is that of all trades. */
function startLimitsOf({ triangular, edge, sizes, reportingCurrency }: TradingConfig) {
  const named = Object.entries(triangular.startAssets);
  const starts: typeof named = named.length > 0 ? named : [[reportingCurrency, {}]];
  return new Map(
    starts.map(([asset, { minNetProfit = edge.minNetProfit, maxNotional = sizes.maxNotional }]) => [
      asset,
      {
        ...{ minNetProfit, maxNotional },
        ...(asset === reportingCurrency && { minNotional: sizes.minNotional }),
      },
    ]),
  );
}

/** Exchanges in use on which cycles are looked for. */
export function triangularExchanges(trading: TradingConfig): ExchangeId[] {
  if (trading.strategies.triangular === 'off') return [];
  const { exchanges } = trading.triangular;
  return enabledExchanges(trading).flatMap(([name]) =>
    exchanges.length === 0 || exchanges.includes(name) ? [name] : [],
  );
}

/** Exchanges in use that ccxt reads. */
export function ccxtOf(trading: TradingConfig): Map<ExchangeId, CcxtOptions> {
  return new Map(
    enabledExchanges(trading).flatMap(([exchange, { ccxt }]) =>
      ccxt === undefined ? [] : [[exchange, { exchange, ccxtId: ccxt.id, assets: ccxt.assets }]],
    ),
  );
}

/** Exchanges behind ccxt that the trader wants traded although nothing proves their books. */
export function opaqueAccepted(trading: TradingConfig): ExchangeId[] {
  return enabledExchanges(trading).flatMap(([exchange, { ccxt }]) =>
    ccxt?.acceptOpaqueBooks === true ? [exchange] : [],
  );
}

/** What is not in here is not traded, whatever a recording holds. */
function pairTermsOf(trading: TradingConfig): Map<PairId, PairTerms> {
  const termsOf = ({ directions, maxNotional }: PairConfig): PairTerms => ({
    ...(directions !== 'all' && { directions }),
    ...(maxNotional !== undefined && { maxNotional }),
  });
  return new Map(tradedPairs(trading).map((one) => [one.pair, termsOf(one)]));
}

/** When the trading day begins, ms after midnight UTC. */
export const dayBoundaryOffsetMs = ({ dayBoundary }: TradingConfig): number =>
  dayBoundary === 'KST' ? KST_OFFSET_MS : 0;

export const SAGA_POLICY: SagaPolicy = {
  recoverySlackBps: RECOVERY_SLACK_BPS,
  maxRecoveryLossBps: MAX_RECOVERY_LOSS_BPS,
  maxQueries: 10,
  queryIntervalMs: 1_000,
  minNotFound: 2,
  expirySkewMs: 250,
  lateOrderMs: 60_000,
  maxRecoveries: MAX_RECOVERIES,
  recoveryDeadlineMs: 1_500,
  resumedDeadlineMs: 12_000,
  recoveryGiveUpMs: 12_000,
  requoteMs: 100,
  legLifeMs: 150,
  followLifeMs: 400,
  recoveryWindowMs: RECOVERY_WINDOW_MS,
};

/** The price of a recovery order may leave the approved limits as far as the saga's loss cap allows, and a slack beyond. */
export const ADMISSION: AdmissionLimits = {
  recoveryWindowMs: RECOVERY_WINDOW_MS,
  recoveryCollarBps: MAX_RECOVERY_LOSS_BPS + RECOVERY_SLACK_BPS * 2,
  recoverWhileHalted: false,
  maxRecoveries: MAX_RECOVERIES,
};

export const legPoliciesOf = (trading: TradingConfig): Map<PairId, LegPolicy> =>
  new Map(tradedPairs(trading).map(({ pair, legPolicy }) => [pair, legPolicy]));

/** What decides which leg leads, and how long an order may be late. Latency is known where it is pretended. */
export function exchangeFactsOf(
  trading: TradingConfig,
  connectors: readonly Pick<Connector, 'exchange' | 'capabilities'>[],
): Map<ExchangeId, ExchangeFacts> {
  return new Map(
    connectors.map(({ exchange, capabilities }) => [
      exchange,
      {
        requestExpiry: capabilities.orders.requestExpiry.kind !== 'none',
        latencyMs: trading.exchanges[exchange]?.paperLatency.medianMs ?? null,
      },
    ]),
  );
}

/**
 * The fee the trader's account pays: what the file says, its tier, else the start-up default of the exchange; and what the exchange
 * itself says of the account where that is asked for and known (`accountTerms`).
 */
export function withConfiguredFee(
  trading: TradingConfig,
  instrument: Instrument,
  account: MarketRates | null = null,
): Instrument {
  const configured = trading.exchanges[instrument.exchange];
  if (configured === undefined) return instrument;
  const { takerFeeBps, feeTier, feeMode, feeCoin } = configured;
  const terms = accountTerms(instrument.exchange, instrument, {
    ...(takerFeeBps !== undefined && { override: toText(new Decimal(takerFeeBps).div(10_000)) }),
    ...(feeTier !== undefined && { tier: feeTier }),
    account,
  });
  return {
    ...terms,
    ...(feeMode !== undefined && { feeMode }),
    ...(feeMode === 'third' &&
      feeCoin !== undefined && { feeCoin: feeCoin.asset, feeDiscount: feeCoin.discount }),
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

/** Neither the pair nor one of its sides is blacklisted. */
export function isPairAllowed(trading: TradingConfig, pair: PairId): boolean {
  const { assets, pairs } = trading.blacklist;
  const { base, quote } = assetsOfPair(pair);
  return !pairs.includes(pair) && !assets.includes(base) && !assets.includes(quote);
}

/** Those that offer what they find. */
export const tradingStrategies = ({ strategies }: TradingConfig): Strategy[] =>
  (['spatial', 'triangular', 'statistical'] as const).filter((name) => strategies[name] === 'trade');

/** Those of the enabled that are not only followed. */
export function tradedPairs(trading: TradingConfig): PairConfig[] {
  return enabledPairs(trading).filter(({ trade }) => trade);
}

/** Enabled and not blacklisted: what is followed. */
export function enabledPairs(trading: TradingConfig): PairConfig[] {
  return trading.pairs.filter(({ pair, enabled }) => enabled && isPairAllowed(trading, pair));
}
