import { commonStep, Decimal, roundForMessage, toText, ZERO } from '../market/decimal.js';
import type { Instrument } from '../market/instrument.js';
import type { ArbitrageClosed, Fill } from '../messages/order.js';
import type { AssetId, DecimalText, Side } from '../messages/primitives.js';
import { isTerminal } from './order-state.js';
import type { Order } from './order.js';

/** What all orders of an arbitrage came to. Quote amounts in the quote asset; `residual` in base, signed. */
export interface Settlement {
  readonly bought: Decimal;
  readonly sold: Decimal;
  /** Bought − sold − fees taken in base. */
  readonly residual: Decimal;
  readonly averageBuy: Decimal | null;
  readonly averageSell: Decimal | null;
  /** All fees valued in quote. */
  readonly fees: Decimal;
  /** Quote received − quote spent − fees taken in quote or in a third coin. */
  readonly quoteChange: Decimal;
  /** Fees in a coin whose price is not known: the figures above miss them. */
  readonly unvaluedFees: readonly AssetId[];
}

/** Prices of third coins that fees may be taken in, in quote. */
export type FeeMarks = ReadonlyMap<AssetId, Decimal>;

interface Sums {
  base: Decimal;
  quote: Decimal;
}

export function settle(
  orders: readonly Order[],
  assets: { readonly base: AssetId; readonly quote: AssetId },
  marks: FeeMarks,
): Settlement {
  const buy = sumsOf(orders, 'buy');
  const sell = sumsOf(orders, 'sell');
  const fills = orders.flatMap((order) => order.fills);
  const baseFees = feesIn(fills, assets.base);
  const baseFeeValue = fills
    .filter((fill) => fill.feeAsset === assets.base)
    .reduce((sum, fill) => sum.plus(new Decimal(fill.fee).times(fill.price)), ZERO);
  const third = thirdFees(fills, assets, marks);
  const cashFees = feesIn(fills, assets.quote).plus(third.value);
  return {
    bought: buy.base,
    sold: sell.base,
    residual: buy.base.minus(sell.base).minus(baseFees),
    averageBuy: buy.base.isZero() ? null : buy.quote.div(buy.base),
    averageSell: sell.base.isZero() ? null : sell.quote.div(sell.base),
    fees: cashFees.plus(baseFeeValue),
    quoteChange: sell.quote.minus(buy.quote).minus(cashFees),
    unvaluedFees: third.unvalued,
  };
}

function sumsOf(orders: readonly Order[], side: Side): Sums {
  const sums = { base: ZERO, quote: ZERO };
  for (const order of orders) {
    if (order.submit.side !== side) continue;
    sums.base = sums.base.plus(order.filledBase);
    sums.quote = sums.quote.plus(order.filledQuote);
  }
  return sums;
}

const feesIn = (fills: readonly Fill[], asset: AssetId): Decimal =>
  fills.reduce((sum, fill) => (fill.feeAsset === asset ? sum.plus(fill.fee) : sum), ZERO);

function thirdFees(
  fills: readonly Fill[],
  assets: { readonly base: AssetId; readonly quote: AssetId },
  marks: FeeMarks,
): { readonly value: Decimal; readonly unvalued: AssetId[] } {
  let value = ZERO;
  const unvalued = new Set<AssetId>();
  for (const { feeAsset, fee } of fills) {
    if (feeAsset === assets.base || feeAsset === assets.quote) continue;
    const mark = marks.get(feeAsset);
    if (mark === undefined) unvalued.add(feeAsset);
    else value = value.plus(mark.times(fee));
  }
  return { value, unvalued: [...unvalued] };
}

/** What may be left over without being an imbalance: one coarser lot (TRADING §3). */
export function toleratedResidue(buy: Instrument, sell: Instrument): Decimal {
  return commonStep(new Decimal(buy.lotSize), new Decimal(sell.lotSize));
}

/**
 * Realised net in quote: the quote change plus the residue at the average price of its own side (what is too much was
 * bought, what is missing was sold), so that an open residue neither earns nor loses until it is traded.
 */
export function realisedNet(s: Settlement): Decimal {
  const price = s.residual.isNegative() ? s.averageSell : s.averageBuy;
  return s.quoteChange.plus(price === null ? ZERO : s.residual.times(price));
}

export interface OutcomeFacts {
  readonly orders: readonly Order[];
  readonly settlement: Settlement;
  readonly wanted: DecimalText;
  readonly tolerance: Decimal;
  /** Recovery orders that took a leg back. */
  readonly reversed: readonly Order[];
}

/** The one word for how it ended. Whatever is not certain and balanced is flagged for a person. */
export function outcomeOf(facts: OutcomeFacts): ArbitrageClosed['outcome'] {
  const { orders, settlement: s, tolerance } = facts;
  const uncertain = orders.some((order) => !isTerminal(order.status) || order.doubts.length > 0);
  if (uncertain || s.unvaluedFees.length > 0) return 'flagged';
  if (s.bought.isZero() && s.sold.isZero()) return 'failed';
  if (s.residual.abs().gt(tolerance)) return 'flagged';
  const takenBack = facts.reversed.reduce((sum, order) => sum.plus(order.filledBase), ZERO);
  if (takenBack.gt(0))
    return Decimal.min(s.bought, s.sold).minus(takenBack).gt(tolerance) ? 'partial' : 'unwound';
  return Decimal.min(s.bought, s.sold).plus(tolerance).gte(facts.wanted) ? 'completed' : 'partial';
}

/** Money for a message: at most 20 decimals, never to our favour. */
export const conservativeText = (amount: Decimal): DecimalText => toText(roundForMessage(amount, 'down'));
