import { BPS, Decimal, ONE } from '../market/decimal.js';

/**
 * What moving funds costs one trade (reference §2, "amortisation"). Trading on two exchanges moves inventory the wrong way, and somebody has to bring it
 * back: an edge that does not pay for that is no edge.
 */
export interface InventoryTerms {
  /** Base sold and bought. */
  readonly quantity: Decimal;
  readonly ask: Decimal;
  readonly bid: Decimal;
  readonly feeBuy: Decimal;
  readonly feeSell: Decimal;
  /** Of one transfer of base, in base, and of one of quote, in quote. */
  readonly withdrawFeeBase: Decimal;
  readonly withdrawFeeQuote: Decimal;
  /** Trades that share one pair of transfers, at least 1. */
  readonly tradesPerRebalance: Decimal;
  /** Quote per base at which the base fee is valued. */
  readonly referencePrice: Decimal;
}

export interface InventoryCost {
  readonly netPerUnit: Decimal;
  /** Of one pair of transfers, in quote. */
  readonly rebalanceCost: Decimal;
  /** Profit of one trade after its share of the transfers. */
  readonly perTrade: Decimal;
  /** Base per trade at which the share is just paid; null when the edge itself is not positive. */
  readonly breakEvenQuantity: Decimal | null;
  /** Trades of this quantity that pay one pair of transfers. */
  readonly breakEvenTrades: number | null;
  /** The share of one trade against its notional. */
  readonly amortisedBps: Decimal;
}

/** Inventory on both sides, brought back after every K trades. */
export function inventoryCost(terms: InventoryTerms): InventoryCost {
  const { quantity, ask, bid, feeBuy, feeSell, tradesPerRebalance } = terms;
  const netPerUnit = bid.times(ONE.minus(feeSell)).minus(ask.times(ONE.plus(feeBuy)));
  const rebalanceCost = terms.withdrawFeeBase.times(terms.referencePrice).plus(terms.withdrawFeeQuote);
  const share = rebalanceCost.div(tradesPerRebalance);
  const earned = netPerUnit.times(quantity);
  const isPositive = netPerUnit.greaterThan(0);
  return {
    netPerUnit,
    rebalanceCost,
    perTrade: earned.minus(share),
    breakEvenQuantity: isPositive ? rebalanceCost.div(tradesPerRebalance.times(netPerUnit)) : null,
    breakEvenTrades: isPositive && earned.greaterThan(0) ? rebalanceCost.div(earned).ceil().toNumber() : null,
    amortisedBps: share.times(BPS).div(quantity.times(terms.referencePrice)),
  };
}

/** What shares one pair of transfers. Amounts in quote. */
export interface TransferBatch {
  readonly notional: number;
  /** It is brought back this often at least, ms. */
  readonly intervalMs: number;
  /** What a direction trades in a day; null = as much as fills the batch. */
  readonly notionalPerDay: number | null;
}

const DAY_MS = 86_400_000;
/** Shares move in hundredths of a basis point, so that a route need not be worked out anew at each tick. */
const SHARE_STEPS = 100;

/** Quote that shares one pair of transfers: the batch, or less where the interval ends before it is full. */
export function sharedNotional({ notional, intervalMs, notionalPerDay }: TransferBatch): number {
  return notionalPerDay === null ? notional : Math.min(notional, (notionalPerDay * intervalMs) / DAY_MS);
}

/**
 * `InventoryCost.amortisedBps` per unit of traded quote instead of per trade: one withdrawal of base and one of quote over what shares
 * them, rounded up to a hundredth of a basis point.
 */
export function transferShareBps(
  batch: TransferBatch,
  fees: { readonly base: number; readonly quote: number; readonly price: number },
): number {
  const share = ((fees.base * fees.price + fees.quote) / sharedNotional(batch)) * 1e4;
  // Less than a millionth of a step is rounding, not cost.
  return Math.ceil(share * SHARE_STEPS - 1e-6) / SHARE_STEPS;
}

export interface TransferTerms {
  readonly quantity: Decimal;
  readonly ask: Decimal;
  readonly bid: Decimal;
  readonly feeBuy: Decimal;
  readonly feeSell: Decimal;
  /** In base. */
  readonly withdrawFeeBase: Decimal;
}

export interface TransferCost {
  readonly profit: Decimal;
  /** Base from which on the transfer pays; null when it never does. */
  readonly breakEvenQuantity: Decimal | null;
  /** The bid at which this quantity breaks even; null when nothing of it arrives. */
  readonly breakEvenBid: Decimal | null;
  /** How far the bid may fall meanwhile. */
  readonly maxAdverseMoveBps: Decimal | null;
}

/** Bought on one exchange, withdrawn, sold on the other. */
export function transferCost(terms: TransferTerms): TransferCost {
  const { quantity, ask, bid, feeBuy, feeSell, withdrawFeeBase } = terms;
  const cost = ask.times(ONE.plus(feeBuy));
  const arrived = quantity.minus(withdrawFeeBase);
  const sold = bid.times(ONE.minus(feeSell));
  const perUnit = sold.minus(cost);
  const breakEvenBid = arrived.greaterThan(0)
    ? quantity.times(cost).div(arrived.times(ONE.minus(feeSell)))
    : null;
  return {
    profit: arrived.times(sold).minus(quantity.times(cost)),
    breakEvenQuantity: perUnit.greaterThan(0) ? withdrawFeeBase.times(sold).div(perUnit) : null,
    breakEvenBid,
    maxAdverseMoveBps: breakEvenBid === null ? null : bid.minus(breakEvenBid).times(BPS).div(bid),
  };
}

export interface FundingPayment {
  readonly atMs: number;
  readonly rate: Decimal;
}

/** Payments of a perpetual position that fall into (open, close]; positive = received. A long pays while the rate is positive. */
export function fundingBetween(
  payments: readonly FundingPayment[],
  position: {
    readonly openMs: number;
    readonly closeMs: number;
    readonly notional: Decimal;
    readonly side: 'long' | 'short';
  },
): { readonly charged: readonly number[]; readonly amount: Decimal } {
  const { openMs, closeMs, notional, side } = position;
  const due = payments.filter(({ atMs }) => openMs < atMs && atMs <= closeMs);
  const paid = Decimal.sum(0, ...due.map(({ rate }) => rate)).times(notional);
  return { charged: due.map(({ atMs }) => atMs), amount: side === 'short' ? paid : paid.negated() };
}
