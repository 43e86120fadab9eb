import type { TradingConfig } from '../config/index.js';
import type { TransferBatch } from '../detectors/amortisation.js';
import { Amounts, type AmountAt } from '../detectors/holdings.js';
import type { LearnedDecays } from '../detectors/latency-decay.js';
import { networkOf, wayState } from '../detectors/refill.js';
import type { SpatialParameters } from '../detectors/spatial-parameters.js';
import { Decimal } from '../market/decimal.js';
import type { NetworkStatus } from '../market/wallet.js';
import type { WalletStatuses } from '../market/wallet-statuses.js';
import type { AssetId, DecimalText, ExchangeId } from '../messages/primitives.js';
import { baselineOf, enabledExchanges, openingsOf } from './parameters.js';

/** What a node knows beside the trader's file when it tells what an edge is worth. */
export interface EdgeKnowledge {
  readonly wallets: WalletStatuses;
  readonly decays: LearnedDecays;
  /** Of the wallets' ages, monotonic ms. */
  readonly nowMs: () => number;
}

type EdgeTerms = Pick<
  SpatialParameters,
  'inventory' | 'transfers' | 'refillWay' | 'reserve' | 'learnedDecayBps'
>;

/** The terms of edges that are not numbers of the file alone; empty where the file asks for none of them. */
export function edgeTermsOf(trading: TradingConfig, knowledge: EdgeKnowledge): EdgeTerms {
  const { inventory, edge } = trading;
  const batch = transferBatchOf(trading);
  return {
    ...(inventory.priceBps > 0 && {
      inventory: { targets: new Amounts(targetsOf(trading)), limitBps: inventory.priceBps },
    }),
    ...(batch !== null && {
      transfers: { batch, withdrawFee: withdrawFees(trading, knowledge) },
    }),
    ...(inventory.unrefillable === 'reserve' && {
      reserve: new Amounts(reservesOf(trading)),
      refillWay: (asset, from, to) =>
        wayState({
          from: freshNetworks(trading, knowledge, from, asset),
          to: freshNetworks(trading, knowledge, to, asset),
        }),
    }),
    ...(edge.latencyDecaySource === 'learned' && {
      learnedDecayBps: (pair, buyOn, sellOn) => knowledge.decays.bpsOf(pair, buyOn, sellOn),
    }),
  };
}

/** Whether a detector of this file has to know what is held. */
export function needsHoldings(trading: TradingConfig): boolean {
  const { inventory } = trading;
  return inventory.priceBps > 0 || inventory.unrefillable === 'reserve' || paysInCoin(trading);
}

/** Whether fees are paid in a third coin anywhere. */
export const paysInCoin = (trading: TradingConfig): boolean =>
  enabledExchanges(trading).some(([, { feeMode }]) => feeMode === 'third');

/**
 * What should be held where: the baseline of each asset, shared out as the opening balances were. An asset without opening balances
 * has no targets.
 */
export function targetsOf(trading: TradingConfig): AmountAt[] {
  const openings = openingsOf(trading);
  const baseline = new Map(baselineOf(trading).map(({ asset, amount }) => [asset, amount]));
  const opened = new Map<AssetId, Decimal>();
  for (const { asset, amount } of openings)
    opened.set(asset, (opened.get(asset) ?? new Decimal(0)).plus(amount));
  return openings.flatMap(({ exchange, asset, amount }) => {
    const whole = opened.get(asset)!;
    if (whole.isZero()) return [];
    const share = new Decimal(amount).times(baseline.get(asset) ?? whole).div(whole);
    return [{ exchange, asset, amount: share.toDecimalPlaces(18, Decimal.ROUND_HALF_EVEN).toFixed() }];
  });
}

export function reservesOf(trading: TradingConfig): AmountAt[] {
  return enabledExchanges(trading).flatMap(([exchange, { reserve }]) =>
    Object.entries(reserve).map(([asset, amount]) => ({ exchange, asset, amount })),
  );
}

const HOUR_MS = 3_600_000;

/** Null where no share of transfers is charged. */
export function transferBatchOf({ transfers }: TradingConfig): TransferBatch | null {
  const { batchNotional, intervalHours, notionalPerDay } = transfers;
  if (batchNotional === undefined) return null;
  return {
    notional: Number(batchNotional),
    intervalMs: intervalHours * HOUR_MS,
    notionalPerDay: notionalPerDay === undefined ? null : Number(notionalPerDay),
  };
}

/** The trader's own figures by exchange. */
export function withdrawFeesOf(trading: TradingConfig): Map<ExchangeId, Record<AssetId, DecimalText>> {
  return new Map(enabledExchanges(trading).map(([exchange, { withdrawFee }]) => [exchange, withdrawFee]));
}

/** The trader's figure, else the cheapest open network that the exchange told of. */
function withdrawFees(trading: TradingConfig, knowledge: EdgeKnowledge) {
  const own = withdrawFeesOf(trading);
  return (exchange: ExchangeId, asset: AssetId): number | null => {
    const fixed = own.get(exchange)?.[asset];
    if (fixed !== undefined) return Number(fixed);
    const open = (freshNetworks(trading, knowledge, exchange, asset) ?? []).filter(
      (one) => one.canWithdraw && one.withdrawFee !== null && networkOf(one) !== null,
    );
    return open.length === 0 ? null : Math.min(...open.map(({ withdrawFee }) => Number(withdrawFee)));
  };
}

/** What the exchange said of the asset; null where that is too long ago, or it said nothing. */
function freshNetworks(
  { inventory }: TradingConfig,
  { wallets, nowMs }: EdgeKnowledge,
  exchange: ExchangeId,
  asset: AssetId,
): readonly NetworkStatus[] | null {
  return wallets.ageMs(exchange, nowMs()) <= inventory.walletAgeMaxMs
    ? wallets.networksOf(exchange, asset)
    : null;
}
