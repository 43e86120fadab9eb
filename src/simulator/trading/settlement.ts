import type { AccountBook } from './account-book.js';
import { times, truncated, type Atoms } from './atoms.js';
import type { DeskRules, FeeRates } from './desk-rules.js';
import { spentAsset, type LiveOrder } from './live-order.js';
import { marketUnits } from './order-checks.js';

/** One execution before it is booked. */
export interface Fill {
  readonly price: Atoms;
  readonly lots: number;
  readonly liquidity: 'maker' | 'taker';
}

/** What a fill moves. */
export interface FillAmounts {
  readonly quantity: Atoms;
  readonly quote: Atoms;
  readonly fee: Atoms;
}

/** The coin in which the fees of an order are taken. */
export function feeAssetOf(
  { feeCoin }: DeskRules,
  side: 'buy' | 'sell',
  base: string,
  quote: string,
): string {
  return feeCoin === 'quote' || side === 'sell' ? quote : base;
}

/** What an open order binds for `lots` of it, highest fee included where that comes on top. Market orders bind what they are told. */
export function lockNeed(order: LiveOrder, lots: number, rules: DeskRules): Atoms {
  const { tick, lot } = marketUnits(order.request.market);
  const quantity = lot * BigInt(lots);
  if (order.request.side === 'sell') return quantity;
  return withFee(times(tick * BigInt(order.priceTicks), quantity), rules, order.feeRates);
}

/** A sum in quote with the fee on top where the exchange takes it so. */
export function withFee(quote: Atoms, { feeCoin }: DeskRules, rates: FeeRates): Atoms {
  if (feeCoin !== 'quote') return quote;
  const { takerFeeRate, makerFeeRate } = rates;
  return quote + times(quote, takerFeeRate > makerFeeRate ? takerFeeRate : makerFeeRate);
}

export function amountsOf(order: LiveOrder, fill: Fill, rules: DeskRules): FillAmounts {
  const quantity = marketUnits(order.request.market).lot * BigInt(fill.lots);
  const quote = times(fill.price, quantity);
  const { makerFeeRate, takerFeeRate } = order.feeRates;
  const rate = fill.liquidity === 'maker' ? makerFeeRate : takerFeeRate;
  const isBase = rules.feeCoin === 'received' && order.request.side === 'buy';
  const exact = times(isBase ? quantity : quote, rate);
  return { quantity, quote, fee: rules.feePlaces === null ? exact : truncated(exact, rules.feePlaces) };
}

/** What the account pays for a fill, in the asset that the order spends. */
export function spentOn(order: LiveOrder, { quantity, quote, fee }: FillAmounts, rules: DeskRules): Atoms {
  if (order.request.side === 'sell') return quantity;
  return rules.feeCoin === 'quote' ? quote + fee : quote;
}

/** Moves the amounts of one fill and frees what the rest of the order does not need. */
export function book(order: LiveOrder, amounts: FillAmounts, account: AccountBook, rules: DeskRules): void {
  const { base, quote } = order.request.market.listing;
  const spent = spentOn(order, amounts, rules);
  const needed = order.priceTicks === 0 ? order.locked - spent : lockNeed(order, restOf(order), rules);
  const released = order.locked - needed;
  account.unlock(spentAsset(order), released);
  order.locked -= released;
  account.debit(spentAsset(order), spent);
  if (order.request.side === 'buy') {
    account.credit(base, amounts.quantity - (order.feeAsset === base ? amounts.fee : 0n));
  } else {
    account.credit(quote, amounts.quote - amounts.fee);
  }
}

export const restOf = (order: LiveOrder): number => Math.max(0, order.lots - order.filledLots);
