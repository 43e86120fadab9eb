import type { AssetId, DecimalText, ExchangeId } from '../messages/primitives.js';
import type { BreakerLimits } from './breaker.js';
import type { HealthLimits } from './exchange-health.js';
import type { FlashLimits } from './flash/watch.js';
import type { LossLimits } from './loss-book.js';
import type { NoTradeWindow } from './no-trade-window.js';

/**
 * The limits of the risk gate (TRADING §1–§3). Money is in the reporting currency unless the name says otherwise; the
 * reporting currency itself carries no price risk and has no trading exposure.
 */
export interface RiskLimits extends LossLimits {
  readonly reportingCurrency: AssetId;
  /** Net edge over the notional, basis points; equal is enough. */
  readonly minNetEdgeBps: number;
  /** Expected net profit of the whole trade, in the quote asset. */
  readonly minNetProfit: DecimalText;
  /** The same of trades in another quote, in that; what is not in here is not traded in. Absent = none. */
  readonly quoteProfits?: Readonly<Record<AssetId, DecimalText>>;
  /** A gross edge at or above this is taken for an error in the data, basis points. */
  readonly maxGrossEdgeBps: number;
  /** Age of each book by TRADING §2 (since its connection proved alive + transit lag). */
  readonly maxBookAgeMs: number;
  /** Time since the book last changed: quiet pairs are judged apart from dead connections. */
  readonly maxUnchangedMs: number;
  /** Skew of an exchange's clock against ours, less what the measurement leaves open, ms. */
  readonly maxClockSkewMs: number;
  /** Exchanges that the skew binds: their signed requests carry an expiry. */
  readonly clockBound: readonly ExchangeId[];
  /** Exchanges whose books nothing proves complete, and which are traded all the same (`Instrument.bookProof`). Absent = none. */
  readonly acceptOpaqueBooks?: readonly ExchangeId[];
  /** True where real orders leave: a clock that was never measured is refused. */
  readonly refuseUnknownClock: boolean;
  readonly noTradeWindows: readonly NoTradeWindow[];
  /** Least notional of a trade, however small a limit makes it. */
  readonly minTradeNotional: DecimalText;
  readonly maxOrderNotional: DecimalText;
  readonly maxAssetExposure: DecimalText;
  readonly assetExposureOverrides: Readonly<Record<AssetId, DecimalText>>;
  /** Counts everything held at the exchange: what is lost when it fails. */
  readonly maxExchangeHoldings: DecimalText;
  readonly exchangeHoldingsOverrides: Readonly<Record<ExchangeId, DecimalText>>;
  readonly maxTotalExposure: DecimalText;
  /** How KRW and USDT trade against each other. Absent = they do not. */
  readonly bridge?: 'none' | 'leg' | 'inventory';
  /** With `inventory`: how far KRW may run away from what is held on purpose. Absent = not at all. */
  readonly maxBridgeExposure?: DecimalText;
  /** What one strategy may have in flight at worst. */
  readonly maxStrategyExposure: DecimalText;
  readonly strategyExposureOverrides: Readonly<Record<string, DecimalText>>;
  /** Orders that may be approved within a second and within a minute. */
  readonly maxOrdersPerSecond: number;
  readonly maxOrdersPerMinute: number;
  readonly breaker: BreakerLimits;
  /** An answer that took longer counts as a failed order, ms. */
  readonly slowOrderMs: number;
  /** An order that left and is silent for this long counts as a failed order, ms. */
  readonly silentOrderMs: number;
  readonly health: HealthLimits;
  readonly flash: FlashLimits;
  /** Held on purpose, per asset over all exchanges: no exposure and no loss comes from it. */
  readonly baseline: readonly { readonly asset: AssetId; readonly amount: DecimalText }[];
  /** Never sold below, per exchange and asset. */
  readonly reserve: readonly {
    readonly exchange: ExchangeId;
    readonly asset: AssetId;
    readonly amount: DecimalText;
  }[];
  /** False: what does not fit a limit is refused instead of made smaller. */
  readonly shrinkToFit: boolean;
  /** Buy orders reserve this much above their limit price, so that one recovery order stays inside the reservation. */
  readonly recoverySlackBps: number;
  readonly approvalLifetimeMs: number;
  /** An approval that nothing was ever heard of lapses this long after its expiry. */
  readonly unclaimedGraceMs: number;
  readonly maxReservations: number;
}
